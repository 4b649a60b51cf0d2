"""Runs a repaired notebook in the sandbox, as far as the hidden tests need it at each moment."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from autograder.codecs import Block
from autograder.remote import Crashed, OutOfMemory, StudentError, TimedOut, TooMuchOutput, Unreadable
from autograder.remote.perform import Response
from autograder.sandbox import ALL, CallTimedOut, Limits, Parts, Process, ProcessEnded, Worker

from .reasons import Before, Stop, why_missing, why_undone

LOOK = "look"
SKIP = "skip-execution"  # what nbclient leaves out, and so does nbgrader
DECIDING = ("error", "execute_result")
FEW = 20  # outputs of the cell that makes too many of them
ENDED = {kind.status: kind for kind in (TimedOut, Crashed, OutOfMemory, TooMuchOutput)}


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
    """What running one cell left behind.

    stop    what it raised
    ended   what ended it from outside, "timed out after 60 s"
    kind    in one word, "timed out"
    """

    outputs: list[dict[str, Any]]
    number: int
    stop: Stop | None = None
    ended: str = ""
    kind: str = ""


@dataclass
class NotebookRun:
    """One submission on its way through the sandbox.

    Cells run in order up to the grade cell asked for, and calls are answered there; `refused` notes, by grade cell and
    under "" for the cells, the ready-made parts that were asked for and are not among `parts`. A cell or call that
    takes the process down costs what depends on it and nothing else: the cells so far are run again in a new process,
    without the cell in question. Grade cells and cells tagged `look` are not run.

    tests_in_cells   run them all the same, but for cells tagged `skip-execution`: the tests stand in the grade cells
    files            (path, content) of what lies beside the notebook
    """

    worker: Worker
    notebook: NotebookNode
    limits: Limits
    run_look: bool = False
    ran: dict[int, CellRun] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    trouble: str | None = None
    parts: Parts = ALL
    tests_in_cells: bool = False
    files: Sequence[tuple[str, bytes]] = ()

    def __post_init__(self) -> None:
        self._process: Process | None = None
        self._next = 0
        self._exercise = ""
        self._left_out: set[int] = set()
        self._failed_calls = 0
        self._told: set[tuple[str, str]] = set()
        self._failure: type[StudentError] = TimedOut
        self._answered = 0  # bytes of the current exercise's answers, and of all that are kept of those before it
        self._kept = 0
        self._shown = 0  # outputs, and their bytes
        self._shown_bytes = 0
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
        self._exercise = grade_id
        if self._place[grade_id] > self._next:
            self._kept += self._answered if self._answered <= self.limits.answers_bytes else 0
            self._failed_calls = self._answered = 0
        self._run_until(self._place[grade_id])
        self._ready()

    def perform(self, request: dict[str, Any], blocks: dict[str, Block]) -> Response:
        """Answer a call at the current grade cell. Raises TimedOut, Crashed or Unreadable."""
        process = self._ready()
        name = request["target"] if isinstance(request["target"], str) else "A value of the submission"
        if self._failed_calls >= self.limits.failed_calls:
            raise self._failure(f"`{name}` was not called again after {self._failed_calls} calls without an answer.")
        for size, limit, whose in (
            (self._answered, self.limits.answers_bytes, "this exercise"),
            (self._kept + self._answered, self.limits.all_answers_bytes, "the notebook"),
        ):
            if size > limit:
                raise TooMuchOutput(
                    f"`{name}` was not called: the answers of {whose} took more than {limit >> 20} MiB."
                )
        try:
            answer, out = process.perform(request, blocks, min(self.limits.call_seconds, self._time_left()))
            return self._with_reason(answer), out
        except CallTimedOut as ended:
            self._failed_calls, self._failure = self._failed_calls + 1, TimedOut
            raise TimedOut(f"`{name}` {ended}.") from None
        except ProcessEnded as ended:
            self._process = None
            self._failed_calls, self._failure = self._failed_calls + 1, ENDED.get(ended.kind, Unreadable)
            raise self._failure(f"`{name}` {ended}.") from None
        finally:
            self._answered += process.received()
            self._note_attempts(process, f"`{name}`")
            self._note_refusals(process, self._exercise)

    def finish(self) -> None:
        """Run what is left of the notebook, and end the process."""
        try:
            self._run_until(len(self.notebook.cells))
        finally:
            self.close()

    def close(self) -> None:
        """End the submission's process. The worker waits for its end before it opens another."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _time_left(self) -> float:
        return self._deadline - time.monotonic()

    def _ready(self) -> Process:
        """The process with all cells before the current one run, a new one if need be. Raises TimedOut or Crashed."""
        while self._process is None and self._time_left() > 0 and len(self._left_out) <= self.limits.restarts:
            self._process = self._run_again()
        if self._time_left() <= 0:
            raise TimedOut(f"The submission's {self.limits.submission_seconds:.0f} s were used up before this test.")
        if self._process is None:
            raise Crashed("The notebook could not be run up to here: too many of its cells ended the process.")
        return self._process

    def _runs(self, index: int) -> bool:
        cell = self.notebook.cells[index]
        if cell.cell_type != "code" or index in self._left_out or not cell.source.strip():
            return False
        tags = cell.metadata.get("tags", [])
        if self.tests_in_cells:
            return SKIP not in tags
        return not is_autograded(cell) and (self.run_look or LOOK not in tags)

    def _run_until(self, stop: int) -> None:
        while self._next < stop:
            if self._runs(self._next):
                try:
                    process = self._ready()
                except (TimedOut, Crashed):
                    return
                self._run_one(process, self._next)
            self._next += 1

    def _run_one(self, process: Process, index: int) -> None:
        number = len(self.ran) + 1
        seconds = min(self.limits.cell_seconds, self._time_left())
        try:
            outputs, _, interrupted = process.run(self.notebook.cells[index].source, number, seconds)
        except ProcessEnded as ended:
            self._leave_out(index, ended)
        else:
            stop = Stop.read(process.error())
            self.ran[index] = CellRun(
                self._to_show(index, outputs, process.received()),
                number,
                stop,
                interrupted or "",
                "timed out" if interrupted else "",
            )
            if interrupted:
                self._tell(index, interrupted, "timed out")
            elif stop and stop.kind == "ModuleNotFoundError":
                self.events.append(
                    f"Cell {index + 1} imports what is not installed here: {stop.message}. An instructor can allow it "
                    "(README, Packages)."
                )
        self._note_attempts(process, f"Cell {index + 1}")
        self._note_refusals(process, "")

    def _to_show(self, index: int, outputs: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
        """The outputs of a cell as far as the notebook shows so many: each of them is work for the grader."""
        before = self._shown, self._shown_bytes
        self._shown, self._shown_bytes = self._shown + len(outputs), self._shown_bytes + size
        if self._shown <= self.limits.outputs and self._shown_bytes <= self.limits.outputs_bytes:
            return outputs
        if before[0] <= self.limits.outputs and before[1] <= self.limits.outputs_bytes:
            self.events.append(
                f"With cell {index + 1} the notebook has more outputs than are shown ({self.limits.outputs}, or "
                f"{self.limits.outputs_bytes >> 20} MiB); only a few of this cell are, and none of those after it."
            )
            return self._deciding(index, outputs) or outputs[:FEW]
        return self._deciding(index, outputs)

    def _deciding(self, index: int, outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of the outputs of a test that stands in a cell those from which nbgrader takes its score."""
        if not self.tests_in_cells or not is_autograded(self.notebook.cells[index]):
            return []
        known = [each for each in outputs if isinstance(each, dict)]
        return [each for each in known if each.get("output_type") in DECIDING or each.get("name") == "stderr"][:FEW]

    def _run_again(self) -> Process | None:
        """A new process brought to where the last one was, or None where a cell ended this one too."""
        process = self.worker.open(self.parts, self.files)
        for index in (index for index in sorted(self.ran) if index < self._next and self._runs(index)):
            try:
                seconds = min(self.limits.cell_seconds, max(self._time_left(), 0.1))
                process.run(self.notebook.cells[index].source, self.ran[index].number, seconds)
            except ProcessEnded as ended:
                self._leave_out(index, ended)
                return None
        return process

    def _leave_out(self, index: int, ended: ProcessEnded) -> None:
        self._process = None
        self._left_out.add(index)
        told = [_stream(f"[this cell {ended}; the rest was run without it]")]
        self.ran[index] = CellRun(told, len(self.ran) + 1, ended=str(ended), kind=ended.kind)
        self._tell(index, str(ended), ended.kind)

    def _with_reason(self, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer to a call with a reason where a name was not there: in full once, at the first test of each."""
        answer.pop("why", None)  # it is the grader's word
        name = str(answer.get("missing", ""))
        if answer.get("raised") == "NameError":
            found = re.match(r"name '(\w+)' is not defined", str(answer.get("message", "")))
            name = found[1] if found else ""
        if not name:
            return answer
        reason = why_missing if "missing" in answer else why_undone
        why = reason(name, self._cells_before())
        if why and (self._exercise, why) in self._told:
            why = "The first check says why."
        self._told.add((self._exercise, why))
        return {**answer, "why": why} if why else answer

    def _cells_before(self) -> list[Before]:
        """The cells that were run before the grade cell, and its answer cell."""
        place = self._place[self._exercise]
        solutions = [i for i in range(place) if nbgrader_of(self.notebook.cells[i]).get("solution")]
        answer = solutions[-1] if solutions else None
        cells = []
        for index in range(place):
            if index in self.ran or index == answer:
                ran = self.ran.get(index, CellRun([], 0))
                source = self.notebook.cells[index].source
                cells.append(Before(index + 1, source, ran.stop, ran.ended, index == answer))
        return cells

    def _note_attempts(self, process: Process, who: str) -> None:
        """Tell what was tried and refused, each once."""
        for attempt in process.attempts():
            if not any(attempt in event for event in self.events):
                self.events.append(f"{who} {attempt}.")

    def _note_refusals(self, process: Process, where: str) -> None:
        if found := process.refused():
            self.refused[where] = list(dict.fromkeys([*self.refused.get(where, []), *found]))

    def _tell(self, index: int, what: str, kind: str) -> None:
        self.events.append(f"Cell {index + 1} {what}.")
        self.trouble = self.trouble or kind


def _stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text + "\n"}
