"""The demo class, made and graded once for all tests of grading, and small classes of its students."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from classes import LIMITS, STAGE, Demo, HandedIn, new_classroom

from autograder.demo import make_demo_class
from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import grade_class


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
