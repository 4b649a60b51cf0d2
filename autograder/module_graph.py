"""Which modules of this package, and of a course, a module imports, by their source alone: nothing is run."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.name
COURSE = "solutions"
"""The package that a course's modules are in."""

# Whole modules are not parsed: for all that grades, that would take most of a second.
IMPORT = re.compile(
    rf"^[ \t]*((?:from +(?:\.|{PACKAGE}|{COURSE})[\w.]* +import +(?:\([^)]*\)|.+)|import +(?:{PACKAGE}|{COURSE}).*))$",
    re.MULTILINE,
)


def imports(node: ast.AST, path: Path) -> Iterator[tuple[Path, list[ast.alias] | None]]:
    """The modules of this package, and of its own course, that a piece of a module imports, even in functions.

    path     the module
    returns  each module's file, and the names that are taken out of it; None stands for the module as a whole
    """
    for part in _statements(node):
        if isinstance(part, ast.Import):
            for alias in part.names:
                yield from ((found, None) for found in _absolute(alias.name, path))
        elif isinstance(part, ast.ImportFrom):
            yield from _taken(part, path)


def _taken(statement: ast.ImportFrom, path: Path) -> Iterator[tuple[Path, list[ast.alias] | None]]:
    """What one `from … import …` takes out of which module."""

    def files(*more: str) -> list[Path]:
        names = [name for name in (*(statement.module or "").split("."), *more) if name]
        if not statement.level:
            return _absolute(".".join(names), path)
        start = path.parents[statement.level - 1]
        return [*_run(start.parent, [start.name]), *_run(start, names)]

    found, names = files(), []
    yield from ((file, None) for file in found[:-1])  # the packages around it are run first
    for alias in statement.names:
        module = files(alias.name)
        if len(module) > len(found):
            yield module[-1], None
        else:
            names.append(alias)
    if found:
        yield found[-1], None if any(alias.name == "*" for alias in names) else names


def reached(roots: Iterable[Path], ends: Collection[Path] = ()) -> set[Path]:
    """Some modules, those that they import, and so on; of `ends` it is not asked what they import."""
    found: set[Path] = set()
    waiting = [*roots]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path) if path not in ends else []
    return found


def module_file(*names: str) -> Path:
    """The file of a module of this package, given by its names below the package."""
    return _absolute(".".join([PACKAGE, *names]), HERE)[-1]


@cache
def _imported(path: Path) -> list[Path]:
    found = []
    for text in IMPORT.findall(path.read_text(encoding="utf-8")):
        with contextlib.suppress(SyntaxError):  # a line of prose that begins like an import
            found += [file for file, _ in imports(ast.parse(text), path)]
    return found


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the statements within: imports stand in no expression, of which there are many more."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield from _statements(child)


def _absolute(name: str, path: Path) -> list[Path]:
    """The files that importing a module by its whole name runs, of this package and of the course that `path` is in."""
    names = name.split(".")
    if names[0] == PACKAGE:
        return list(_run(HERE.parent, names))
    course = next((folder.parent for folder in path.parents if folder.name == COURSE), None)
    return list(_run(course, names)) if names[0] == COURSE and course is not None else []


def _run(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The files that importing `a.b.c` from a folder runs, as far as they exist."""
    for name in names:
        folder = folder / name
        for file in (folder / "__init__.py", folder.with_suffix(".py")):
            if file.is_file():
                yield file
                break
        else:
            if not folder.is_dir():  # a folder without __init__.py is a package too
                return
