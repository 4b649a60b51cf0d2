"""Text in which a merge by git was not finished: both sides, between conflict markers."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CONFLICT = re.compile(
    r"^<{7}(?: (?P<ours_name>[^\n]*))?\n"
    r"(?P<ours>(?:(?!<{7}|={7}|\|{7}|>{7})[^\n]*\n)*+)"
    r"(?:\|{7}[^\n]*\n(?:(?!={7})[^\n]*\n)*+)?"
    r"={7}[^\n]*\n"
    r"(?P<theirs>(?:(?!<{7}|={7}|>{7})[^\n]*\n)*+)"
    r">{7}(?: (?P<theirs_name>[^\n]*))?(?:\n|\Z)",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Sides:
    """A text with all conflicts settled for one side, and for the other; their names as the first conflict has them."""

    ours: str
    theirs: str
    ours_name: str
    theirs_name: str


def sides(text: str) -> Sides | None:
    """Both sides of a text with conflict markers; None without any."""
    if "<<<<<<<" not in text or (first := _CONFLICT.search(text)) is None:
        return None
    return Sides(
        _CONFLICT.sub(lambda found: found["ours"], text),
        _CONFLICT.sub(lambda found: found["theirs"], text),
        _name(first["ours_name"], "the first"),
        _name(first["theirs_name"], "the second"),
    )


def _name(written: str | None, otherwise: str) -> str:
    name = "".join(letter for letter in written or "" if letter.isprintable()).strip()
    return f"“{name[:40]}”" if name else otherwise
