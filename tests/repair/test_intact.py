"""An answer whose mark is in place is left alone, whatever else its cell holds."""

from __future__ import annotations

import pytest
from classwork import ANSWERS, find, hand_in, new_cell, place, raw_of, small_release, source_of
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.repair import repair

RELEASE = small_release()
CODE = [grade_id for grade_id in ANSWERS if grade_id.endswith("_answer")]
NAMES = [grade_id.removesuffix("_answer") for grade_id in CODE]

DEFINITIONS = [
    "def {name}(*args, **kwargs):\n    return args",
    "def {name}(x):\n    def {other}(y):\n        return y\n    return {other}(x)",
    "import functools\n\n@functools.lru_cache\ndef {name}(x):\n    return x",
    "class {name}:\n    def __new__(cls, x):\n        return x",
    "{name} = lambda x: x",
    "from functools import partial\n{name} = partial(max, 1)",
    "{name}, helper = (lambda x: x), 3",
    "if True:\n    def {name}(x):\n        return x\nelse:\n    def {other}(x):\n        return x",
    "try:\n    from fast import {name}\nexcept ImportError:\n    def {name}(x):\n        return x",
    "with torch.no_grad():\n    def {name}(x):\n        return x",
    "import math as {name}",
    "from math import sqrt as {name}",
    "def make():\n    global {name}\n    def {name}(x):\n        return x\nmake()",
    "print({name} := (lambda x: x))",
    "for {name} in [abs, max]:\n    pass",
    "match [abs]:\n    case [{name}]:\n        pass",
    "def {name}_v2(x):\n    return x\n\n{name} = {name}_v2",
    "def {name}(x):\n    if x is None:\n        raise NotImplementedError('scalars')\n    return x",
    "def {name}(x):\n    # raise NotImplementedError()\n    return x",
    "def {name}(x):\n    raise NotImplementedError()\n\ndef {name}(x):\n    return x",
    "  def {name}(x):\n      return x",
]
EXTRAS = [
    '"""\nold tries:\n\ndef {name}(x):\n    return 1\n\ndef {other}(x):\n    return 2\n"""',
    "'''\nclass {other}:\n    pass\n'''",
    "# def {other}(x):\n#     return 3",
    "if False:\n    def {other}(x):\n        return 4",
    "def {other}(x):\n    return 'an old version of another exercise'",
    "def {other}(x):\n    raise NotImplementedError()",
    "def {name}_old(x):\n    return 5",
    "def old(x):\n    return 6\n\ndel old",
    "{other} = 3",
    "import os, sys as {other}",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor as {other}",
    "total = 0\ntotal += 1",
    "check.{name}({name})",
    "print({name}, {other})",
    "%matplotlib inline",
    "!ls -l",
    "files = !ls",
    "text = '''\n%d of\n!them\n'''",
    "lengths = [2**n for n in range(4, 12)]",
    "merged = '''\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> mine\n'''",
    "pasted = '''\n```python\n“x”\u00a0= 1\n```\n'''",
]
FIRST_LINES = ["", "%%time\n", "\n\n", "# my answer\n", "%%capture\n"]


@st.composite
def typed(draw: st.DrawFn, name: str) -> str:
    """A cell that binds a name, and holds all kinds of other things before and behind."""

    def pick(texts: list[str]) -> str:
        other = draw(st.sampled_from([each for each in NAMES if each != name]))
        return draw(st.sampled_from(texts)).format(name=name, other=other)

    definition = pick(DEFINITIONS)
    extras = [] if definition.startswith(" ") else EXTRAS
    before = [pick(extras) for _ in range(draw(st.integers(0, 2)) if extras else 0)]
    behind = [pick(extras) for _ in range(draw(st.integers(0, 3)) if extras else 0)]
    first = draw(st.sampled_from(FIRST_LINES)) if extras else ""
    separator = draw(st.sampled_from(["\n", "\n\n", "\n\n\n"]))
    return first + separator.join([*before, definition, *behind]) + draw(st.sampled_from(["", "\n", "\n\n\n"]))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_every_answer_stays_as_it_was_typed_and_nothing_is_told(data: st.DataObject) -> None:
    answers = {grade_id: data.draw(typed(name)) for grade_id, name in zip(CODE, NAMES, strict=True)}
    handed = hand_in(RELEASE, ANSWERS | answers)
    repaired = repair(raw_of(handed), RELEASE)
    assert repaired.notes == []
    assert {grade_id: source_of(repaired.notebook, grade_id) for grade_id in CODE} == answers
    assert len(repaired.notebook.cells) == len(RELEASE.cells)
    assert set(repaired.answered.values()) == {"grade_id"}


