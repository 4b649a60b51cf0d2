"""Whether public checks and hidden tests say the same of every answer that is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autograder.answers import Bank
from autograder.course import SOURCES, Stage
from autograder.public_checks.judging import judge
from autograder.release.golden import cases_of, public_exercises

from .silence import silence


def public_disagreements(stage: Stage, bank: Bank, exercise: str, lost: Mapping[str, set[str]]) -> Iterator[str]:
    """A sentence for each right answer that a public check calls wrong, and for each wrong one that is ✗ and free.

    lost   name of an answer → names of the hidden tests in which it loses points
    """
    public = public_exercises(stage).get(exercise)
    where = f"{SOURCES}/{stage.name}/public_checks.py:"
    if public is None:
        yield f"{where} {exercise} has no public check: students cannot try their answer before they hand it in."
        return
    cases = cases_of(stage, exercise)
    for answer in (bank.right(exercise), *bank.alternatives(exercise), *bank.wrong(exercise)):
        with silence():
            failed = next((case for case in cases if not judge(answer.function, case).passed), None)
        if failed is not None and not lost.get(answer.name):
            yield (
                f"{where} the public check of {exercise} says ✗ to {answer.name}, which keeps all points in the hidden "
                f"tests. It was tried on: {failed.tried}. Make the two agree."
            )
