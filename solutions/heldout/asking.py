"""How a trained model is asked: in batches of sizes and orders that nobody foresees, and about some reviews twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

TWICE = 0.05
"""Share of the reviews that is asked about a second time."""


@dataclass(frozen=True)
class Measured:
    """What a model's answers are worth.

    accuracy      share of the reviews that it was right about, each time it was asked
    reviews       how many there were
    twice         how many of them it was asked about twice
    contradicted  how many of these got the other answer the second time
    constant      whether every review got the same logit
    """

    accuracy: float
    reviews: int
    twice: int
    contradicted: int
    constant: bool


def batches(lengths: Sequence[int], size: int, rng: torch.Generator) -> tuple[list[list[int]], list[int]]:
    """Numbers of the reviews of each batch, and those that come a second time.

    size   reviews per batch, at most; a batch has at least a third as many, unless it is the last

    Reviews of like lengths share a batch; the second time a review stands among others, and is padded otherwise.
    Batches come in random order, and the reviews of a batch too.
    """
    count = len(lengths)
    again = torch.randperm(count, generator=rng)[: round(TWICE * count)].tolist()
    order = sorted(torch.randperm(count, generator=rng).tolist(), key=lengths.__getitem__)
    made: list[list[int]] = []
    for some in (order, again):
        start = 0
        while start < len(some):
            end = start + int(torch.randint(max(size // 3, 1), size + 1, (), generator=rng))
            made.append([some[start:end][i] for i in torch.randperm(len(some[start:end]), generator=rng).tolist()])
            start = end
    return [made[i] for i in torch.randperm(len(made), generator=rng).tolist()], again


def measure(
    ask: Callable[[list[int]], Tensor], lengths: Sequence[int], labels: Sequence[float], size: int, rng: torch.Generator
) -> Measured:
    """Ask a model about reviews, each in some batch and some in two.

    ask       gives the logits (batch,) of the reviews with these numbers, as float64
    lengths   of the reviews, by which they are batched
    labels    1 for positive, 0 for negative
    size      reviews per batch, at most
    """
    order, again = batches(lengths, size, rng)
    given: list[list[float]] = [[] for _ in lengths]
    for batch in order:
        for number, logit in zip(batch, ask(batch).tolist(), strict=True):
            given[number].append(logit)
    right = sum(
        all((logit > 0) == (label > 0.5) for logit in logits) for logits, label in zip(given, labels, strict=True)
    )
    return Measured(
        accuracy=right / len(labels),
        reviews=len(labels),
        twice=len(again),
        contradicted=sum(len({logit > 0 for logit in given[number]}) > 1 for number in again),
        constant=len({logits[0] for logits in given}) == 1,
    )
