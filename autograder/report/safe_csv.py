"""CSV whose texts start no formula in a spreadsheet, whatever students wrote, and whose ids stay what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from autograder.grading.classroom import ClassroomError
from autograder.plain_text import number, visible

# What a spreadsheet takes for the start of a formula, the full-width forms included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
DASH = "-"  # "no grade" to some readers, and no formula while it stands alone


class Exact(str):
    """A text by which a program finds a student: it is written as it is, for a changed one finds nobody."""


def csv_text(rows: Iterable[Sequence[str | float | None]]) -> str:
    """The rows as CSV, one a line: numbers as people write them, None as an empty cell, `Exact` as it is.

    Any other text that a spreadsheet would take for a formula gets a leading apostrophe. Raises ClassroomError for an
    exact text that UTF-8 cannot hold.
    """
    return "".join(_line([_cell(value) for value in row]) for row in rows)


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    # The writer quotes those line breaks alone that it ends its own lines with.
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, Exact):
        return _checked(value)
    if not isinstance(value, str):
        return number(value)
    text = visible(value, keep="\n\t\r")
    formula = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if formula and text != DASH else text


def _checked(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ClassroomError(
            f"The id {text!r} holds bytes that are not UTF-8, so no file of scores can name it: rename the student's "
            "folders in classroom/submitted, and grade again."
        ) from None
    return str(text)
