"""What the source of the hidden tests says by itself: importing them takes pytest's set-up."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autograder.course import Stage
from autograder.definitions import Definitions, Statement
from autograder.module_graph import imports

from .runner import FIXTURES, HiddenTestError, collected_points, test_file

Used = dict[tuple[Path, int], Statement]
"""Statements by their module and their place in it."""


def points_of(statement: ast.stmt) -> tuple[str, float] | None:
    """The grade_id and the value in a test's `@points(grade_id, value)`; None for a statement without."""
    for decorator in statement.decorator_list if isinstance(statement, ast.FunctionDef) else []:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "points":
            grade_id, value = (ast.literal_eval(argument) for argument in decorator.args)
            return grade_id, float(value)
    return None


def worth(stage: Stage) -> dict[str, float]:
    """grade_id → what the hidden tests of an exercise are worth together.

    Raises HiddenTestError where the stage has no tests, or none that can be read.
    """
    path = test_file(stage)
    try:
        module = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise HiddenTestError(f"{path}, line {error.lineno}: {error.msg}.") from None
    values = [points for statement in module.body if (points := points_of(statement)) is not None]
    if any(_may_be_many(statement) for statement in module.body):
        values = [(grade_id, value) for _, grade_id, value in collected_points(stage)]
    sums: dict[str, float] = {}
    for grade_id, value in values:
        sums[grade_id] = sums.get(grade_id, 0.0) + value
    return sums


def _may_be_many(statement: ast.stmt) -> bool:
    """Whether pytest may make another number of tests of it than one with `@points` and none without."""
    if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
        arguments = {argument.arg for argument in statement.args.args}
        return points_of(statement) is None or len(statement.decorator_list) > 1 or not arguments <= FIXTURES.keys()
    return isinstance(statement, ast.ClassDef) and statement.name.startswith("Test")


def digests(stage: Stage, engine: Collection[Path] = ()) -> dict[str, str]:
    """A hash per exercise (grade_id) of its hidden tests and of what they use, comments left out.

    They may use their own module and others of the course and of this package, which are followed as far as they are
    used.

    engine   modules that are no part of it: what they hold counts for every stage
    What no test uses may still have an effect, so it belongs to all of them. Raises HiddenTestError where the stage has
    no tests, or none that can be read.
    """
    path = test_file(stage)
    sources = _Sources(engine)
    module = sources.module(path)
    needed: dict[str, Used] = {}
    for statement in module.statements:
        if (points := points_of(statement.node)) is not None:
            fixtures = [node.arg for node in ast.walk(statement.node) if isinstance(node, ast.arg)]
            used = needed.setdefault(points[0], {})
            sources.follow(path, module.needed(*statement.names, *fixtures), used)
    if not needed:
        raise HiddenTestError(f"{path} holds no test with @points(grade_id, value).")
    somewhere = set().union(*needed.values())
    everywhere: Used = {}
    rest = [each for each in module.statements if (path, id(each)) not in somewhere]
    sources.follow(path, rest, everywhere)
    return {grade_id: _digest(everywhere | used) for grade_id, used in needed.items()}


class _Sources:
    """The modules that hidden tests use, each read once."""

    def __init__(self, engine: Collection[Path]) -> None:
        self._engine = engine
        self._modules: dict[Path, Definitions] = {}

    def module(self, path: Path) -> Definitions:
        if path not in self._modules:
            self._modules[path] = Definitions([path.read_text(encoding="utf-8")])
        return self._modules[path]

    def follow(self, path: Path, statements: Iterable[Statement], used: Used) -> None:
        """Note the statements of a module, and what they use of the modules that they import."""
        new = {(path, id(each)): each for each in statements if (path, id(each)) not in used}
        used |= new
        taken = set().union(*(each.taken for (module, _), each in used.items() if module == path))
        # An import may be known already while another of its names is only used now.
        importing = [each for (module, _), each in used.items() if module == path and each.imports]
        for statement in [*importing, *(each for each in new.values() if not each.imports)]:
            for file, names in imports(statement.node, path):
                if file in self._engine:
                    continue
                module = self.module(file)
                wanted: Iterable[Statement] = module.statements
                if names is not None:
                    own = statement.imports
                    chosen = [one.name for one in names if not own or (one.asname or one.name) in taken]
                    # What has no name has an effect of its own.
                    wanted = [*module.needed(*chosen), *(one for one in module.statements if not one.names)]
                wanted = [one for one in wanted if (file, id(one)) not in used and not _is_text(one.node)]
                if wanted:
                    self.follow(file, wanted, used)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _digest(statements: Mapping[tuple[Path, int], Statement]) -> str:
    sources = sorted(f"{path.name} {ast.unparse(each.node)}" for (path, _), each in statements.items())
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()