@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("where", ["before", "behind"])
def test_one_answer_beside_stubs(extra: str, where: str) -> None:
    extra = extra.format(name="norms", other="self_attention")
    answer = ANSWERS["norms_answer"]
    source = f"{extra}\n\n{answer}" if where == "before" else f"{answer}\n\n{extra}"
    handed = hand_in(RELEASE, ANSWERS | {"norms_answer": source})
    repaired = repair(raw_of(handed), RELEASE)
    assert source_of(repaired.notebook, "norms_answer") == source
    assert repaired.notes == []


def test_an_unfinished_answer_keeps_its_cell_beside_an_old_try_in_another() -> None:
    finished = "class self_attention:\n    def __call__(self, x):\n        return x\n"
    source = finished + "    def more(self):\n        raise NotImplementedError()"
    other = ANSWERS["norms_answer"] + "\n\ndef self_attention(x):\n    return 'an old try'"
    handed = hand_in(RELEASE, ANSWERS | {"self_attention_answer": source, "norms_answer": other})
    repaired = repair(raw_of(handed), RELEASE)
    assert source_of(repaired.notebook, "self_attention_answer") == source
    assert source_of(repaired.notebook, "norms_answer") == other
    assert repaired.notes == []


@pytest.mark.parametrize("way", ["globals()['norms'] = abs", "from answers import *", "exec('def norms(x): return x')"])
def test_an_answer_that_binds_its_name_unseen_keeps_its_mark_beside_an_old_version_of_another(way) -> None:
    source = f"def self_attention(x):\n    return 'old'\n\n{way}"
    repaired = repair(raw_of(hand_in(RELEASE, ANSWERS | {"norms_answer": source})), RELEASE)
    assert source_of(repaired.notebook, "norms_answer") == source
    assert source_of(repaired.notebook, "self_attention_answer") == ANSWERS["self_attention_answer"]
    assert repaired.notes == []


def test_a_variable_of_an_exercises_name_is_not_taken_for_its_answer(release) -> None:
    source = "self_attention = 3\n" + ANSWERS["norms_answer"]
    answers = {key: value for key, value in ANSWERS.items() if key != "self_attention_answer"}
    repaired = repair(raw_of(hand_in(release, answers | {"norms_answer": source})), release)
    assert source_of(repaired.notebook, "norms_answer") == source
    assert repaired.answered["self_attention_answer"] == "untouched"


def test_an_indented_cell_below_an_answer_is_a_cell_of_its_own() -> None:
    handed = hand_in(RELEASE, ANSWERS)
    below = new_cell("    print(norms(3))")
    handed["cells"].insert(place(handed, "norms_answer") + 1, below)
    repaired = repair(raw_of(handed), RELEASE)
    assert source_of(repaired.notebook, "norms_answer") == ANSWERS["norms_answer"]
    assert any(cell.source == below["source"] for cell in repaired.notebook.cells)
    assert repaired.notes == []


def test_an_indented_answer_below_an_answer_is_not_joined_to_it(handed, release) -> None:
    """IPython takes the margin off, so the second answer runs."""
    del handed["cells"][place(handed, "norms_answer") + 1 : place(handed, "self_attention_answer")]
    find(handed, "self_attention_answer")["source"] = "  def self_attention(x):\n      return x"
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "norms_answer") == ANSWERS["norms_answer"]
    assert source_of(repaired.notebook, "self_attention_answer").startswith("  def self_attention")


def test_a_syntax_error_of_the_students_own_moves_nothing(handed, release) -> None:
    source = "def self_attention(x):\n    return 'old'\n\n" + ANSWERS["norms_answer"] + "\nprint(norms(1)"
    find(handed, "norms_answer")["source"] = source
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "norms_answer") == source
    assert source_of(repaired.notebook, "self_attention_answer") == ANSWERS["self_attention_answer"]
    assert repaired.notes == []
