"""What an author writes in `public_checks.py`: cases, by exercise, as `EXERCISES`. The answers come from the bank.

It stays on the author's side: students get the values, not the code that made them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .cases import Part


@dataclass(frozen=True)
class PublicCase:
    """One call of the student's function.

    tried      the inputs in words, read after "Tried: "
    arguments  name → value, in the order of the signature
    answer     the right answer, one value per part, where the reference's own would be random; else None
    property   name of a property in the stage's probes.py that is checked instead of the answer
    probe      name of a probe there that gives the values to compare, for a class or where inputs are objects;
               None: the function's own result
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
    """The public check of one exercise; see `cases.Exercise`."""

    number: str
    beyond: str
    parts: tuple[Part, ...]
    hints: tuple[str, ...]
    cases: tuple[PublicCase, ...]
