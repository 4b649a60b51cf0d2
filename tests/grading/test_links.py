"""What is no plain file in a submission gains nothing and holds nobody up, in nbgrader's own commands too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from classes import LIMITS, STAGE
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import grade_class
from autograder.grading.gradebook import nbgrader_config

pytestmark = pytest.mark.slow

NAME = f"{STAGE}.ipynb"
SECRET = "nobody's business"
REFUSED = {
    "links-the-solution": "is a link",
    "links-the-neighbour": "is a link",
    "hard-link": "hard link",
    "linked-folder": "folder is a link",
    "linked-student": "folder is a link",
    "pipe": "not a plain file",
    "endless": "is a link",
}
BESIDE = {
    "secret-beside": "",
    "pipe-beside": "",
    "pipe-as-timestamp": "timestamp.txt is not a plain file",
    "endless-timestamp": "timestamp.txt is a link",
    "large-timestamp": "timestamp.txt has 3072 MB",
    "no-date": "",
}


@pytest.fixture
def attacked(small: Classroom) -> Classroom:
    """A class of three in which others hand in what is no file, or lay it beside the right answers."""
    grade_class(small, STAGE, students=["ada"], limits=LIMITS)  # so that the gradebook knows the assignment
    right = small.submission("ada", STAGE) / NAME
    secret = small.root / "secret"
    secret.write_text(SECRET)
    for student in (*REFUSED, *BESIDE):
        folder = small.submission(student, STAGE)
        folder.mkdir(parents=True)
        if student in BESIDE:
            shutil.copy(right, folder)
    own = {student: small.submission(student, STAGE) for student in (*REFUSED, *BESIDE)}
    (own["links-the-solution"] / NAME).symlink_to(small.root / "solutions" / STAGE / NAME)
    (own["links-the-neighbour"] / NAME).symlink_to(right)
    shutil.copy(right, small.root / "bought")
    os.link(small.root / "bought", own["hard-link"] / NAME)
    own["linked-folder"].rmdir()
    own["linked-folder"].symlink_to(right.parent)
    own["linked-student"].rmdir()
    own["linked-student"].parent.rmdir()
    own["linked-student"].parent.symlink_to(small.submitted / "ada")
    os.mkfifo(own["pipe"] / NAME)
    (own["endless"] / NAME).symlink_to("/dev/zero")
    (own["secret-beside"] / "notes.txt").symlink_to(secret)
    os.link(secret, own["secret-beside"] / "more.txt")
    os.mkfifo(own["pipe-beside"] / "notes.txt")
    os.mkfifo(own["pipe-as-timestamp"] / "timestamp.txt")
    (own["endless-timestamp"] / "timestamp.txt").symlink_to("/dev/zero")
    with open(own["large-timestamp"] / "timestamp.txt", "wb") as file:
        file.truncate(3 << 30)
    (own["no-date"] / "timestamp.txt").write_text("the day after tomorrow")
    (right.parent / "timestamp.txt").write_text("2026-02-03 04:05:06 UTC")
    return small


def nbgrader(classroom: Classroom, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def check(classroom: Classroom) -> None:
    with Gradebook(classroom.gradebook_url) as book:
        scores = {each.student.id: each.score for each in book.assignment_submissions(STAGE)}
    assert {student: scores[student] for student in REFUSED} == dict.fromkeys(REFUSED, 0.0)
    assert {student: scores[student] for student in ("ada", *BESIDE)} == dict.fromkeys(("ada", *BESIDE), 15.0)
    assert scores["bob"] == 0.0
    for student, why in (REFUSED | BESIDE).items():
        folder = classroom.autograded / student / STAGE
        assert {path.name for path in folder.iterdir()} <= {NAME, "timestamp.txt"}
        graded = (folder / NAME).read_text()
        assert why in graded
        assert SECRET not in graded
        assert (folder / NAME).stat().st_size < 1 << 20
        if student in REFUSED:
            assert "raise NotImplementedError" in graded  # the stub


def test_our_own_command_refuses_links_and_grades_the_others(attacked: Classroom) -> None:
    summary = grade_class(attacked, STAGE, limits=LIMITS)
    assert summary.failed == []
    check(attacked)


def test_nbgraders_commands_refuse_links_and_grade_the_others(attacked: Classroom) -> None:
    shutil.rmtree(attacked.autograded)
    shutil.rmtree(attacked.cache)
    nbgrader(attacked, "autograde", STAGE)
    check(attacked)
    assert (attacked.autograded / "ada" / STAGE / "timestamp.txt").read_text().strip() == "2026-02-03 04:05:06 UTC"
    nbgrader(attacked, "generate_feedback", STAGE)
    for student, why in REFUSED.items():
        page = (attacked.feedback / student / STAGE / f"{STAGE}.html").read_text()
        assert why in page
        assert "raise" in page
    for path in (*attacked.autograded.rglob("*"), *attacked.feedback.rglob("*")):
        assert path.is_dir() or SECRET not in path.read_text()


def test_formgrader_reads_timestamps_as_carefully(attacked: Classroom) -> None:
    config = nbgrader_config(attacked)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    times = {student: api.get_submitted_timestamp(STAGE, student) for student in ("ada", *REFUSED, *BESIDE)}
    assert str(times.pop("ada")) == "2026-02-03 04:05:06"
    assert set(times.values()) == {None}


def test_formgraders_button_grades_as_carefully_and_keeps_its_course_folder(attacked: Classroom) -> None:
    config = nbgrader_config(attacked)
    coursedir = CourseDirectory(config=config)
    done = NbGraderAPI(coursedir, config=config).autograde(STAGE, "linked-folder")
    assert done["success"], done
    assert Path(coursedir.root, coursedir.submitted_directory) == attacked.submitted
    graded = (attacked.autograded / "linked-folder" / STAGE / NAME).read_text()
    assert "folder is a link" in graded
