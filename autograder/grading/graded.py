"""What grading one submission results in, and how it is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True)
class SourceCell:
    """A marked cell as the instructor wrote it, hidden tests and mark schemes included.

    checksum   nbgrader's, by which it tells an untouched answer; None where it has none
    points     None where it is worth none
    """

    source: str
    cell_type: str
    locked: bool
    checksum: str | None
    points: float | None


Basis = dict[str, str]
"""What a result depends on: grade_id → a hash of its hidden tests, and under "" a hash of everything else."""


def key_of(basis: Basis) -> str:
    """The name under which a result is kept."""
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@dataclass
class Graded:
    """A graded notebook of a submission: its cells with outputs, its scores, and what happened on the way.

    tests_in_cells   whether its tests ran beside the student's code, which can forge their scores
    """

    notebook: NotebookNode
    cells: list[CellScore]
    repairs: list[str]
    events: list[str]
    seed: int
    basis: Basis
    seconds: float = 0.0
    readable: bool = True
    trouble: str | None = None
    tests_in_cells: bool = False

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
            "tests_in_cells": self.tests_in_cells,
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
            data["tests_in_cells"],
        )


@dataclass(frozen=True)
class GradedSubmission:
    """All notebooks of a submission. Where there are several, a grade cell is named NOTEBOOK/GRADE_ID."""

    parts: Mapping[str, Graded]

    @property
    def key(self) -> str:
        """Changes with everything that a result depends on."""
        return key_of_all([part.key for part in self.parts.values()])

    @property
    def cells(self) -> list[CellScore]:
        """The grade cells, notebook by notebook."""
        several = len(self.parts) > 1
        return [
            replace(cell, grade_id=cell_name(cell.grade_id, name, several))
            for name, part in self.parts.items()
            for cell in part.cells
        ]

    @property
    def test_errors(self) -> list[str]:
        """What the tests that could judge nothing say, each sentence once."""
        return list(dict.fromkeys(told for part in self.parts.values() for told in part.test_errors))

    def to_json(self) -> dict[str, Any]:
        """What is written about the submission, without its notebooks."""
        parts = {name: part.to_json() for name, part in self.parts.items()}
        if len(parts) == 1:
            (only,) = parts.values()
            return {name: value for name, value in only.items() if name != "notebook"}
        return {
            "key": self.key,
            "basis": {},
            "seed": 0,
            "status": _worst([part["status"] for part in parts.values()]),
            "seconds": round(sum(part["seconds"] for part in parts.values()), 4),
            "readable": any(part["readable"] for part in parts.values()),
            "trouble": next((part["trouble"] for part in parts.values() if part["trouble"]), None),
            "tests_in_cells": any(part["tests_in_cells"] for part in parts.values()),
            **{
                kind: [f"{name}: {told}" for name, part in parts.items() for told in part[kind]]
                for kind in ("repairs", "events")
            },
            "cells": [{**vars(cell), "tests": [test.as_dict() for test in cell.tests]} for cell in self.cells],
        }


def cell_name(grade_id: str, notebook: str, several: bool) -> str:
    """How a grade cell is named within its assignment: with its notebook, where that has several."""
    return f"{notebook}/{grade_id}" if several else grade_id


def key_of_all(keys: Sequence[str]) -> str:
    """The name of the result of a submission with these notebooks' results."""
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _worst(statuses: Sequence[str]) -> str:
    """The status of a submission from those of its notebooks; it is not readable where none of them is."""
    if set(statuses) == {"not readable"}:
        return "not readable"
    found = ["repaired" if status == "not readable" else status for status in statuses]
    return next((status for status in (*TROUBLES, "test error", "repaired") if status in found), "graded")


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
