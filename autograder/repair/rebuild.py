"""The student's answers put back on the released notebook."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import nbformat
from nbformat import NotebookNode

from autograder.repair.kinship import is_of, is_strange
from autograder.repair.matching import Matching, match
from autograder.repair.reading import Cell, read_cells
from autograder.repair.slots import Slot, slots_of
from autograder.repair.sources import bound, defined, is_stub, words


@dataclass(frozen=True)
class Repaired:
    """A submission on the released notebook.

    notebook    the release with the student's answers, and the cells that the student added; valid for nbgrader
    notes       what was repaired, one sentence each, for student and instructor; empty if nothing was wrong
    readable    False if the submission held nothing: the notebook is then the untouched release
    answered    grade_id of each answer cell -> how it was found: grade_id, cell_id, name (that it defines),
                alignment (by place or likeness), elsewhere (a text that may be it stands somewhere), untouched (as
                released) or missing
    """

    notebook: NotebookNode
    notes: list[str]
    readable: bool
    answered: dict[str, str]


def repair(
    raw: bytes | None,
    release: NotebookNode,
    slots: list[Slot] | None = None,
    other: Callable[[Sequence[Cell]], str | None] = lambda cells: None,
) -> Repaired:
    """Put the answers of a submission back on the released notebook.

    raw         the submitted file, None if there is none
    release     the released notebook, nbformat 4; it is not changed
    slots       `slots_of` the release, for whoever repairs many submissions of it
    other       names the other assignment that some cells are of, None where they are of none

    Grade cells, locked cells and text are always the release's own, and so are all metadata; tags, outputs and
    attachments of the submission are dropped. A notebook of another assignment is not readable. Raises nothing,
    whatever the bytes are.
    """
    slots = slots_of(release) if slots is None else slots
    reading = read_cells(raw)
    notebook = with_own_cells(release)
    misplaced = reading.readable and _misplaced(reading.cells, slots, other)
    if not reading.readable or misplaced:
        answers = {str(slot.grade_id): "missing" for slot in slots if slot.role in ("answer", "written")}
        return Repaired(notebook, [*reading.notes, *([misplaced] if misplaced else [])], False, answers)
    matching = match(reading.cells, slots)
    _fill(notebook, matching)
    _insert(notebook, matching)
    _keep(notebook, reading.kept)
    answered = {str(slots[index].grade_id): how for index, how in sorted(matching.how.items())}
    notes = [
        *reading.notes,
        *_counted(matching.notes),
        *_lost_traces(matching),
        *_put_back(matching),
        *_defined_again(notebook, matching),
        *_nearly_right(reading.cells, matching),
    ]
    return Repaired(notebook, notes, True, answered)


def _misplaced(cells: list[Cell], slots: list[Slot], other: Callable[[Sequence[Cell]], str | None]) -> str | None:
    """What to tell where a notebook is that of another assignment, or of none."""
    if is_of(cells, slots):
        return None
    if name := other(cells):
        return f"This is the notebook of {name}; hand in the one of this assignment."
    if is_strange(cells, slots):
        lines = (line for cell in cells if cell.kind == "markdown" for line in cell.source.splitlines())
        title = next((line.strip("# ")[:60] for line in lines if line.startswith("# ")), "")
        titled = f" “{''.join(filter(str.isprintable, title))}”" if title else ""
        return f"None of the cells of this notebook{titled} belongs to this assignment; hand in the right one."
    return None


def with_own_cells(notebook: NotebookNode) -> NotebookNode:
    """A copy of which cells, sources, outputs and metadata can be set anew. What lies deeper is shared, not copied."""
    cells = [NotebookNode(cell, metadata=NotebookNode(cell.metadata)) for cell in notebook.cells]
    return NotebookNode(notebook, metadata=NotebookNode(notebook.metadata), cells=cells)


def _fill(notebook: NotebookNode, matching: Matching) -> None:
    for index, source in matching.filled.items():
        notebook.cells[index].source = source
    for index in matching.runs:
        tags = notebook.cells[index].metadata["tags"]
        notebook.cells[index].metadata["tags"] = [tag for tag in tags if tag != "look"]


def _insert(notebook: NotebookNode, matching: Matching) -> None:
    """Keep the student's own cells behind the cells that they followed."""
    behind: dict[int, list[Cell]] = defaultdict(list)
    for cell in matching.added:
        behind[_slot_before(cell, matching)].append(cell)
    taken = {cell.get("id") for cell in notebook.cells}
    fresh = (name for number in itertools.count(1) if (name := f"added-{number}") not in taken)
    cells = []
    for index, released in enumerate([None, *notebook.cells], start=-1):
        if released is not None:
            cells.append(released)
        cells.extend(_as_node(cell, next(fresh), notebook) for cell in behind[index])
    notebook.cells = cells


