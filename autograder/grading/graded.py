"""What grading one submission results in, and how it is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.hidden_tests.runner import TestResult

# A cell's status is the worst of what happened to it, in this order.
WORST_FIRST = ("crashed", "out of memory", "timed out", "too much output", "not done", "test error")
TROUBLES = ("timed out", "out of memory", "too much output", "crashed")


@dataclass
class CellScore:
    """A grade cell's result. `score` is None where a person has yet to grade."""

    grade_id: str
    max_score: float
    score: float | None
    status: str
    tests: list[TestResult] = field(default_factory=list)


Basis = dict[str, str]
"""What a result depends on: grade_id → a hash of its hidden tests, and under "" a hash of everything else."""


def key_of(basis: Basis) -> str:
    """The name under which a result is kept."""
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@dataclass
class Graded:
    """A graded submission: its notebook with outputs, its scores, and what happened on the way."""

    notebook: NotebookNode
    cells: list[CellScore]
    repairs: list[str]
    events: list[str]
    seed: int
    basis: Basis
    seconds: float = 0.0
    readable: bool = True
    trouble: str | None = None

    @property
    def key(self) -> str:
        """The name under which it is kept."""
        return key_of(self.basis)

    @property
    def status(self) -> str:
        """What to call the whole submission: not readable, one of TROUBLES, test error, repaired or graded."""
        if not self.readable:
            return "not readable"
        statuses = {cell.status for cell in self.cells}
        for status in TROUBLES:
            if status in statuses or status == self.trouble:
                return status
        if self.test_errors:
            return "test error"
        return "repaired" if self.repairs else "graded"

    @property
    def test_errors(self) -> list[str]:
        """What the tests that could judge nothing say, each sentence once."""
        tests = [test for cell in self.cells for test in cell.tests]
        return list(dict.fromkeys(test.message or test.title for test in tests if test.status == "test error"))

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes an equal object."""
        return {
            "key": self.key,
            "basis": self.basis,
            "seed": self.seed,
            "status": self.status,
            "seconds": round(self.seconds, 4),
            "readable": self.readable,
            "trouble": self.trouble,
            "repairs": self.repairs,
            "events": self.events,
            "cells": [{**vars(cell), "tests": [test.as_dict() for test in cell.tests]} for cell in self.cells],
            "notebook": self.notebook,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Graded:
        """Raises KeyError or TypeError for anything but what `to_json` gave."""
        cells = [
            CellScore(**{**cell, "tests": [TestResult(**test) for test in cell["tests"]]}) for cell in data["cells"]
        ]
        return cls(
            nbformat.from_dict(data["notebook"]),
            cells,
            data["repairs"],
            data["events"],
            data["seed"],
            data["basis"],
            data["seconds"],
            data["readable"],
            data["trouble"],
        )


def as_text(whole: dict[str, Any]) -> str:
    """A notebook, or a result, as JSON with a line for each cell: indented it takes ten times as long."""
    rest = json.dumps({name: value for name, value in whole.items() if name != "cells"}, sort_keys=True)
    cells = ",\n".join(json.dumps(cell, sort_keys=True) for cell in whole["cells"])
    return f'{{"cells": [\n{cells}\n],\n{rest[1:]}\n'


def cell_status(tests: list[TestResult]) -> str:
    """The status of a grade cell from its tests."""
    statuses = {test.status for test in tests}
    if statuses == {"not done"}:
        return "not done"
    return next((status for status in WORST_FIRST if status in statuses and status != "not done"), "graded")
