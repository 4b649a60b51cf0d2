"""What a check does with values of any kind: it copies, compares and counts them, and seeds what draws them.

torch and numpy are never imported here: a value can be theirs only where something has imported them already.
"""

from __future__ import annotations

import copy
import math
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LARGEST = 1_000_000
"""Numbers in an array that is compared; no public case has as many."""


def is_tensor(value: Any) -> bool:
    """Whether it is a tensor of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Whether it is an array of numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_number(value: Any) -> bool:
    """Whether it is one real number: Python's own, one of numpy's, or a tensor without dimensions."""
    if is_tensor(value):
        return value.ndim == 0 and not value.is_complex() and str(value.dtype) != "torch.bool"
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (hasattr(value, "dtype") and getattr(value, "shape", None) == ())


def as_float(value: Any) -> float:
    """A number of any kind as Python's."""
    return float(value.detach() if is_tensor(value) else value)


def in_float64(value: Any) -> Any:
    """The numbers of a tensor, an array or a list as an array of numpy."""
    import numpy

    if is_tensor(value):
        value = value.detach().cpu().double()
    elif isinstance(value, list | tuple):
        value = [in_float64(item) if is_tensor(item) else item for item in value]
    return numpy.asarray(value, dtype=numpy.float64)


def copied(value: Any) -> Any:
    """A copy that shares nothing with the value."""
    return value.clone() if is_tensor(value) else copy.deepcopy(value)


def detached(value: Any) -> Any:
    """The value without what would be needed for a gradient; lists become tuples."""
    if is_tensor(value):
        return value.detach()
    if isinstance(value, list | tuple):
        return tuple(map(detached, value))
    return dict(zip(value, map(detached, value.values()), strict=True)) if isinstance(value, dict) else value


def unchanged(value: Any, original: Any) -> bool:
    """Whether a copy is still what it was copied from, to the last bit; of objects nothing is said."""
    if not (is_tensor(original) or is_array(original) or isinstance(original, list | dict)):
        return True
    return alike(value, original, rtol=0.0, atol=0.0, largest=math.inf)


def alike(value: Any, known: Any, *, rtol: float, atol: float, largest: float = LARGEST) -> bool:
    """Whether two values are the same, within tolerances for numbers. nan is like nan; a list may be a tuple.

    largest   numbers in an array that are compared; a larger one is like no other
    """
    try:
        return _alike(value, known, rtol, atol, largest)
    except Exception:  # a value whose own operators raise is like none
        return False


def _alike(value: Any, known: Any, rtol: float, atol: float, largest: float) -> bool:
    if isinstance(known, dict):
        return (
            isinstance(value, dict)
            and value.keys() == known.keys()
            and all(_alike(value[key], known[key], rtol, atol, largest) for key in known)
        )
    if isinstance(known, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(known)
            and all(_alike(item, other, rtol, atol, largest) for item, other in zip(value, known, strict=True))
        )
    if is_tensor(known) or is_array(known):
        return (
            is_tensor(value) == is_tensor(known)
            and is_array(value) == is_array(known)
            and value.shape == known.shape
            and value.dtype == known.dtype
            and math.prod(value.shape) <= largest
            and _close_arrays(value, known, rtol, atol)
        )
    if is_number(known):
        return is_number(value) and _close_numbers(as_float(value), as_float(known), rtol, atol)
    return bool(type(value) is type(known) and value == known)


def _close_numbers(value: float, known: float, rtol: float, atol: float) -> bool:
    if math.isnan(known):
        return math.isnan(value)
    # One infinity is as far from the other as from any number, and not far from itself.
    return value == known or (math.isfinite(known) and abs(value - known) <= atol + rtol * abs(known))


def _close_arrays(value: Any, known: Any, rtol: float, atol: float) -> bool:
    import numpy

    if is_array(known) and known.dtype.kind not in "biufc":
        return bool((value == known).all())
    return numpy.allclose(in_float64(value), in_float64(known), rtol=rtol, atol=atol, equal_nan=True)


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Seed what draws random numbers, and put its state back: a check neither flickers nor shifts the notebook.

    That is Python, and torch's generator on the CPU and numpy's own where these are imported.
    """
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy.random")
    python_state = random.getstate()
    torch_state = torch.get_rng_state() if torch else None
    numpy_state = numpy.get_state() if numpy else None
    random.seed(seed)
    if torch:
        torch.default_generator.manual_seed(seed)
    if numpy:
        numpy.seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        if torch:
            torch.set_rng_state(torch_state)
        if numpy:
            numpy.set_state(numpy_state)
