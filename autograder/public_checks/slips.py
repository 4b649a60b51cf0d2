"""Which known mistake did the same as a student's function; the feedback on hidden tests is found in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from .cases import Case, Exercise, Outcome, Slip
from .values import alike

Known = TypeVar("Known")


def agreeing(known: Iterable[Known], places: Iterable[int], same: Callable[[Known, int], bool]) -> Iterator[Known]:
    """Those of some known answers that did the same as a student's function in all of some places.

    places   calls, by number; the most telling one first
    same     whether a known answer did the same as the student's in one place
    """
    wanted = [*places]
    return (each for each in known if all(same(each, place) for place in wanted))


def recognise(exercise: Exercise, outcomes: Sequence[Outcome]) -> Slip | None:
    """Find the known slip with the same outcome on every case, else on those that fail; None if there is none."""

    def same_there(slip: Slip, place: int) -> bool:
        return same(outcomes[place], slip.outcomes[place], exercise.cases[place])

    def slips_on(places: Iterable[int]) -> Iterator[Slip]:
        return agreeing(exercise.slips, places, same_there)

    failed = [place for place, outcome in enumerate(outcomes) if outcome.kind != "right"]
    found = next(slips_on(range(len(outcomes))), None) or next(slips_on(failed), None)
    if found is None:
        # Two slips at once agree with neither everywhere. One case is little evidence: only if no other slip fits it.
        alone = list(slips_on(failed[:1]))
        found = alone[0] if len(alone) == 1 else None
    return found


def same(seen: Outcome, known: Outcome, case: Case) -> bool:
    """Whether two outcomes of a case come from the same slip."""

    def same_values(value: Any, other: Any) -> bool:
        return alike(value, other, case.codecs, case.tolerance)

    return same_outcome(seen, known, same_values)


def same_outcome(seen: Outcome, known: Outcome, same_values: Callable[[Any, Any], bool]) -> bool:
    """Whether two functions did the same.

    same_values   whether two values that came back are the same
    """
    if seen.kind != known.kind:
        return False
    if seen.kind == "answer":
        return seen.changed == known.changed and same_values(seen.answer, known.answer)
    return seen.names == known.names
