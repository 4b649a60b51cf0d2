"""What the public checks try: inputs in words and in values. The answers come from the bank.

A stage's are in its `public_checks.py`, as `EXERCISES`. It stays on this side: students get the values, not the code
that made them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder.course import Stage
from coursekit.cases import Part

__all__ = ["Part", "PublicCase", "PublicExercise", "public_exercises"]


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


def public_exercises(stage: Stage) -> dict[str, PublicExercise]:
    """The public checks of a stage by exercise; none where it has no public_checks.py."""
    return dict(getattr(stage.module("public_checks"), "EXERCISES", {}))
