"""A course and its stages as data: what is said in `solutions/course.py`, and what is found in a stage's folder.

    solutions/course.py             COURSE = Settings(title=…, …)
    solutions/NN_name/NN_name.py    text notebook; built from it: NN_name.ipynb beside it, course/NN_name/NN_name.ipynb
    solutions/NN_name/…             hidden_tests.py, and what else the stage has; see `docs/authoring.md`

The modules of a course are imported below the package `solutions`, `solutions.heldout` or
`solutions.03_name.hidden_tests`, of one course at a time.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder.codecs import CodecMissing, Codecs, codecs_for
from autograder.module_graph import COURSE, reached
from autograder.public_checks.cases import probes_module
from autograder.remote.perform import Scenarios
from autograder.sandbox import Contents, ReadyMade

SOURCES, RELEASED, SETTINGS = COURSE, "course", "course.py"
CHECKING = "checking"
"""Folder of a students' package into which a release copies what they get of the engine."""
NOT_DECIDING = ("demo", "README.md", "public_checks.py")
"""What of a stage's folder no score hangs on."""


class CourseError(Exception):
    """Something about the course's own files keeps a command from its job; the text names file and remedy."""


@dataclass(frozen=True)
class Settings:
    """What a course says of itself in `solutions/course.py`, as `COURSE`.

    title         for people
    package       the package that students import, whose sources lie in course/; "" for none
    address       where a notebook that was opened by itself installs it from
    codecs        what students' functions take and return besides plain values of Python, "torch" or "numpy" for
                  instance; see `autograder.codecs`
    warm          modules that a warm interpreter imports before any submission, so that none pays for it
    environment   variables that notebooks and submissions find set; {package} stands for the package's folder
    demo          variables while a made-up class is made and graded
    stand_ins     module of stand-ins for what students write in earlier stages → name → the stage it is written in
    ready_made    what ready-made parts there are, for exercises that are to be done by hand
    data          module with `identity()`: what there is of the data on which some hidden tests measure
    preparation   module that makes ready what solutions are executed on; see `autograder.release.notebooks`
    """

    title: str = ""
    package: str = ""
    address: str = ""
    codecs: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    demo: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    ready_made: ReadyMade = field(default_factory=ReadyMade)
    data: str = ""
    preparation: str = ""


@dataclass(frozen=True)
class Course:
    """The course in a folder that holds `solutions/` and `course/`."""

    root: Path

    @cached_property
    def sources(self) -> Path:
        return (self.root / SOURCES).resolve()

    @cached_property
    def settings(self) -> Settings:
        """What the course says of itself. Raises CourseError."""
        path = self.root / SOURCES / SETTINGS
        if not path.is_file():
            return Settings()
        try:
            found = getattr(self.module(path.stem), "COURSE", None)
        except Exception as error:  # whatever its author has written
            raise CourseError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
        if not isinstance(found, Settings):
            raise CourseError(f"{path} says nothing of the course: write COURSE = Settings(title=…) in it.")
        return found

    @cached_property
    def stages(self) -> dict[str, Stage]:
        """Name → every stage that has a text notebook, in order."""
        names = sorted(path.stem for path in self.sources.glob("*/*.py") if path.stem == path.parent.name)
        return {name: Stage(self, name) for name in names}

    def stage(self, name: str) -> Stage:
        """A stage by its name, whether or not it has anything."""
        return Stage(self, name)

    def stage_named(self, text: str) -> Stage:
        """The stage in the folder of this name, or the only one whose name begins so. Raises CourseError."""
        if text and (self.sources / text).is_dir():
            return Stage(self, text)
        begun = [stage for name, stage in self.stages.items() if text and name.startswith(text)]
        if len(begun) != 1:
            raise CourseError(
                f"In {self.root / SOURCES} no stage, or more than one, is called {text!r}. There are: "
                f"{', '.join(self.stages) or 'none'}."
            )
        return begun[0]

    def module(self, name: str) -> ModuleType:
        """A module of the course by its name below `solutions`. Raises ImportError, and what the module raises."""
        if name != Path(SETTINGS).stem:
            _ = self.package_folder  # which modules of the course may import
        package = sys.modules.get(SOURCES)
        if package is None or list(package.__path__) != [str(self.sources)]:
            for loaded in [each for each in sys.modules if each == SOURCES or each.startswith(f"{SOURCES}.")]:
                del sys.modules[loaded]
            package = ModuleType(SOURCES)
            package.__path__ = [str(self.sources)]
            sys.modules[SOURCES] = package
            importlib.invalidate_caches()
        return importlib.import_module(f"{SOURCES}.{name}")

    @cached_property
    def codecs(self) -> Codecs:
        """How the course's values are handled. Raises CourseError."""
        names = self.settings.codecs
        try:
            for name in names:
                if name.startswith(f"{SOURCES}."):
                    self.module(name.removeprefix(f"{SOURCES}."))
            return codecs_for(names)
        except CodecMissing as missing:
            raise CourseError(f"{self.root / SOURCES / SETTINGS}: {missing}") from None

    @property
    def codec_files(self) -> list[Path]:
        """The modules of the course's own codecs, and of what they import from it."""
        names = [name for name in self.settings.codecs if name.startswith(f"{SOURCES}.")]
        files = [self.sources / f"{name.removeprefix(f'{SOURCES}.').replace('.', '/')}.py" for name in names]
        return sorted(path for path in reached(files) if path.is_relative_to(self.sources))

    @property
    def preparation(self) -> Any:
        """The module that makes ready what solutions are executed on; None for a course without one."""
        return self.module(self.settings.preparation) if self.settings.preparation else None

    @property
    def package_sources(self) -> Path:
        """Where the sources of the students' package lie."""
        return self.root / RELEASED / self.settings.package

    @property
    def package_folder(self) -> Path | None:
        """Where the students' package is installed, else its sources, which can then be imported; None for a course
        without one. Raises CourseError.
        """
        name = self.settings.package
        if not name:
            return None
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            folder = Path(next(iter(spec.submodule_search_locations))).resolve()
            ours = folder == self.package_sources.resolve() or (folder / CHECKING).is_dir()
            if not ours:  # seen without importing it
                raise CourseError(
                    f"The {name} that is installed here belongs to another project. Run `pip uninstall {name}`, then "
                    f"`pip install -e {self.root / RELEASED}`."
                )
            return folder
        if not self.package_sources.is_dir():
            raise CourseError(
                f"{name}, which students import, is neither installed nor in {self.root / RELEASED}. Write it, or "
                f"correct `package` in {self.root / SOURCES / SETTINGS}."
            )
        sys.path.append(str(self.package_sources.parent))
        return self.package_sources.resolve()

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables with the folder of the students' package filled in."""
        folder = self.package_folder
        return {name: value.format(package=folder) for name, value in variables.items()}

    def contents(self, *stages: Stage) -> Contents:
        """What an interpreter in the sandbox has of the course, for the submissions of some stages.

        Raises CourseError.
        """
        settings, folder = self.settings, self.package_folder
        _ = self.codecs  # better missed here, in words, than in the sandbox
        scenarios = [stage.scenarios for stage in stages if stage.scenarios]
        needed = {path for path in reached(scenarios) if path.is_relative_to(self.sources)} | {*self.codec_files}
        return Contents(
            packages=((settings.package, folder),) if folder else (),
            modules=tuple(sorted((f"{SOURCES}/{path.relative_to(self.sources)}", path) for path in needed)),
            scenarios=_names_of(scenarios),
            warm=settings.warm,
            codecs=settings.codecs,
            environment=tuple(sorted(settings.environment.items())),
            stand_ins=tuple(sorted(settings.stand_ins)),
            ready_made=settings.ready_made,
        )


