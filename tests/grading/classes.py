"""Classes to grade: folders with the real course, and the demo class before and after it was graded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import Summary
from autograder.sandbox import Limits

ROOT = Path(__file__).resolve().parents[2]
STAGE = "03_scaled_dot_product_attention"
# Short enough that the submissions that hang do not hold the tests up, long enough for a busy machine.
LIMITS = Limits(cell_seconds=20.0, call_seconds=3.0, interrupt_seconds=1.0)


def new_classroom(folder: Path) -> Classroom:
    """A class folder with the real course and nobody in it."""
    for name in ("course", "solutions"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    return Classroom(folder)


def own_copy(classroom: Classroom, name: str, stage: str) -> Path:
    """Give a class a copy of its own of what a stage has in solutions/ or course/. Returns the stage's folder there."""
    folder = classroom.root / name
    if folder.is_symlink():
        folder.unlink()
        folder.mkdir()
        for path in (ROOT / name).iterdir():
            if path.name == stage:
                shutil.copytree(path, folder / stage, ignore=shutil.ignore_patterns("__pycache__"))
            elif path.name != "__pycache__":
                (folder / path.name).symlink_to(path)
    return folder / stage


def change_release(classroom: Classroom, change: Callable[[dict[str, Any]], None], stage: str = STAGE) -> None:
    """Change each cell of a stage's release, and of the solution that it was made from, for this class alone."""
    for name in ("course", "solutions"):
        path = own_copy(classroom, name, stage) / f"{stage}.ipynb"
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            change(cell)
        path.write_text(json.dumps(notebook), encoding="utf-8")


@dataclass
class HandedIn:
    """The demo class before anybody graded it, and what its manifest says of each student."""

    stage: str
    classroom: Classroom
    students: dict[str, dict[str, Any]]

    def some(self, folder: Path, count: int) -> Classroom:
        """A new class of the first so many students whose work neither hangs nor attacks, not graded yet."""
        classroom = new_classroom(folder)
        quick = [name for name, entry in self.students.items() if entry["kind"] in ("right", "wrong", "solution")]
        for student in quick[:count]:
            shutil.copytree(self.classroom.submission(student, STAGE), classroom.submission(student, STAGE))
        return classroom

    def only(self, word: str) -> str:
        (student,) = (student for student, entry in self.students.items() if word in entry["what"])
        return student


@dataclass
class Demo(HandedIn):
    """The demo class after its first grading run."""

    summary: Summary

    def result(self, student: str) -> dict[str, Any]:
        result = self.classroom.result(student, self.stage)
        assert result is not None, f"{student} has no result"
        return result
