"""Where a class lives on disk: released notebooks, submissions, results, the gradebook."""

from __future__ import annotations

import difflib
import importlib.metadata
import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.module_graph import COURSE
from autograder.sandbox import Limits

from .folders import CONFIG, Folders, FoldersUnclear, folders_of

LIMITS_FILE = "limits.toml"
PACKAGES = "packages"
WARM = "warm"
OF_MODULES = (PACKAGES, WARM)


class ClassroomError(Exception):
    """Something about the class folder keeps a command from its job; the text names file and remedy."""


@dataclass(frozen=True)
class Classroom:
    """The folders of a class. `root` is the folder that holds nbgrader_config.py, which names nbgrader's own.

    What this grader keeps beside them lies in `root`/classroom.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Classroom:
        """The class at or above a folder. Raises ClassroomError."""
        start = (start or Path.cwd()).resolve()
        for folder in (start, *start.parents):
            if (folder / CONFIG).is_file():
                return cls(folder)
        raise ClassroomError(f"No {CONFIG} in {start} or above: change to the course's folder first.")

    @property
    def folder(self) -> Path:
        return self.root / "classroom"

    @cached_property
    def folders(self) -> Folders:
        """Nbgrader's own folders. Raises ClassroomError where its configuration cannot be read."""
        try:
            return folders_of(self.root)
        except FoldersUnclear as unclear:
            raise ClassroomError(str(unclear)) from None

    @property
    def submitted(self) -> Path:
        """The folder above everything that was handed in."""
        return self.folders.trunk(self.folders.submitted)

    @property
    def autograded(self) -> Path:
        return self.folders.trunk(self.folders.autograded)

    @property
    def feedback(self) -> Path:
        return self.folders.trunk(self.folders.feedback)

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def marks(self) -> Path:
        return self.folder / "marks"

    @property
    def cache(self) -> Path:
        return self.folder / ".cache"

    @property
    def gradebook(self) -> Path:
        """The gradebook's file. Raises ClassroomError where it is kept elsewhere than in a file."""
        try:
            return self.folders.gradebook
        except FoldersUnclear as unclear:
            raise ClassroomError(str(unclear)) from None

    @property
    def gradebook_url(self) -> str:
        return f"sqlite:///{self.gradebook}"

    def source(self, stage: str) -> Path:
        """The instructor's folder of an assignment."""
        return self.folders.place(self.folders.source, ".", stage)

    def release_folder(self, stage: str) -> Path:
        """The folder of an assignment that students get."""
        return self.folders.place(self.folders.release, ".", stage)

    def graded(self, student: str, stage: str) -> Path:
        """The folder of a student's graded notebooks."""
        return self.folders.place(self.folders.autograded, student, stage)

    def feedback_folder(self, student: str, stage: str) -> Path:
        """The folder of a student's feedback pages."""
        return self.folders.place(self.folders.feedback, student, stage)

    @cached_property
    def stages(self) -> list[str]:
        """Names of the assignments: what is released as NAME/NAME.ipynb, and sources whose cells hold the tests."""
        folders = self.folders
        released = {name for name, path in folders.assignments(folders.release) if (path / f"{name}.ipynb").is_file()}
        return sorted(released | {name for name, _ in folders.assignments(folders.source) if self.tests_in_cells(name)})

    def tests_in_cells(self, stage: str) -> bool:
        """Whether the tests of an assignment stand in its own cells, as in any nbgrader course."""
        own = self.root / COURSE / stage
        ours = (own / "hidden_tests.py").is_file() or (own / f"{stage}.py").is_file()
        return not ours and bool(self.source_notebooks(stage))

    def source_notebooks(self, stage: str) -> list[Path]:
        """The instructor's notebooks of an assignment, by name."""
        return sorted(self.source(stage).glob("*.ipynb"))

    def stage_named(self, text: str) -> str:
        """The assignment of this name, of this number ("3", "03"), or the only one whose name begins so.

        Raises ClassroomError where there is none, or more than one.
        """
        if text in self.stages:
            return text
        begun = [stage for stage in self.stages if text and stage.startswith(text)]
        if text.isascii() and text.isdigit():
            begun = [stage for stage in self.stages if stage.partition("_")[0].lstrip("0") == text.lstrip("0")]
        if len(begun) > 1:
            raise ClassroomError(f"{text!r} is the beginning of {', '.join(begun)}. Write more of the name.")
        if not begun:
            self.check_stage(text)
        return begun[0]

    def check_stage(self, stage: str) -> None:
        """Raises ClassroomError where there is no such assignment."""
        if stage in self.stages:
            return
        near = difflib.get_close_matches(stage, self.stages, 1, 0.3)
        hint = f" Did you mean {near[0]}?" if near else " Build it with `make release`." if not self.stages else ""
        folders = dict.fromkeys((self.release_folder(".").resolve(), self.source(".").resolve()))
        where = " or ".join(map(str, folders))
        raise ClassroomError(f"There is no assignment {stage!r} in {where}.{hint}")

    def released(self, stage: str) -> NotebookNode:
        """The released notebook of an assignment. Raises ClassroomError."""
        self.check_stage(stage)
        path = self.release_folder(stage) / f"{stage}.ipynb"
        try:
            return nbformat.read(path, as_version=4)
        except (OSError, ValueError) as error:
            raise ClassroomError(f"{path} cannot be read ({error}). Build it again with `make release`.") from None

    def limits(self, stage: str, usual: Mapping[str, float] | None = None) -> Limits:
        """What a submission of an assignment may use: the usual limits, but for what limits.toml says.

        usual   limits that stand where limits.toml says nothing of them

        Raises ClassroomError where the file names no limit that there is.
        """
        path, chosen = self.root / LIMITS_FILE, self._chosen(stage)
        known = {name: type(value) for name, value in asdict(Limits()).items()}
        for name, value in chosen.items():
            if name not in known:
                raise ClassroomError(
                    f"{path}: there is no limit {name!r}. There are: {', '.join([*known, *OF_MODULES])}."
                )
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ClassroomError(f"{path}: {name} = {value!r} is not a number above 0.")
        return Limits(**{name: known[name](value) for name, value in {**(usual or {}), **chosen}.items()})

    def packages(self, stage: str) -> dict[str, str]:
        """The packages that limits.toml promises to submissions of an assignment, name → version that is installed.

        Raises ClassroomError where one is not installed where submissions can see it.
        """
        path, named = self.root / LIMITS_FILE, self._names(stage, PACKAGES) or ()
        found = {}
        for name in named:
            try:
                distribution = importlib.metadata.distribution(name)
            except (importlib.metadata.PackageNotFoundError, ValueError):
                raise ClassroomError(
                    f"{path}: the package {name!r} is not installed beside the grader. Run `{sys.executable} -m pip "
                    f"install {name}`, or take it out."
                ) from None
            place = Path(str(distribution.locate_file(""))).resolve()
            if not any(place.is_relative_to(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)):
                raise ClassroomError(
                    f"{path}: {name!r} lies in {place}, which submissions do not see. Install it anew."
                )
            found[name] = distribution.version
        return found

    def warm(self, stage: str) -> tuple[str, ...] | None:
        """The modules that limits.toml has imported before any submission of an assignment; None where it says nothing.

        Raises ClassroomError.
        """
        return self._names(stage, WARM)

    def _names(self, stage: str, key: str) -> tuple[str, ...] | None:
        path, named = self.root / LIMITS_FILE, self._chosen(stage, of_modules=True).get(key)
        if named is None:
            return None
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise ClassroomError(f'{path}: {key} = {named!r} is not a list of names, as ["einops"] is.')
        return tuple(named)

    def _chosen(self, stage: str, of_modules: bool = False) -> dict[str, Any]:
        """What limits.toml says for an assignment of limits, or of packages and modules. Raises ClassroomError."""
        path = self.root / LIMITS_FILE
        if not path.is_file():
            return {}
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ClassroomError(f"{path} cannot be read: {error}") from None
        for name in tables.keys() - {"default", *self.stages}:
            raise ClassroomError(f"{path}: there is no assignment {name!r}. Use its whole name, or [default].")
        chosen = {**tables.get("default", {}), **tables.get(stage, {})}
        return {name: value for name, value in chosen.items() if (name in OF_MODULES) is of_modules}

    def students(self, stage: str) -> list[str]:
        """Ids of those who handed in a folder for an assignment."""
        return sorted(self.folders.students(self.folders.submitted, stage))

    def submission(self, student: str, stage: str) -> Path:
        """The folder that a student handed in."""
        return self.folders.place(self.folders.submitted, student, stage)

    def result_path(self, student: str, stage: str) -> Path:
        return self.results / stage / f"{student}.json"

    def result(self, student: str, stage: str) -> dict[str, Any] | None:
        """A student's last result (design of the file: `Graded.to_json` without the notebook), or None."""
        try:
            return json.loads(self.result_path(student, stage).read_text())
        except (OSError, ValueError):
            return None

    def all_results(self) -> Iterator[dict[str, Any]]:
        """Every result, by assignment and student."""
        for path in sorted(self.results.glob("*/*.json")):
            result = self.result(path.stem, path.parent.name)
            if result is not None:
                yield result
