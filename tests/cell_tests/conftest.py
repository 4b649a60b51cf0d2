"""Courses that are made, and graded by nbgrader and by us, once for all tests."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import ordinary_course
import pytest

from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import Summary, grade_class


@dataclass
class Graded:
    """A course that was graded, and what the command had to tell of each assignment."""

    classroom: Classroom
    summaries: dict[str, Summary]
    told: list[str]


def grade(folder: Path, *assignments: str, processes: int = 1) -> Graded:
    classroom, told = Classroom(folder), []
    summaries = {name: grade_class(classroom, name, processes=processes, tell=told.append) for name in assignments}
    return Graded(classroom, summaries, told)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course with its assignments released by nbgrader, and nobody in it."""
    course = ordinary_course.quickstart(tmp_path_factory.mktemp("released") / "course101")
    for assignment in ordinary_course.ASSIGNMENTS:
        ordinary_course.nbgrader_does(course, "generate_assignment", assignment)
    return course


@pytest.fixture(scope="session")
def stock(released: Path, tmp_path_factory: pytest.TempPathFactory) -> ordinary_course.Scores:
    """What nbgrader itself gives the class, each cell by its own kernel."""
    course = Path(shutil.copytree(released, tmp_path_factory.mktemp("stock") / "course101"))
    ordinary_course.hand_in(course, ordinary_course.QUICK, released)
    for assignment in ordinary_course.ASSIGNMENTS:
        ordinary_course.nbgrader_does(course, "autograde", assignment)
    return ordinary_course.scores(course)


@pytest.fixture(scope="session")
def ours(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """The same class, graded by us in a course in which nothing was released."""
    course = ordinary_course.quickstart(tmp_path_factory.mktemp("ours") / "course101")
    ordinary_course.hand_in(course, ordinary_course.QUICK, released)
    return grade(course, *ordinary_course.ASSIGNMENTS)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """examples/nbgrader_course, not graded yet."""
    left_out = shutil.ignore_patterns("classroom", "gradebook.db", "autograded", "feedback", "release")
    return Path(shutil.copytree(ordinary_course.EXAMPLE, tmp_path / "course", ignore=left_out))
