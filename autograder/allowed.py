"""What an exercise that is done by hand may use of what is ready-made, as its stage says in `by_hand.py`.

    BY_HAND = {"step": frozenset(), "Model": frozenset({"cells"})}   exercise → families that it may use
    OTHERS_NEED_MORE = True   where the stage's other exercises use what is ready-made themselves

While its tests run, what is allowed is there; every other family of the course's `ready_made`, and other libraries, are
not. Stand-ins are there for the work of earlier stages only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from autograder.course import Stage
from autograder.sandbox import Parts


@cache
def by_hand(stage: Stage) -> Mapping[str, frozenset[str]]:
    """Exercise → the families that it may use, of the exercises of a stage that are done by hand."""
    found: Mapping[str, frozenset[str]] = getattr(stage.module("by_hand"), "BY_HAND", {})
    return found


@cache
def everything(stage: Stage) -> Parts:
    """All that is ready-made, but for stand-ins for this stage and later ones."""
    written = (each for names in stage.course.settings.stand_ins.values() for each in names.items())
    return Parts(None, frozenset(name for name, where in written if where >= stage.name))


@cache
def parts_for(stage: Stage, exercise: str) -> Parts:
    """What an exercise may use."""
    families = by_hand(stage).get(exercise)
    return everything(stage) if families is None else Parts(families, everything(stage).without)


@cache
def fewest(stage: Stage) -> Parts:
    """What all exercises of a stage that are done by hand may use; everything where there is none."""
    families = by_hand(stage).values()
    return Parts(frozenset.intersection(*families), everything(stage).without) if families else everything(stage)


@cache
def first_tried(stage: Stage, exercise: str) -> Parts:
    """The parts with which an exercise is tested first: with fewer than it may use, where it should do without them.

    One interpreter then serves most notebooks. Whatever misses a part is tested again with all that it may use.
    """
    others_need_more = getattr(stage.module("by_hand"), "OTHERS_NEED_MORE", False)
    return parts_for(stage, exercise) if others_need_more and exercise not in by_hand(stage) else fewest(stage)
