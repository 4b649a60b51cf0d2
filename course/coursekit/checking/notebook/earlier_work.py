"""`Layer = earlier_work("Layer")`: what the student wrote in an earlier stage, if right.

Taken from the notebook of that stage, which lies beside this one, and tried by its public check first; else a stand-in.
The student's other cells are not run: of them only the imports, functions, classes and constants that the answer uses.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import symtable
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from IPython.utils.capture import capture_output

from .. import names
from ..public_checks.checks import Check, Checks
from ..public_checks.values import own_randomness
from .lines import say_once

_HARMLESS_CALLS = {"re.compile", "frozenset", "set", "dict", "list", "tuple", "math.sqrt", "math.log"}
_Definition = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class _Missing(Exception):
    """Why there is nothing of the student's to use, as words that follow "because"."""


@dataclass(frozen=True)
class EarlierWork:
    """Gives the student's own functions and classes of earlier stages, else stand-ins.

    package    the course's, named where its stand-in is used
    stages     name → the stage in which it is written
    stand_in   gives the stand-in of a name
    checks     the public checks of the course
    variable   an environment variable: set to 0, it stands for "always the stand-in", as grading and building want it
    imported   what a cell finds without importing it: names that every notebook of the course imports
    """

    package: str
    stages: Mapping[str, str]
    stand_in: Callable[[str], Any]
    checks: Checks
    variable: str
    imported: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, name: str) -> Any:
        """Return the student's own function or class from an earlier stage, else the course's stand-in.

        The student's is taken from `../<stage>/<stage>.ipynb`, or from the same folder, if it passes its public check.
        Which of the two it is, and why, is printed once.

        raises   ValueError for a name that no stage has; nothing that the student's cell does
        """
        if name not in self.stages:
            raise ValueError(f"There is no earlier work named {name!r}. There are: {', '.join(self.stages)}.")
        if os.environ.get(self.variable) == "0":
            say_once(f"{name}: the stand-in from {self.package}.")
            return self.stand_in(name)
        try:
            answer = self._own(name)
        except _Missing as reason:
            say_once(f"{name}: the stand-in from {self.package}, because {reason}.")
            return self.stand_in(name)
        say_once(f"{name}: your own, from {self.stages[name]}.ipynb.")
        return answer

    def _own(self, name: str) -> Any:
        """The student's answer. Raises _Missing."""
        path = _notebook(self.stages[name])
        before, source = _cells(path, name)
        try:
            answer = self._run(name, before, source)
        except Exception as error:
            raise _Missing(f"its cell in {path.name} stops with {_in_short(error)}") from None
        if answer is None:
            raise _Missing(f"its cell in {path.name} defines no {name}")
        try:
            mark = self._mark(name, answer)
        except Exception as error:
            raise _Missing(f"its check stops with {_in_short(error)}") from None
        if mark == "○":
            raise _Missing(f"it is not done yet in {path.name}")
        if mark == "✗":
            raise _Missing(f"its check in {path.name} does not pass yet")
        return answer

    def _mark(self, name: str, answer: Any) -> str:
        """What the public check says, silently: ✓, ✗ or ○."""
        with capture_output(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return str(self._check(name).verdict(answer).mark)

    def _check(self, name: str) -> Check:
        found: Check = getattr(self.checks, name)
        return found

    def _run(self, name: str, before: list[str], source: str) -> Any:
        """Run the answer's cell, and what it needs of those before, in a namespace of its own; return what it defines.

        Raises whatever the cell raises, but SyntaxError as for Python without magics, and RuntimeError for an exit.
        """
        answer = names.parsed(source) or ast.parse(source)
        earlier = {other for other, stage in self.stages.items() if stage < self.stages[name]}
        definitions = [node for cell in before for node in _definitions(cell)]
        needed = [node for node in _needed(answer, definitions) if not names.bound_by(node) & earlier]
        used = set().union(_used(answer), *map(_used, needed))
        namespace = dict(self.imported)
        namespace["__name__"] = "__main__"  # dataclasses look their module up by this name
        namespace.update({other: self(other) for other in sorted(used & earlier)})
        notebook = f"{self.stages[name]}.ipynb"
        try:
            with capture_output(), warnings.catch_warnings(), own_randomness(self._check(name).exercise.codecs, 0):
                warnings.simplefilter("ignore")
                for node in needed:
                    with suppress(Exception):  # if the answer does need it, that is the error to be told
                        exec(_compiled(ast.Module([node], type_ignores=[]), f"<{notebook}>"), namespace)
                exec(_compiled(answer, f"<{name} in {notebook}>", source), namespace)
        except (SystemExit, GeneratorExit) as error:
            raise RuntimeError(_in_short(error)) from None
        return namespace.get(name)


def _in_short(error: BaseException) -> str:
    """The error in one line without a full stop at its end."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    message = " ".join(message.split())[:200].rstrip(".")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


# Reading ----------------------------------------------------------------------------------------------------------


def _notebook(stage: str) -> Path:
    """The notebook of a stage, seen from that of another. Raises _Missing."""
    here = Path.cwd()
    for path in (here.parent / stage / f"{stage}.ipynb", here / f"{stage}.ipynb"):
        if path.is_file():
            return path
    raise _Missing(f"there is no {stage}.ipynb beside this notebook")


def _cells(path: Path, name: str) -> tuple[list[str], str]:
    """Sources of the code cells before the answer, and of the answer. Raises _Missing."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [(_marks(cell), "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise _Missing(f"{path.name} cannot be read") from None
    for mark in (0, 1):  # the grade_id of any cell comes before the id of any
        for number, (marks, source) in enumerate(code):
            if marks[mark] == f"{name}_answer":
                return [earlier for _, earlier in code[:number]], source
    raise _Missing(f"{path.name} has no cell for it")


def _marks(cell: dict[str, Any]) -> tuple[str | None, str | None]:
    return cell.get("metadata", {}).get("nbgrader", {}).get("grade_id"), cell.get("id")


# Running ----------------------------------------------------------------------------------------------------------


def _compiled(tree: ast.Module, filename: str, source: str = "") -> types.CodeType:
    """Compile; tracebacks show the lines of `source`."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return compile(tree, filename, "exec", dont_inherit=True)


def _definitions(source: str) -> Iterator[_Definition]:
    """What a cell defines without running anything that takes time or has an effect."""
    tree = names.parsed(source)
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            calls = [ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)]
            if set(calls) <= _HARMLESS_CALLS:
                yield node
        elif isinstance(node, _Definition):
            yield node


def _needed(answer: ast.Module, definitions: list[_Definition]) -> list[_Definition]:
    """The definitions that the answer uses, and those that these use, in their order."""
    wanted, chosen = _used(answer), set[int]()
    while True:
        found = {i for i, node in enumerate(definitions) if i not in chosen and names.bound_by(node) & wanted}
        if not found:
            return [definitions[i] for i in sorted(chosen)]
        chosen |= found
        wanted = wanted.union(*(_used(definitions[i]) for i in found))


def _used(tree: ast.AST) -> set[str]:
    """The names that a piece of code looks up outside of its functions: neither parameters nor what is local."""

    def referenced(scope: symtable.SymbolTable) -> set[str]:
        module = scope.get_type() == "module"
        looked_up = [symbol for symbol in scope.get_symbols() if symbol.is_referenced()]
        own = {symbol.get_name() for symbol in looked_up if module or symbol.is_global()}
        return own.union(*map(referenced, scope.get_children()))

    return referenced(symtable.symtable(ast.unparse(tree), "<cell>", "exec"))
