"""Finds the known misconception that answers exactly as a student's function did."""

from __future__ import annotations

import contextlib
import io
import math
import time
import warnings
from collections.abc import Collection, Sequence
from functools import cache
from typing import TYPE_CHECKING

from autograder.codecs import CodecError, Codecs, Tolerance
from autograder.course import Stage
from autograder.public_checks.cases import Outcome
from autograder.public_checks.slips import agreeing, same_outcome
from autograder.remote.perform import Performer, Response

from . import Answer, Misconception, bank_of

if TYPE_CHECKING:
    from autograder.remote import Exchange

STAYED = object()
"""In the place of every value that stayed where it was."""

# The same calculation in another order, in double and in single precision, and as a number of Python, which may come
# from either.
TOLERANCE = Tolerance(1e-6, 1e-9, single=Tolerance(1e-4, 1e-5), plain=Tolerance(1e-6, 1e-7))

Replays = dict[tuple[str, str, int, bytes], Outcome]


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

    An exercise that has no right answer in the bank has no misconceptions.

    A misconception must agree on every call; where none does, on every call whose right answer does not depend on
    the random state, for students draw random numbers in many right ways. It must also differ from the right answer
    on at least one of the calls compared.
    """
    bank, codecs = bank_of(stage), stage.course.codecs
    if exercise not in bank.answered:
        return None
    # Where a value stayed behind a later call may use it, which then needs all the calls before it.
    linked = any("$ref" in repr(exchange.answer) for exchange in exchanges)
    scenarios = stage.loaded_scenarios()

    def replay(answer: Answer, shift: int = 0) -> _Replay:
        performer = Performer({answer.exercise: answer.function}, scenarios, codecs)
        return _Replay(answer, performer, exchanges, linked, kept, until, shift)

    @cache
    def seen(index: int) -> Outcome:
        return _outcome((exchanges[index].answer, exchanges[index].answer_blocks), codecs)

    def agree(one: Outcome, other: Outcome) -> bool:
        return same_outcome(one, other, lambda value, known: codecs.same(value, known, TOLERANCE))

    def same_there(candidate: tuple[Misconception, _Replay], place: int) -> bool:
        return agree(candidate[1][place], seen(place))

    right = replay(bank.right(exercise))
    order = sorted(range(len(exchanges)), key=lambda i: exchanges[i].test not in lost)
    likely_first = sorted(bank.wrong(exercise), key=lambda known: known.caught_by not in lost)
    candidates = [(known, replay(known)) for known in likely_first]

    def match(compared: Sequence[int]) -> Misconception | None:
        wrong = next((i for i in compared if not agree(seen(i), right[i])), None)
        if wrong is None:
            return None
        # Most misconceptions are ruled out by a call that the student got wrong.
        ordered = [wrong, *(i for i in compared if i != wrong)]
        return next((known for known, _ in agreeing(candidates, ordered, same_there)), None)

    try:
        found = match(order)
        if found is None:
            other_draw = replay(bank.right(exercise), shift=1)
            found = match([i for i in order if agree(right[i], other_draw[i])])
    except _OutOfTime:
        return None
    return found


class _Replay:
    """A known answer's results on recorded calls, worked out when they are asked for."""

    def __init__(
        self,
        answer: Answer,
        performer: Performer,
        exchanges: Sequence[Exchange],
        linked: bool,
        kept: Replays | None,
        until: float,
        shift: int = 0,
    ) -> None:
        self._answer = answer
        self._performer = performer
        self._exchanges = exchanges
        self._kept = kept
        self._until = until
        self._shift = shift
        self._done: dict[int, Outcome] = {}
        self._linked = linked

    def __getitem__(self, index: int) -> Outcome:
        for i in range(index + 1) if self._linked else (index,):
            if i not in self._done:
                if time.thread_time() > self._until:
                    raise _OutOfTime
                self._done[i] = self._linked_result(i) if self._linked else self._kept_result(i)
        return self._done[index]

    def _linked_result(self, index: int) -> Outcome:
        exchange = self._exchanges[index]
        shifted = {**exchange.request, "seed": exchange.request["seed"] + self._shift}
        # What known answers print, or torch says of them, is of no use to whoever grades.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            response = self._performer.perform(shifted, exchange.request_blocks)
        return _outcome(response, self._performer.codecs)

    def _kept_result(self, index: int) -> Outcome:
        if self._kept is None:
            return self._linked_result(index)
        key = (self._answer.exercise, self._answer.name, self._shift, self._exchanges[index].digest)
        if key not in self._kept:
            self._kept[key] = self._linked_result(index)
        return self._kept[key]


def _outcome(response: Response, codecs: Codecs) -> Outcome:
    answer, blocks = response
    if "raised" in answer:
        return Outcome("raised", names=(answer["raised"],))
    try:
        return Outcome("answer", codecs.decode(answer.get("value"), blocks, lambda ref: STAYED))
    except CodecError:
        return Outcome("answer", object())  # like no other
