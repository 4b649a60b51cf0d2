"""What to tell the instructor of an exercise that is done by hand: what it asked for in vain, and what cannot be read.

No score depends on it: what is ready-made is not there while such an exercise is tested, see `autograder.allowed`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from autograder.allowed import BY_HAND, parts_for
from autograder.definitions import Definitions
from autograder.hidden_tests.runner import TestResult
from autograder.sandbox import Parts

# Ways to code that the source does not show: text copied from a library, or native code, would come in by them.
_UNSEEN = frozenset(
    {
        *("eval", "exec", "compile", "marshal", "pickle", "dill", "cloudpickle", "CodeType", "FunctionType", "runpy"),
        *("ctypes", "cffi", "CDLL", "cpp_extension", "load_inline"),
    }
)

_LIBRARIES = frozenset({"transformers", "tokenizers", "load_tokenizer", "stand_ins"})


def notes_on(
    stage: str,
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
    for exercise in BY_HAND.get(stage, {}):
        if not any(result.earned for result in results if result.grade_id == exercise):
            continue
        needed = notebook.needed(exercise)
        names = dict.fromkeys(name for statement in needed for name in _names(statement.node))
        parts = parts_for(stage, exercise)
        if named := [name for name in names if all_there and (name in _LIBRARIES or _is_torchs(name, parts))]:
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


def _is_torchs(name: str, parts: Parts) -> bool:
    """Whether torch has a function or a class of this name that is none of these parts."""
    return not parts.has(name) and any(callable(getattr(place, name, None)) for place in (torch, nn, F))


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
