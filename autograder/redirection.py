"""What to tell the instructor of an exercise that is done by hand: what it asked for in vain, and what cannot be read.

No score depends on it: what is ready-made is not there while such an exercise is tested, see `autograder.allowed`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from autograder.allowed import BY_HAND
from autograder.definitions import Definitions
from autograder.hidden_tests.runner import TestResult

# Ways to code that the source does not show: text copied from a library, or native code, would come in by them.
_UNSEEN = frozenset(
    {
        *("eval", "exec", "compile", "marshal", "pickle", "dill", "cloudpickle", "CodeType", "FunctionType", "runpy"),
        *("ctypes", "cffi", "CDLL", "cpp_extension", "load_inline"),
    }
)


def notes_on(
    stage: str, sources: Sequence[str], results: Sequence[TestResult], refused: Mapping[str, Sequence[str]]
) -> list[str]:
    """Sentences for the instructor.

    sources   of the notebook's code cells
    results   of the hidden tests
    refused   exercise → ready-made parts that it asked for and may not use
    """
    notes = [
        f"{exercise} calls {', '.join(parts[:3])}, which was refused: it is to be built by hand."
        for exercise, parts in refused.items()
    ]
    notebook = Definitions(sources)
    for exercise in BY_HAND.get(stage, {}):
        if not any(result.earned for result in results if result.grade_id == exercise):
            continue
        needed = notebook.needed(exercise)
        unseen = dict.fromkeys(name for statement in needed for name in _names(statement.node) if name in _UNSEEN)
        if unseen or not needed:
            why = f"reaches for {', '.join(unseen)}" if unseen else "is defined in a cell that cannot be read"
            notes.append(
                f"{exercise} {why}; whether it is built by hand cannot be read from its source. Please look at it."
            )
    return notes


def _names(statement: ast.stmt) -> list[str]:
    """Names that a statement uses or imports, also after a dot, but for methods of an object: model.eval() is none."""
    found = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and node.attr not in ("eval", "compile"):
            found.append(node.attr)
        elif isinstance(node, ast.Import):
            found += [part for alias in node.names for part in alias.name.split(".")]
        elif isinstance(node, ast.ImportFrom):
            found += [*(node.module or "").split("."), *(alias.name for alias in node.names)]
    return found
