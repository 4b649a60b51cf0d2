"""Public checks of what has no single right answer: dropout, tokens of the student's own choice, memory.

A property calls the student's function through `call`, which puts other arguments in place of the case's by name,
and returns the faults that it found. Random shares get a tolerance of five standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from coursekit.attempts import Call


@dataclass(frozen=True)
class Fault:
    """A broken property: its name, and a sentence that says what was seen and what was expected."""

    name: str
    sentence: str


def dropout(call: Call) -> list[Fault]:
    """At rate 0 nothing is random; at rate p a share p of the weights is 0, the rest grows, and the values follow."""
    undropped = _two_tensors(call(attn_drop_rate=0.0))
    again = _two_tensors(call(attn_drop_rate=0.0))
    rate = 0.3
    dropped = _two_tensors(call(attn_drop_rate=rate))
    if undropped is None or again is None or dropped is None:
        return [Fault("shapes", "The function does not yet return two tensors: the values and the attention weights.")]
    if undropped[0].shape != again[0].shape or not all(
        torch.allclose(first, second, equal_nan=True) for first, second in zip(undropped, again, strict=True)
    ):
        return [Fault("rate 0", "Two calls with rate 0 gave different results. At rate 0 nothing may be dropped.")]

    before, (values, after) = undropped[1], dropped
    if before.shape != after.shape:
        return [Fault("shapes", "The shape of the attention weights changes with the dropout rate.")]
    faults = []
    share = (after == 0).double().mean().item()
    if abs(share - rate) > 5 * math.sqrt(rate * (1 - rate) / after.numel()):
        faults.append(
            Fault(
                f"share {share:.1f}",
                f"Of {after.numel():,} attention weights {share:.0%} were dropped, expected about {rate:.0%}.",
            )
        )
    kept = after != 0
    if kept.any() and not torch.allclose(after[kept] * (1 - rate), before[kept], rtol=1e-3, atol=1e-6):
        growth = (after[kept].sum() / before[kept].sum()).item()
        faults.append(
            Fault(
                "growth",
                f"Weights that were kept became {growth:.2f} times as large; expected {1 / (1 - rate):.2f} times, "
                "so that their sum stays the same on average.",
            )
        )
    contents = call.arguments["v"]
    if values.shape != contents.shape or not torch.allclose(torch.matmul(after, contents), values, rtol=1e-3, atol=1e-5):
        faults.append(
            Fault("values", "With dropout, the values are not the mean of v under the attention weights you return.")
        )
    return faults


def mean_of_two(call: Call) -> list[Fault]:
    """Three tokens; attention with itself turns the first into the mean of the other two."""
    x = call()
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[0] != 3 or x.shape[1] < 2:
        seen = f"a tensor of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"
        return [Fault("shape", f"Expected a tensor of shape (3, d) with d of 2 or more; your function returned {seen}.")]
    if not torch.is_floating_point(x):
        return [Fault("dtype", f"The tokens are of dtype {x.dtype}, expected floating-point numbers.")]
    if not torch.isfinite(x).all():
        return [Fault("finite", "The tokens hold NaN or infinity.")]
    x = x.detach().double().cpu()
    output = F.scaled_dot_product_attention(x[None], x[None], x[None], scale=1.0)[0, 0]
    mean = (x[1] + x[2]) / 2
    size = x.norm(dim=1).max().item()
    if not size:
        return [Fault("zero", "All tokens are zero.")]
    faults = []
    if (output - mean).norm().item() > 0.01 * size:
        faults.append(
            Fault(
                "mean",
                "The first output is not yet the mean of the second and the third token: it is "
                f"{(output - mean).norm().item() / size:.0%} of the longest token away from it.",
            )
        )
    if (x[0] - mean).norm().item() < 0.1 * size:
        faults.append(Fault("copy", "The first token already is the mean of the other two. Choose a different one."))
    return faults


class _LargestTensor(TorchFunctionMode):
    """Notes the largest tensor that any torch call returns while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.shape: tuple[int, ...] = ()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor) and result.numel() > math.prod(self.shape):
            self.shape = tuple(result.shape)
        return result


def linear_memory(call: Call) -> list[Fault]:
    """On a long sequence no tensor grows with the square of its length."""
    with _LargestTensor() as largest:
        call()
    length = call.arguments["q"].shape[-2]
    if math.prod(largest.shape) >= length * length:
        return [
            Fault("square", f"On {length} tokens your function builds a tensor of shape {largest.shape}: T × T again.")
        ]
    return []


def _two_tensors(result: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """The values and the attention, if the function returned two tensors of numbers."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        return None
    if not all(isinstance(part, torch.Tensor) and torch.is_floating_point(part) for part in result):
        return None
    return result[0].detach().cpu(), result[1].detach().cpu()


PROPERTIES: dict[str, Callable[[Call], list[Fault]]] = {
    "dropout": dropout,
    "mean_of_two": mean_of_two,
    "linear_memory": linear_memory,
}
