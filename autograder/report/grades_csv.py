"""classroom/grades.csv: a row per student and grade cell, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from autograder.grading.classroom import Classroom, write_whole

from .plain_text import number, visible
from .scores import Cell, Submission, read_scores

COLUMNS = ("student_id", "assignment", "grade_id", "score", "max_score", "status", "message")
# What a spreadsheet takes for the start of a formula, the full-width forms included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_grades(classroom: Classroom) -> Path:
    """Write classroom/grades.csv and return its path. Raises ClassroomError, OSError.

    A text that a spreadsheet would take for a formula gets a leading apostrophe. An empty score waits for a person.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for assignment in read_scores(classroom):
        for submission in assignment.submissions:
            for exercise in assignment.exercises:
                cell = submission.cells.get(exercise.grade_id)
                if cell is not None:
                    writer.writerow(_row(submission, cell))
    path = classroom.folder / "grades.csv"
    write_whole(path, text.getvalue())
    return path


def _row(submission: Submission, cell: Cell) -> list[str]:
    status = submission.status_of(cell)
    return [
        _text(submission.student),
        _text(submission.assignment),
        _text(cell.grade_id),
        "" if cell.score is None else number(cell.score),
        number(cell.max_score),
        _text(status),
        _text(_message(submission, cell, status)),
    ]


def _message(submission: Submission, cell: Cell, status: str) -> str:
    told = [f"{test.title}: {test.message}" if test.message else test.title for test in cell.lost]
    if status in ("repaired", "not readable"):
        told += submission.repairs
    return " · ".join(told)


def _text(text: str) -> str:
    text = visible(text, keep="\n\t\r")
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
