"""What a result depends on: the submission, and everything that is the same for all submissions of a run."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from pathlib import Path
from typing import ClassVar

from nbformat import NotebookNode

import autograder
from autograder import DISTRIBUTION
from autograder.course import SETTINGS, Course, Stage, open_course
from autograder.hidden_tests import source
from autograder.module_graph import module_file, reached
from autograder.remote import HandedIn
from autograder.remote.artefacts import find
from autograder.repair import Repaired, read_submission, repair, slots_of
from autograder.repair.kinship import traces
from autograder.repair.reading import Cell
from autograder.repair.slots import Slot
from autograder.sandbox import Contents, Limits, Worker

from .cache import cached, class_secret
from .classroom import Classroom, ClassroomError
from .grade import grade, ungraded
from .graded import Basis, Graded, key_of
from .timestamp import read_timestamp

HERE = Path(autograder.__file__).parent
SEED_DIGITS = 12  # hexadecimal: too many to be tried out while a submission runs, and whole in every reader of JSON


@cache
def engine_files() -> frozenset[Path]:
    """The files of this package that decide a score, whatever the stage: found from the imports of what grades.

    A package counts with all its files, since some are mounted into the sandbox or loaded by their number; but of
    `grading` much only writes what was graded.
    """
    found = reached([module_file("grading", "pool"), module_file("hidden_tests", "plugin")])
    by_module = {HERE, HERE / "grading"}
    while whole := {HERE / path.relative_to(HERE).parts[0] for path in found if path.parent not in by_module}:
        files = {path for folder in whole for path in _files(folder)}
        if files <= found:
            break
        found |= files | reached(path for path in files if path.suffix == ".py")
    return frozenset(found)


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@cache
def _data_module(course: Course) -> Path | None:
    name = course.settings.data.replace(".", "/")
    places = (course.sources / name / "__init__.py", course.sources / f"{name}.py") if name else ()
    return next((place for place in places if place.is_file()), None)


def _libraries(imported: Iterable[str]) -> set[str]:
    """What this package requires, and what a warm interpreter imports."""
    found = {name.partition(".")[0] for name in imported}
    with suppress(PackageNotFoundError):
        needed = (name for name in requires(DISTRIBUTION) or () if "extra ==" not in name)
        found |= {re.split(r"[^\w.-]", name)[0] for name in needed}
    return found


def _version(library: str) -> str:
    """The version of a distribution, or of the one that holds a package; "" for what is not installed by one."""
    with suppress(PackageNotFoundError):
        return version(library)
    return " ".join(version(name) for name in packages_distributions().get(library, ()))


@cache
def grader_fingerprint(stage: Stage) -> str:
    """A hash of all that a score depends on besides submission and hidden tests: grader, stage, course's package, data,
    versions.
    """
    course = stage.course
    package = course.package_folder
    files = engine_files() | stage.deciding_files() | (_files(package) if package else set())
    settings = course.sources / SETTINGS
    files |= {*course.codec_files, *(reached([settings]) if settings.is_file() else ())}
    libraries = _libraries([*course.codecs.names, *course.settings.warm]) - {course.settings.package}
    data = _data_module(course)
    measured = data in reached([stage.hidden_tests], ends=engine_files())
    identity = course.module(course.settings.data).identity() if measured else None
    return _hash_of(files, libraries, identity)


@cache
def engine_fingerprint(folder: Path, warm: tuple[str, ...]) -> str:
    """The same where nothing of a course decides: a folder of this package, the engine, and what it imports."""
    return _hash_of(engine_files() | _files(folder), _libraries(warm), None)


def _hash_of(files: Iterable[Path], libraries: Iterable[str], more: object) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.parent.name}/{path.name}".encode() + b"\0" + path.read_bytes() + b"\0")
    for name in sorted(libraries):
        digest.update(f"{name} {_version(name)} ".encode())
    digest.update(platform.python_version().encode())
    if more is not None:
        digest.update(json.dumps(more).encode())
    return digest.hexdigest()


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Submitted:
    """What a student handed in, as it was found.

    raw        bytes of the notebook, None if there is none
    notes      what there was to tell about the folder
    basis      what its result depends on
    seed       of the hidden tests' inputs: the same for the same files, and unknown to whoever lacks the class's secret
    handed_in  the trained weights beside the notebook
    notebook   its name, "" for the one that is named like the assignment
    files      (path, content) of what lies beside the notebook in the sandbox
    """

    raw: bytes | None
    notes: list[str]
    basis: Basis
    seed: int
    handed_in: HandedIn
    notebook: str = ""
    files: Sequence[tuple[str, bytes]] = ()

    @property
    def key(self) -> str:
        """The name under which its result is kept."""
        return key_of(self.basis)


@dataclass(frozen=True)
class Setting:
    """What is the same for all submissions of a grading run.

    own_limits       what a submission may use, in place of what limits.toml says
    tests_in_cells   whether the tests stand in the notebooks' own cells, and can be forged
    """

    tests_in_cells: ClassVar[bool] = False

    classroom: Classroom
    stage: str
    own_limits: Limits | None = None
    run_look: bool = False
    trust: bool | str = False

    @cached_property
    def assignment(self) -> Stage:
        """What the course has for the stage."""
        return open_course(self.classroom.root).stage(self.stage)

    @property
    def notebooks(self) -> list[str]:
        """Names of the assignment's notebooks, each of which is graded by itself."""
        return [self.stage]

    @cached_property
    def contents(self) -> Contents:
        """What a warm interpreter has of the course. Raises CourseError."""
        return self.assignment.contents()

    @cached_property
    def limits(self) -> Limits:
        """What a submission may use. Raises ClassroomError."""
        return self.own_limits or self.classroom.limits(self.stage)

    @cached_property
    def packages(self) -> dict[str, str]:
        """What submissions are promised beside the course's own packages, name → version. Raises ClassroomError."""
        return self.classroom.packages(self.stage)

    @cached_property
    def released(self) -> NotebookNode:
        """The released notebook. Raises ClassroomError."""
        return self.classroom.released(self.stage)

    @cached_property
    def slots(self) -> list[Slot]:
        """The cells of the released notebook. Raises ClassroomError."""
        return slots_of(self.released)

    @cached_property
    def _others(self) -> dict[str, list[Slot]]:
        others = {}
        for stage in self.classroom.stages:
            with suppress(ClassroomError):
                if stage != self.stage:
                    others[stage] = slots_of(self.classroom.released(stage))
        return others

    def _other(self, cells: Sequence[Cell]) -> str | None:
        """The other assignment that a notebook is of, judged by how many of its cells have left a trace."""
        found = {stage: traces(cells, slots) for stage, slots in self._others.items()}
        most = max(found, key=lambda stage: found[stage], default="")
        return most if most and found[most] >= 3 and found[most] > 4 * traces(cells, self.slots) else None

    @cached_property
    def _common(self) -> list[object]:
        release = hashlib.sha256(json.dumps(self.released).encode()).hexdigest()
        return [
            self.stage,
            release,
            repr(self.limits),
            self.packages,
            self.run_look,
            grader_fingerprint(self.assignment),
        ]

    @cached_property
    def _tests(self) -> dict[str, str]:
        return source.digests(self.assignment, engine_files())

    @cached_property
    def _secret(self) -> str:
        return class_secret(self.classroom)

    @cached_property
    def class_seed(self) -> int:
        """Seed of what the hidden tests draw once for all submissions of the class."""
        return int(_digest(self._secret, "class")[:SEED_DIGITS], 16)

    def load(self, student: str, notebook: str = "") -> Submitted:
        """Find what a student handed in of a notebook. Raises nothing for what is in the folder.

        notebook   its name, "" for the one that is named like the assignment
        """
        folder, trusted = self.classroom.submission(student, self.stage), self.classroom.submitted
        found = read_submission(folder, f"{self.stage}.ipynb", trusted, self.slots)
        _, notes = read_timestamp(folder, trusted)
        return self.submitted(found.raw, [*found.notes, *notes], folder, trusted)

    def submitted(self, raw: bytes | None, notes: list[str], folder: Path, trusted: Path | None = None) -> Submitted:
        """The same for a notebook that is at hand, the folder it lies in, and one above that which is no student's."""
        content = hashlib.sha256(raw or b"").hexdigest()
        handed_in = find(folder, trusted)
        # With other weights other questions are asked: what a notebook learned about the last ones is of no use.
        seed = int(_digest(self._secret, content, *sorted(handed_in.hashes.items()))[:SEED_DIGITS], 16)
        notes = [*notes, *handed_in.notes]
        rest = _digest(self._common, content, raw is None, notes, seed, dict(handed_in.hashes))
        return Submitted(raw, notes, {"": rest, **self._tests}, seed, handed_in)

    def earlier(self, student: str, submitted: Submitted) -> Graded | None:
        """The result that was written last, if hidden tests are all that has changed since and nothing went wrong."""
        written = self.classroom.result(student, self.stage)
        graded = cached(self.classroom, str(written.get("key"))) if written else None
        if graded is None or graded.basis.get("") != submitted.basis[""]:
            return None
        return graded if graded.status in ("graded", "repaired") else None

    def repaired(self, submitted: Submitted) -> Repaired:
        """A submission on the released notebook, with all there is to tell about it."""
        repaired = repair(submitted.raw, self.released, self.slots, self._other)
        repaired.notes[:] = submitted.notes if submitted.raw is None else [*submitted.notes, *repaired.notes]
        return repaired

    def grade(self, worker: Worker, repaired: Repaired, submitted: Submitted, earlier: Graded | None) -> Graded:
        """Grade a submission that was repaired; see `autograder.grading.grade.grade`."""
        seed, basis, handed_in = submitted.seed, submitted.basis, submitted.handed_in
        return grade(self.assignment, repaired, worker, seed, self.run_look, basis, handed_in, earlier, self.class_seed)

    def ungraded(self, repaired: Repaired, submitted: Submitted) -> Graded:
        """The result of a submission in which there is nothing to grade."""
        return ungraded(repaired, submitted.seed, submitted.basis)

    def write_beside(self, student: str, folder: Path) -> None:
        """Lay beside a student's graded notebooks what they show; here that is nothing. Raises OSError."""
