"""The whole course as JSON, in the shape of course.schema.json.

A field may be added under the same version; one that goes, or means something else, raises it.
"""

from __future__ import annotations

import json
from typing import Any

from autograder.files import write_whole
from autograder.report.scores import Assignment, Cell, Submission
from autograder.report.statistics import misconceptions

from .formats import Export

VERSION = 1


def write(export: Export) -> None:
    """Students, assignments, grade cells, tests with their messages, misconceptions. Raises ClassroomError, OSError."""
    document = {
        "format": "autograder course",
        "version": VERSION,
        "assignments": [_assignment(assignment) for assignment in export.assignments],
        "students": [
            {"id": student, "submissions": [_submission(one) for one in submissions.values()]}
            for student, submissions in export.students.items()
        ],
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    # Broken halves of characters, which an id may hold, have no place in UTF-8; the backslash form is JSON's own too.
    write_whole(export.path, text.encode("utf-8", "backslashreplace").decode() + "\n")


def _assignment(assignment: Assignment) -> dict[str, Any]:
    exercises = [
        {"grade_id": exercise.grade_id, "number": exercise.number, "max_score": exercise.max_score}
        for exercise in assignment.exercises
    ]
    shared = [
        {"grade_id": one.exercise.grade_id, "name": one.name, "sentence": one.sentence, "students": list(one.students)}
        for one in misconceptions(assignment)
    ]
    return {
        "name": assignment.name,
        "max_score": assignment.max_score,
        "can_be_forged": assignment.can_be_forged,
        "exercises": exercises,
        "misconceptions": shared,
        "unmarked": assignment.unmarked,
    }


def _submission(submission: Submission) -> dict[str, Any]:
    return {
        "assignment": submission.assignment,
        "status": submission.status,
        "score": submission.total,
        "waiting": submission.waiting,
        "penalty": submission.penalty,
        "repairs": submission.repairs,
        "events": submission.events,
        "cells": [_cell(submission, cell) for cell in submission.cells.values()],
    }


def _cell(submission: Submission, cell: Cell) -> dict[str, Any]:
    tests = [{name: value for name, value in test.as_dict().items() if name != "grade_id"} for test in cell.tests]
    return {
        "grade_id": cell.grade_id,
        "max_score": cell.max_score,
        "score": cell.score,
        "status": submission.status_of(cell),
        "by_hand": cell.by_hand,
        "tests": tests,
    }
