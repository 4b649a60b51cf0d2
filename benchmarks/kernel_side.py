"""What stock nbgrader's grade cells need in the student's kernel besides the tests: `in_kernel.py` pastes this there.

It stands in for `autograder.hidden_tests` and `autograder.remote` and costs next to nothing: it imports what a
notebook of the course has imported already.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import torch


class Told(AssertionError):
    """A failed expectation."""


class CallRaised(Exception):
    """The student's code raised, or its name does not exist."""


TESTS: list[tuple[str, float, Callable[..., None]]] = []


def expect(condition: Any, sentence: str) -> None:
    if not condition:
        raise Told(sentence)


def points(grade_id: str, value: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def keep(test: Callable[..., None]) -> Callable[..., None]:
        TESTS.append((grade_id, value, test))
        return test

    return keep


def copied(value: Any) -> Any:
    """Arguments are the test's own: a call that writes into them must not change what the test compares with."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return type(value)(copied(item) for item in value) if isinstance(value, list | tuple) else value


class Names:
    """The notebook's names as attributes, for scenarios."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names[name]


class Submission:
    """Calls the student's functions by name, seeded."""

    def __init__(self, names: Mapping[str, Any], scenarios: Mapping[str, Any]) -> None:
        self._names = Names(names)
        self._scenarios = scenarios
        self._count = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._call(lambda *given: getattr(self._names, name)(*given), args)

    def as_given(self, name: str, *args: Any) -> Any:
        return getattr(self, name)(*args)

    def each(self, name: str, *calls: tuple[Any, ...]) -> list[Any]:
        return [getattr(self, name)(*call) for call in calls]

    def scenario(self, name: str, *args: Any) -> Any:
        return self._call(lambda *given: self._scenarios[name](self._names, *given), args)

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self._count += 1
        torch.manual_seed(self._count)
        random.seed(self._count)
        try:
            return function(*copied(args))
        except BaseException as error:
            raise CallRaised(f"{type(error).__name__}: {error}") from None


def score(grade_id: str, names: Mapping[str, Any], scenarios: Mapping[str, Any]) -> float:
    """Run the tests of a grade cell; what they earn is the cell's value, which nbgrader takes for partial credit."""
    submission, earned = Submission(names, scenarios), 0.0
    for owner, value, test in TESTS:
        if owner != grade_id:
            continue
        title = test.__name__.removeprefix("test_").replace("_", " ")
        try:
            test(submission, torch.Generator().manual_seed(sum(test.__name__.encode())))
        except (Told, CallRaised) as error:
            print(f"✗ {title} (0 / {value:g}): {error}")
        else:
            print(f"✓ {title} ({value:g} / {value:g})")
            earned += value
    return earned
