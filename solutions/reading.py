"""What hidden tests draw, and how they read what comes back from a student's process, which may be anything."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from autograder.hidden_tests import Told, expect
from autograder.remote import CallRaised, Submission


def draw(rng: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=rng, dtype=torch.float64)


def padding(rng: torch.Generator, batch: int, seq: int) -> Tensor:
    """A mask with 1, 2, 3, … padded tokens in the first, second, third … review, anywhere in it."""
    mask = torch.zeros(batch, seq, dtype=torch.int64)
    for i in range(batch):
        mask[i, torch.randperm(seq, generator=rng)[: i + 1]] = 1
    return mask


def in_float64(submission: Submission, name: str, *args: Any) -> Any:
    """What a function returns for float64 tensors. Raises Told where it can do with float32 alone."""
    try:
        return submission.as_given(name, *args)
    except CallRaised as error:
        getattr(submission, name)(*args)  # what fails with float32 too has other reasons, and raises here
        raise Told(
            f"{error}. For float32 the same call works: some step sets its own dtype. torch.empty and torch.zeros do, "
            "unless they are told the dtype of the input."
        ) from None


def expect_float64(value: Tensor, what: str) -> None:
    """Expect the dtype that went in."""
    expect(
        value.dtype == torch.float64,
        f"{what} came back as {str(value.dtype).removeprefix('torch.')} though float64 went in: some step sets its own "
        "precision.",
    )


def rounding(submission: Submission) -> float:
    """How far apart, relative to their size, equal results may come out: 0 but for calls answered in float32.

    A sum of n numbers is off by n·2⁻²⁴ of their size at most; no number of these small models has 128 behind it.
    """
    return 128 * 2**-24 if submission.in_single is True else 0.0


def same_as_before(before: Tensor, now: Any) -> bool:
    """Whether an input is as it was when it went in, in float32 where the call was made again with that."""
    given = [before, before.float()] if before.dtype == torch.float64 else [before]
    return isinstance(now, Tensor) and any(now.dtype == one.dtype and now.equal(one) for one in given)


def named(value: Any) -> str:
    """What a value is, for a sentence."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        kind = "tensors" if value and all(isinstance(item, Tensor) for item in value) else "values"
        return f"a {type(value).__name__} of {len(value)} {kind}"
    return "nothing (None)" if value is None else f"a value of type {getattr(value, 'type_name', type(value).__name__)}"


def tensor(value: Any, shape: Sequence[int], what: str) -> Tensor:
    """A tensor of that shape, as float64."""
    fits = isinstance(value, Tensor) and tuple(value.shape) == tuple(shape)
    expect(fits, f"{what} should be a tensor of shape {tuple(shape)}, but it is {named(value)}.")
    result: Tensor = value.detach()
    expect(not result.is_complex(), f"{what} should hold real numbers, but it holds complex ones.")
    result = result.to(torch.float64)
    expect(result.isfinite().all(), f"{what} should hold finite numbers only, but some are nan or infinite.")
    return result


def number(value: Any, what: str) -> float:
    """A float from a number or from a tensor with one element."""
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
        value = value.detach().item()
    real = isinstance(value, Real) and not isinstance(value, bool)
    expect(real, f"{what} should be one number, but it is {named(value)}.")
    # False for nan too; a whole number may be too large for a float
    expect(abs(value) < 1e300, f"{what} should be a finite number, but it is nan, infinite or beyond all size.")
    return float(value)


def numbers(value: Any, count: int, what: str) -> list[float]:
    """So many floats from a tuple, a list or a tensor."""
    if isinstance(value, Tensor) and value.shape == (count,):
        value = list(value.detach())
    fits = isinstance(value, tuple | list) and len(value) == count
    expect(fits, f"{what} should be {count} numbers, but came back as {named(value)}.")
    return [number(item, f"Number {i + 1} of {what}") for i, item in enumerate(value)]


def recorded(seen: Any, **kinds: type) -> dict[str, Any]:
    """What a scenario recorded. It comes from the student's process, so its parts are looked at like any answer."""
    whole = isinstance(seen, dict) and all(type(seen.get(key)) is kind for key, kind in kinds.items())
    expect(whole, "What was recorded of this call did not come back whole.")
    found: dict[str, Any] = seen
    return found


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference, relative to the largest entry of `other` where that is above 1."""
    return ((one - other).abs().max() / other.abs().max().clamp(min=1.0)).item()
