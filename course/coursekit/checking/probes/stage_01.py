"""Probes of stage 01: the ends of long lists, a data set, parts and batches whatever random numbers made them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

ENDS = 6


def ends_of_list(answer: Callable[..., Any], sentence: str) -> Any:
    """How long the list is that comes back, and what stands at its ends."""
    found = answer(sentence)
    return (len(found), found[:ENDS], found[-ENDS:]) if isinstance(found, list) else found


def reviews_of_dataset(
    answer: Callable[..., Any], texts: list[str], labels: list[int], vocab: dict[str, int], max_length: int
) -> tuple[Any, ...]:
    """The size of a data set, the ids of its first review, and all lengths and labels."""
    reviews = answer(texts, labels, vocab, max_length)
    size = len(reviews)
    every = [reviews[place] for place in range(len(labels))]
    return size, every[0]["ids"], [one["length"] for one in every], [one["label"] for one in every]


def parts_of_split(answer: Callable[..., Any], n: int, shares: tuple[int, ...], seed: int) -> Any:
    """Sizes of the parts, how many numbers are in no part and in more than one, and what the seed changes."""
    first, again, other = (_as_sets(answer(n, shares, chosen)) for chosen in (seed, seed, seed + 1))
    if None in (first, again, other):
        return answer(n, shares, seed)
    assert first is not None
    together = list(chain.from_iterable(first))
    middle = n // 2
    return (
        [len(part) for part in first],
        n - len(set(together) & set(range(n))),
        len(together) - len(set(together)),
        all(min(part) < middle <= max(part) for part in first if part),
        first == again,
        first != other,
    )


def _as_sets(parts: Any) -> list[list[int]] | None:
    """Each part in ascending order; None where there are no parts of whole numbers."""
    try:
        return [sorted(map(int, part)) for part in parts]
    except (TypeError, ValueError):
        return None


def entries_of_batch(answer: Callable[..., Any], batch: list[dict[str, Any]]) -> Any:
    """Ids, lengths and labels of a batch."""
    made = answer(batch)
    return tuple(made.get(entry) for entry in ("ids", "length", "label")) if isinstance(made, dict) else made


def order_of_batches(answer: Callable[..., Any], lengths: list[int], batch_size: int) -> Any:
    """Sizes of the batches, reviews in none and in several, how many batches overlap, if their order varies."""
    one, two = answer(lengths, batch_size), answer(lengths, batch_size)
    batches, others = _as_sets(one), _as_sets(two)
    if batches is None or others is None:
        return one
    together = list(chain.from_iterable(batches))
    known = [[lengths[place] for place in batch if 0 <= place < len(lengths)] for batch in batches]
    spans = sorted((min(held), max(held)) for held in known if held)
    return (
        sorted(len(batch) for batch in batches),
        len(lengths) - len(set(together) & set(range(len(lengths)))),
        len(together) - len(set(together)),
        sum(spans[place][1] > spans[place + 1][0] for place in range(len(spans) - 1)),
        batches != others,
    )


PROBES = {
    "ends_of_list": ends_of_list,
    "reviews_of_dataset": reviews_of_dataset,
    "parts_of_split": parts_of_split,
    "entries_of_batch": entries_of_batch,
    "order_of_batches": order_of_batches,
}
