"""What a notebook has to do with an assignment: how much of it, and how many answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.repair.matching import match
from autograder.repair.reading import Cell, read_cells
from autograder.repair.slots import Slot
from autograder.repair.sources import bound, is_stub, normal


@dataclass(frozen=True, order=True)
class Content:
    """What a file is worth as a submission; the larger, the rather it is graded.

    belongs   something of this assignment can be read in it
    done      answers that are neither missing nor a stub
    whole     it is not cut off, and of this assignment beyond doubt
    """

    belongs: bool = False
    done: int = 0
    whole: bool = False


def content_of(raw: bytes, slots: Sequence[Slot]) -> Content:
    """Look through a file that was handed in. Raises nothing, whatever the bytes are.

    slots   of the release; without any, whatever can be read belongs to the assignment
    """
    reading = read_cells(raw)
    if not reading.readable or not reading.cells:
        return Content()
    if not slots:
        return Content(True, 0, not reading.cut)
    matching = match(reading.cells, list(slots))
    done = sum(
        not is_stub(text, slots[index].names) for index, text in matching.filled.items() if index in matching.how
    )
    whole = is_of(reading.cells, slots) and not reading.cut
    return Content(not is_strange(reading.cells, slots), done, whole)


def is_of(cells: Sequence[Cell], slots: Sequence[Slot]) -> bool:
    """Whether a notebook is of this assignment beyond doubt: a quarter of the marked cells have left a trace."""
    return 4 * traces(cells, slots) >= sum(slot.grade_id is not None for slot in slots)


def traces(cells: Sequence[Cell], slots: Sequence[Slot]) -> int:
    """How many marked cells of a release have left a trace: the mark, the cell's id, or the name that is bound."""
    marks = {mark for cell in cells for mark in cell.grade_ids}
    ids = {name for cell in cells for name in cell.cell_ids}
    names = {name for cell in cells if cell.kind == "code" for name in bound(cell.source)}
    marked = (slot for slot in slots if slot.grade_id)
    return sum(bool(slot.grade_id in marks or slot.cell_id in ids or slot.names & names) for slot in marked)


def is_strange(cells: Sequence[Cell], slots: Sequence[Slot]) -> bool:
    """Whether a notebook has nothing to do with this assignment: marks of another, or no trace and hardly a text."""
    own = {slot.grade_id for slot in slots}
    foreign = {mark for cell in cells for mark in cell.grade_ids} - own
    found = traces(cells, slots)
    if len(foreign) >= 3 and 4 * found < len(foreign):
        return True
    texts = {slot.normal for slot in slots if slot.role in ("prose", "locked") and slot.normal}
    known = len(texts & {normal(cell.source) for cell in cells})
    return not found and 4 * known < len(texts)
