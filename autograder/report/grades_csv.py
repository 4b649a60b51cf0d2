"""A row per student and grade cell: classroom/grades.csv, safe to open in a spreadsheet, and the same for programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from autograder.files import write_whole
from autograder.grading.classroom import Classroom
from autograder.hidden_tests.runner import TestResult

from .safe_csv import Exact, csv_text
from .scores import Assignment, Cell, Submission, read_scores

COLUMNS = ("student_id", "assignment", "grade_id", "score", "max_score", "status", "message")


def write_grades(classroom: Classroom) -> Path:
    """Write classroom/grades.csv and return its path. Raises ClassroomError, OSError."""
    path = classroom.folder / "grades.csv"
    write_whole(path, grades_csv(read_scores(classroom)))
    return path


def grades_csv(assignments: Iterable[Assignment], exact: bool = False) -> str:
    """The table as CSV. An empty score waits for a person.

    exact   for programs: ids stand as they are, also where a spreadsheet would take one for a formula

    Raises ClassroomError for an id that cannot stand as it is.
    """
    rows: list[tuple[str | float | None, ...]] = [COLUMNS]
    for assignment in assignments:
        for submission in assignment.submissions:
            for exercise in assignment.exercises:
                cell = submission.cells.get(exercise.grade_id)
                if cell is not None:
                    rows.append(_row(submission, cell, exact))
    return csv_text(rows)


def _row(submission: Submission, cell: Cell, exact: bool) -> tuple[str | float | None, ...]:
    student = Exact(submission.student) if exact else submission.student
    status = submission.status_of(cell)
    told = _message(submission, cell, status)
    return student, submission.assignment, cell.grade_id, cell.score, cell.max_score, status, told


def _message(submission: Submission, cell: Cell, status: str) -> str:
    told = [told_of(test) for test in cell.lost]
    if status in ("repaired", "not readable"):
        told += submission.repairs
    if submission.gone:
        told.append("no longer handed in")
    return " · ".join(told)


def told_of(test: TestResult) -> str:
    """A lost test in one line: its title, and what its author reads about it."""
    return f"{test.title}: {test.message}" if test.message else test.title
