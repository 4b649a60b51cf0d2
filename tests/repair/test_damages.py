"""Random damage, several at a time: nothing raises, and no answer is lost where a trace of it survives."""

from __future__ import annotations

import json
import os
import random

import nbformat
import pytest
from classwork import ANSWERS, hand_in, small_release
from damages import CELL_DAMAGES, classwork, is_answer, try_damage
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.repair import repair

COUNT = int(os.environ.get("REPAIR_DAMAGES", "300"))
RELEASE = small_release()
BLOCKS = 10


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_damage(block):
    for seed in range(block, COUNT, BLOCKS):
        trial = try_damage(seed)
        assert trial.lost == [], trial.what
        assert trial.gone == [], trial.what
        assert trial.readable, trial.what


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
