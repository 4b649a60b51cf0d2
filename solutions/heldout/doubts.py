"""What an instructor is told about a trained model that may know its answers by heart. No score depends on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from . import is_sample
from .asking import Measured

SIGMAS = 5
IDLE = 0.1
"""Share of a file's numbers that may stand outside of what is trained: running means, positions."""
MOST_METADATA = 1 << 16
"""Characters beside the weights: who trained what, on which encoder."""
LEAST_READ = 0.25
"""Share of the words asked that a model reads whose reviews are cut to 256 words: about 0.9."""


def too_good(measured: Measured, best: float) -> list[str]:
    """Whether the accuracy is more than five standard deviations above the best that the stage's models reach.

    Reviews that were generated in place of IMDB are easy, and nothing is too good for them.
    """
    spread = (best * (1 - best) / measured.reviews) ** 0.5
    if is_sample() or measured.accuracy <= best + SIGMAS * spread:
        return []
    return [
        f"The saved weights are right on {measured.accuracy:.1%} of {measured.reviews:,} reviews; the best models of "
        f"this stage reach {best:.0%}. Were they trained on the test reviews, or do they look them up?"
    ]


def unsteady(measured: Measured) -> list[str]:
    """Whether the model said something else of the same review in another batch."""
    if not measured.contradicted:
        return []
    return [
        f"Of {measured.twice} reviews that the saved weights were asked about twice, {measured.contradicted} got "
        "another answer in another batch: the answers depend on more than the review."
    ]


def idle(file: str, tensors: Mapping[str, Tensor], names: Collection[str]) -> list[str]:
    """Whether much of a file is numbers that training does not move; `names` are those of their tensors."""
    held = sum(tensor.numel() for tensor in tensors.values())
    unused = sum(tensor.numel() for name, tensor in tensors.items() if name in names)
    if unused <= IDLE * held:
        return []
    return [
        f"{unused:,} of the {held:,} numbers in {file} have no part in what its model learns. Are they a table of "
        "answers?"
    ]


def talkative(file: str, metadata: Mapping[str, str]) -> list[str]:
    """Whether a file says more beside its weights than the notebook writes there; `metadata` without a vocabulary."""
    extra = sum(len(name) + len(text) for name, text in metadata.items())
    if extra <= MOST_METADATA:
        return []
    return [f"{file} holds {extra:,} characters that are neither weights nor vocabulary. Are they a table of answers?"]


def short_sighted(read: int, asked: int) -> list[str]:
    """Whether the model reads only a small part of the words that it was asked about."""
    if read >= LEAST_READ * asked:
        return []
    return [f"The saved weights read only {read:,} of the {asked:,} words of the reviews that they were asked about."]