def _keep(notebook: NotebookNode, texts: Sequence[str]) -> None:
    """Append what was left out, as cells that are not run."""
    for number, text in enumerate(texts, start=1):
        cell = Cell("raw", f"Kept from a merge that was not finished:\n\n{text}", 0)
        notebook.cells.append(_as_node(cell, f"kept-{number}", notebook))


def _slot_before(cell: Cell, matching: Matching) -> int:
    # What was added to a text follows it; what was added to a grade cell must stand before it.
    own = {matching.slots[index].kind for index in matching.anchors.get(cell.position, [])}
    last = cell.position if own and "code" not in own else cell.position - 1
    before = [at for at in matching.anchors if at <= last and matching.anchors[at]]
    slot = max(matching.anchors[max(before)]) if before else -1
    if cell.kind == "code":
        # An answer that was moved up must still find what the student had defined before it.
        names = bound(cell.source)
        for at, indices in matching.anchors.items():
            for index in indices:
                if at > cell.position and index <= slot and names & words(matching.filled.get(index, "")).keys():
                    slot = min(slot, index - 1)
    return slot


def _as_node(cell: Cell, name: str, notebook: NotebookNode) -> NotebookNode:
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }[cell.kind]
    node = make(cell.source, id=name)
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del node["id"]
    return node


def _counted(notes: list[str]) -> list[str]:
    """A sentence that applies several times is said once."""
    return [note if times == 1 else f"{note[:-1]} ({times} times)." for note, times in Counter(notes).items()]


def _lost_traces(matching: Matching) -> list[str]:
    notes = []
    for how, words_for in (
        ("cell_id", "by the id of the cell"),
        ("name", "by the names that the cells define"),
        ("alignment", "by place and likeness"),
    ):
        found = [matching.slots[index] for index, by in sorted(matching.how.items()) if by == how]
        if found:
            labels = ", ".join(str(slot.grade_id) for slot in found)
            notes.append(f"The mark of {_number(found, 'answer')} was lost; found {words_for}: {labels}.")
    return notes


def _put_back(matching: Matching) -> list[str]:
    present = matching.present()
    missing = [slot for slot in matching.slots if slot.index not in present]
    notes = [f"The {slot.label} was missing; put back." for slot in missing if slot.grade_id]
    others = [slot for slot in missing if not slot.grade_id]
    if others:
        notes.append(f"{_number(others, 'released cell')} {'was' if len(others) == 1 else 'were'} missing; put back.")
    return notes


def _defined_again(notebook: NotebookNode, matching: Matching) -> list[str]:
    """Tell of cells between an answer and its grade cell that bind its name once more: the later one counts."""
    answers = {str(slot.grade_id): slot for slot in matching.slots if slot.role == "answer"}
    notes: list[str] = []
    waiting: dict[str, Slot] = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or "look" in cell.metadata.get("tags", []):
            continue
        if slot := answers.get(str(mark.get("grade_id"))):
            waiting.update(dict.fromkeys(slot.names, slot) if slot.index in matching.filled else {})
        elif mark.get("grade"):
            waiting.clear()
        elif waiting:
            for name in sorted(waiting.keys() & bound(cell.source)):
                notes.append(
                    f"A cell below the {waiting[name].label} defines {name} again. As in Jupyter the later definition "
                    "counts, so that one is graded; if the one in the answer cell is meant, delete the other."
                )
    return list(dict.fromkeys(notes))


def _nearly_right(cells: list[Cell], matching: Matching) -> list[str]:
    """Tell of functions and classes whose names are nearly those that exercises without an answer ask for."""
    asked = {name for slot in matching.slots for name in slot.names}
    given = {name for slot in matching.slots if slot.kind == "code" for name in defined(slot.source)}
    own = {name for cell in cells if cell.kind == "code" for name in defined(cell.source)} - given
    notes = []
    for slot in matching.slots:
        answer = matching.filled.get(slot.index)
        if (
            slot.role != "answer"
            or not slot.names
            or (answer and not is_stub(answer, slot.names) and slot.names & bound(answer))
        ):
            continue
        for name in sorted(slot.names):
            for found in sorted(own - asked):
                if _alike(found, name):
                    notes.append(f"You defined {found}; the {slot.label} asks for {name}. Rename it.")
    return notes


def _alike(found: str, name: str) -> bool:
    """Whether a name is another one but for case, underscores, a slip of a letter, or a number or word behind it."""
    bare, wanted = (text.lower().replace("_", "") for text in (found, name))
    behind = re.fullmatch(rf"{re.escape(wanted)}(v?\d{{1,3}}|new|old|copy|final|mine|my|fixed|answer)", bare)
    return bare == wanted or bool(behind) or SequenceMatcher(None, bare, wanted).ratio() > 0.9


def _number(slots: list[Slot], noun: str) -> str:
    return f"1 {noun}" if len(slots) == 1 else f"{len(slots)} {noun}s"