@dataclass(frozen=True)
class Stage:
    """One stage: a notebook with exercises, and all that an author wrote for it."""

    course: Course
    name: str

    @property
    def folder(self) -> Path:
        return self.course.sources / self.name

    @property
    def module_name(self) -> str:
        """Its name as that of a module, of probes in the students' package: "stage_03" for 03_name."""
        return probes_module(self.name)

    @property
    def text(self) -> Path:
        """The text notebook that its author writes."""
        return self.folder / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """The executed notebook that is built from it."""
        return self.folder / f"{self.name}.ipynb"

    @property
    def released(self) -> Path:
        """The notebook that students get."""
        return self.course.root / RELEASED / self.name / f"{self.name}.ipynb"

    @property
    def hidden_tests(self) -> Path:
        return self.folder / "hidden_tests.py"

    @property
    def scenarios(self) -> Path | None:
        """What runs in the sandbox beside the student's names."""
        path = self.folder / "scenarios.py"
        return path if path.is_file() else None

    @property
    def public_checks(self) -> Path | None:
        """What students can try their answers on."""
        path = self.folder / "public_checks.py"
        return path if path.is_file() else None

    @property
    def probes(self) -> Path | None:
        """What public checks do with answers that are classes, or have no single right result; students receive it."""
        path = self.folder / "probes.py"
        return path if path.is_file() else None

    def module(self, name: str) -> ModuleType | None:
        """A module of the stage; None where it has none of that name. Raises what the module raises."""
        if not (self.folder / f"{name}.py").is_file() and not (self.folder / name / "__init__.py").is_file():
            return None
        return self.course.module(f"{self.name}.{name}")

    def loaded_scenarios(self) -> Scenarios:
        """Its scenarios in this process, for answers of the course's own."""
        if self.scenarios is None:
            return Scenarios()
        self.course.module(f"{self.name}.{self.scenarios.stem}")
        return Scenarios(_names_of([self.scenarios]))

    def contents(self) -> Contents:
        """What an interpreter in the sandbox has for this stage's submissions. Raises CourseError."""
        return self.course.contents(self)

    def deciding_files(self) -> set[Path]:
        """What the stage has that decides a score or its message, beside the hidden tests themselves."""
        own = {self.text, self.solution, self.hidden_tests}
        files = {path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".pyc"} - own
        kept = {path for path in files if path.relative_to(self.folder).parts[0] not in NOT_DECIDING}
        modules = [path for path in kept if path.suffix == ".py"]
        return kept | reached(modules)


def _names_of(modules: Sequence[Path]) -> tuple[str, ...]:
    return tuple(f"{SOURCES}.{path.parent.name}.{path.stem}" for path in modules)


@cache
def open_course(root: Path) -> Course:
    """The course in a folder."""
    return Course(root)
