"""Finds the known misconception that answers exactly as a student's function did."""

from __future__ import annotations

import contextlib
import io
import math
import time
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import torch

from autograder.course import Stage
from autograder.sandbox.perform import Performer, Scenarios

from . import Answer, Misconception, bank_of

if TYPE_CHECKING:
    from autograder.submission import Exchange


Replays = dict[tuple[str, str, int, bytes], tuple[dict[str, Any], Any]]


class _OutOfTime(Exception):
    pass


def diagnose(
    stage: Stage,
    exercise: str,
    exchanges: Sequence[Exchange],
    kept: Replays | None = None,
    lost: Collection[str] = (),
    until: float = math.inf,
) -> Misconception | None:
    """The misconception that would have given the student's answers to these calls, or None.

    kept    what known answers gave to calls, for whoever diagnoses many submissions to which the same calls were made
    lost    names of the tests that failed: where to look first
    until   the time of this thread's processor (`time.thread_time`) from which on nothing more is compared: then None

    An exercise that has no answers in the bank has no misconceptions.

    A misconception must agree on every call; where none does, on every call whose right answer does not depend on
    the random state, for students draw random numbers in many right ways. It must also differ from the right answer
    on at least one of the calls compared.
    """
    seen = [(exchange.answer, exchange.answer_tensors) for exchange in exchanges]
    # Where a value stayed behind a later call may use it, which then needs all the calls before it.
    linked = any("$ref" in repr(exchange.answer) for exchange in exchanges)
    bank, scenarios = bank_of(stage), stage.loaded_scenarios()
    if exercise not in bank.exercises:
        return None

    def replay(answer: Answer, shift: int = 0) -> _Replay:
        return _Replay(answer, scenarios, exchanges, linked, kept, until, shift)

    right = replay(bank.right(exercise))
    order = sorted(range(len(seen)), key=lambda i: exchanges[i].test not in lost)
    likely_first = sorted(bank.wrong(exercise), key=lambda known: known.caught_by not in lost)
    candidates = [(known, replay(known)) for known in likely_first]

    def match(compared: Sequence[int]) -> Misconception | None:
        wrong = next((i for i in compared if not _agree(seen[i], right[i])), None)
        if wrong is None:
            return None
        # Most misconceptions are ruled out by a call that the student got wrong.
        ordered = [wrong, *(i for i in compared if i != wrong)]
        return next(
            (known for known, replayed in candidates if all(_agree(replayed[i], seen[i]) for i in ordered)), None
        )

    try:
        found = match(order)
        if found is None:
            other_draw = replay(bank.right(exercise), shift=1)
            found = match([i for i in order if _agree(right[i], other_draw[i])])
    except _OutOfTime:
        return None
    return found


class _Replay:
    """A known answer's results on recorded calls, worked out when they are asked for."""

    def __init__(
        self,
        answer: Answer,
        scenarios: Scenarios,
        exchanges: Sequence[Exchange],
        linked: bool,
        kept: Replays | None,
        until: float,
        shift: int = 0,
    ) -> None:
        self._answer = answer
        self._performer = Performer({answer.exercise: answer.function}, scenarios)
        self._exchanges = exchanges
        self._kept = kept
        self._until = until
        self._shift = shift
        self._done: dict[int, tuple[dict[str, Any], Any]] = {}
        self._linked = linked

    def __getitem__(self, index: int) -> tuple[dict[str, Any], Any]:
        for i in range(index + 1) if self._linked else (index,):
            if i not in self._done:
                if time.thread_time() > self._until:
                    raise _OutOfTime
                self._done[i] = self._linked_result(i) if self._linked else self._kept_result(i)
        return self._done[index]

    def _linked_result(self, index: int) -> tuple[dict[str, Any], Any]:
        exchange = self._exchanges[index]
        shifted = {**exchange.request, "seed": exchange.request["seed"] + self._shift}
        # What known answers print, or torch says of them, is of no use to whoever grades.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self._performer.perform(shifted, exchange.request_tensors)

    def _kept_result(self, index: int) -> tuple[dict[str, Any], Any]:
        if self._kept is None:
            return self._linked_result(index)
        key = (self._answer.exercise, self._answer.name, self._shift, self._exchanges[index].digest)
        if key not in self._kept:
            self._kept[key] = self._linked_result(index)
        return self._kept[key]


def _agree(one: tuple[dict[str, Any], Any], other: tuple[dict[str, Any], Any]) -> bool:
    (tree, tensors), (other_tree, other_tensors) = one, other
    if "raised" in tree or "raised" in other_tree:
        return tree.get("raised") == other_tree.get("raised")
    return _same(tree.get("value"), other_tree.get("value"), tensors, other_tensors)


def _same(one: Any, other: Any, tensors: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        if "$ref" in one or "$ref" in other:
            return one.keys() == other.keys()
        for kind in ("$tensor", "$array"):
            if kind in one and kind in other:
                return _close(tensors[one[kind]], others[other[kind]])
        return one.keys() == other.keys() and all(_same(one[key], other[key], tensors, others) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b, tensors, others) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        return numbers and abs(one - other) <= 1e-7 + 1e-6 * abs(other)
    return type(one) is type(other) and one == other


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    loose = one.dtype in (torch.float32, torch.float16, torch.bfloat16)
    return torch.allclose(
        one.to(torch.float64),
        other.to(torch.float64),
        rtol=1e-4 if loose else 1e-6,
        atol=1e-5 if loose else 1e-9,
        equal_nan=True,
    )
