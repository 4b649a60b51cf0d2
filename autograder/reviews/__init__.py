"""Reviews on which accuracy is graded: from the test split of what is found, never from what students train on."""

from __future__ import annotations

import contextlib
import io
import random
from functools import cache
from pathlib import Path

from coursekit.data import IMDB, SAMPLE, VARIABLE, load_imdb
from coursekit.sources import named

__all__ = ["identity", "is_sample", "source", "unseen"]


def source() -> Path:
    """The folder with the reviews: named by COURSEKIT_IMDB, else the local Hugging Face cache, else the bundled sample.

    The hub is not asked: grading waits for no network. Raises FileNotFoundError where a named folder does not exist.
    """
    found = named(None, VARIABLE)
    return found[0] if found is not None else IMDB.cached() or SAMPLE


def is_sample() -> bool:
    """Whether accuracy is graded on the bundled sample of generated reviews, for lack of IMDB."""
    return source() == SAMPLE


def identity() -> list[tuple[str, int]]:
    """What changes when the reviews do, or the encoders that read them: names and sizes of the files behind both."""
    from .features import weights

    files = (path for path in source().rglob("*test*") if path.is_file())
    return sorted((path.name, path.stat().st_size) for path in [*files, *weights()])


@cache
def unseen(count: int, seed: int = 0) -> tuple[tuple[str, int], ...]:
    """Draw reviews from the test split without repetition: (text, label), label 1 for positive.

    All of them where there are fewer than `count`. The same count and seed give the same reviews.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # which reviews are found is said once, by the command line
        test = load_imdb(source())["test"]
    chosen = random.Random(seed).sample(range(len(test)), min(count, len(test)))
    rows = test.select(chosen)
    return tuple(zip(rows["text"], rows["label"], strict=True))
