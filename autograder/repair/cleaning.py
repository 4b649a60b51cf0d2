"""What pasting puts into code and Python cannot read: fences, blanks that are none, invisible letters, curly quotes."""

from __future__ import annotations

import re
from collections.abc import Callable

from autograder.names import parsed
from autograder.repair.sources import is_python

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*\w*[ \t]*$", re.MULTILINE)
_INVISIBLE = re.compile("[\ufeff\u200b-\u200f\u2060\u00ad\u202a-\u202e]")
_BLANKS = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_DOUBLE_QUOTES = re.compile("[“”„‟]")
_SINGLE_QUOTES = re.compile("[‘’‚‛]")


def _without_fences(source: str) -> str:
    """Only what stands between the fences, if there are any; text around them becomes comments."""
    lines = source.split("\n")
    fences = [number for number, line in enumerate(lines) if _FENCE.match(line)]
    for number in fences:
        lines[number] = ""
    inside = [bool(sum(fence < number for fence in fences) % 2) for number in range(len(lines))]
    if len(fences) < 2 or parsed("\n".join(lines)) is not None:
        return "\n".join(lines).strip("\n")
    kept = [line if within or not line.strip() else f"# {line}" for line, within in zip(lines, inside, strict=True)]
    return "\n".join(kept).strip("\n")


_STEPS: list[tuple[str, re.Pattern[str], Callable[[str], str]]] = [
    ("invisible letters", _INVISIBLE, lambda source: _INVISIBLE.sub("", source)),
    ("the marks of a code block (```)", _FENCE, _without_fences),
    ("blanks that Python does not take for blanks", _BLANKS, lambda source: _BLANKS.sub(" ", source)),
    ("curly quotation marks", _DOUBLE_QUOTES, lambda source: _DOUBLE_QUOTES.sub('"', source)),
    ("curly apostrophes", _SINGLE_QUOTES, lambda source: _SINGLE_QUOTES.sub("'", source)),
]


def cleaned(source: str) -> tuple[str, list[str]] | None:
    """A cell that is Python once such things are taken out of it: the source without them, and what they were.

    None where the cell is Python as it is, and where it is none without them either. No more is taken out than that.
    """
    if source.isascii() and not _FENCE.search(source):
        return None
    if not any(pattern.search(source) for _, pattern, _ in _STEPS) or is_python(source):
        return None
    text, found = source, []
    for what, pattern, take_out in _STEPS:
        if pattern.search(text):
            text = take_out(text)
            found.append((what, take_out))
            if text.strip() and parsed(text) is not None:
                return _with_the_fewest(source, found)
    return None


def _with_the_fewest(source: str, steps: list[tuple[str, Callable[[str], str]]]) -> tuple[str, list[str]]:
    """Leave out the steps without which the source is Python as well."""
    for step in list(steps):
        rest = [other for other in steps if other is not step]
        if rest and parsed(_taken_out(source, rest)) is not None:
            steps = rest
    return _taken_out(source, steps), [what for what, _ in steps]


def _taken_out(source: str, steps: list[tuple[str, Callable[[str], str]]]) -> str:
    for _, take_out in steps:
        source = take_out(source)
    return source
