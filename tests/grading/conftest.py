"""A copy of the course with a class of its own, graded once for all tests of grading."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.demo import make_demo_class
from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import Summary, grade_class
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


@dataclass
class HandedIn:
    """The demo class before anybody graded it, and what its manifest says of each student."""

    classroom: Classroom
    students: dict[str, dict[str, Any]]

    def only(self, word: str) -> str:
        (student,) = (student for student, entry in self.students.items() if word in entry["what"])
        return student


@dataclass
class Demo(HandedIn):
    """The demo class after its first grading run."""

    summary: Summary

    def result(self, student: str) -> dict[str, Any]:
        result = self.classroom.result(student, STAGE)
        assert result is not None, f"{student} has no result"
        return result


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> HandedIn:
    classroom = new_classroom(tmp_path_factory.mktemp("demo"))
    make_demo_class(classroom, STAGE)
    return HandedIn(classroom, json.loads((classroom.folder / "demo.json").read_text())[STAGE])


@pytest.fixture(scope="session")
def demo(handed_in: HandedIn) -> Demo:
    summary = grade_class(handed_in.classroom, STAGE, limits=LIMITS)
    return Demo(handed_in.classroom, handed_in.students, summary)


@pytest.fixture
def small(tmp_path: Path, handed_in: HandedIn) -> Classroom:
    """A class of three, not graded yet: the solution, nothing done, and one misconception."""
    classroom = new_classroom(tmp_path)
    wrong = next(student for student, entry in handed_in.students.items() if entry["kind"] == "wrong")
    chosen = {"ada": handed_in.only("The solution."), "bob": handed_in.only("as it was released"), "cy": wrong}
    for student, original in chosen.items():
        shutil.copytree(handed_in.classroom.submission(original, STAGE), classroom.submission(student, STAGE))
    return classroom
