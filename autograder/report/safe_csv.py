"""CSV that is safe to open in a spreadsheet, whatever students wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from .plain_text import number, visible

# What a spreadsheet takes for the start of a formula, the full-width forms included.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
DASH = "-"  # "no grade" to some readers, and no formula while it stands alone


def csv_text(rows: Iterable[Sequence[str | float | None]]) -> str:
    """The rows as CSV: numbers as people write them, None as an empty cell, texts with an apostrophe where needed.

    A text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return number(value)
    text = visible(value, keep="\n\t\r")
    formula = text.startswith(FORMULA) or text.lstrip().startswith(FORMULA)
    return f"'{text}" if formula and text != DASH else text
