"""The demo class, graded for real: right, wrong, damaged and hostile submissions get what they should."""

from __future__ import annotations

import csv
import re

import nbformat
import pytest
from classes import Demo
from nbgrader.api import Gradebook
from whole_course import bank, exercises

from autograder.report import write_grades

pytestmark = pytest.mark.slow


def test_everybody_is_graded(demo: Demo) -> None:
    assert demo.summary.failed == []
    assert demo.summary.graded == len(demo.students) >= 24


def test_everybody_gets_the_score_they_should(demo: Demo) -> None:
    for student, entry in demo.students.items():
        scores = {cell["grade_id"]: cell["score"] for cell in demo.result(student)["cells"]}
        for grade_id, (low, high) in entry["expected"].items():
            assert low - 1e-9 <= scores[grade_id] <= high + 1e-9, f"{student} ({entry['what']}): {grade_id}"


def test_every_author_of_a_misconception_is_told_the_right_sentence(demo: Demo) -> None:
    told = 0
    for student, entry in demo.students.items():
        tests = {cell["grade_id"]: cell["tests"] for cell in demo.result(student)["cells"]}
        for exercise, name in entry["misconceptions"].items():
            known = next(known for known in bank(exercise) if known.name == name)
            found = [test for test in tests[exercise] if test["misconception"] == name]
            assert [test["message"] for test in found] == [known.sentence], f"{student}: {exercise} {name}"
            assert found[0]["name"] == known.caught_by, f"{student}: {exercise} {name}"
            assert found[0]["earned"] < found[0]["points"]
            told += 1
    assert told >= sum(len(bank(exercise)) for exercise in exercises(demo.stage))


def test_everybody_has_a_row_in_the_gradebook_with_these_scores(demo: Demo) -> None:
    with Gradebook(demo.classroom.gradebook_url) as book:
        for student in demo.students:
            notebook = book.find_submission_notebook(demo.stage, demo.stage, student)
            in_book = {grade.name: grade.auto_score for grade in notebook.grades}
            assert in_book == {cell["grade_id"]: cell["score"] for cell in demo.result(student)["cells"]}
            waiting = {grade.name for grade in notebook.grades if grade.needs_manual_grade}
            assert waiting == {cell["grade_id"] for cell in demo.result(student)["cells"] if cell["status"] == "manual"}


def test_the_answer_cell_is_commented_with_what_was_lost(demo: Demo) -> None:
    student = next(student for student, entry in demo.students.items() if entry["kind"] == "wrong")
    lost = [
        test["message"]
        for cell in demo.result(student)["cells"]
        for test in cell["tests"]
        if test["status"] == "failed"
    ]
    with Gradebook(demo.classroom.gradebook_url) as book:
        comments = book.find_submission_notebook(demo.stage, demo.stage, student).comments
        told = "\n".join(comment.auto_comment or "" for comment in comments)
    assert lost
    assert all(message in told for message in lost)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Nothing in the folder", "not readable"),
        ("Not JSON", "not readable"),
        ("JSON cut off", "repaired"),
        ("Two grade cells deleted", "repaired"),
        ("turned to markdown", "repaired"),
        ("The file renamed", "repaired"),
        ("An endless loop in", "timed out"),
        ("ignores KeyboardInterrupt", "timed out"),
        ("os._exit", "crashed"),
        ("Ends the process before", "crashed"),
        ("The solution.", "graded"),
    ],
)
def test_a_submission_says_what_happened_to_it(demo: Demo, word: str, status: str) -> None:
    assert demo.result(demo.only(word))["status"] == status


def test_every_grade_cell_has_a_row_in_the_csv(demo: Demo) -> None:
    rows = list(csv.DictReader(write_grades(demo.classroom).read_text(encoding="utf-8-sig").splitlines()))
    cells = len(demo.result(demo.only("The solution."))["cells"])
    assert len(rows) == cells * len(demo.students)
    assert list(rows[0]) == ["student_id", "assignment", "grade_id", "score", "max_score", "status", "message"]


def test_the_graded_notebooks_are_valid_and_tell_nothing_of_the_tests(demo: Demo) -> None:
    for student in demo.students:
        path = demo.classroom.autograded / student / demo.stage / f"{demo.stage}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        outputs = "".join(str(cell.outputs) for cell in notebook.cells if cell.cell_type == "code")
        assert not re.search(r"expect\(|submission\.|hidden_tests|Traceback.*autograder", outputs), student


def test_a_submission_that_hunts_for_the_tests_finds_nothing(demo: Demo) -> None:
    student = demo.only("Looks for the hidden tests")
    cell = next(cell for cell in demo.result(student)["cells"] if cell["tests"])
    assert cell["score"] == 0
