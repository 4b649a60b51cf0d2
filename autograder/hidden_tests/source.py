"""What the source of the hidden tests says by itself: importing them takes pytest's set-up."""

from __future__ import annotations

import ast
import hashlib

from autograder.definitions import Definitions, Statement

from .runner import HiddenTestError, test_file


def points_of(statement: ast.stmt) -> tuple[str, float] | None:
    """The grade_id and the value in a test's `@points(grade_id, value)`; None for a statement without."""
    for decorator in statement.decorator_list if isinstance(statement, ast.FunctionDef) else []:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "points":
            grade_id, value = (ast.literal_eval(argument) for argument in decorator.args)
            return grade_id, float(value)
    return None


def digests(stage: str) -> dict[str, str]:
    """A hash per exercise (grade_id) of its hidden tests and of what they use of their module, comments left out.

    What no test uses may still have an effect, so it belongs to all of them. Raises HiddenTestError where the stage has
    no tests, or none that can be read.
    """
    path = test_file(stage)
    module = Definitions([path.read_text(encoding="utf-8")])
    needed: dict[str, dict[int, Statement]] = {}
    for statement in module.statements:
        if (points := points_of(statement.node)) is not None:
            fixtures = [node.arg for node in ast.walk(statement.node) if isinstance(node, ast.arg)]
            used = module.needed(*statement.names, *fixtures)
            needed.setdefault(points[0], {}).update((id(each), each) for each in used)
    if not needed:
        raise HiddenTestError(f"{path} holds no test with @points(grade_id, value).")
    somewhere = set().union(*needed.values())
    everywhere = {id(statement): statement for statement in module.statements if id(statement) not in somewhere}
    return {grade_id: _digest(everywhere | used) for grade_id, used in needed.items()}


def _digest(statements: dict[int, Statement]) -> str:
    sources = sorted(ast.unparse(statement.node) for statement in statements.values())
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()
