"""What the public checks try, per stage: inputs in words and in tensors. The answers come from the bank.

One module per stage, with `EXERCISES`. It stays on this side: students get the tensors, not the code that made them.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

import torch

from coursekit.cases import Part

__all__ = ["Part", "PublicCase", "PublicExercise", "public_exercises", "tensor"]


@dataclass(frozen=True)
class PublicCase:
    """One call of the student's function.

    tried      the inputs in words, read after "Tried: "
    arguments  name → value, in the order of the signature
    answer     the right answer, one value per part, where the reference's own would be random; else None
    property   name of a property in `coursekit.properties` that is checked instead of the answer
    probe      name of a probe in `coursekit.probes` that gives the values to compare, for a class or where inputs are
               objects; None: the function's own result
    """

    tried: str
    arguments: dict[str, Any]
    rtol: float = 1e-4
    atol: float = 1e-5
    answer: tuple[Any, ...] | None = None
    property: str | None = None
    probe: str | None = None


@dataclass(frozen=True)
class PublicExercise:
    """The public check of one exercise; see `coursekit.cases.Exercise`."""

    number: str
    beyond: str
    parts: tuple[Part, ...]
    hints: tuple[str, ...]
    cases: tuple[PublicCase, ...]


def public_exercises(stage: str) -> dict[str, PublicExercise]:
    """Return the public checks of a stage, "03_scaled_dot_product_attention"; none if it has no module here."""
    module = f"{__name__}.stage_{stage.split('_')[0]}"
    if importlib.util.find_spec(module) is None:
        return {}
    return dict(importlib.import_module(module).EXERCISES)


def tensor(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Make normal numbers with two decimals, the same on every machine."""
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (drawn * 100).round().div(100).to(dtype)
