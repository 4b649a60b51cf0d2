"""results.json, as Gradescope documents it: https://gradescope-autograders.readthedocs.io/en/latest/specs/."""

from __future__ import annotations

import json
import re
from typing import Any

from autograder.export.formats import Export
from autograder.files import write_whole
from autograder.hidden_tests.runner import TestResult
from autograder.plain_text import number, one_line, visible
from autograder.report.scores import Assignment, Cell, Submission

VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
VISIBILITY = "after_published"  # at once, a student could try answers against the hidden tests one by one


def write(export: Export) -> None:
    """PATH/ASSIGNMENT/STUDENT/results.json for every submission. Raises ClassroomError, OSError."""
    for assignment in export.assignments:
        for submission in assignment.submissions:
            folder = export.path / folder_name(assignment.name) / folder_name(submission.student)
            write_whole(folder / "results.json", as_json(results(assignment, submission)))


def results(assignment: Assignment, submission: Submission, visibility: str = VISIBILITY) -> dict[str, Any]:
    """The results of one submission; `visibility`, one of VISIBILITIES, says when students see them.

    Where an exercise's tests do not add up to its score, because a person set it, the exercise has the points and its
    tests have none. A written answer that waits has no points at all: only `score` counts.
    """
    entries = []
    for exercise in assignment.exercises:
        if (cell := submission.cells.get(exercise.grade_id)) is not None:
            entries += _entries(exercise.label, cell)
    tests = [{**entry, "output_format": "text", "visibility": visibility} for entry in entries]
    return {
        "score": round(submission.total, 2),
        "output": visible(_output(submission)),
        "output_format": "text",
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def as_json(found: dict[str, Any]) -> str:
    """The text of results.json."""
    return json.dumps(found, allow_nan=False, indent=1) + "\n"


def folder_name(name: str) -> str:
    """The name as that of one folder: what could lead elsewhere becomes %XX, and no two names become one."""

    def percent(odd: re.Match[str]) -> str:
        return "".join(f"%{byte:02X}" for byte in odd[0].encode(errors="surrogatepass"))

    return re.sub(r"^\.|[^\w.@ +-]", percent, name)


def _entries(label: str, cell: Cell) -> list[dict[str, Any]]:
    tests = [_test(label, test) for test in cell.tests]
    if cell.score is None:
        waits = f"Waits for a person: {number(cell.max_score)} points."
        return [*tests, {"name": one_line(label), "output": waits}]
    if cell.tests and abs(sum(test.earned for test in cell.tests) - cell.score) < 0.005:
        return tests
    for test in tests:
        del test["score"], test["max_score"]
    told = "Set by a person." if cell.by_hand else "Nothing was handed in here." if cell.status == "not done" else ""
    status = "passed" if cell.score >= cell.max_score else "failed"
    whole = {"name": one_line(label), "status": status, "output": told}
    return [{**whole, "score": round(cell.score, 2), "max_score": cell.max_score}, *tests]


def _test(label: str, test: TestResult) -> dict[str, Any]:
    # A test with a fault of its own takes no points.
    passed = test.status in ("passed", "test error")
    return {
        "name": one_line(f"{label}: {test.title}"),
        "status": "passed" if passed else "failed",
        "score": round(test.earned, 2),
        "max_score": test.points,
        "output": visible(test.message or ""),
    }


def _output(submission: Submission) -> str:
    lines = [*submission.repairs, *submission.events]
    if submission.waiting:
        lines.append(f"{number(submission.waiting)} points of written answers wait for a person.")
    if submission.penalty:
        lines.append(f"{number(submission.penalty)} points were taken off for being late.")
    return "\n".join(lines)
