"""Runs a repaired notebook, tests and all, in one process of the sandbox, and scores its cells as nbgrader does."""

from __future__ import annotations

import time
from collections.abc import Mapping

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import IgnorePattern, LimitOutput
from nbgrader.utils import determine_grade, is_grade, is_task
from traitlets.config import Config

from autograder.hidden_tests.runner import TestResult
from autograder.repair import Repaired, with_own_cells
from autograder.sandbox import SandboxDied, Worker

from ..grade import add_notes, valid_output
from ..graded import Basis, CellScore, Graded, SourceCell
from ..run import CellRun, NotebookRun, is_autograded, nbgrader_of
from .files import Files

STEPS = {"IgnorePattern": IgnorePattern, "LimitOutput": LimitOutput}
"""What nbgrader does with the outputs before it scores them."""

MESSAGE = 300  # characters of what a test says


def grade_cells(
    repaired: Repaired,
    cells: Mapping[str, SourceCell],
    worker: Worker,
    files: Files,
    steps: Mapping[str, Mapping[str, object]],
    basis: Basis,
) -> Graded:
    """Grade one repaired notebook by the tests in its cells.

    cells   grade_id → the marked cell with its tests
    worker  a warm sandbox
    files   what lies beside the notebook
    steps   which of STEPS are taken, each with its settings
    basis   what the result depends on

    Whatever the submission does, a result comes back. Raises SandboxMissing, or SandboxDied where the sandbox was
    ended from outside twice.
    """
    started = time.monotonic()
    notebook = with_tests(repaired.notebook, cells)
    try:
        run = _run(notebook, worker, files)
    except SandboxDied:
        run = _run(notebook, worker, files)
    _fill_outputs(notebook, run.ran)
    for name, settings in steps.items():
        notebook, _ = STEPS[name](config=Config({name: dict(settings)}))(notebook, {})
    scores = [_score(cell, run.ran.get(index)) for index, cell in enumerate(notebook.cells) if _is_scored(cell)]
    add_notes(notebook, [*repaired.notes, *run.events])
    seconds, notes = time.monotonic() - started, list(repaired.notes)
    return Graded(notebook, scores, notes, run.events, 0, basis, seconds, True, run.trouble, tests_in_cells=True)


def nothing_to_grade(repaired: Repaired, cells: Mapping[str, SourceCell], basis: Basis) -> Graded:
    """The result where there is no notebook: no points, and the notes that say why."""
    notebook = with_tests(repaired.notebook, cells)
    scores = [
        CellScore(nbgrader_of(cell)["grade_id"], float(nbgrader_of(cell)["points"]), 0.0, "not readable")
        for cell in notebook.cells
        if _is_scored(cell)
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [_error("NotHandedIn", "There is no notebook.")], None
    add_notes(notebook, repaired.notes)
    return Graded(notebook, scores, list(repaired.notes), [], 0, basis, readable=False, tests_in_cells=True)


def with_tests(notebook: NotebookNode, cells: Mapping[str, SourceCell]) -> NotebookNode:
    """A copy in which locked cells, and all marks, are their author's again, as by nbgrader's OverwriteCells."""
    notebook = with_own_cells(notebook)
    for cell in notebook.cells:
        source = cells.get(nbgrader_of(cell).get("grade_id", ""))
        if source is None:
            continue
        marks = NotebookNode(cell.metadata["nbgrader"], locked=source.locked, checksum=source.checksum)
        if source.points is not None:
            marks["points"] = source.points
        cell.metadata["nbgrader"] = marks
        if source.locked:
            cell.source = source.source
    return notebook


def _run(notebook: NotebookNode, worker: Worker, files: Files) -> NotebookRun:
    run = NotebookRun(worker, notebook, worker.limits, tests_in_cells=True, files=files)
    try:
        run.finish()
    finally:
        run.close()
    return run


def _fill_outputs(notebook: NotebookNode, ran: Mapping[int, CellRun]) -> None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found = ran.get(index)
            cell.execution_count = found.number if found else None
            outputs = [valid_output(raw) for raw in found.outputs] if found else []
            cell.outputs = [output for output in outputs if output is not None]
            # nbgrader takes a test without outputs for one that was passed.
            if is_autograded(cell) and (told := _why_unjudged(cell, found, None in outputs)):
                cell.outputs.append(_error(*told))


def _why_unjudged(cell: NotebookNode, ran: CellRun | None, lost: bool) -> tuple[str, str] | None:
    """The error to show in a test that did not run to its end, None for one that did, or that is not to be run."""
    if ran is None:
        skipped = "skip-execution" in cell.metadata.get("tags", []) or not cell.source.strip()
        return None if skipped else ("NotRun", "The submission was ended before this test.")
    if ran.ended:
        return "Ended", f"This cell {ran.ended}."
    return ("UnreadableOutput", "An output of this test could not be read.") if lost else None


def _error(name: str, value: str) -> NotebookNode:
    return nbformat.v4.new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])


def _is_scored(cell: NotebookNode) -> bool:
    return bool(is_grade(cell) or is_task(cell))


def _score(cell: NotebookNode, ran: CellRun | None) -> CellScore:
    marks = nbgrader_of(cell)
    name, most = marks["grade_id"], float(marks["points"])
    if is_task(cell):
        return CellScore(name, most, None, "manual")
    if not is_autograded(cell):
        score, _ = determine_grade(cell)
        return CellScore(name, most, score, "manual" if score is None else "not done")
    try:
        score, _ = determine_grade(cell)
        status, message = ("passed", None) if score == most else _what_happened(cell, ran)
    except (ValueError, KeyError) as error:  # its author's mistake, which would stop nbgrader
        score, status, message = most, "test error", f"{name} cannot be scored by nbgrader's rules: {error}"
    test = TestResult(name, name, _title(cell), most, float(score), status, message)
    return CellScore(name, most, float(score), "graded" if status in ("passed", "failed") else status, [test])


def _what_happened(cell: NotebookNode, ran: CellRun | None) -> tuple[str, str | None]:
    """The status of a test that was not passed, and what it said."""
    errors = [output for output in cell.outputs if output.output_type == "error"]
    told = f"{errors[-1].ename}: {errors[-1].evalue}".removesuffix(": ") if errors else None
    if not errors and any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs):
        told = "It wrote to stderr, which nbgrader counts as failed."
    if ran is not None and ran.kind in ("timed out", "crashed", "out of memory", "too much output"):
        return ran.kind, told
    undone = ran is not None and ran.stop is not None and ran.stop.kind == "NotImplementedError"
    return "not done" if undone else "failed", told and " ".join(told[:MESSAGE].split())


def _title(cell: NotebookNode) -> str:
    """How a test is called: by the first line of its docstring, else by its name."""
    source = cell.source.strip()
    lines = source.strip("\"'").strip().splitlines() if source.startswith(('"', "'")) else []
    return (lines[0].strip("\"' ")[:100] if lines else "") or nbgrader_of(cell)["grade_id"]
