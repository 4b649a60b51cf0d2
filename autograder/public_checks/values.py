"""What a check does with values, by the codecs of its course: copies, comparison, numbers, random numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..codecs import Codecs, Tolerance

LARGEST = 1_000_000
"""Numbers in an array that is compared; no public case has as many."""
EXACTLY = Tolerance(0.0, 0.0)


def copied(value: Any, codecs: Codecs) -> Any:
    """A copy that shares nothing with the value but the way of a gradient, which a property may look for."""
    return value.clone() if hasattr(value, "requires_grad") else codecs.copy(value)


def detached(value: Any, codecs: Codecs) -> Any:
    """The value without what would be needed for a gradient."""
    if codecs.of(value) is not None and hasattr(value, "detach"):
        return value.detach()
    if isinstance(value, list | tuple):
        parts = [detached(item, codecs) for item in value]
        return parts if isinstance(value, list) else tuple(parts)
    if isinstance(value, dict):
        return {key: detached(item, codecs) for key, item in value.items()}
    return value


def number(value: Any, codecs: Codecs) -> int | float | None:
    """The real number that a value without axes is; None for all others, and for truth values."""
    return codecs.number(value) if tuple(getattr(value, "shape", ())) == () else None


def in_float64(value: Any) -> Any:
    """The numbers of a tensor, an array, a table or a list as an array of numpy. Raises TypeError, ValueError."""
    import numpy

    if isinstance(value, list | tuple):
        return numpy.asarray([in_float64(item) for item in value], dtype=numpy.float64)
    if hasattr(value, "detach"):  # a tensor, wherever it is
        value = value.detach().cpu().double()
    return numpy.asarray(value, dtype=numpy.float64)


def unchanged(value: Any, original: Any, codecs: Codecs) -> bool:
    """Whether a copy is still what it was copied from, to the last bit; of objects nothing is said."""
    if codecs.of(original) is None and not isinstance(original, list | dict):
        return True
    return codecs.same(value, original, EXACTLY)


def alike(value: Any, known: Any, codecs: Codecs, tolerance: Tolerance) -> bool:
    """Whether two values are the same, within a tolerance for numbers; a list may stand for a tuple."""
    try:
        return _numbers_in(value) <= LARGEST and codecs.same(value, known, tolerance, any_kind=True)
    except Exception:  # a value whose own operators raise is like none
        return False


def _numbers_in(value: Any) -> int:
    """How many numbers the largest array in a value has."""
    if isinstance(value, list | tuple):
        return max(map(_numbers_in, value), default=0)
    if isinstance(value, dict):
        return max(map(_numbers_in, value.values()), default=0)
    return math.prod(getattr(value, "shape", ()))


@contextmanager
def own_randomness(codecs: Codecs, seed: int) -> Iterator[None]:
    """Seed what draws random numbers, and put its state back: a check neither flickers nor shifts the notebook."""
    state = codecs.state()
    codecs.seed(seed)
    try:
        yield
    finally:
        codecs.restore(state)
