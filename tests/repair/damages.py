"""Honest damage, drawn at random: what editors, browsers and tired people do to notebooks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import nbformat
from classwork import STUB, Classwork, Handed, duplicate, hand_in, new_cell, real_classwork, small_classwork, source_of
from nbgrader.nbgraderformat import MetadataValidator
from whole_course import STAGES

from autograder.repair import repair
from autograder.repair.slots import slots_of
from autograder.repair.sources import defined

Damage = Callable[[list[dict[str, Any]], random.Random], None]


def is_answer(cell: dict[str, Any]) -> bool:
    return "MARK-" in cell["source"]


def _any(cells: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    return rng.choice(cells)


def lose_marks(cells, rng):
    for cell in cells:
        cell["metadata"].pop("nbgrader", None)


def lose_a_mark(cells, rng):
    _any(cells, rng)["metadata"] = {}


def lose_ids(cells, rng):
    for cell in cells:
        cell.pop("id", None)


def one_id_for_all(cells, rng):
    for cell in cells:
        cell["id"] = "cell-07"


def delete(cells, rng):
    for cell in rng.sample(cells, min(len(cells), rng.randint(1, 6))):
        if not is_answer(cell):
            cells.remove(cell)


def empty(cells, rng):
    cell = _any(cells, rng)
    if not is_answer(cell):
        cell["source"] = ""


def move(cells, rng):
    cell = _any(cells, rng)
    cells.remove(cell)
    cells.insert(rng.randrange(len(cells) + 1), cell)


def shuffle(cells, rng):
    rng.shuffle(cells)


def copy_one(cells, rng):
    cells.insert(rng.randrange(len(cells) + 1), duplicate(_any(cells, rng)))


def copy_stub(cells, rng):
    stub = duplicate(_any(cells, rng))
    if stub["cell_type"] == "code" and is_answer(stub) and not stub["source"].startswith("check."):
        stub["source"] = stub["source"].split("\n")[0] + "\n    " + STUB.replace("\n", "\n    ")
        cells.insert(rng.randrange(len(cells) + 1), stub)


def retype(cells, rng):
    cell = _any(cells, rng)
    cell["cell_type"] = rng.choice(["markdown", "raw", "code", "heading2", None])


def split(cells, rng):
    cell = _any(cells, rng)
    lines = cell["source"].split("\n")
    if len(lines) > 1:
        at = rng.randrange(1, len(lines))
        second = duplicate(cell)
        cell["source"], second["source"] = "\n".join(lines[:at]), "\n".join(lines[at:])
        if rng.random() < 0.5:
            rng.choice([cell, second])["metadata"] = {}
        cells.insert(cells.index(cell) + 1, second)


def merge(cells, rng):
    if len(cells) > 1:
        at = rng.randrange(len(cells) - 1)
        if cells[at]["cell_type"] == cells[at + 1]["cell_type"] == "code":
            cells[at]["source"] += "\n\n" + cells.pop(at + 1)["source"]


def add(cells, rng):
    source, kind = rng.choice(
        [("import numpy as np", "code"), ("x = 1\nprint(x)", "code"), ("Note.", "markdown"), ("%%bash\nls", "code")]
    )
    cells.insert(rng.randrange(len(cells) + 1), new_cell(source, kind))


def edit_prose(cells, rng):
    cell = _any(cells, rng)
    if not is_answer(cell):
        cell["source"] = cell["source"][: rng.randrange(len(cell["source"]) + 1)]


def add_tag(cells, rng):
    _any(cells, rng)["metadata"]["tags"] = rng.choice([["skip-execution"], [None], "look", {}, ["look"]])


def wrong_type(cells, rng):
    _any(cells, rng)[rng.choice(["metadata2", "outputs", "execution_count", "id", "attachments"])] = rng.choice(
        [None, 3, "x", [], {}, [[]], {"a": None}, 1e308, True]
    )


def null_cell(cells, rng):
    cells.insert(rng.randrange(len(cells) + 1), new_cell(""))


CELL_DAMAGES: list[Damage] = [
    lose_marks,
    lose_a_mark,
    lose_ids,
    one_id_for_all,
    delete,
    empty,
    move,
    shuffle,
    copy_one,
    copy_stub,
    retype,
    split,
    merge,
    add,
    edit_prose,
    add_tag,
    wrong_type,
    null_cell,
]


def _old_format(handed: Handed) -> Handed:
    cells = [{**cell, "input": cell["source"]} for cell in handed["cells"]]
    return {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}


def written_out(handed: Handed, rng: random.Random) -> bytes:
    """The notebook as bytes, saved by one editor or another."""
    if rng.random() < 0.2:
        handed = _old_format(handed)
    text = json.dumps(handed, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1]))
    return rng.choice(
        [
            lambda: text.encode(),
            lambda: b"\xef\xbb\xbf" + text.encode(),
            lambda: text.encode("utf-16"),
            lambda: text.replace("\n", "\r\n").encode(),
            lambda: text.encode() + b"\n}}]garbage",
            lambda: text.encode()[:-2],
            lambda: text.encode("latin-1", "replace"),
        ]
    )()


@dataclass(frozen=True)
class Trial:
    """One damaged notebook, repaired.

    what    notebook, seed and damages
    traced  answers of which a trace had survived: a mark, an own cell id, or the name that is defined
    lost    those of them that did not come back in their cell
    gone    answers that the damaged notebook still held and that the repaired one holds nowhere
    """

    what: str
    traced: list[str]
    lost: list[str]
    gone: list[str]
    readable: bool


@cache
def classwork() -> list[Classwork]:
    return [small_classwork(), *map(real_classwork, STAGES)]


def try_damage(seed: int) -> Trial:
    """Damage a notebook up to five times, repair it, and see what came back. Raises where repair does."""
    rng = random.Random(seed)
    work = classwork()[seed // 10 % len(classwork())]
    handed = hand_in(work.release, work.answers)
    chosen = rng.choices(CELL_DAMAGES, k=rng.randint(1, 5))
    for damage in chosen:
        damage(handed["cells"], rng)
    traced = [grade_id for grade_id in work.marks if _traced(handed["cells"], work, grade_id)]
    present = [mark for mark in work.marks.values() if any(mark in cell["source"] for cell in handed["cells"])]
    repaired = repair(written_out(handed, rng), work.release)
    nbformat.validate(repaired.notebook)
    MetadataValidator().validate_nb(repaired.notebook)
    text = "\n".join(cell.source for cell in repaired.notebook.cells)
    return Trial(
        f"{work.name}, seed {seed}: {[damage.__name__ for damage in chosen]}",
        traced,
        [grade_id for grade_id in traced if work.marks[grade_id] not in source_of(repaired.notebook, grade_id)],
        [mark for mark in present if mark not in text],
        repaired.readable,
    )


def _traced(cells: list[dict[str, Any]], work: Classwork, grade_id: str) -> bool:
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
