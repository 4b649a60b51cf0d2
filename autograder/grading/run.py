"""Runs a repaired notebook in the sandbox, as far as the hidden tests need it at each moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch
from nbformat import NotebookNode

from autograder.sandbox import CallEnded, Limits, Process, ProcessEnded, Worker
from autograder.submission import Crashed, TimedOut, Unreadable

LOOK = "look"


def nbgrader_of(cell: NotebookNode) -> dict[str, Any]:
    """A cell's nbgrader metadata, empty where it has none."""
    return cell.metadata.get("nbgrader", {})


def is_autograded(cell: NotebookNode) -> bool:
    """Whether a cell is a grade cell whose score the hidden tests decide."""
    metadata = nbgrader_of(cell)
    return cell.cell_type == "code" and bool(metadata.get("grade")) and not metadata.get("solution")


def is_written(cell: NotebookNode) -> bool:
    """Whether a cell is an answer that a person grades."""
    metadata = nbgrader_of(cell)
    return bool(metadata.get("grade")) and bool(metadata.get("solution"))


@dataclass
class CellRun:
    """What running one cell left behind."""

    outputs: list[dict[str, Any]]
    number: int
    event: str | None = None


@dataclass
class NotebookRun:
    """One submission on its way through the sandbox.

    Cells run in order up to the grade cell asked for, and calls are answered there by a copy of the process. A cell
    that takes its process down is left out, and the cells before it are run again in a new one, so that one such cell
    costs what depends on it and nothing else. Grade cells and cells tagged `look` are not run.
    """

    worker: Worker
    notebook: NotebookNode
    limits: Limits
    run_look: bool = False
    ran: dict[int, CellRun] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # None once the process is lost for good: nothing more is run then.
        self._process: Process | None = self.worker.open()
        self._next = 0
        self._number = 0
        self._left_out: set[int] = set()
        self._deadline = time.monotonic() + self.limits.submission_seconds
        self._place = {
            nbgrader_of(cell)["grade_id"]: index
            for index, cell in enumerate(self.notebook.cells)
            if is_autograded(cell)
        }

    @property
    def order(self) -> list[str]:
        """The grade_ids of the autograded cells, as they come."""
        return list(self._place)

    def enter(self, grade_id: str) -> None:
        """Run every cell before a grade cell. Raises TimedOut or Crashed where that is no longer possible."""
        self._run_until(self._place[grade_id])
        if self._time_left() <= 0:
            raise TimedOut(self._spent())
        if self._process is None:
            raise Crashed("The notebook could not be run up to here: too many of its cells ended the process.")

    def perform(
        self, request: dict[str, Any], tensors: dict[str, torch.Tensor]
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Answer a call at the current grade cell. Raises TimedOut, Crashed or Unreadable."""
        if self._process is None:
            raise Crashed("The notebook could not be run up to here: too many of its cells ended the process.")
        if self._time_left() <= 0:
            raise TimedOut(self._spent())
        name = request["target"] if isinstance(request["target"], str) else "A value of the submission"
        try:
            return self._process.perform(request, tensors, min(self.limits.call_seconds, self._time_left()))
        except CallEnded as ended:
            kind = {"timed out": TimedOut, "crashed": Crashed}.get(ended.kind, Unreadable)
            raise kind(f"`{name}` {ended}.") from None
        except ProcessEnded as ended:
            self._process = None
            self._replay(self._next)
            raise Crashed(f"`{name}` {ended}.") from None

    def finish(self) -> None:
        """Run what is left of the notebook, and end the process."""
        try:
            self._run_until(len(self.notebook.cells))
        finally:
            self.close()

    def close(self) -> None:
        """End the submission's process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _time_left(self) -> float:
        return self._deadline - time.monotonic()

    def _spent(self) -> str:
        return f"The submission's time of {self.limits.submission_seconds:.0f} s was used up before this test."

    def _runs(self, index: int) -> bool:
        cell = self.notebook.cells[index]
        if cell.cell_type != "code" or index in self._left_out or is_autograded(cell) or not cell.source.strip():
            return False
        return self.run_look or LOOK not in cell.metadata.get("tags", [])

    def _run_until(self, stop: int) -> None:
        while self._next < stop and self._process is not None and self._time_left() > 0:
            if self._runs(self._next):
                self._run_one(self._next, self._process)
            self._next += 1

    def _run_one(self, index: int, process: Process) -> None:
        self._number += 1
        source = self.notebook.cells[index].source
        seconds = min(self.limits.cell_seconds, max(self._time_left(), 0.1))
        try:
            outputs, _, interrupted = process.run(source, self._number, seconds)
        except ProcessEnded as ended:
            self._process = None
            self._note(index, [_stream(f"[this cell {ended}; the rest was run without it]")], str(ended))
            self._left_out.add(index)
            self._replay(index)
        else:
            self._note(index, outputs, interrupted)

    def _note(self, index: int, outputs: list[dict[str, Any]], event: str | None) -> None:
        self.ran[index] = CellRun(outputs, self._number, event)
        if event:
            self.events.append(f"Cell {index + 1} {event}.")

    def _replay(self, stop: int) -> None:
        """Bring a new process to where the old one was, without the cells that ended it."""
        if len(self._left_out) > self.limits.restarts:
            self.events.append(f"More than {self.limits.restarts} cells ended the process; the rest was not run.")
            return
        process = self.worker.open()
        for index in range(stop):
            if not self._runs(index) or index not in self.ran:
                continue
            try:
                process.run(self.notebook.cells[index].source, self.ran[index].number, max(self._time_left(), 0.1))
            except ProcessEnded as ended:
                self._left_out.add(index)
                self._note(index, self.ran[index].outputs, f"{ended} when it was run again")
                return self._replay(stop)
        self._process = process


def _stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text + "\n"}
