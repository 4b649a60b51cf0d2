"""What a cell's source says about itself: the names it binds, its words, what was added to a released text."""

from __future__ import annotations

import ast
import re
import warnings
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache

from autograder import names

_WORD = re.compile(r"\w+")
_LONGEST_PARSED = 50_000

# Most cells of a class are as they were released: what they say is worked out once.
_remembered = lru_cache(maxsize=1024)


@_remembered
def normal(source: str) -> str:
    """The source without blank lines and trailing blanks, for comparing."""
    return "\n".join(line.rstrip() for line in source.splitlines() if line.strip())


@dataclass(frozen=True)
class _Facts:
    """What the syntax tree of a source says, so that it is made only once.

    unfinished   names of the functions and classes that raise NotImplementedError, in a method too
    is_stub      whether anything does
    """

    is_python: bool
    bound: frozenset[str]
    defined: frozenset[str]
    unfinished: frozenset[str]
    is_stub: bool


@_remembered
def _facts(source: str) -> _Facts:
    tree = names.parsed(source)
    parts = names.parts(source, tree)
    bound = frozenset[str]().union(*(part.names for part in parts))
    defined = frozenset[str]().union(*(part.defined for part in parts))
    raises = "NotImplementedError" in source
    if tree is None:
        return _Facts(False, bound, defined, defined if raises else frozenset(), raises)
    last = {node.name: node for statement in tree.body for node in names.definitions_in(statement)} if raises else {}
    unfinished = frozenset(name for name, node in last.items() if _is_unfinished(node))
    return _Facts(True, bound, defined, unfinished, raises and _is_unfinished(tree))


def bound(source: str) -> frozenset[str]:
    """Names that the source binds at top level."""
    return _facts(source).bound


def defined(source: str) -> frozenset[str]:
    """Names of the functions and classes that the source defines at top level."""
    return _facts(source).defined


def is_python(source: str) -> bool:
    """Whether a cell can be parsed, apart from commands to IPython."""
    return _facts(source).is_python


def is_stub(source: str, wanted: Set[str]) -> bool:
    """Whether one of the functions and classes named `wanted`, or a method, still raises NotImplementedError.

    Where none of them is bound, any function and the cell itself count; where it is not Python, all that is defined.
    """
    facts = _facts(source)
    return bool(wanted & facts.unfinished) if wanted & facts.bound else facts.is_stub


def _is_unfinished(answer: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Module | names.Definition) and any(map(_raises_not_implemented, node.body))
        for node in ast.walk(answer)
    )


def _raises_not_implemented(statement: ast.stmt) -> bool:
    raised = statement.exc if isinstance(statement, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"


def own_names(source: str) -> set[str]:
    """Parameters and local variables of the functions and classes of a source."""
    found: set[str] = set()
    tree = names.parsed(source)
    for definition in ast.walk(tree) if tree else []:
        if isinstance(definition, names.Definition):
            for node in ast.walk(definition):
                if isinstance(node, ast.arg):
                    found.add(node.arg)
                elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    found.add(node.id)
    return found


def runs_by_itself(source: str) -> bool:
    """Whether a source holds statements, and compiles; a `return` outside of a function does not."""
    tree = names.parsed(source)
    if tree is None or not tree.body:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(tree, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except (SyntaxError, ValueError, *names.TOO_DEEP):
            return False
    return True


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


def segments(source: str, wanted: Set[str]) -> list[tuple[str, str]]:
    """Cut a source that holds several answers before each statement that binds one of `wanted`.

    Returns (name, text) in order of the source; the texts together are the source. Comments and decorators right
    above a statement belong to it, and what stands before the first of them belongs to the first.
    """
    starts: list[tuple[int, str]] = []
    end = -1
    for part in names.parts(source):
        found = min(part.names & wanted, default=None)
        if found is not None and part.first > end and (not starts or starts[-1][1] != found):
            starts.append((part.first, found))
        end = part.last
    lines = source.split("\n")
    edges = [0, *(number for number, _ in starts[1:]), len(lines)]
    return [(name, "\n".join(lines[edges[at] : edges[at + 1]]).strip("\n")) for at, (_, name) in enumerate(starts)]


def as_far_as_it_goes(source: str) -> str:
    """A source that was cut off, without the last lines that keep it from being Python; parsed, not run."""
    lines = source.rstrip().split("\n")
    if len(source) <= _LONGEST_PARSED:
        for end in range(len(lines), max(0, len(lines) - 40), -1):
            text = "\n".join(lines[:end])
            if text.strip() and names.parsed(text) is not None:
                return text
    return "\n".join(lines[:-1]) or source
