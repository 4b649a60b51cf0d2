"""Which cell of a submission stands for which cell of the release."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

from autograder.repair.cleaning import cleaned
from autograder.repair.reading import Cell
from autograder.repair.slots import Slot
from autograder.repair.sources import (
    as_far_as_it_goes,
    bound,
    defined,
    is_python,
    is_stub,
    likeness,
    lines_beyond,
    normal,
    own_names,
    runs_by_itself,
    segments,
    without_block,
    words,
)

_LIKE_ENOUGH = 0.5
_MOST_COMPARED = 300
"""Cells compared word by word; more unmatched ones than this are no honest damage."""
_MOST_PARTS = 4
"""Cells with the same id that may be copies or parts of one; more is an editor's fault."""
_TRACES = ("grade_id", "cell_id", "name")


@dataclass
class Matching:
    """The outcome.

    filled      slot index -> the student's source for it (answers, written answers, edited given cells)
    how         slot index of an answer -> grade_id, cell_id, name, alignment, elsewhere, untouched or missing
    anchors     position of a student's cell -> slots it stands for
    added       cells to keep beside the release
    runs        look cells that must run after all, because answers use what the student defined there
    """

    slots: list[Slot]
    filled: dict[int, str] = field(default_factory=dict)
    how: dict[int, str] = field(default_factory=dict)
    anchors: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    added: list[Cell] = field(default_factory=list)
    runs: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def present(self) -> set[int]:
        """Slots for which some cell of the submission stands."""
        return {index for indices in self.anchors.values() for index in indices}


def match(cells: list[Cell], slots: list[Slot]) -> Matching:
    """Find the student's cell for every slot: by grade_id, by cell id, by the names it defines, by likeness."""
    return _Matcher(cells, slots).match()


@dataclass(frozen=True)
class _Candidate:
    """A cell that may be the answer of a slot, with the part of its source that is compared with the released stub."""

    cell: Cell
    source: str
    trace: int
    defines: bool
    finished: bool
    changed: bool


