"""Which names a piece of Python binds, by its source alone: nothing is run.

Read from the syntax tree, so that text in strings and comments is text. Lines that only IPython understands are passed
over. What cannot be parsed is read line by line: names that are defined, assigned or imported at the left margin,
outside of triple-quoted strings where these are closed.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

LONGEST_SOURCE = 200_000
"""Letters; a longer source is read line by line."""

TOO_DEEP = (RecursionError, MemoryError)

_OTHER_LANGUAGES = re.compile(
    r"bash|cmd|file|html|HTML|javascript|js|latex|markdown|md|perl|pypy|python[23]?|R|ruby|script|sh|sql|svg|SVG"
    r"|timeit|writefile"
)
"""Cell magics after which nothing that the cell says is bound in the notebook."""

_CELL_MAGIC = re.compile(r"\s*%%(\w+)[^\n]*")
_COMMAND = r"(?:[%!?](?:[^\n\\]|\\[\s\S])*+|[\w.]+\?{1,2}[ \t]*)$"
_COMMAND_AT_THE_MARGIN = re.compile(rf"^(){_COMMAND}", re.MULTILINE)
_COMMAND_ANYWHERE = re.compile(rf"^([ \t]*){_COMMAND}", re.MULTILINE)
_ASSIGNED_COMMAND = re.compile(r"^([\w, \t]+=[ \t]*)[%!][^\n]*$", re.MULTILINE)

_TRIPLE_QUOTED = re.compile(r"(\"\"\"|''')(?:\\.|(?!\1).)*+\1", re.DOTALL)
_DEFINITION = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w+)", re.MULTILINE)
_ASSIGNMENT = re.compile(r"^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:from[ \t]+\S+[ \t]+)?import[ \t]+([^\n#]+)", re.MULTILINE)

_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class SourcePart:
    """A statement at the top level of a source, or what looks like one.

    names       that it binds
    defined     those of them that are functions and classes
    first, last its lines, counted from 0; decorators and the comment right above a statement belong to it
    """

    names: frozenset[str]
    defined: frozenset[str]
    first: int
    last: int


def bound(source: str) -> frozenset[str]:
    """Names that the source binds at top level, in whatever way."""
    return frozenset[str]().union(*(part.names for part in parts(source)))


def defined(source: str) -> frozenset[str]:
    """Names of the functions and classes that the source defines at top level."""
    return frozenset[str]().union(*(part.defined for part in parts(source)))


def parts(source: str, tree: ast.Module | None = None) -> list[SourcePart]:
    """The statements at the top level of a source, in order; of what is not Python, the lines that bind a name.

    tree   what `parsed` made of the source, where that is at hand
    """
    tree = tree or parsed(source)
    if tree is None:
        return _parts_by_line(source)
    lines = source.split("\n")
    bodies = "global" in source
    found: list[SourcePart] = []
    for statement in tree.body:
        first = min((node.lineno for node in _decorators(statement)), default=statement.lineno) - 1
        lowest = found[-1].last + 1 if found else 0
        while first > lowest and lines[first - 1].startswith("#"):
            first -= 1
        last = (statement.end_lineno or statement.lineno) - 1
        nodes = list(_walk(statement, bodies))
        defined_here = frozenset(node.name for node, outside in nodes if outside and isinstance(node, Definition))
        found.append(SourcePart(_bound_in(nodes), defined_here, first, last))
    return found


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a cell, with the line numbers of `source`; None where it is not Python, or too long."""
    if len(source) > LONGEST_SOURCE:
        return None
    if _is_another_language(source):
        return ast.Module([], type_ignores=[])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in _as_python(source):
            with suppress(SyntaxError, ValueError, *TOO_DEEP):
                return ast.parse(text)
    return None


def _is_another_language(source: str) -> bool:
    magic = _CELL_MAGIC.match(source)
    return bool(magic and _OTHER_LANGUAGES.fullmatch(magic[1]))


