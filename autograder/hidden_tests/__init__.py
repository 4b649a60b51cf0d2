"""The hidden tests and what they are written with.

A hidden test is an ordinary pytest function that reaches the student's work through the `submission` fixture:

    @points("scale", 1)
    def test_every_number_is_multiplied(submission, rng): ...

Its name is the title that the student reads, and `expect` carries the one sentence that a failure tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])


class Told(AssertionError):
    """A failed expectation; its text is the sentence for the student, and `share` the part of the points kept."""

    def __init__(self, sentence: str, share: float = 0.0) -> None:
        super().__init__(sentence)
        self.share = share


class ResourceMissing(Exception):
    """A hidden test needs something that the grading machine lacks, which costs nobody anything.

    what     the thing, in words that follow "the machine that grades has no": "data that can be read"
    remedy   for the instructor: what is wrong, or what to do

    Its text is the sentence for the student.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(
            f"This could not be tested: the machine that grades has no {what}. It takes no points; your instructor has "
            "been told."
        )
        self.what = what
        self.remedy = remedy


def expect(condition: Any, sentence: str) -> None:
    """Raise `Told(sentence)` unless the condition holds."""
    if not condition:
        raise Told(sentence)


def credit(share: float, sentence: str) -> None:
    """Give a share of the test's points, 0 to 1; raise `Told(sentence)` unless it is all of them."""
    if not share >= 1:  # nan too
        raise Told(sentence, max(share, 0.0))


def points(grade_id: str, value: float) -> Callable[[Test], Test]:
    """Tie a test to the grade cell it belongs to, and say what it is worth there."""
    return pytest.mark.points(grade_id, float(value))
