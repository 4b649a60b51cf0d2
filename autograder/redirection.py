"""What to tell the instructor of an exercise that is done by hand: what it asked for in vain, and what cannot be read.

No score depends on it: what is ready-made is not there while such an exercise is tested, see `autograder.allowed`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from autograder.allowed import by_hand, parts_for
from autograder.course import Stage
from autograder.definitions import Definitions
from autograder.hidden_tests.runner import TestResult
from autograder.sandbox import Parts
from autograder.sandbox.cut import hidden_libraries

# Ways to code that the source does not show: text copied from a library, or native code, would come in by them.
_UNSEEN = frozenset(
    {
        *("eval", "exec", "compile", "marshal", "pickle", "dill", "cloudpickle", "CodeType", "FunctionType", "runpy"),
        *("ctypes", "cffi", "CDLL", "cpp_extension", "load_inline"),
    }
)


def notes_on(
    stage: Stage,
    sources: Sequence[str],
    results: Sequence[TestResult],
    refused: Mapping[str, Sequence[str]],
    all_there: bool = False,
) -> list[str]:
    """Sentences for the instructor.

    sources     of the notebook's code cells
    results     of the hidden tests
    refused     exercise → ready-made parts that it asked for and may not use
    all_there   nothing was taken away, for want of a sandbox: what the answers name is all there is to see
    """
    notes = [
        f"{exercise} calls {', '.join(parts[:3])}, which was refused: it is to be built by hand."
        for exercise, parts in refused.items()
    ]
    notebook = Definitions(sources)
    for exercise in by_hand(stage):
        if not any(result.earned for result in results if result.grade_id == exercise):
            continue
        needed = notebook.needed(exercise)
        names = dict.fromkeys(name for statement in needed for name in _names(statement.node))
        parts = parts_for(stage, exercise)
        if named := [name for name in names if all_there and _is_ready_made(name, stage, parts)]:
            notes.append(
                f"{exercise} names {', '.join(named)}. It is to be built by hand, and without a sandbox nothing that "
                "is ready-made was taken away. Please look at it."
            )
        unseen = [name for name in names if name in _UNSEEN]
        if unseen or not needed:
            why = f"reaches for {', '.join(unseen)}" if unseen else "is defined in a cell that cannot be read"
            notes.append(
                f"{exercise} {why}; whether it is built by hand cannot be read from its source. Please look at it."
            )
    return notes


def _is_ready_made(name: str, stage: Stage, parts: Parts) -> bool:
    """Whether a name is that of a library, of a name of the course's own, or of a part of torch's that is not there."""
    settings = stage.course.settings
    own = (full.rpartition(".")[2] for full in (*settings.ready_made.absent, *settings.stand_ins))
    if name in own or name in hidden_libraries(frozenset(settings.ready_made.libraries), frozenset({settings.package})):
        return True
    return not settings.ready_made.is_in(parts, name) and _is_torchs(name)


def _is_torchs(name: str) -> bool:
    import torch  # a course without torch has no families of it

    return any(callable(getattr(place, name, None)) for place in (torch, torch.nn, torch.nn.functional))


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
