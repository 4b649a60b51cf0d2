"""Which statements of Python a name depends on, by their source alone: nothing is run."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from itertools import pairwise

from autograder.names import TOO_DEEP as TOO_DEEP
from autograder.names import altered_by, bound_by, parsed

KEPT_SOURCE = 4_000  # what a submission may leave behind in this process


class Statement:
    """A top-level statement, and what there is to know of it.

    source   its lines as they were written; None where another statement stands in them too
    """

    def __init__(self, node: ast.stmt, source: str | None) -> None:
        self.node = node
        self._source = source

    @property
    def imports(self) -> bool:
        """Whether it imports what it defines."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names that it defines, or whose attributes it sets."""
        return tuple(sorted(bound_by(self.node) | altered_by(self.node)))

    @cached_property
    def taken(self) -> set[str]:
        """Names that it takes from the other statements; parameters and local variables are its own."""
        if self.imports:
            return set()
        symbols = _symbols(self._source) if self._source else None
        if symbols is None:  # lines for IPython may stand in the source, which are not in the tree
            with suppress(*TOO_DEEP):
                symbols = _symbols(ast.unparse(self.node))
        if symbols is None:  # not all that can be parsed could be run
            return {node.id for node in ast.walk(self.node) if isinstance(node, ast.Name)}
        found, tables = set(), [symbols]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            for symbol in table.get_symbols():
                if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                    found.add(symbol.get_name())
        return found


def _symbols(source: str) -> symtable.SymbolTable | None:
    with warnings.catch_warnings(), suppress(SyntaxError, ValueError, *TOO_DEEP):
        warnings.simplefilter("ignore")
        return symtable.symtable(source, "answer", "exec")
    return None


class Definitions:
    """The top-level statements of some code, by the names that they define.

    parts       sources in order, the cells of a notebook or a whole module; what is not Python is passed over
    made_here   names that the code defines itself, and does not import
    """

    def __init__(self, parts: Iterable[str]) -> None:
        self.statements = [statement for part in parts for statement in _statements(part)]
        self.made_here: set[str] = set()
        self._defining: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.names:
                self._defining.setdefault(name, []).append(statement)
            self.made_here.update(() if statement.imports else statement.names)

    def needed(self, *names: str) -> list[Statement]:
        """The statements that define some names, and those that define what they use, and so on."""
        found: dict[int, Statement] = {}
        wanted, known = [*names], {*names}
        while wanted:
            for statement in self._defining.get(wanted.pop(), []):
                if id(statement) in found:
                    continue
                found[id(statement)] = statement
                used = statement.taken - known
                known |= used
                wanted += used
        return list(found.values())


def _statements(part: str) -> Sequence[Statement]:
    """The top-level statements of a source, none if it is not Python."""
    return _parsed(part) if len(part) > KEPT_SOURCE else _kept(part)


@lru_cache(maxsize=256)
def _kept(part: str) -> Sequence[Statement]:
    # Most cells of a class are alike.
    return _parsed(part)


def _parsed(part: str) -> Sequence[Statement]:
    if (tree := parsed(part)) is None:
        return []
    lines = part.split("\n")
    spans = [(_first_line(node), node.end_lineno or node.lineno) for node in tree.body]
    shared = {last for (_, last), (following, _) in pairwise(spans) if following == last}
    sources = [None if {first, last} & shared else "\n".join(lines[first - 1 : last]) for first, last in spans]
    return [Statement(node, source) for node, source in zip(tree.body, sources, strict=True)]


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min(each.lineno for each in [node, *decorators])
