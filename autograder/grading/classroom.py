"""Where a class lives on disk: released notebooks, submissions, results, the gradebook."""

from __future__ import annotations

import difflib
import importlib.metadata
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode

if TYPE_CHECKING:
    from autograder.sandbox import Limits

CONFIG = "nbgrader_config.py"
LIMITS_FILE = "limits.toml"
PACKAGES = "packages"


class ClassroomError(Exception):
    """Something about the class folder keeps a command from its job; the text names file and remedy."""


@dataclass(frozen=True)
class Classroom:
    """The folders of a class. `root` is the folder that holds nbgrader_config.py."""

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

    @property
    def submitted(self) -> Path:
        return self.folder / "submitted"

    @property
    def autograded(self) -> Path:
        return self.folder / "autograded"

    @property
    def feedback(self) -> Path:
        return self.folder / "feedback"

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
    def gradebook_url(self) -> str:
        return f"sqlite:///{self.folder / 'gradebook.db'}"

    @cached_property
    def stages(self) -> list[str]:
        """Names of the released assignments."""
        folder = self.root / "course"
        return sorted(path.parent.name for path in folder.glob("*/*.ipynb") if path.stem == path.parent.name)

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
        raise ClassroomError(f"There is no assignment {stage!r} in {self.root / 'course'}.{hint}")

    def released(self, stage: str) -> NotebookNode:
        """The released notebook of an assignment. Raises ClassroomError."""
        self.check_stage(stage)
        path = self.root / "course" / stage / f"{stage}.ipynb"
        try:
            return nbformat.read(path, as_version=4)
        except (OSError, ValueError) as error:
            raise ClassroomError(f"{path} cannot be read ({error}). Build it again with `make release`.") from None

    def limits(self, stage: str) -> Limits:
        """What a submission of an assignment may use: the usual limits, but for what limits.toml says.

        Raises ClassroomError where the file names no limit that there is.
        """
        from autograder.sandbox import Limits  # it imports torch, which takes seconds

        path, chosen = self.root / LIMITS_FILE, self._chosen(stage)
        known = {name: type(value) for name, value in asdict(Limits()).items()}
        for name, value in chosen.items():
            if name not in known:
                raise ClassroomError(f"{path}: there is no limit {name!r}. There are: {', '.join(known)}, {PACKAGES}.")
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                raise ClassroomError(f"{path}: {name} = {value!r} is not a number above 0.")
        return Limits(**{name: known[name](value) for name, value in chosen.items()})

    def packages(self, stage: str) -> dict[str, str]:
        """The packages that limits.toml promises to submissions of an assignment, name → version that is installed.

        Raises ClassroomError where one is not installed where submissions can see it.
        """
        path, named = self.root / LIMITS_FILE, self._chosen(stage, of_packages=True).get(PACKAGES, [])
        if not isinstance(named, list) or not all(isinstance(name, str) for name in named):
            raise ClassroomError(f'{path}: {PACKAGES} = {named!r} is not a list of names, as ["einops"] is.')
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

    def _chosen(self, stage: str, of_packages: bool = False) -> dict[str, Any]:
        """What limits.toml says for an assignment of limits, or of packages. Raises ClassroomError."""
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
        return {name: value for name, value in chosen.items() if (name == PACKAGES) is of_packages}

    def students(self, stage: str) -> list[str]:
        """Ids of those who handed in a folder for an assignment."""
        found = self.submitted.glob(f"*/{stage}")
        return sorted(path.parent.name for path in found if path.is_dir() or path.is_symlink())

    def submission(self, student: str, stage: str) -> Path:
        """The folder that a student handed in."""
        return self.submitted / student / stage

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


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a power cut, meets the old text or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
