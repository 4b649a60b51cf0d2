"""Public checks: `check.scaled_dot_product(scaled_dot_product)` says how far an answer is, and what to look at next.

A check calls the function on small inputs whose right answers are stored, as are the answers of well-known mistakes;
an answer that equals one of these is told which. It never raises for a wrong answer and returns nothing: it displays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from IPython.display import display

from coursekit import cases
from coursekit.attempts import Call, Raised, Stopped
from coursekit.cases import VARIES, Case, Exercise, Outcome, Part, Slip
from coursekit.probes import probes
from coursekit.properties import PROPERTIES
from coursekit.verdicts import Verdict

LONGEST_ROW = 8
LARGEST = 1_000_000  # numbers in a tensor that is compared with a known slip; no public case has as many
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


class Check:
    """The public check of one exercise."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self.__doc__ = f"Check your {exercise.name}: check.{exercise.name}({exercise.name})"

    def __call__(self, function: Any = None) -> None:
        """Try the function and display what was found."""
        display(self.verdict(function))

    def __repr__(self) -> str:
        return f"<public check of exercise {self.exercise.number}: check.{self.exercise.name}({self.exercise.name})>"

    def verdict(self, function: Any) -> Verdict:
        """Try the function and return what was found."""
        exercise = self.exercise
        if not callable(function):
            name = exercise.name
            return Verdict(
                "✗", exercise.number, f"Give the check {name} itself, without calling it: check.{name}({name})"
            )
        judgements = [judge(function, case) for case in exercise.cases]
        passed = sum(judgement.passed for judgement in judgements)
        total = len(judgements)
        if judgements[0].outcome.kind == "undone":
            return Verdict("○", exercise.number, "not done yet")
        warned = tuple(dict.fromkeys(f"Python warns: {text}" for item in judgements for text in item.warned))[:1]
        if passed == total:
            headline = f"{passed} of {total} public checks pass. {exercise.beyond}"
            return Verdict("✓", exercise.number, headline, warned)
        case, judgement = next(
            (case, item) for case, item in zip(exercise.cases, judgements, strict=True) if not item.passed
        )
        outcomes = [item.outcome for item in judgements]
        for i, seen in enumerate(outcomes):
            if any(slip.outcomes[i].varies for slip in exercise.slips):
                outcomes[i] = outcome(function, exercise.cases[i], seen)
        slip = recognise(exercise, outcomes)
        return Verdict(
            "✗",
            exercise.number,
            f"{passed} of {total} public checks pass",
            (f"Tried: {case.tried}.", *judgement.sentences, *warned),
            judgement.code,
            slip.sentence if slip else None,
            exercise.hints,
        )


class Checks:
    """All public checks, one attribute per exercise."""

    def __getattr__(self, name: str) -> Check:
        known = cases.exercises()
        if name not in known:
            raise AttributeError(f"There is no check named {name!r}. There are: {', '.join(known)}.")
        return Check(cases.load(name))

    def __dir__(self) -> list[str]:
        return list(cases.exercises())

    def __repr__(self) -> str:
        return "Public checks: " + ", ".join(f"check.{name}" for name in cases.exercises())


check = Checks()


def judge(function: Callable[..., Any], case: Case, draw: int = 0) -> Judgement:
    """Call the function on a case and say what came of it; another draw gives it other random numbers."""
    call = Call(function, case.arguments, probes()[case.probe] if case.probe else None, draw)
    try:
        if case.property is not None:
            return _judge_property(call, case.property)
        answer = call()
    except Stopped as stopped:
        return _judge_exception(stopped.raised)
    warned = tuple(call.warned)
    try:
        problem = _first_problem(answer, case)
    except Exception:  # a tensor subclass, a meta tensor, … : whatever it is, it is not what was asked for
        problem = "Your function returned something that cannot be compared with the expected answer."
    if problem is None and call.changed:
        names = " and ".join(call.changed)
        problem = f"Your function changes its input {names} in place. Whoever passed it in still needs it."
    if problem is None:
        return Judgement(Outcome("right"), warned=warned)
    return Judgement(Outcome("answer", _detached(answer), tuple(call.changed)), (problem,), warned=warned)


def _judge_property(call: Call, name: str) -> Judgement:
    try:
        faults = PROPERTIES[name](call)
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


