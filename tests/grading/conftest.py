"""The demo class, made and graded once for all tests of grading, and small classes of its students."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from classes import LIMITS, STAGE, Demo, HandedIn, new_classroom
from whole_course import STAGES

from autograder.demo import make_demo_class
from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import grade_class
from coursekit.data import SAMPLE, VARIABLE


@contextmanager
def sample_reviews() -> Iterator[None]:
    """The demo class has trained its models on the bundled reviews."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(SAMPLE))
        yield


@pytest.fixture(autouse=True)
def _sample_reviews() -> Iterator[None]:
    with sample_reviews():
        yield


def hand_in(folder: Path, stage: str) -> HandedIn:
    classroom = new_classroom(folder)
    # The inputs of the hidden tests hang on it: what fails, fails again.
    classroom.folder.mkdir()
    (classroom.folder / ".secret").write_text("the same in every run")
    with sample_reviews():
        make_demo_class(classroom, stage)
    return HandedIn(stage, classroom, json.loads((classroom.folder / "demo.json").read_text())[stage])


@pytest.fixture(scope="session")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> HandedIn:
    return hand_in(tmp_path_factory.mktemp("demo"), STAGE)


@pytest.fixture(scope="session", params=STAGES)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    made = hand_in(tmp_path_factory.mktemp("demo"), request.param)
    with sample_reviews():
        summary = grade_class(made.classroom, made.stage, limits=LIMITS)
    return Demo(made.stage, made.classroom, made.students, summary)


@pytest.fixture
def small(tmp_path: Path, handed_in: HandedIn) -> Classroom:
    """A class of three, not graded yet: the solution, nothing done, and one misconception."""
    classroom = new_classroom(tmp_path)
    wrong = next(student for student, entry in handed_in.students.items() if entry["kind"] == "wrong")
    chosen = {"ada": handed_in.only("The solution."), "bob": handed_in.only("as it was released"), "cy": wrong}
    for student, original in chosen.items():
        shutil.copytree(handed_in.classroom.submission(original, STAGE), classroom.submission(student, STAGE))
    return classroom
