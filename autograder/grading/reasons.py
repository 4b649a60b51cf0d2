"""Why a name is missing at its grade cell, in words for the student: what became of the cell that should define it."""

from __future__ import annotations

import ast
import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.definitions import TOO_DEEP, Definitions
from autograder.remote.errors import remedy

SYNTAX_ERRORS = ("SyntaxError", "IndentationError", "TabError")


@dataclass(frozen=True)
class Stop:
    """How a cell ended before its end, by the word of the process that ran it.

    kind, message   of the exception
    number, line    where it was, the number from 1 on; 0 and "" where that is not known
    """

    kind: str
    message: str
    number: int = 0
    line: str = ""

    @classmethod
    def read(cls, error: dict[str, Any] | None) -> Stop | None:
        """From what `autograder.remote.perform.describe` told, which comes from the student's process."""
        if error is None:
            return None
        where, number = error.get("where"), error.get("line")
        line = _text(where[-1], 200) if isinstance(where, list) and where else ""
        number = number if isinstance(number, int) and 0 < number < 1_000_000 else 0
        return cls(_text(error.get("raised"), 100), _text(error.get("message"), 400), number, line)

    @property
    def sentence(self) -> str:
        """What happened and what to do, to follow the name of the cell."""
        place = f"line {self.number}" if self.number else "its start"
        quoted = f", `{self.line}`" if self.line else ""
        told = f"{self.kind}: {self.message}".removesuffix(": ").removesuffix(".")
        if self.kind in SYNTAX_ERRORS:
            return f"could not be run at all: {told}, in {place}{quoted}. Put that right, and run the cell."
        to_do = remedy(self.kind, self.message) or "Restart the kernel and run all cells to see it yourself."
        return f"stopped at {place}{quoted}, with {told}. {to_do}"


def _text(value: Any, longest: int) -> str:
    """A text on one line, cut to a length; "" for what is none."""
    return " ".join(value[:longest].split()) if isinstance(value, str) else ""


@dataclass(frozen=True)
class Before:
    """A cell of code that comes before the grade cell.

    number   of the cell in the notebook, from 1 on
    stop     what stopped it, if something did
    ended    "timed out after 60 s" and the like, where its process was ended or it was interrupted
    answer   whether it is the answer cell of the exercise
    """

    number: int
    source: str
    stop: Stop | None = None
    ended: str = ""
    answer: bool = False

    @property
    def called(self) -> str:
        return "Its answer cell" if self.answer else f"Cell {self.number}"

    @property
    def outcome(self) -> str:
        """A sentence on what stopped it, "" where nothing did."""
        if self.ended:
            return f"{self.called} {self.ended}."
        return f"{self.called} {self.stop.sentence}" if self.stop else ""


def why_undone(name: str, cells: Sequence[Before]) -> str:
    """Sentences on what became of the definition of a name in these cells, in their order; "" where there is none."""
    defining = [cell for cell in cells if _defines(cell.source, name)]
    for cell in reversed(defining):
        if cell.outcome:
            return cell.outcome
    for cell in cells:
        if defining and cell.number >= defining[-1].number and (line := _deletes(cell.source, name)):
            return f"{defining[-1].called} defines it, and `{line}` in cell {cell.number} takes it away again."
    if defining:
        return f"{defining[-1].called} holds its definition, but never reaches it: it stands under an `if` or the like."
    return ""


def why_missing(name: str, cells: Sequence[Before]) -> str:
    """Sentences on why the answer to an exercise is not there after these cells; "" where nothing can be said."""
    if found := why_undone(name, cells):
        return found
    answers = [cell for cell in cells if cell.answer]
    for cell in answers:
        if cell.outcome:
            return cell.outcome
    return _misnamed(name, cells) or (_empty(answers[-1]) if answers else "")


def _defines(source: str, name: str) -> bool:
    """Whether a cell binds a name; of one that is not Python, whether it looks so."""
    statements = Definitions([source]).statements
    if statements or not source.strip():
        return any(name in statement.names for statement in statements)
    word = re.escape(name)
    return bool(re.search(rf"^\s*(async\s+def|def|class)\s+{word}\b|^{word}\s*(:.*)?=[^=]", source, re.M))


def _tree(source: str) -> list[ast.stmt] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source).body
        except (SyntaxError, ValueError, *TOO_DEEP):
            return None


def _deletes(source: str, name: str) -> str:
    """The line that takes a name away, "" where none does."""
    for found in re.finditer(rf"^\s*(del\b[^#\n]*\b{re.escape(name)}\b[^#\n]*|%reset\b[^\n]*)$", source, re.M):
        return found[1].strip()[:100]
    return ""


def _misnamed(name: str, cells: Sequence[Before]) -> str:
    """Whether the answer, or what was added around it, defines something whose name is nearly the one asked for."""
    made = {defined: cell for cell in cells for defined in _made(cell.source)}
    own = [defined for defined, cell in made.items() if cell.answer]
    lower = {defined.lower(): defined for defined in own or made}
    near = [lower[word] for word in difflib.get_close_matches(name.lower(), lower, 1, 0.6 if own else 0.8)]
    if near:
        return f"{made[near[0]].called} defines `{near[0]}`: if that is your answer, name it `{name}`."
    if own:
        return f"Its answer cell defines {' and '.join(f'`{other}`' for other in own[:3])} instead."
    return ""


def _made(source: str) -> Iterator[str]:
    for node in _tree(source) or []:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield node.name


def _empty(answer: Before) -> str:
    body = _tree(answer.source)
    if body == []:
        return "Its answer cell holds no code" + (", only comments." if answer.source.strip() else ".")
    texts = body is not None and all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for node in body
    )
    return "In its answer cell everything stands in a string." if texts else "Its answer cell does not define it."
