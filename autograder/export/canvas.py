"""The CSV that Canvas imports into its gradebook.

Its columns are Student, ID, SIS User ID, SIS Login ID and Section, then one per assignment, headed `Name (ID)`, or by a
new name, which makes a new assignment. The second line says how many points are possible. Canvas finds a student by ID,
which is a number of its own, then by SIS User ID, SIS Login ID and name. An empty score is no grade, also where Canvas
has one already.
"""

from __future__ import annotations

from autograder.files import write_whole
from autograder.plain_text import one_line
from autograder.report.safe_csv import Exact, csv_text

from .formats import Export
from .roster import CANVAS

COLUMNS = ("Student", *CANVAS, "Section")


def write(export: Export) -> None:
    """Totals with late penalties taken off; empty while a person has yet to grade a part. Raises ClassroomError."""
    roster, names = export.roster, [assignment.name for assignment in export.assignments]
    known = {} if roster is None else roster.check(export.students, CANVAS)
    headings = [name if roster is None else roster.heading(name) for name in names]
    possible = [assignment.max_score for assignment in export.assignments]
    rows: list[list[str | float | None]] = [[*COLUMNS, *headings], ["    Points Possible", "", "", "", "", *possible]]
    for student, submissions in export.students.items():
        scores = [submissions[name].final if name in submissions else None for name in names]
        rows.append([*_identity(student, known.get(student)), *scores])
    write_whole(export.path, csv_text(rows))


def _identity(student: str, row: dict[str, str] | None) -> list[str]:
    """The five columns; those by which Canvas finds a student are as they are."""
    if row is None:
        # Not as ID: Canvas would take a number for that of another user.
        return [one_line(student), "", "", Exact(student), ""]
    found = [Exact(row.get(name, "")) for name in CANVAS]
    return [one_line(row.get("Student", "").strip() or student), *found, one_line(row.get("Section", ""))]
