"""Reviews on which accuracy is graded: from the test split of what is found, and never as everybody can read them."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from autograder.hidden_tests import ResourceMissing
from coursekit.data import IMDB, SAMPLE, VARIABLE, load_imdb
from coursekit.sources import named

from . import sample
from .changes import changed, sentences

__all__ = ["Question", "identity", "is_sample", "lacks", "of_the_grader", "questions", "source", "tell_source"]

SAMPLE_QUESTIONS = 300
"""Reviews asked where the bundled sample stands in. It is for trying the course out, and its reviews are easy."""

Question = tuple[str, int]
"""A review and its label, 1 for positive."""


def source() -> Path:
    """The folder with the reviews: named by COURSEKIT_IMDB, else the local Hugging Face cache, else the bundled sample.

    The hub is not asked: grading waits for no network. Raises FileNotFoundError where a named folder does not exist.
    """
    found = named(None, VARIABLE)
    return found[0] if found is not None else IMDB.cached() or SAMPLE


def is_sample() -> bool:
    """Whether accuracy is graded on generated reviews, like those of the bundled sample, for lack of IMDB."""
    return source() == SAMPLE


def identity() -> list[tuple[str, int]]:
    """What changes when the reviews do, or the encoders that read them: names and sizes of the files behind both."""
    from .features import weights

    found = []
    with contextlib.suppress(OSError):  # a folder that is missing is told by whoever asks for its reviews
        found = [path for path in source().rglob("*test*") if path.is_file()]
    return sorted((path.name, path.stat().st_size) for path in [*found, *weights()])


@contextlib.contextmanager
def of_the_grader(what: str) -> Iterator[None]:
    """Whatever goes wrong inside is the grading machine's matter, and no student's.

    what   what is needed, in words that follow "the machine that grades has no": "reviews that can be read"

    Raises ResourceMissing in place of any other error.
    """
    try:
        yield
    except ResourceMissing:
        raise
    except Exception as error:  # each library has errors of its own, and each means the same here
        raise ResourceMissing(what, f"{type(error).__name__}: {error}") from error


def lacks(need: Callable[[], object]) -> list[ResourceMissing]:
    """What the grading machine lacks of a need: nothing, or the one thing that it said first."""
    try:
        need()
    except ResourceMissing as missing:
        return [missing]
    return []


def tell_source(tell: Callable[[str], None]) -> None:
    """Tell whoever grades where accuracy is not graded on IMDB. Raises ResourceMissing."""
    with of_the_grader("reviews that can be read"):
        if is_sample():
            tell(
                "Accuracy is graded on made-up reviews like those of the bundled sample. For IMDB, name its folder in "
                f"{VARIABLE}."
            )


def questions(count: int, seed: int) -> tuple[Question, ...]:
    """Draw reviews to ask about, as many of either label, in random order. The same count and seed give the same.

    From IMDB they are those of the test split, changed as `changes.changed` does it, with some sentences of others of
    the same label in them; fewer than `count` where there are not so many. In place of the bundled sample, whose labels
    lie in every student's hands, new ones are generated, SAMPLE_QUESTIONS at most.

    Raises ResourceMissing where the reviews cannot be read.
    """
    draw = random.Random(seed)
    with of_the_grader("reviews that can be read"):
        if is_sample():
            labels = [number % 2 for number in range(min(count, SAMPLE_QUESTIONS))]
            found = [(sample.review(label, draw), label) for label in labels]
        else:
            found = [pair for label in (0, 1) for pair in _of_label(label, count // 2, draw)]
    draw.shuffle(found)
    return tuple(found)


def _of_label(label: int, count: int, draw: random.Random) -> Iterator[Question]:
    texts = _test_split(source())[label]
    donor = sentences(draw.choice(texts))
    for text in draw.sample(texts, len(texts)):
        if count == 0:
            return
        review = sentences(text)
        new = changed(review, donor, draw)
        donor = review
        if new is not None:
            yield new, label
            count -= 1


@cache
def _test_split(folder: Path) -> tuple[list[str], list[str]]:
    """The texts of the test split: negative ones, positive ones."""
    with contextlib.redirect_stdout(io.StringIO()):  # which reviews are found is said once, by the command line
        test = load_imdb(folder)["test"]
    split: tuple[list[str], list[str]] = ([], [])
    for text, label in zip(test["text"], test["label"], strict=True):
        split[label].append(text)
    return split
