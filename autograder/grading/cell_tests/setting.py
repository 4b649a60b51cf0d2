"""A grading run of an assignment whose tests stand in its own cells."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from autograder.files import write_whole
from autograder.remote import HandedIn
from autograder.repair import Repaired, read_submission, repair, slots_of
from autograder.repair.kinship import traces
from autograder.repair.reading import Cell
from autograder.repair.slots import Slot
from autograder.sandbox import Contents, Limits, Worker

from ..graded import Graded
from ..setting import Setting, Submitted, engine_fingerprint
from ..timestamp import read_timestamp
from .assignment import SourceAssignment
from .files import Files, own_files, with_students
from .grading import grade_cells, nothing_to_grade

WORTH_WARMING = ("numpy", "pandas", "scipy", "matplotlib")
"""Libraries that take long to import, and start no thread by it."""

ENVIRONMENT = (("NBGRADER_EXECUTION", "autograde"),)
"""What nbgrader lets an assignment know."""


@dataclass(frozen=True)
class CellTestsSetting(Setting):
    """What is the same for all submissions of a grading run.

    assignment_source   the assignment as its author wrote it
    usual               limits where limits.toml says nothing
    steps               what nbgrader does with the outputs before it scores them, with settings
    students_own        paths beside the notebook at which the student's file counts, not the assignment's
    """

    tests_in_cells: ClassVar[bool] = True
    source: SourceAssignment = field(default_factory=lambda: SourceAssignment("", {}))
    usual: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    students_own: Sequence[str] = ()

    @property
    def notebooks(self) -> list[str]:
        """Names of the assignment's notebooks."""
        return list(self.source.notebooks)

    @cached_property
    def limits(self) -> Limits:
        """What a submission may use. Raises ClassroomError."""
        return self.own_limits or self.classroom.limits(self.stage, self.usual)

    @cached_property
    def contents(self) -> Contents:
        """What a warm interpreter has imported. Raises ClassroomError."""
        warm = self.classroom.warm(self.stage)
        return Contents(warm=self._imported if warm is None else warm, environment=ENVIRONMENT)

    @cached_property
    def _imported(self) -> tuple[str, ...]:
        """What the assignment's cells import of the libraries that are worth it."""
        found: set[str] = set()
        for notebook in self.source.notebooks.values():
            code = [cell.source for cell in notebook.release.cells if cell.cell_type == "code"]
            for text in [*code, *(cell.source for cell in notebook.cells.values() if cell.cell_type == "code")]:
                with suppress(SyntaxError, ValueError):  # a line for IPython
                    found |= _imports(text)
        worth = {name for name in found if name.partition(".")[0] in WORTH_WARMING}
        return tuple(sorted(name for name in worth if importlib.util.find_spec(name.partition(".")[0])))

    @cached_property
    def _slots(self) -> dict[str, list[Slot]]:
        return {name: slots_of(notebook.release) for name, notebook in self.source.notebooks.items()}

    @cached_property
    def _beside(self) -> Files:
        return own_files(self.classroom, self.stage, [path for path, _ in self.source.files], self.limits)

    @cached_property
    def _of_all(self) -> list[object]:
        return [
            self.stage,
            repr(self.limits),
            self.packages,
            list(self.contents.warm),
            {name: dict(settings) for name, settings in self.steps.items()},
            engine_fingerprint(Path(__file__).parent, self.contents.warm),
        ]

    @cached_property
    def _of_notebooks(self) -> dict[str, str]:
        return {
            name: _digest(notebook.release, {cell: vars(source) for cell, source in notebook.cells.items()})
            for name, notebook in self.source.notebooks.items()
        }

    def load(self, student: str, notebook: str = "") -> Submitted:
        """Find what a student handed in of a notebook. Raises nothing for what is in the folder."""
        folder, trusted = self.classroom.submission(student, self.stage), self.classroom.submitted
        others = frozenset(f"{name}.ipynb" for name in self.notebooks if name != notebook)
        found = read_submission(folder, f"{notebook}.ipynb", trusted, self._slots[notebook], others)
        _, of_timestamp = read_timestamp(folder, trusted)
        files, of_files = with_students(self._beside, folder, trusted, self.limits, self.students_own)
        notes = [*found.notes, *of_timestamp, *of_files]
        content = hashlib.sha256(found.raw or b"").hexdigest()
        beside = [(path, hashlib.sha256(content).hexdigest()) for path, content in files]
        basis = _digest(self._of_all, self._of_notebooks[notebook], content, found.raw is None, notes, beside)
        return Submitted(found.raw, notes, {"": basis}, 0, HandedIn(), notebook, files)

    def earlier(self, student: str, submitted: Submitted) -> Graded | None:
        """None: the tests of a notebook are run together."""
        return None

    def repaired(self, submitted: Submitted) -> Repaired:
        """A submission on the released notebook, with all there is to tell about it."""
        name = submitted.notebook
        release, slots = self.source.notebooks[name].release, self._slots[name]
        repaired = repair(submitted.raw, release, slots, lambda cells: self._other_than(name, cells))
        repaired.notes[:] = submitted.notes if submitted.raw is None else [*submitted.notes, *repaired.notes]
        return repaired

    def _other_than(self, name: str, cells: Sequence[Cell]) -> str | None:
        """The other notebook of the assignment that some cells are of, judged by how many have left a trace."""
        found = {other: traces(cells, slots) for other, slots in self._slots.items() if other != name}
        most = max(found, key=lambda other: found[other], default="")
        return most if most and found[most] > traces(cells, self._slots[name]) else None

    def grade(self, worker: Worker, repaired: Repaired, submitted: Submitted, earlier: Graded | None) -> Graded:
        """Grade a notebook that was repaired, by the tests in its cells."""
        cells = self.source.notebooks[submitted.notebook].cells
        return grade_cells(repaired, cells, worker, list(submitted.files), self.steps, submitted.basis)

    def ungraded(self, repaired: Repaired, submitted: Submitted) -> Graded:
        """The result of a notebook in which there is nothing to grade."""
        return nothing_to_grade(repaired, self.source.notebooks[submitted.notebook].cells, submitted.basis)

    def write_beside(self, student: str, folder: Path) -> None:
        """Lay beside a student's graded notebooks what lay there when they ran, as nbgrader does. Raises OSError."""
        handed_in = self.classroom.submission(student, self.stage)
        files, _ = with_students(self._beside, handed_in, self.classroom.submitted, self.limits, self.students_own)
        for path, content in files:
            write_whole(folder / path, content)


def _imports(source: str) -> set[str]:
    """The modules that a cell imports, by their whole names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
