"""What a cell's source says about itself: the names it defines, its words, what was added to a released text."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Set
from functools import lru_cache

_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from[ \t]+\S+[ \t]+)?import[ \t]+([^\n#]+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_LONGEST_PARSED = 50_000

# Most cells of a class are as they were released: what they say is worked out once.
_remembered = lru_cache(maxsize=1024)


@_remembered
def normal(source: str) -> str:
    """The source without blank lines and trailing blanks, for comparing."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


@_remembered
def defined(source: str) -> frozenset[str]:
    """Names of the functions and classes that the source defines at top level."""
    return frozenset(_DEFINITION.findall(source))


@_remembered
def bound(source: str) -> frozenset[str]:
    """Names that the source binds at top level: definitions, assignments, imports."""
    names = {*defined(source), *_ASSIGNMENT.findall(source)}
    for imported in _IMPORT.findall(source):
        for part in imported.strip("() ").split(","):
            words = _WORD.findall(part)
            names.update(words[-1:])
    return frozenset(names)


@_remembered
def words(source: str) -> Counter[str]:
    """How often each word occurs; of a very long source, of its beginning. Not to be changed: it is kept."""
    return Counter(_WORD.findall(source[:20_000]))


def likeness(ours: Counter[str], theirs: Counter[str]) -> float:
    """Share of words in common, 0 to 1 (Dice's coefficient)."""
    total = ours.total() + theirs.total()
    return 2 * (ours & theirs).total() / total if total else 0.0


def lines_beyond(source: str, released: str) -> str:
    """The lines of a changed cell that the released one does not have."""
    known = {line.strip() for line in released.splitlines()}
    return "\n".join(line for line in source.splitlines() if line.strip() not in known).strip("\n")


@_remembered
def _bare_lines(block: str) -> list[str]:
    return [line.rstrip() for line in block.strip("\n").split("\n")]


def without_block(source: str, block: str) -> str:
    """The source without the lines of `block`, where they stand in it one after another."""
    wanted = _bare_lines(block)
    if not any(wanted) or not all(line in source for line in wanted):
        return source
    lines = source.split("\n")
    bare = [line.rstrip() for line in lines]
    for start in range(len(lines) - len(wanted) + 1):
        if bare[start : start + len(wanted)] == wanted:
            return "\n".join(lines[:start] + lines[start + len(wanted) :]).strip("\n")
    return source


def segments(source: str, names: Set[str]) -> list[tuple[str, str]]:
    """Cut a source that holds several answers before each definition of one of `names`.

    Returns (name, text) in order of the source; the texts together are the source. Comments and decorators right
    above a definition belong to it, and what stands before the first definition belongs to the first.
    """
    lines = source.split("\n")
    starts: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        found = _DEFINITION.match(line) or _ASSIGNMENT.match(line)
        if found is None or found[1] not in names or (starts and starts[-1][1] == found[1]):
            continue
        lowest = starts[-1][0] + 1 if starts else 0
        while number > lowest and lines[number - 1].startswith(("#", "@")):
            number -= 1
        starts.append((number, found[1]))
    edges = [0, *(number for number, _ in starts[1:]), len(lines)]
    return [(name, "\n".join(lines[edges[at] : edges[at + 1]]).strip("\n")) for at, (_, name) in enumerate(starts)]


def as_far_as_it_goes(source: str) -> str:
    """A source that was cut off, without the last lines that keep it from being Python; parsed, not run."""
    lines = source.rstrip().split("\n")
    if len(source) <= _LONGEST_PARSED:
        for end in range(len(lines), max(0, len(lines) - 40), -1):
            text = "\n".join(lines[:end])
            if text.strip() and _is_python(text):
                return text
    return "\n".join(lines[:-1]) or source


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
