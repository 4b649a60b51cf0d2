"""The CSV for Moodle's grade import: columns that identify the student, then grade and feedback of each assignment.

Which column is which is chosen in Moodle's preview. A dash is Moodle's word for no grade, also where it has one
already; a grade and its feedback must be imported together, else Moodle drops the grade. Maximum points are Moodle's
own: make the grade item first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autograder.files import write_whole
from autograder.plain_text import number, one_line
from autograder.report.grades_csv import told_of
from autograder.report.safe_csv import DASH, Exact, csv_text
from autograder.report.scores import Assignment, Submission

from .formats import Export
from .roster import MOODLE


def write(export: Export) -> None:
    """Totals with late penalties taken off; a dash while a person has yet to grade a part. Raises ClassroomError."""
    identities = _identities(export)
    rows: list[list[str | float | None]] = [list(identities)]
    for assignment in export.assignments:
        rows[0] += [assignment.name, f"{assignment.name} (feedback)"]
    for place, submissions in enumerate(export.students.values()):
        row: list[str | float | None] = [column[place] for column in identities.values()]
        for assignment in export.assignments:
            submission = submissions.get(assignment.name)
            final = None if submission is None else submission.final
            row += [DASH if final is None else final, "" if submission is None else _feedback(assignment, submission)]
        rows.append(row)
    write_whole(export.path, csv_text(rows))


def _identities(export: Export) -> Mapping[str, Sequence[str]]:
    """Column → what it says of each student. Never empty: Moodle gives such a row's grades to the student above."""
    students = list(export.students)
    if export.roster is None:
        return {MOODLE[0]: [Exact(student) for student in students]}
    rows = export.roster.check(students, MOODLE)
    return {name: [Exact(rows[student][name]) for student in students] for name in export.roster.full(rows, MOODLE)}


def _feedback(assignment: Assignment, submission: Submission) -> str:
    lines = []
    for exercise in assignment.exercises:
        cell = submission.cells.get(exercise.grade_id)
        if cell is None:
            continue
        score = "waits for a person" if cell.score is None else f"{number(cell.score)} of {number(cell.max_score)}"
        lines.append(" · ".join([f"{exercise.label}: {score}", *(one_line(told_of(test)) for test in cell.lost)]))
    if submission.penalty:
        lines.append(f"Late: {number(submission.penalty)} points taken off")
    return "\n".join([*lines, *map(one_line, submission.repairs)])
