"""The folders of a class, as its nbgrader_config.py names them; where it does not, as nbgrader does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traitlets.config import Config

CONFIG = "nbgrader_config.py"
SQLITE = "sqlite:///"
STRUCTURE = os.path.join("{nbgrader_step}", "{student_id}", "{assignment_id}")


class FoldersUnclear(Exception):
    """The configuration cannot be read, or names what cannot be used; the text names file and remedy."""


@dataclass(frozen=True)
class Folders:
    """What nbgrader's CourseDirectory is told: names of folders below `root`, and how they are nested.

    structure   with {nbgrader_step}, {student_id} and {assignment_id}
    database    URL of the gradebook, "sqlite:////…/gradebook.db"
    """

    root: Path
    source: str = "source"
    release: str = "release"
    submitted: str = "submitted"
    autograded: str = "autograded"
    feedback: str = "feedback"
    structure: str = STRUCTURE
    database: str = ""
    course_id: str = ""

    def place(self, step: str, student: str, assignment: str) -> Path:
        """The folder of an assignment at a step of nbgrader's; the student is "." for source and release."""
        named = self.structure.format(nbgrader_step=step, student_id=student, assignment_id=assignment)
        return self.root / named

    def trunk(self, step: str) -> Path:
        """The folder above all students and assignments of a step."""
        parts = []
        for part in Path(self.structure).parts:
            if "{student_id}" in part or "{assignment_id}" in part:
                break
            parts.append(part.format(nbgrader_step=step))
        return self.root.joinpath(*parts)

    def assignments(self, step: str) -> Iterator[tuple[str, Path]]:
        """The assignments that have a folder at a step without students."""
        for path in self.root.glob(self._pattern(step, student=".", assignment="*")):
            if path.is_dir() and (name := self._read(step, path, "assignment_id", student_id=".")):
                yield name, path

    def students(self, step: str, assignment: str) -> Iterator[str]:
        """Ids of the students who have a folder, or a link, for an assignment."""
        for path in self.root.glob(self._pattern(step, student="*", assignment=_escaped(assignment))):
            if (path.is_dir() or path.is_symlink()) and (
                name := self._read(step, path, "student_id", assignment_id=assignment)
            ):
                yield name

    def _pattern(self, step: str, student: str, assignment: str) -> str:
        named = self.structure.format(nbgrader_step=step, student_id=student, assignment_id=assignment)
        return os.path.normpath(named)

    def _read(self, step: str, path: Path, wanted: str, **known: str) -> str:
        """What stands for `wanted` in the path of a folder."""
        values = {"nbgrader_step": re.escape(step), **{name: re.escape(value) for name, value in known.items()}}
        parts = [part.format(**values, **{wanted: f"(?P<{wanted}>[^/]+)"}) for part in Path(self.structure).parts]
        expression = "/".join(part for part in parts if part not in (".", r"\."))
        found = re.fullmatch(expression, path.relative_to(self.root).as_posix())
        return found[wanted] if found else ""

    @property
    def gradebook(self) -> Path:
        """The gradebook's file. Raises FoldersUnclear where it is no file."""
        if not self.database.startswith(SQLITE):
            raise FoldersUnclear(
                f"The gradebook is at {self.database.partition(':')[0]}:…, and this grader writes SQLite files alone. "
                f"Set c.CourseDirectory.db_url in {CONFIG} to sqlite:///…/gradebook.db, or grade with nbgrader itself."
            )
        return self.root / self.database.removeprefix(SQLITE).partition("?")[0]


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def load_config(root: Path) -> Config:
    """What nbgrader's configuration says: the user's and the system's, and before them the course's own.

    Raises FoldersUnclear where one of the files cannot be run.
    """
    from jupyter_core.paths import jupyter_config_path
    from traitlets.config import Config
    from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

    config = Config()
    for folder in [*reversed(jupyter_config_path()), str(root)]:
        for loader, suffix in ((PyFileConfigLoader, ".py"), (JSONFileConfigLoader, ".json")):
            name = Path(CONFIG).stem + suffix
            try:
                config.merge(loader(name, path=folder).load_config())
            except ConfigFileNotFound:
                continue
            except Exception as error:  # it is a program, and may fail in any way
                raise FoldersUnclear(
                    f"{Path(folder) / name} cannot be read: {type(error).__name__}: {error}"
                ) from error
    return config


def folders_of(root: Path) -> Folders:
    """The folders of the class whose nbgrader_config.py lies in a folder. Raises FoldersUnclear."""
    told: Any = load_config(root).CourseDirectory

    def said(name: str, otherwise: str) -> str:
        return str(told.get(name) or otherwise)

    top = root / said("root", ".")
    structure = said("directory_structure", STRUCTURE)
    missing = [key for key in ("nbgrader_step", "student_id", "assignment_id") if f"{{{key}}}" not in structure]
    if missing or Path(structure).parts[0] != "{nbgrader_step}":
        raise FoldersUnclear(
            f"{root / CONFIG}: c.CourseDirectory.directory_structure = {structure!r} must begin with the folder "
            f"{{nbgrader_step}} and hold {{student_id}} and {{assignment_id}}."
        )
    steps = ("source", "release", "submitted", "autograded", "feedback")
    return Folders(
        Path(os.path.normpath(top)),
        **{step: said(f"{step}_directory", step) for step in steps},
        structure=structure,
        database=said("db_url", f"{SQLITE}{Path(os.path.normpath(top)) / 'gradebook.db'}"),
        course_id=str(told.get("course_id") or "").strip(),
    )
