"""Random damage, several at a time: nothing raises, and no answer is lost where a trace of it survives."""

from __future__ import annotations

import json
import os
import random
from functools import cache

import nbformat
import pytest
from classwork import ANSWERS, Classwork, hand_in, real_classwork, small_classwork, small_release, source_of
from damages import CELL_DAMAGES, is_answer, written_out
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.nbgraderformat import MetadataValidator

from autograder.release import stages
from autograder.repair import repair
from autograder.repair.slots import slots_of
from autograder.repair.sources import defined

COUNT = int(os.environ.get("REPAIR_DAMAGES", "300"))
RELEASE = small_release()
BLOCKS = 10


@cache
def classwork() -> list[Classwork]:
    return [small_classwork(), *map(real_classwork, stages())]


def traced(cells, work, grade_id):
    """A mark, a cell id that is its own, or the name that it defines survives with the answer."""
    released = next(c for c in work.release.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    (names,) = (slot.names for slot in slots_of(work.release) if slot.grade_id == grade_id)
    for cell in cells:
        if work.marks[grade_id] not in cell["source"]:
            continue
        nbgrader = cell["metadata"].get("nbgrader", {}) if isinstance(cell["metadata"], dict) else {}
        ids = [other.get("id") for other in cells]
        if nbgrader.get("grade_id") == grade_id or names & defined(cell["source"]):
            return True
        if cell.get("id") == released.id and ids.count(released.id) == 1:
            return True
    return False


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_damage(block):
    for seed in range(block, COUNT, BLOCKS):
        rng = random.Random(seed)
        work = classwork()[seed // BLOCKS % len(classwork())]
        handed = hand_in(work.release, work.answers)
        chosen = rng.choices(CELL_DAMAGES, k=rng.randint(1, 5))
        for damage in chosen:
            damage(handed["cells"], rng)
        survived = {grade_id for grade_id in work.marks if traced(handed["cells"], work, grade_id)}
        present = {mark for mark in work.marks.values() if any(mark in cell["source"] for cell in handed["cells"])}
        what = f"{work.name}, seed {seed}: {[damage.__name__ for damage in chosen]}"
        repaired = repair(written_out(handed, rng), work.release)
        nbformat.validate(repaired.notebook)
        MetadataValidator().validate_nb(repaired.notebook)
        text = "\n".join(cell.source for cell in repaired.notebook.cells)
        for grade_id in survived:
            assert work.marks[grade_id] in source_of(repaired.notebook, grade_id), f"{grade_id} lost, {what}"
        assert all(mark in text for mark in present), what
        assert repaired.readable


def test_damages_leave_answers_to_find():
    """The fuzz would show nothing if its damages removed the answers themselves."""
    for work in classwork():
        for damage in CELL_DAMAGES:
            handed = hand_in(work.release, work.answers)
            damage(handed["cells"], random.Random(1))
            assert sum(is_answer(cell) for cell in handed["cells"]) >= len(work.marks) - 1, damage.__name__


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(list(ANSWERS)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "tags", "worksheets"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=150, deadline=None)
@given(values)
def test_json_of_any_shape(value):
    repaired = repair(json.dumps(value).encode(), RELEASE)
    nbformat.validate(repaired.notebook)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_bytes_changed_anywhere(data):
    raw = bytearray(nbformat.writes(RELEASE).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    nbformat.validate(repair(bytes(raw), RELEASE).notebook)