# What is wrong with an answer -------------------------------------------------------------------------------------


def _first_problem(answer: Any, case: Case) -> str | None:
    """Say what is wrong with an answer, structure first; None if it is right."""
    if answer is None:
        return "Your function returned None. Does it end with `return`?"
    if len(case.parts) == 1:
        given = (answer,)
    else:
        names = ", ".join(part.name for part in case.parts)
        if not isinstance(answer, list | tuple):
            return f"Your function returned {_described(answer)}, expected a tuple ({names})."
        if len(answer) != len(case.parts):
            return f"Your function returned {len(answer)} things, expected {len(case.parts)}: ({names})."
        given = tuple(answer)
    triples = sorted(zip(given, case.answer, case.parts, strict=True), key=lambda triple: not triple[2].explains)
    for compare in (_structure, _difference):
        for value, expected, part in triples:
            problem = compare(value, expected, part, case)
            if problem is not None:
                return problem
    return None


def _structure(value: Any, expected: Any, part: Part, _: Case) -> str | None:
    """Compare type, shape and dtype."""
    if _is_number(expected):
        return None if _is_number(value) else f"The {part.name} is {_described(value)}, expected a number."
    if not isinstance(expected, torch.Tensor):
        right = type(expected)
        alike = isinstance(value, list | tuple if right in (list, tuple) else right)
        return None if alike else f"The {part.name} is {_described(value)}, expected {_described(expected)}."
    if not isinstance(value, torch.Tensor):
        return f"The {part.name} is {_described(value)}, expected a tensor of shape {tuple(expected.shape)}."
    if value.shape != expected.shape:
        return f"The {part.name} has shape {tuple(value.shape)}, expected {tuple(expected.shape)}."
    if value.dtype != expected.dtype:
        return f"The {part.name} is of dtype {value.dtype}, expected {expected.dtype}, that of the input."
    return None


