"""How one case went: as an outcome, which is compared with those of known slips, and in sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .attempts import Call, Raised, Stopped
from .cases import VARIES, Case, Outcome, Property
from .differences import first_problem
from .slips import same
from .values import alike, detached

DRAWS = 3  # as many random draws tell what an answer does whatever the random numbers


@dataclass(frozen=True)
class Judgement:
    """How one case went: the outcome, to be compared with known slips, and the sentences that the student reads."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the case went as it should."""
        return self.outcome.kind == "right"


def judge(function: Callable[..., Any], case: Case, draw: int = 0) -> Judgement:
    """Call the function on a case and say what came of it; another draw gives it other random numbers."""
    call = Call(function, case, draw)
    try:
        if case.property is not None:
            return _judge_property(call, case.property)
        answer = call()
    except Stopped as stopped:
        return _judge_exception(stopped.raised)
    warned = tuple(call.warned)
    try:
        problem = first_problem(answer, case)
    except Exception:  # a subclass, an array without numbers, … : whatever it is, it is not what was asked for
        problem = "Your function returned something that cannot be compared with the expected answer."
    if problem is None and call.changed:
        names = " and ".join(call.changed)
        problem = f"Your function changes its input {names} in place. Whoever passed it in still needs it."
    if problem is None:
        return Judgement(Outcome("right"), warned=warned)
    return Judgement(Outcome("answer", detached(answer, case.codecs), tuple(call.changed)), (problem,), warned=warned)


def _judge_property(call: Call, wanted: Property) -> Judgement:
    try:
        faults = wanted(call)
    except Stopped:
        raise
    except Exception:
        return Judgement(
            Outcome("faults", names=("unusable",)),
            ("Your function returned something that cannot be checked: look at its types and shapes.",),
        )
    if not faults:
        return Judgement(Outcome("right"), warned=tuple(call.warned))
    return Judgement(
        Outcome("faults", names=tuple(sorted(fault.name for fault in faults))),
        (faults[0].sentence,),
        warned=tuple(call.warned),
    )


def _judge_exception(raised: Raised) -> Judgement:
    if raised.undone:
        return Judgement(Outcome("undone"), ("Your function raises NotImplementedError here.",), raised.lines)
    return Judgement(Outcome("raised", names=(raised.type,)), (raised.sentence,), raised.lines)


def outcome(function: Callable[..., Any], case: Case, first: Outcome | None = None) -> Outcome:
    """What a function does on a case, whatever the random numbers; what depends on them is left open.

    first   what it did with the first draw, if that is known
    """
    first = first or judge(function, case).outcome
    if first.kind in ("right", "undone"):
        return first
    for draw in range(1, DRAWS):
        other = judge(function, case, draw).outcome
        if same(other, first, case):
            continue
        parts = first.answer, other.answer
        if not all(seen.kind == "answer" for seen in (first, other)) or not all(
            isinstance(answer, list | tuple) and len(answer) == len(case.parts) > 1 for answer in parts
        ):
            return Outcome("random")
        kept = (
            one if alike(two, one, case.codecs, case.tolerance) else VARIES for one, two in zip(*parts, strict=True)
        )
        first = Outcome("answer", tuple(kept), first.changed)
    return first
