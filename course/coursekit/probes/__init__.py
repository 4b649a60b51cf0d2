"""What a public check does with a class, or with a function whose inputs are objects.

A probe works with the student's answer on the inputs of a case, `probe(answer, **arguments)`, and returns plain values,
one per part of the case: shapes, numbers, what changed. It holds no expected value; those are stored, as for any case.
One module per stage, with `PROBES` by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

Probe = Callable[..., tuple[Any, ...]]


@cache
def probes() -> dict[str, Probe]:
    """All probes of all stages by name."""
    found: dict[str, Probe] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        found |= importlib.import_module(module.name).PROBES
    return found


def figures_of(history: Any) -> Any:
    """The four figures of each epoch, in the order of the statement; what else a history holds is its author's."""
    if not isinstance(history, list) or not all(isinstance(epoch, dict) for epoch in history):
        return history
    named = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    return [{name: epoch[name] for name in named if name in epoch} for epoch in history]
