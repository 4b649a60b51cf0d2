"""Public checks: `check.scale(scale)` says how far an answer is, and what to look at next.

A check calls the function on small inputs whose right answers are stored, as are the answers of well-known mistakes;
an answer that equals one of these is told which. It never raises for a wrong answer and returns nothing: it displays.
"""

from __future__ import annotations

from typing import Any

from IPython.display import display

from .cases import Exercise, Golden
from .judging import judge, outcome
from .slips import recognise
from .verdicts import Verdict


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
    """All public checks of a course, one attribute per exercise.

    package   the course's, in which the golden files and the probes lie; it can be imported
    """

    def __init__(self, package: str) -> None:
        self._golden = Golden(package)

    def __getattr__(self, name: str) -> Check:
        if name.startswith("_"):  # what Python itself looks for, before there is a course to look in
            raise AttributeError(name)
        known = self._golden.files
        if name not in known:
            raise AttributeError(f"There is no check named {name!r}. There are: {', '.join(known)}.")
        return Check(self._golden.load(name))

    def __dir__(self) -> list[str]:
        return list(self._golden.files)

    def __repr__(self) -> str:
        return "Public checks: " + ", ".join(f"check.{name}" for name in self._golden.files)
