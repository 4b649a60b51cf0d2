"""The names that students have in Canvas or Moodle: its own export as a CSV file, with one column added."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.classroom import ClassroomError

KEY = "nbgrader_id"
CANVAS = ("ID", "SIS User ID", "SIS Login ID")
MOODLE = ("Username", "ID number", "Email address")
MOST_NAMES = 10


@dataclass(frozen=True)
class Roster:
    """A roster file: its columns, and nbgrader's id → column → what stands there."""

    path: Path
    columns: tuple[str, ...]
    rows: dict[str, dict[str, str]]

    def check(self, students: Iterable[str], columns: Sequence[str]) -> None:
        """Raises ClassroomError for students without a row, or with nothing in any of the columns."""
        students = list(students)
        absent = [student for student in students if student not in self.rows]
        if absent:
            raise ClassroomError(f"{self.path} has no row for {_names(absent)}: add them, with {KEY} filled in.")
        unnamed = [student for student in students if not any(self.rows[student].get(name) for name in columns)]
        if unnamed:
            raise ClassroomError(f"{self.path} says nothing of {_names(unnamed)} in {', '.join(columns)}: fill it in.")

    def full(self, students: Iterable[str], columns: Sequence[str]) -> list[str]:
        """Those of the columns that are filled in for all students. Raises ClassroomError where there is none."""
        students = list(students)
        self.check(students, columns)
        found = [name for name in columns if all(self.rows[student].get(name) for student in students)]
        if not found:
            raise ClassroomError(f"{self.path} has gaps in each of {', '.join(columns)}: fill one in for everyone.")
        return found

    def heading(self, assignment: str) -> str:
        """What heads an assignment's column: `Name (ID)` where the roster has such a column, else the name."""
        known = re.compile(re.escape(assignment) + r" \(\d+\)")
        return next((name for name in self.columns if known.fullmatch(name)), assignment)


def read_roster(path: Path) -> Roster:
    """Read a roster; rows without an nbgrader id are left out. Raises ClassroomError, which names the remedy."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except OSError as error:
        raise ClassroomError(f"{path} cannot be read ({error.strerror}). Name the roster with --roster.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ClassroomError(f"{path} is not CSV in UTF-8 ({error}). Save it as such, with commas.") from None
    columns = tuple(table[0]) if table else ()
    if KEY not in columns:
        raise ClassroomError(f"{path} has no column {KEY} in its first line: add one with the ids of nbgrader.")
    rows = [dict(zip(columns, row, strict=False)) for row in table[1:]]
    rows = [row for row in rows if row.get(KEY)]
    for column in (KEY, *CANVAS, *MOODLE):
        _check_unique(path, column, [value for row in rows if (value := row.get(column))])
    return Roster(path, columns, {row[KEY]: row for row in rows})


def _check_unique(path: Path, column: str, values: list[str]) -> None:
    # One student's grade would be imported over another's.
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ClassroomError(f"{path} has {_names(twice)} more than once in {column}: each belongs to one student.")


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