def _difference(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    """Compare values: the first place where they differ."""
    if not isinstance(expected, torch.Tensor) and not _is_number(expected):
        return _plain_difference(value, expected, part)
    given = torch.as_tensor(value).detach().cpu().double()
    wanted = torch.as_tensor(expected).double()
    off = ~torch.isclose(given, wanted, rtol=case.rtol, atol=case.atol)
    if not off.any():
        return None
    if given.ndim == 0:
        seen, right = _numbers(given[None], wanted[None])
        return f"The {part.name} is {seen[0]}, expected {right[0]}."
    broken = off & ~torch.isfinite(given)
    place = tuple((broken if broken.any() else off).nonzero()[0].tolist())[:-1]
    where = ", ".join(f"{axis} {index + 1}" for axis, index in zip(part.axes, place, strict=False))
    seen, right = _numbers(given[place], wanted[place])
    return f"The {part.name}{' of ' if where else ''}{where}: [{' '.join(seen)}], expected [{' '.join(right)}]."


def _plain_difference(value: Any, expected: Any, part: Part) -> str | None:
    """Compare words, truth values, lists and dicts; numbers in them exactly, but for the last digits of a float."""
    if _alike(value, expected):
        return None
    if isinstance(expected, dict):
        for key in expected:
            if key not in value:
                return f"The {part.name} has no entry for {key!r}; expected {_short(expected[key])}."
            if not _alike(value[key], expected[key]):
                return f"In the {part.name}, {key!r} is {_short(value[key])}, expected {_short(expected[key])}."
        unwanted = next(key for key in value if key not in expected)
        return f"The {part.name} has an entry for {_short(unwanted)}, expected none."
    if isinstance(expected, list | tuple) and len(value) == len(expected) > LONGEST_ROW:
        place = next(i for i, pair in enumerate(zip(value, expected, strict=True)) if not _alike(*pair))
        return f"In the {part.name}, number {place + 1} is {_short(value[place])}, expected {_short(expected[place])}."
    return f"The {part.name}: {_short(value)}, expected {_short(expected)}."


def _alike(value: Any, expected: Any) -> bool:
    if isinstance(expected, list | tuple):
        same_length = isinstance(value, list | tuple) and len(value) == len(expected)
        return same_length and all(map(_alike, value, expected))
    if isinstance(expected, dict):
        return (
            isinstance(value, dict)
            and value.keys() == expected.keys()
            and all(_alike(value[key], expected[key]) for key in expected)
        )
    if isinstance(expected, torch.Tensor):
        return isinstance(value, torch.Tensor) and value.shape == expected.shape and torch.equal(value.cpu(), expected)
    if _is_number(expected):
        return _is_number(value) and math.isclose(float(value), float(expected), rel_tol=1e-6, abs_tol=1e-9)
    return bool(type(value) is type(expected) and value == expected)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 90 else text[:87] + "…"


def _numbers(given: torch.Tensor, wanted: torch.Tensor) -> tuple[list[str], list[str]]:
    """Both rows in as few digits as tell them apart, cut to `LONGEST_ROW`."""
    more = ["…"] if len(given) > LONGEST_ROW else []
    rows = given[:LONGEST_ROW].tolist(), wanted[:LONGEST_ROW].tolist()
    seen, right = [], []
    for digits in (2, 4, 6):
        seen, right = (
            [f"{number:.{digits}g}" if abs(number) >= 1000 else f"{number:.{digits}f}" for number in row]
            for row in rows
        )
        if seen != right:
            break
    return seen + more, right + more


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.ndim == 0 and value.dtype != torch.bool and not value.is_complex()
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (hasattr(value, "dtype") and getattr(value, "shape", None) == ())


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if value is None:
        return "None"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"


def _detached(answer: Any) -> Any:
    if isinstance(answer, torch.Tensor):
        return answer.detach()
    if isinstance(answer, list | tuple):
        return tuple(_detached(item) for item in answer)
    if isinstance(answer, dict):
        return {key: _detached(item) for key, item in answer.items()}
    return answer


# Which slip it is -------------------------------------------------------------------------------------------------


def recognise(exercise: Exercise, outcomes: list[Outcome]) -> Slip | None:
    """Find the known slip with the same outcome on every case, else on the first that fails; None if there is none."""

    def agreeing(indices: list[int]) -> Iterator[Slip]:
        for slip in exercise.slips:
            if all(same(outcomes[i], slip.outcomes[i], exercise.cases[i]) for i in indices):
                yield slip

    failed = [i for i, outcome in enumerate(outcomes) if outcome.kind != "right"]
    everywhere = list(range(len(outcomes)))
    found = next(agreeing(everywhere), None) or next(agreeing(failed), None)
    if found is None:
        # Two slips at once agree with neither everywhere. One case is little evidence: only if no other slip fits it.
        alone = list(agreeing(failed[:1]))
        found = alone[0] if len(alone) == 1 else None
    return found


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
            isinstance(answer, tuple) and len(answer) == len(case.parts) > 1 for answer in parts
        ):
            return Outcome("random")
        kept = (one if _close(two, one, case) else VARIES for one, two in zip(*parts, strict=True))
        first = Outcome("answer", tuple(kept), first.changed)
    return first


def same(seen: Outcome, known: Outcome, case: Case) -> bool:
    """Whether two outcomes of a case come from the same slip."""
    if seen.kind != known.kind:
        return False
    if seen.kind == "answer":
        return seen.changed == known.changed and _close(seen.answer, known.answer, case)
    return seen.names == known.names


def _close(value: Any, known: Any, case: Case) -> bool:
    try:
        if isinstance(known, dict):
            return (
                isinstance(value, dict)
                and value.keys() == known.keys()
                and all(_close(value[key], known[key], case) for key in known)
            )
        if isinstance(known, list | tuple):
            return (
                isinstance(value, list | tuple)
                and len(value) == len(known)
                and all(_close(item, other, case) for item, other in zip(value, known, strict=True))
            )
        if isinstance(known, torch.Tensor):
            return (
                isinstance(value, torch.Tensor)
                and value.shape == known.shape
                and value.dtype == known.dtype
                and value.numel() <= LARGEST
                and torch.allclose(value.cpu().double(), known.double(), rtol=case.rtol, atol=case.atol, equal_nan=True)
            )
        if _is_number(known):
            return _is_number(value) and (
                math.isclose(float(value), float(known), rel_tol=case.rtol, abs_tol=case.atol)
                or (math.isnan(float(value)) and math.isnan(float(known)))
            )
        return bool(type(value) is type(known) and value == known)
    except Exception:  # a value whose own operators raise is nobody's slip
        return False
