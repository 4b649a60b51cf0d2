"""Properties of stage 03, of what has no single right answer: dropout, tokens of the student's own choice, memory.

Random shares get a tolerance of five standard deviations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from coursekit.checks import Call, Fault


def dropout(call: Call) -> list[Fault]:
    """At rate 0 nothing is dropped; at rate p a share p of the weights, each by itself, and the others grow.

    The weights that count are read off the values: where v is the identity, the values are the weights. The attention
    that comes back should be the same.
    """
    rate = 0.3
    v = call.arguments["v"]
    seq = v.shape[-2]
    unit = torch.eye(seq).expand(*v.shape[:-2], seq, seq)
    contents = torch.cat([unit, v], dim=-1)
    results = [_two_tensors(call(v=contents, attn_drop_rate=p)) for p in (0.0, 0.0, rate, rate)]
    if any(result is None or result[0].shape != contents.shape or result[1].shape != unit.shape for result in results):
        return [Fault("shapes", "The function does not yet return values and attention of the right shapes.")]
    (plain, before), (again, _), (values, after), (other, _) = (result for result in results if result is not None)
    weights, mixed = values[..., :seq], values[..., seq:]

    faults = []
    zero_share = float((plain[..., :seq] == 0).double().mean())
    if zero_share or not torch.equal(plain, again):
        faults.append(Fault(f"rate 0 drops {zero_share:.1f}", f"At rate 0, {zero_share:.0%} of the weights are 0."))
    dropped = weights == 0
    faults += _drop_pattern(dropped, rate)
    if dropped.any() and torch.equal(dropped, other[..., :seq] == 0):
        faults.append(
            Fault("same", "Two calls dropped exactly the same weights. Each call should throw the dice anew.")
        )
    if not zero_share:
        faults += _growth(weights[~dropped] / before[~dropped], 1 / (1 - rate))
    if not _near(torch.matmul(weights, v), mixed):
        faults.append(Fault("values", "With dropout, the values are no longer a weighted sum of v: what is dropped?"))
    if not _near(after, weights):
        kind = "before dropout" if _near(after, before) else "other"
        faults.append(
            Fault(
                f"returned {kind}", "With dropout, the attention that you return is not the one that made the values."
            )
        )
    return faults


def _growth(growth: torch.Tensor, expected: float) -> list[Fault]:
    """By which factor the weights grew that were kept; it should be the same for all."""
    mean = growth.mean().item()
    even = torch.allclose(growth, growth.mean(), rtol=1e-3)
    if even and math.isclose(mean, expected, rel_tol=1e-3):
        return []
    some = "" if even else " on average, some more than others"
    return [
        Fault(
            f"growth {mean:.1f}" if even else "growth uneven",
            f"Weights that were kept became {mean:.2f} times as large{some}; expected {expected:.2f} times, all of "
            "them, so that their sum stays the same on average.",
        )
    ]


def _drop_pattern(dropped: torch.Tensor, rate: float) -> list[Fault]:
    """Which share of the weights was dropped, and whether each fell by itself; dropped is (batch, heads, T, T)."""
    columns, rows = dropped.all(dim=2), dropped.all(dim=3)  # (batch, heads, T) each
    for name, whole in (("heads", columns.all(dim=-1)), ("columns", columns), ("rows", rows)):
        # At rate 0.7, the rate taken for the share to keep, a column of 30 is empty by chance once in 40,000.
        if 0.05 < whole.double().mean().item() < 1:
            return [Fault(f"whole {name}", f"Whole {name} of the attention were dropped, not single weights.")]
    share = dropped.double().mean().item()
    if abs(share - rate) > 5 * math.sqrt((rate - rate**2) / dropped.numel()):
        sentence = (
            f"At rate {rate}, {share:.0%} of {dropped.numel():,} weights were dropped; expected about {rate:.0%}."
        )
        return [Fault(f"share {share:.1f}", sentence)]
    return []


def _near(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-3, atol=1e-5)


def gradients(call: Call) -> list[Fault]:
    """A gradient reaches every input that is a tensor of real numbers."""
    inputs = {
        name: value.clone().requires_grad_()
        for name, value in call.arguments.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    result = call(**inputs)
    values = result[0] if isinstance(result, list | tuple) else result
    if not isinstance(values, torch.Tensor) or values.numel() > 100_000:
        return [Fault("shapes", "The function does not yet return tensors of the right shapes.")]
    if values.requires_grad:
        values.square().sum().backward()
    missing = [name for name, value in inputs.items() if value.grad is None]
    if not missing:
        return []
    return [Fault(f"no gradient to {name}", f"No gradient reaches {', '.join(missing)}.") for name in missing]


def mean_of_two(call: Call) -> list[Fault]:
    """Three tokens; attention with itself turns the first into the mean of the other two."""
    x = call()
    if not isinstance(x, torch.Tensor) or x.ndim != 2 or x.shape[0] != 3 or x.shape[1] < 2:
        seen = f"a tensor of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else f"a {type(x).__name__}"
        return [
            Fault("shape", f"Expected a tensor of shape (3, d) with d of 2 or more; your function returned {seen}.")
        ]
    if not torch.is_floating_point(x):
        return [Fault("dtype", f"The tokens are of dtype {x.dtype}, expected floating-point numbers.")]
    if not torch.isfinite(x).all():
        return [Fault("finite", "The tokens hold NaN or infinity.")]
    x = x.detach().double().cpu()
    mean = (x[1] + x[2]) / 2
    size = x.norm(dim=1).max().item()
    if not size:
        return [Fault("zero", "All tokens are zero.")]
    weights = F.scaled_dot_product_attention(x[None], x[None], torch.eye(3).double()[None], scale=1.0)[0, 0]
    away = (weights @ x - mean).norm().item() / size
    faults = []
    if away > 0.01:
        shown = ", ".join(f"{weight:.2f}" for weight in weights.tolist())
        faults.append(
            Fault(
                f"mean {[round(weight, 1) for weight in weights.tolist()]}",
                f"The first token attends to the three tokens with weights {shown}; expected 0.00, 0.50, 0.50.",
            )
        )
    if torch.dist(x[0], mean).item() < 0.1 * size:
        faults.append(Fault("copy", "The first token already is the mean of the other two. Choose a different one."))
    if torch.dist(x[1], x[2]).item() < 0.1 * size:
        faults.append(Fault("twins", "The second and the third token are (almost) the same. Choose different ones."))
    return faults


def fresh_samples(call: Call) -> list[Fault]:
    """Each call draws anew, and as many as n says: with few samples the variances of many calls scatter widely."""
    d_k, n, calls = call.arguments["d_k"], call.arguments["n"], 60
    drawn = torch.tensor([float(call()) for _ in range(calls)], dtype=torch.float64)
    if (drawn == drawn[0]).all():
        return [Fault("same", f"{calls} calls gave exactly the same variance. Is anything drawn at random?")]
    scatter = drawn.std().item()
    expected = d_k * math.sqrt((6 / d_k + 2) / n)
    # The scatter of 60 nearly normal numbers is known to 9%, so a factor of 2 is beyond five standard deviations.
    if not expected / 2 < scatter < expected * 2:
        sentence = (
            f"With n = {n} the variances of {calls} calls scatter by {scatter:.2f}; expected about {expected:.2f}."
        )
        return [Fault(f"scatter 2^{round(math.log2(scatter / expected))}", sentence)]
    return []


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
    if not isinstance(result, list | tuple) or len(result) != 2:
        return None
    if not all(isinstance(part, torch.Tensor) and torch.is_floating_point(part) for part in result):
        return None
    return result[0].detach().cpu(), result[1].detach().cpu()


PROPERTIES: dict[str, Callable[[Call], list[Fault]]] = {
    "dropout": dropout,
    "fresh_samples": fresh_samples,
    "gradients": gradients,
    "mean_of_two": mean_of_two,
    "linear_memory": linear_memory,
}
