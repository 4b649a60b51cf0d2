"""The gradebook as plain text: of one assignment, and of the whole course."""

from __future__ import annotations

import string
import unicodedata

from autograder.grading.classroom import Classroom
from autograder.plain_text import count, number, one_line

from .scores import CAN_BE_FORGED, Assignment, Submission, read_scores

LONGEST_ID = 28
MANY = 10


def gradebook_table(classroom: Classroom, stage: str) -> str:
    """Students by exercises, with totals and what happened. Raises ClassroomError.

    Nothing in a student id can move the cursor or colour the terminal.
    """
    assignment = next((found for found in read_scores(classroom) if found.name == stage), None)
    if assignment is None:
        return f"There are no results of {one_line(stage)} yet. Grade it: autograder grade {one_line(stage)}"
    return _table(assignment)


def _table(assignment: Assignment) -> str:
    letters = _letters(len(assignment.exercises))
    head = ["student", *letters, "total", "status"]
    rows = [_row(assignment, submission) for submission in assignment.submissions]
    bottom = ["mean", *_means(assignment), ""]
    widths = [max(_width(row[place]) for row in (head, *rows, bottom)) for place in range(len(head))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(head, widths), rule, *(_line(row, widths) for row in rows), rule, _line(bottom, widths), ""]
    for letter, exercise in zip(letters, assignment.exercises, strict=True):
        lines.append(f"{letter}  {one_line(exercise.label)} ({_points(exercise.max_score)})")
    if any(submission.waiting for submission in assignment.submissions):
        lines.append("✎  waits for a person: nbgrader's formgrader shows it")
    if assignment.can_be_forged:
        lines.append(f"!  {CAN_BE_FORGED}")
    for told, students in (("No result yet", assignment.unmarked), ("No longer handed in", assignment.gone)):
        names = [_short(student) for student in students[:MANY]]
        more = len(students) - len(names)
        if names:
            lines.append(f"{told}: {', '.join(names)}{f' and {more} more' if more else ''}")
    return "\n".join(lines)


def course_table(classroom: Classroom) -> str:
    """Students by assignments, with the total of the course. Raises ClassroomError."""
    assignments = read_scores(classroom)
    if not assignments:
        return "There are no results yet. Grade an assignment: autograder grade STAGE"
    by_student = [{submission.student: submission for submission in found.submissions} for found in assignments]
    students = sorted({student for found in by_student for student in found})
    full = [sum(exercise.max_score for exercise in found.exercises) for found in assignments]
    head = ["student", *(one_line(found.name).split("_")[0] for found in assignments), "total", ""]
    rows = []
    for student in students:
        own = [found.get(student) for found in by_student]
        scores = ["·" if submission is None else number(submission.total) for submission in own]
        total = sum(submission.total for submission in own if submission is not None)
        waiting = any(submission.waiting for submission in own if submission is not None)
        rows.append([_short(student), *scores, number(total), "✎" if waiting else ""])
    bottom = ["of", *map(number, full), number(sum(full)), ""]
    widths = [max(_width(row[place]) for row in (head, *rows, bottom)) for place in range(len(head))]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(head, widths), rule, *(_line(row, widths) for row in rows), rule, _line(bottom, widths), ""]
    if forged := [found.name for found in assignments if found.can_be_forged]:
        lines.append(f"!  {', '.join(map(one_line, forged))}: the tests ran beside the students' code; can be forged")
    lines.append("·  handed in nothing    ✎  written answers wait for a person: nbgrader's formgrader shows them")
    return "\n".join(lines)


def _points(points: float) -> str:
    return f"{number(points)} point{'' if points == 1 else 's'}"


def _letters(amount: int) -> list[str]:
    names = [*string.ascii_lowercase, *(a + b for a in string.ascii_lowercase for b in string.ascii_lowercase)]
    return names[:amount]


def _row(assignment: Assignment, submission: Submission) -> list[str]:
    scores = []
    for exercise in assignment.exercises:
        cell = submission.cells.get(exercise.grade_id)
        scores.append("·" if cell is None else "✎" if cell.score is None else number(cell.score))
    late = f", late −{number(submission.penalty)}" if submission.penalty else ""
    repairs = f", {count(len(submission.repairs), 'repair')}" if submission.repairs else ""
    status = submission.status if submission.status != "repaired" else "graded"
    return [_short(submission.student), *scores, number(submission.total), status + repairs + late]


def _means(assignment: Assignment) -> list[str]:
    means = []
    for exercise in assignment.exercises:
        scores = [cell.score for _, cell in assignment.column(exercise.grade_id)]
        decided = [score for score in scores if score is not None]
        means.append(f"{sum(decided) / len(decided):.1f}" if len(decided) == len(scores) else "✎")
    totals = [submission.total for submission in assignment.submissions]
    return [*means, f"{sum(totals) / len(totals):.1f}"]


def _short(student: str) -> str:
    plain = one_line(student)
    return plain if len(plain) <= LONGEST_ID else plain[: LONGEST_ID - 1] + "…"


def _width(text: str) -> int:
    """Columns that a text takes in a terminal: two for wide characters, none for accents of their own."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _line(row: list[str], widths: list[int]) -> str:
    parts = []
    for place, (text, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - _width(text))
        parts.append(text + space if place in (0, len(row) - 1) else space + text)
    return "  ".join(parts).rstrip()
