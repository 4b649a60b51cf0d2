"""Text that came from a submission, made harmless for where it is going to stand."""

from __future__ import annotations

import html
import unicodedata

# They turn the direction of what follows, so that a name could be read as another.
DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str, keep: str = "\n\t") -> str:
    """The text with control characters, direction marks and broken halves of characters replaced by `\ufffd`.

    keep  control characters that may stay
    """
    return "".join(char if char in keep or _is_plain(char) else "\ufffd" for char in text)


def _is_plain(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs") and char not in DIRECTION_MARKS


def escaped(text: str) -> str:
    """The text for an HTML page, inside an element or a quoted attribute."""
    return html.escape(visible(text))


def one_line(text: str) -> str:
    """The text on one line, each run of white space a single blank."""
    return visible(" ".join(text.split()), keep="")


def number(value: float) -> str:
    """A score as people write it: 4, 2.5, 1.33."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def count(amount: int, one: str, many: str | None = None) -> str:
    """An amount with its noun: 1 student, 2 students."""
    return f"{amount} {one if amount == 1 else many or one + 's'}"
