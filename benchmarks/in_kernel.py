"""Turns the hidden tests into grade cells that run in the student's kernel, as a stock nbgrader course has them.

The tests' text stays as it is. Only their imports from `autograder` are replaced, by `kernel_side.py`, and the
modules of the course that they use stand before them.
"""

from __future__ import annotations

import ast
from pathlib import Path

from autograder.hidden_tests.source import points_of

HERE = Path(__file__).parent
FUTURE = "from __future__ import annotations\n"


def grade_cells(hidden_tests: Path) -> dict[str, str]:
    """Source of each grade cell by grade_id. The first also holds what all tests share, so cells must run in order.

    hidden_tests  a stage's, solutions/NN_name/hidden_tests.py; of the course they use reading.py and recording.py
    """
    course = hidden_tests.parents[1]
    shared, tests = _parts(hidden_tests.read_text(encoding="utf-8"))
    shared = _parts((course / "reading.py").read_text(encoding="utf-8"))[0] + shared
    everything = [(HERE / "kernel_side.py").read_text(encoding="utf-8")]
    everything.append((course / "recording.py").read_text(encoding="utf-8"))
    together = FUTURE + "\n".join(text.replace(FUTURE, "") for text in (*everything, shared))
    cells = {}
    for number, (grade_id, sources) in enumerate(tests.items()):
        lines = [f"_stock = {{}}\nexec({together!r}, _stock)"] if number == 0 else []
        lines.append(f"exec({FUTURE + ''.join(sources)!r}, _stock)")
        lines.append(f"_stock['score']({grade_id!r}, globals(), _stock)")
        cells[grade_id] = "\n".join(lines)
    return cells


def _parts(text: str) -> tuple[str, dict[str, list[str]]]:
    """What the tests share, and the tests by grade_id, in the order of the module."""
    lines = text.splitlines(keepends=True)
    shared: list[str] = []
    tests: dict[str, list[str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("autograder", "solutions")):
            continue
        points = points_of(node)
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        source = "".join(lines[first - 1 : node.end_lineno])
        (shared if points is None else tests.setdefault(points[0], [])).append(source)
    return "".join(shared), tests
