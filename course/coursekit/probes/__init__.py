"""What a public check does with a class, or with a function whose inputs are objects.

A probe works with the student's answer on the inputs of a case, `probe(answer, **arguments)`, and returns plain values,
one per part of the case: shapes, numbers, what changed. It holds no expected value; those are stored, as for any case.
One module per stage, built from its folder, with `PROBES` by name.
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