class _Matcher:
    def __init__(self, cells: list[Cell], slots: list[Slot]) -> None:
        self.slots = slots
        self.result = Matching(slots)
        self.expected = {name: slot.index for slot in slots for name in slot.names}
        self.given = {slot.normal for slot in slots if slot.role == "given"}
        self.normals: dict[int, str] = {}
        self.cells = self._rejoined([self._as_code(_trimmed(cell)) for cell in self._trusted(cells)])
        self.normals = {cell.position: normal(cell.source) for cell in self.cells}
        self.names = {cell.position: self._expected_in(cell.source) for cell in self.cells}
        self.intact = {cell.position: slot.index for cell in self.cells if (slot := self._intact_for(cell))}
        self.pieces: dict[int, list[Cell]] = {}
        self.parts: dict[int, dict[int, str]] = {}
        self.used: set[int] = set()

    def match(self) -> Matching:
        self._released_cells()
        for slot in self._of("answer"):
            self._answer(slot)
        for slot in self._of("written"):
            self._written(slot)
        self._fill_answers()
        self._given_cells()
        self._alike()
        for slot in self._of("written"):
            self._written_nearby(slot)
        self._rest()
        self._written_elsewhere()
        self._look_cells()
        return self.result

    # ------------------------------------------------------------------------------------------- preparation

    def _trusted(self, cells: list[Cell]) -> list[Cell]:
        """Forget cell ids that tell nothing: beside a mark, which says more, and where many cells have the same."""
        marks = {slot.grade_id for slot in self.slots if slot.grade_id}
        count = Counter(name for cell in cells for name in cell.cell_ids)
        trusted = []
        for cell in cells:
            marked = bool(marks.intersection(cell.grade_ids))
            ids = () if marked else tuple(name for name in cell.cell_ids if count[name] <= _MOST_PARTS)
            trusted.append(replace(cell, cell_ids=ids))
        return trusted

    def _rejoined(self, cells: list[Cell]) -> list[Cell]:
        """Join a cell that begins inside a block with the cell before it: a function that was split."""
        released = {slot.normal for slot in self.slots}
        joined: list[Cell] = []
        for cell in cells:
            before = joined[-1] if joined else None
            if before and before.kind == cell.kind == "code" and _continues(before.source, cell.source):
                if normal(before.source) in released or self._is_a_cell_of_its_own(cell, before):
                    joined.append(cell)
                    continue
                joined[-1] = replace(
                    before,
                    source=before.source.rstrip("\n") + "\n" + cell.source,
                    grade_ids=tuple(dict.fromkeys(before.grade_ids + cell.grade_ids)),
                    cell_ids=tuple(dict.fromkeys(before.cell_ids + cell.cell_ids)),
                )
                self.result.notes.append("A function was split over two cells; joined.")
            else:
                joined.append(cell)
        return joined

    def _as_code(self, cell: Cell) -> Cell:
        """Without the marks of a code block, where the mark of a code answer stands on a text."""
        if cell.kind == "code" or not any(slot.grade_id in cell.grade_ids for slot in self._of("answer")):
            return cell
        found = cleaned(cell.source)
        return replace(cell, source=found[0]) if found else cell

    def _is_a_cell_of_its_own(self, cell: Cell, before: Cell) -> bool:
        """Whether an indented cell is no continuation: it has a mark of its own, or runs alone below a whole answer."""
        marks = {slot.grade_id for slot in self.slots if slot.grade_id}
        if marks.intersection(cell.grade_ids).difference(before.grade_ids):
            return True
        return (
            self._intact_for(before) is not None
            and runs_by_itself(cell.source)
            and not own_names(before.source) & words(cell.source).keys()
        )

    def _intact_for(self, cell: Cell) -> Slot | None:
        """The slot of which this is the answer as it was typed: the mark is in place, and it binds what it should."""
        if cell.kind != "code" or cell.cut or not cell.source.strip() or not is_python(cell.source):
            return None
        marked = (slot for slot in self._of("answer") if slot.grade_id in cell.grade_ids)
        return next((slot for slot in marked if slot.names <= bound(cell.source)), None)

    def _expected_in(self, source: str) -> frozenset[str]:
        return bound(source) & self.expected.keys()

    def _of(self, *roles: str) -> list[Slot]:
        return [slot for slot in self.slots if slot.role in roles]

    def _take(self, cell: Cell, slot: Slot) -> None:
        self.used.add(cell.position)
        if slot.index not in self.result.anchors[cell.position]:
            self.result.anchors[cell.position].append(slot.index)

    # ------------------------------------------------------------------------- cells that stay the release's

    def _released_cells(self) -> None:
        """Recognise grade cells and prose; what the student put into them is kept apart."""
        fixed = self._of("locked", "prose")
        answers = self._of("answer", "written")
        answer_grades = {slot.grade_id for slot in answers}
        answer_ids = {slot.cell_id for slot in answers}
        by_grade = {slot.grade_id: slot for slot in fixed if slot.grade_id}
        by_id = {slot.cell_id: slot for slot in fixed if slot.cell_id}
        by_source: dict[str, list[Slot]] = defaultdict(list)
        for slot in fixed:
            by_source[slot.normal].append(slot)
        seen: set[int] = set()
        changed_prose = 0
        for cell in self.cells:
            if answer_grades.intersection(cell.grade_ids):
                continue
            found = next((by_grade[grade] for grade in cell.grade_ids if grade in by_grade), None)
            if found is None:
                alike = by_source.get(self.normals[cell.position], [])
                found = next((slot for slot in alike if slot.index not in seen), None)
            if found is None and not answer_ids.intersection(cell.cell_ids):
                found = next((by_id[name] for name in cell.cell_ids if name in by_id), None)
            if found is None:
                continue
            self._tell_of_tags(cell, found)
            again = found.index in seen
            seen.add(found.index)
            if self.normals[cell.position] == found.normal:
                self._take(cell, found)
                if found.role == "locked" and again:
                    self.result.notes.append(f"A copy of the {found.label} was left out.")
                elif cell.kind != found.kind:
                    self.result.notes.append(f"The {found.label} had become a {cell.kind} cell; put back.")
                continue
            if found.role == "locked":
                self.result.notes.append(f"The {found.label} was changed; the released cell stands.")
            else:
                changed_prose += 1
            self._keep_beyond(cell, found)
        if changed_prose:
            what = "a released text cell" if changed_prose == 1 else f"{changed_prose} released text cells"
            self.result.notes.append(f"The text of {what} was changed; the released text stands.")

    def _tell_of_tags(self, cell: Cell, slot: Slot) -> None:
        for tag in ("skip-execution", "raises-exception"):
            if tag in cell.tags and tag not in slot.tags:
                self.result.notes.append(f"The tag {tag} on the {slot.label} was dropped.")

    def _keep_beyond(self, cell: Cell, slot: Slot) -> None:
        """Keep what a changed grade cell or text has beyond the released one."""
        if self.names[cell.position]:
            # An answer merged with its grade cell: the cell stays a candidate, and still marks the place.
            self.result.anchors[cell.position].append(slot.index)
            return
        self._take(cell, slot)
        beyond = lines_beyond(cell.source, slot.source)
        if (bound(beyond) and cell.kind == "code") if slot.kind == "code" else re.search(r"\w", beyond):
            self.result.added.append(replace(cell, source=beyond))

    # ---------------------------------------------------------------------------------------------- answers

    def _candidates(self, slot: Slot) -> list[_Candidate]:
        found = []
        for cell in self.cells:
            if self.normals[cell.position] in self.given:
                continue
            defines = bool(slot.names & self.names[cell.position])
            other = self.intact.get(cell.position, slot.index) != slot.index
            if other and not slot.names & defined(cell.source):
                continue  # the answer to another exercise has a variable of this name
            trace = self._trace(cell, slot, defines)
            if trace is None or (cell.position in self.used and not self.names[cell.position]):
                continue
            source = cell.source
            if defines and len(self.names[cell.position]) > 1:
                source = self._parts(cell).get(slot.index, source)
            changed = bool(source.strip()) and normal(source) != slot.normal
            found.append(_Candidate(cell, source, trace, defines, not is_stub(source, slot.names), changed))
        if any(candidate.changed and self.intact.get(candidate.cell.position) == slot.index for candidate in found):
            return [one for one in found if self.intact.get(one.cell.position, slot.index) == slot.index]
        return found

    def _trace(self, cell: Cell, slot: Slot, defines: bool) -> int | None:
        others = {self.expected[name] for name in self.names[cell.position]}
        if not defines and slot.names and others - set(self.intact.values()):
            return None  # it carries this cell's mark, but it is the answer to another exercise
        if slot.grade_id in cell.grade_ids:
            return 0
        if slot.cell_id in cell.cell_ids:
            return 1
        return 2 if defines else None

    def _parts(self, cell: Cell) -> dict[int, str]:
        """The texts in a cell that concern each answer; worked out once, for every answer asks for them."""
        if cell.position in self.parts:
            return self.parts[cell.position]
        parts: dict[int, str] = self.parts.setdefault(cell.position, {})
        for name, text in segments(cell.source, self.names[cell.position]):
            index = self.expected[name]
            parts[index] = f"{parts[index]}\n\n{text}" if index in parts else text
        return parts

    def _answer(self, slot: Slot) -> None:
        candidates = self._candidates(slot)
        changed = [candidate for candidate in candidates if candidate.changed]
        marked = [candidate for candidate in candidates if candidate.trace < 2]
        for candidate in candidates:
            if not candidate.changed and candidate.trace < 2:
                self.used.add(candidate.cell.position)
        if not changed:
            untouched = [candidate for candidate in candidates if candidate.source.strip()]
            if untouched:
                self._take(untouched[-1].cell, slot)
            self.result.how[slot.index] = "untouched" if untouched else "missing"
            return
        check = self._place_after(slot)

        def worth(candidate: _Candidate) -> tuple[bool, bool, bool, int, bool, int]:
            in_time = candidate.trace < 2 or candidate.cell.position < check
            is_code = candidate.cell.kind == "code"
            order = candidate.cell.position
            return candidate.defines, candidate.finished, in_time, -candidate.trace, is_code, order

        best = max(changed, key=worth)
        pieces = [best]
        for other in changed:
            if other is best or other.trace == 2:
                continue
            self.used.add(other.cell.position)
            if not other.defines and best.defines:
                pieces.append(other)
        pieces.sort(key=lambda piece: piece.cell.position)
        for piece in pieces:
            self._take(piece.cell, slot)
        self.pieces[slot.index] = [piece.cell for piece in pieces]
        self.result.how[slot.index] = _TRACES[best.trace]
        self._tell_of_answer(slot, best, len(pieces), marked)

    def _place_after(self, slot: Slot) -> float:
        """Where the student's grade cell for this answer stands; infinity if it is nowhere."""
        after = next((other for other in self.slots[slot.index + 1 :] if other.role == "locked"), None)
        places = [at for at, indices in self.result.anchors.items() if after and after.index in indices]
        return min(places, default=float("inf"))

    def _tell_of_answer(self, slot: Slot, best: _Candidate, pieces: int, marked: list[_Candidate]) -> None:
        notes = self.result.notes
        copies = len(marked) - pieces + (best.trace < 2)
        if best.trace < 2 and copies > 1:
            notes.append(f"The {slot.label} was there {copies} times; the last one that was changed is taken.")
        elif best.trace == 2 and marked:
            notes.append(f"The {slot.label} held no answer; a cell that defines {_listed(slot.names)} is taken for it.")
        if pieces > 1:
            notes.append(f"The {slot.label} was split over {pieces} cells; joined.")
        if best.cell.kind != "code":
            notes.append(f"The {slot.label} had become a {best.cell.kind} cell; turned back to code.")
        if best.cell.cut:
            notes.append(f"The end of the {slot.label} is lost; what was left of it is taken.")
        self._tell_of_tags(best.cell, slot)

    def _fill_answers(self) -> None:
        """Put the answers into their slots. A cell is parted only where several exercises take their answer from it."""
        takers: dict[int, list[int]] = defaultdict(list)
        for index, cells in self.pieces.items():
            for cell in cells:
                takers[cell.position].append(index)
        for index, cells in self.pieces.items():
            texts = [self._without_released(self._share(cell, index, takers[cell.position]), cell) for cell in cells]
            joined = "\n\n".join(dict.fromkeys(text.strip("\n") for text in texts))
            self.result.filled[index] = texts[0] if len(texts) == 1 else joined
        for indices in takers.values():
            if len(indices) > 1:
                labels = " and ".join(str(self.slots[index].grade_id) for index in sorted(indices))
                self.result.notes.append(f"The answers {labels} stood in one cell; each is back in its own.")

    def _share(self, cell: Cell, index: int, takers: list[int]) -> str:
        """What the answer at `index` gets of a cell from which the answers `takers` are taken."""
        if len({self.expected[name] for name in self.names[cell.position]}) < 2:
            return cell.source
        parts = self._parts(cell)
        others = [part for part, text in parts.items() if part != index and is_stub(text, self.slots[part].names)]
        if len(takers) == 1 and (self.intact.get(cell.position) == index or not others):
            return cell.source  # a stub of another exercise would undo its answer
        order = [part for part in parts if part in takers]
        if order != sorted(order):
            # Cutting would change the order in which things are defined, so the first cell gets all of it.
            return cell.source if index == min(takers) else parts.get(index, cell.source)
        texts = [parts.get(index, cell.source)]
        for part, text in parts.items():
            near = max((other for other in order if other < part), default=min(takers))
            if part not in takers and near == index and not is_stub(text, self.slots[part].names):
                texts.append(text)
        return "\n\n\n".join(texts)

    def _without_released(self, source: str, cell: Cell) -> str:
        """Take released cells out of a cell that was merged with them: grade cells, texts, and what only shows.

        Plots and experiments may take minutes, and are not run while grading where they have a cell of their own.
        """
        elsewhere = {index for at, indices in self.result.anchors.items() if at != cell.position for index in indices}
        for slot in self.slots:
            shown_only = slot.role == "given" and "look" in slot.tags
            if (slot.role in ("locked", "prose") or shown_only) and slot.index not in elsewhere:
                rest = without_block(source, slot.source)
                source = rest if rest.strip() else source
        return source

    # -------------------------------------------------------------------------------------- written answers

    def _written(self, slot: Slot) -> None:
        marked = [
            (trace, cell)
            for cell in self.cells
            if (trace := self._trace(cell, slot, defines=False)) is not None and cell.position not in self.used
        ]
        texts = {}
        for trace, cell in marked:
            self._take(cell, slot)
            text = cell.source.strip("\n")
            if text.strip() and self.normals[cell.position] != slot.normal:
                texts[text] = (trace, cell)
        if not texts:
            self.result.how[slot.index] = "untouched" if any(cell.source.strip() for _, cell in marked) else "missing"
            return
        self.result.filled[slot.index] = "\n\n".join(texts)
        self.result.how[slot.index] = _TRACES[min(trace for trace, _ in texts.values())]
        if len(texts) > 1:
            self.result.notes.append(f"The {slot.label} stood in {len(texts)} cells; joined.")
        if any(cell.kind != "markdown" for _, cell in texts.values()):
            self.result.notes.append(f"The {slot.label} had changed its type; turned back to text.")
        if any(cell.cut for _, cell in texts.values()):
            self.result.notes.append(f"The end of the {slot.label} is lost; what was left of it is taken.")

    def _written_nearby(self, slot: Slot) -> None:
        """A written answer without any trace: the text that stands where it belongs."""
        if slot.index in self.result.filled:
            return
        texts = [cell for cell in self._gap(slot) if _is_text(cell)]
        if not texts:
            self._written_into_question(slot)
            return
        following = [other for other in self._of("written") if other.index > slot.index]
        if following and self.result.how[slot.index] == "missing" and len(texts) > 1:
            same_gap = [other for other in following if {c.position for c in self._gap(other)} & {texts[-1].position}]
            texts = texts[: max(1, len(texts) - len(same_gap))]
        for cell in texts:
            self._take(cell, slot)
        self.result.filled[slot.index] = "\n\n".join(cell.source.strip("\n") for cell in texts)
        self.result.how[slot.index] = "alignment"
        self.result.notes.append(f"The {slot.label} was found in a text cell at its place.")

    def _written_into_question(self, slot: Slot) -> None:
        """What the student typed into the text right above the answer's cell."""
        for cell in self.result.added:
            if cell.kind != "code" and slot.index - 1 in self.result.anchors.get(cell.position, []):
                self.result.added.remove(cell)
                self.result.filled[slot.index] = cell.source
                self.result.how[slot.index] = "alignment"
                self.result.notes.append(f"The {slot.label} was found in the text above it.")
                return

    def _written_elsewhere(self) -> None:
        """Written answers of which the cell is gone, while texts of the student's own stand somewhere."""
        lost = [slot for slot in self._of("written") if self.result.how[slot.index] == "missing"]
        lost = [slot for slot in lost if slot.index not in self.result.filled]
        texts = [cell for cell in self.result.added if _is_text(cell) and re.search(r"\w", cell.source)]
        if len(lost) == len(texts) == 1:
            self.result.added.remove(texts[0])
            self._take(texts[0], lost[0])
            self.result.filled[lost[0].index] = texts[0].source
            self.result.how[lost[0].index] = "alignment"
            self.result.notes.append(f"The {lost[0].label} was found in a text cell elsewhere.")
        elif texts:
            quoted = "\n\n".join(cell.source.strip("\n") for cell in texts)
            for slot in lost:
                self.result.how[slot.index] = "elsewhere"
                self.result.filled[slot.index] = (
                    f"*The cell of this answer was lost. It may be among these:*\n\n{quoted}"
                )
                self.result.notes.append(f"The {slot.label} may be one of the texts elsewhere; a person has to look.")

    def _gap(self, slot: Slot) -> list[Cell]:
        """Unmatched cells between the student's nearest cells before and after this slot."""
        places = {index: at for at, indices in self.result.anchors.items() for index in indices}
        before = max((places[index] for index in places if index <= slot.index), default=-1)
        after = min((at for index, at in places.items() if index > slot.index and at > before), default=float("inf"))
        return [cell for cell in self.cells if before < cell.position < after and cell.position not in self.used]

    # ----------------------------------------------------------------------------------------- given and rest

    def _given_cells(self) -> None:
        for slot in self._of("given"):
            free = [cell for cell in self.cells if cell.position not in self.used and cell.source.strip()]
            marked = [cell for cell in free if slot.cell_id in cell.cell_ids]
            same = [cell for cell in free if self.normals[cell.position] == slot.normal]
            changed = [cell for cell in marked if self.normals[cell.position] != slot.normal]
            chosen = next(iter(changed[-1:] or marked[-1:] or same[:1]), None)
            if chosen is None:
                continue
            for cell in marked:
                if self.normals[cell.position] in (slot.normal, self.normals[chosen.position]):
                    self._take(cell, slot)
            self._fill_given(chosen, slot)

    def _fill_given(self, cell: Cell, slot: Slot) -> None:
        self._take(cell, slot)
        if self.normals[cell.position] != slot.normal:
            self.result.filled[slot.index] = self._without_released(cell.source, cell)
        if cell.kind != "code":
            self.result.notes.append(f"The {slot.label} had become a {cell.kind} cell; turned back to code.")
        self._tell_of_tags(cell, slot)

    def _alike(self) -> None:
        """Pair what is left by the words in common, the most alike first."""
        present = self.result.present()
        open_slots = [slot for slot in self.slots if slot.index not in present]
        free = [cell for cell in self.cells if cell.position not in self.used and cell.source.strip()]
        pairs = []
        for cell in free[:_MOST_COMPARED]:
            theirs = words(cell.source)
            for slot in open_slots:
                if (cell.kind == "code") == (slot.kind == "code"):
                    score = likeness(slot.words, theirs)
                    if score >= _LIKE_ENOUGH:
                        pairs.append((score, -abs(cell.position - slot.index), cell, slot))
        changed_prose = 0
        for _, _, cell, slot in sorted(pairs, key=lambda pair: pair[:2], reverse=True):
            if cell.position in self.used or slot.index in self.result.present():
                continue
            if slot.role in ("answer", "written"):
                self._take(cell, slot)
                self.result.filled[slot.index] = self._without_released(cell.source, cell)
                self.result.how[slot.index] = "alignment"
            elif slot.role == "given":
                self._fill_given(cell, slot)
            else:
                self._keep_beyond(cell, slot)
                if slot.role == "locked":
                    self.result.notes.append(f"The {slot.label} was changed; the released cell stands.")
                changed_prose += slot.role == "prose"
        if changed_prose:
            what = "a released text cell" if changed_prose == 1 else f"{changed_prose} released text cells"
            self.result.notes.append(f"The text of {what} was changed; the released text stands.")

    def _rest(self) -> None:
        """Keep every other cell; of copies of grade cells nothing is left to keep."""
        kept = {cell.position for cell in self.result.added}
        for cell in self.cells:
            if cell.position not in self.used and cell.position not in kept and cell.source.strip():
                self.result.added.append(cell)
        self.result.added.sort(key=lambda cell: cell.position)

    def _look_cells(self) -> None:
        """Cells tagged look are not run while grading, unless answers use what the student defined in them."""
        used = words("\n".join(self.result.filled[slot.index] for slot in self._of("answer") if self._is_filled(slot)))
        for slot in self._of("given"):
            if "look" in slot.tags and self._is_filled(slot):
                new = (defined(self.result.filled[slot.index]) - defined(slot.source)) & used.keys()
                if new:
                    self.result.runs.add(slot.index)
                    self.result.notes.append(f"The {slot.label} is run too, because an answer uses {_listed(new)}.")

    def _is_filled(self, slot: Slot) -> bool:
        return slot.index in self.result.filled


def _trimmed(cell: Cell) -> Cell:
    return replace(cell, source=as_far_as_it_goes(cell.source)) if cell.cut and cell.kind == "code" else cell


def _is_text(cell: Cell) -> bool:
    """Whether a cell holds text: by its kind, or sentences that were typed into a cell for code."""
    if cell.kind != "code":
        return bool(cell.source.strip())
    return len(words(cell.source)) >= 5 and not is_python(cell.source) and not bound(cell.source)


def _continues(before: str, source: str) -> bool:
    """True where `source` begins inside a block that `before` leaves open."""
    first = next((line for line in source.split("\n") if line.strip()), "")
    last = next((line for line in reversed(before.split("\n")) if line.strip()), "")
    return first[:1] in (" ", "\t") and bool(last) and (last[:1] in (" ", "\t") or last.rstrip().endswith((":", '"""')))


def _listed(names: frozenset[str] | set[str]) -> str:
    return " and ".join(sorted(names))
