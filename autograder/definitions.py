"""Which statements of Python a name depends on, by their source alone: nothing is run."""

from __future__ import annotations

import ast
import contextlib
import symtable
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

LONGEST_SOURCE = 200_000
KEPT_SOURCE = 4_000  # what a submission may leave behind in this process
TOO_DEEP = (RecursionError, MemoryError)


class Statement:
    """A top-level statement, and what there is to know of it."""

    def __init__(self, node: ast.stmt) -> None:
        self.node = node

    @property
    def imports(self) -> bool:
        """Whether it imports what it defines."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names that it defines, or whose attributes it sets."""
        return tuple(_bound(self.node))

    @cached_property
    def taken(self) -> set[str]:
        """Names that it takes from the other statements; parameters and local variables are its own."""
        if self.imports:
            return set()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tables = [symtable.symtable(ast.unparse(self.node), "answer", "exec")]
        except (SyntaxError, ValueError, *TOO_DEEP):  # not all that can be parsed could be run
            return {node.id for node in ast.walk(self.node) if isinstance(node, ast.Name)}
        found = set()
        while tables:
            table = tables.pop()
            tables += table.get_children()
            for symbol in table.get_symbols():
                if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
                    found.add(symbol.get_name())
        return found


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
    if len(part) > LONGEST_SOURCE:
        return []
    without_magics = "\n".join("" if line.startswith(("%", "!")) else line for line in part.splitlines())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in (part, without_magics):
            with contextlib.suppress(SyntaxError, ValueError, *TOO_DEEP):
                return [Statement(node) for node in ast.parse(text).body]
    return []


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement defines, or whose attributes it sets; also in its parts, under `if`, `try` or `for`."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _targets(target)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            yield from _targets(node.target)
        elif not isinstance(node, ast.expr):
            waiting += ast.iter_child_nodes(node)


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            yield from _targets(item)
    elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
        yield from _targets(target.value)