def _as_python(source: str) -> Iterator[str]:
    """The source, without what only IPython understands: commands, and a margin that all lines share."""
    yield source
    if margin := re.match(r"(?:[ \t]*\n)*+([ \t]+)", source):
        source = re.sub(rf"^{margin[1]}", "", source, flags=re.MULTILINE)
        yield source
    source = _CELL_MAGIC.sub(lambda found: "\n" * found[0].count("\n"), source, count=1)
    source = _ASSIGNED_COMMAND.sub(r"\1None", source)
    # A line may begin with % inside of brackets or a string: commands at the margin are taken out first.
    for command in (_COMMAND_AT_THE_MARGIN, _COMMAND_ANYWHERE):
        yield command.sub(lambda found: f"{found[1]}pass" + "\n" * found[0].count("\n"), source)


def bound_by(statement: ast.stmt) -> frozenset[str]:
    """Names that a statement at top level binds, in its parts too: under `if`, `try`, `for` or `with`, in an
    expression (`:=`), in a pattern, or in a function that declares them global.
    """
    return _bound_in(_walk(statement))


def _bound_in(nodes: Iterable[tuple[ast.AST, bool]]) -> frozenset[str]:
    names: set[str] = set()
    for node, outside in nodes:
        if isinstance(node, ast.Global):
            names.update(() if outside else node.names)
        elif not outside:
            continue
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, Definition):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names.add(node.rest)
    return frozenset(names - {"*"})


def altered_by(statement: ast.stmt) -> frozenset[str]:
    """Names of things whose attributes or items a statement at top level sets or deletes."""
    names = set()
    for node, outside in _walk(statement):
        if outside and isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            owner: ast.expr = node
            while isinstance(owner, ast.Attribute | ast.Subscript):
                owner = owner.value
            if isinstance(owner, ast.Name):
                names.add(owner.id)
    return frozenset(names)


def _walk(statement: ast.stmt, bodies: bool = True) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes of a statement, and whether they stand outside of every function and class in it.

    bodies   what stands inside of them too, but for expressions
    """
    waiting: list[tuple[ast.AST, bool]] = [(statement, True)]
    while waiting:
        node, outside = waiting.pop()
        yield node, outside
        if not outside and isinstance(node, ast.expr):
            continue
        for name, value in ast.iter_fields(node):
            if isinstance(node, ast.comprehension) and name == "target":
                continue  # its own
            if isinstance(node, ast.AnnAssign) and name == "target" and not node.value and isinstance(value, ast.Name):
                continue  # `x: int` binds nothing
            inside = name == "body" and isinstance(node, _Scope)
            if inside and not bodies:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    waiting.append((child, outside and not inside))


def definitions_in(statement: ast.stmt) -> list[Definition]:
    """Functions and classes that a statement at top level defines, in its parts too."""
    return [node for node, outside in _walk(statement, bodies=False) if outside and isinstance(node, Definition)]


def _decorators(statement: ast.stmt) -> list[ast.expr]:
    return statement.decorator_list if isinstance(statement, Definition) else []


def _parts_by_line(source: str) -> list[SourcePart]:
    """What looks like a definition, an assignment or an import, in a source that is not Python."""
    if _is_another_language(source):
        return []
    without_strings = _TRIPLE_QUOTED.sub(lambda string: "''" + "\n" * string[0].count("\n"), source)
    # A quotation mark too many turns inside and outside round; then every line counts.
    return _bindings_by_line(without_strings) or _bindings_by_line(source)


def _bindings_by_line(text: str) -> list[SourcePart]:
    found: list[SourcePart] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        names: set[str] = set()
        definition = _DEFINITION.match(line)
        if definition:
            names.add(definition[1])
        elif assignment := _ASSIGNMENT.match(line):
            names.add(assignment[1])
        elif imported := _IMPORT.match(line):
            for entry in imported[1].strip("() ").split(","):
                names.update(re.findall(r"\w+", entry)[-1:])
        if not names:
            continue
        first, lowest = number, found[-1].last + 1 if found else 0
        while first > lowest and lines[first - 1].startswith(("#", "@")):
            first -= 1
        found.append(SourcePart(frozenset(names), frozenset(names if definition else ()), first, number))
    return found
