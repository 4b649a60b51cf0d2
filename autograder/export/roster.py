"""The names that students have in Canvas or Moodle: its own export as a CSV file, with one column added."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.classroom import ClassroomError
from autograder.plain_text import visible

KEY = "nbgrader_id"
CANVAS = ("ID", "SIS User ID", "SIS Login ID")
MOODLE = ("Username", "ID number", "Email address")
MOST_NAMES = 10


@dataclass(frozen=True)
class Roster:
    """A roster file: its columns, and its rows in which nbgrader's id is filled in, each column → what stands there."""

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, str]]

    def check(self, students: Iterable[str], columns: Sequence[str]) -> dict[str, dict[str, str]]:
        """Student → row. Raises ClassroomError for students without a row, or with nothing in any of the columns."""
        students = list(students)
        exact = {row[KEY]: row for row in self.rows}
        # Blanks around an id are a slip of the roster's, but where they belong to the id of another student.
        trimmed = {row[KEY].strip(): row for row in self.rows if row[KEY] not in students}
        found = {student: row for student in students if (row := exact.get(student) or trimmed.get(student))}
        absent = [student for student in students if student not in found]
        if absent:
            raise ClassroomError(f"{self.path} has no row for {_names(absent)}: add them, with {KEY} filled in.")
        unnamed = [student for student in students if not any(_filled(found[student], name) for name in columns)]
        if unnamed:
            raise ClassroomError(f"{self.path} says nothing of {_names(unnamed)} in {', '.join(columns)}: fill it in.")
        return found

    def full(self, rows: dict[str, dict[str, str]], columns: Sequence[str]) -> list[str]:
        """Those of the columns that are filled in in all rows. Raises ClassroomError where there is none."""
        found = [name for name in columns if all(_filled(row, name) for row in rows.values())]
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
        content = path.read_bytes()
    except OSError as error:
        raise ClassroomError(f"{path} cannot be read ({error.strerror}). Name the roster with --roster.") from None
    text, foreign = _decoded(path, content)
    columns, rows = _table(path, text)
    if KEY not in columns:
        raise ClassroomError(f"{path} has no column {KEY} in its first line: add one with the ids of nbgrader.")
    rows = [row for row in rows if _filled(row, KEY)]
    used = (KEY, *CANVAS, *MOODLE)
    if foreign is not None and not all(row.get(name, "").isascii() for row in rows for name in used):
        raise ClassroomError(foreign)
    for column in used:
        _check_unique(path, column, [row[column] for row in rows if _filled(row, column)])
    return Roster(path, columns, rows)


def _decoded(path: Path, content: bytes) -> tuple[str, str | None]:
    """The text; where it is not Unicode also the sentence for that, which holds if a student is found by such bytes.

    Latin-1, Windows' and the Mac's letters cannot be told from each other, which matters little in a name.
    """
    marked = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(marked), None
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", content[: error.start])) + 1
        problem = f"In {path}, line {line} holds a character that is not in UTF-8. Save the file as CSV in UTF-8."
        if marked != "utf-8-sig":
            raise ClassroomError(f"{path} is damaged near line {line}. Save it again as CSV in UTF-8.") from None
        return content.decode("latin-1"), problem


def _table(path: Path, text: str) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        table = list(reader)
    except csv.Error:
        raise ClassroomError(
            f"In {path}, line {reader.line_num} cannot be read as CSV. Save the file as CSV in UTF-8, with commas."
        ) from None
    columns = tuple(name.strip() for name in table[0]) if table else ()
    return columns, [dict(zip(columns, row, strict=False)) for row in table[1:]]


def _filled(row: dict[str, str], column: str) -> bool:
    return bool(row.get(column, "").strip())


def _check_unique(path: Path, column: str, values: list[str]) -> None:
    # One student's grade would be imported over another's.
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ClassroomError(f"{path} has {_names(twice)} more than once in {column}: each belongs to one student.")


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(map(visible, names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")
