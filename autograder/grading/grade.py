"""Grading as a pure function: a repaired notebook, the hidden tests and a seed in, scores and a notebook out."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.allowed import everything, first_tried, parts_for
from autograder.course import Stage
from autograder.hidden_tests.runner import TestResult, run_hidden_tests
from autograder.redirection import notes_on
from autograder.remote import HandedIn, ReadyMade, Submission
from autograder.repair import Repaired, with_own_cells
from autograder.sandbox import Parts, SandboxDied, Worker

from .graded import Basis, CellScore, Graded, cell_status
from .run import CellRun, NotebookRun, is_autograded, is_written, nbgrader_of


def grade(
    stage: Stage,
    repaired: Repaired,
    worker: Worker,
    seed: int = 0,
    run_look: bool = False,
    basis: Basis | None = None,
    handed_in: HandedIn | None = None,
    earlier: Graded | None = None,
    class_seed: int = 0,
) -> Graded:
    """Grade one repaired submission.

    stage      the assignment
    repaired   what `autograder.repair.repair` returned
    worker     a warm sandbox
    seed       seed of the hidden tests' random inputs
    run_look   run the cells tagged `look` too
    basis      what the result depends on
    handed_in  the trained weights beside the notebook
    earlier    a result of the same submission that differs in the basis's hidden tests alone: only those are run
    class_seed of what the hidden tests draw once for all submissions of a class

    Whatever the submission does, a result comes back. Raises HiddenTestError or SandboxMissing, which are faults of
    the installation, and SandboxDied where the sandbox was ended from outside twice.
    """
    started = time.monotonic()
    notebook = with_own_cells(repaired.notebook)
    basis = basis or {}
    again = None if earlier is None else {name for name, _ in basis.items() ^ earlier.basis.items()}

    def submission(run: NotebookRun) -> Submission:
        return Submission(run, seed, handed_in, stage.course.codecs)

    tested = _tested(stage, notebook, worker, run_look, submission, seed, again, class_seed)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    results = tested.results
    tested.events += notes_on(stage, sources, results, tested.refused, bool(worker.trust))
    scores = _scores(notebook, repaired.answered, results)
    events, ran = tested.events, tested.ran
    if earlier is not None and again is not None:
        before = {cell.grade_id: cell for cell in earlier.cells}
        scores = [score if score.grade_id in again else before[score.grade_id] for score in scores]
        events = list(dict.fromkeys([*earlier.events, *tested.events]))
        ran = _ran_before(notebook, earlier.notebook)
    _fill_outputs(notebook, ran, {score.grade_id: score for score in scores})
    add_notes(notebook, [*repaired.notes, *events])
    seconds = time.monotonic() - started
    notes, readable = list(repaired.notes), repaired.readable
    return Graded(notebook, scores, notes, events, seed, basis, seconds, readable, tested.trouble)


@dataclass
class _Tested:
    """What came of running a notebook and its hidden tests, in one interpreter or in several.

    refused   exercise → ready-made parts that it asked for and may not use
    """

    results: list[TestResult] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    ran: dict[int, CellRun] = field(default_factory=dict)
    trouble: str | None = None


def _tested(
    stage: Stage,
    notebook: NotebookNode,
    worker: Worker,
    run_look: bool,
    submission: Callable[[NotebookRun], Submission],
    seed: int,
    only: Set[str] | None,
    class_seed: int,
) -> _Tested:
    """Run a notebook, and test each exercise with the ready-made parts that it may use.

    only   grade_ids that are tested, and the rest of the notebook is left unrun; all where None
    """
    order = NotebookRun(worker, notebook, worker.limits).order
    waiting: dict[Parts, set[str]] = {}
    for exercise in order:
        if only is None or exercise in only:
            first = everything(stage) if worker.trust else first_tried(stage, exercise)
            waiting.setdefault(first, set()).add(exercise)
    whole = _Tested()
    by_exercise: dict[str, list[TestResult]] = {}

    def test(parts: Parts, exercises: set[str]) -> None:
        run = NotebookRun(worker, notebook, worker.limits, run_look, parts=parts)
        results: list[TestResult] = []
        try:
            if exercises:
                budget = worker.limits.diagnosis_seconds
                asked = submission(run)
                results = run_hidden_tests(stage, asked, seed, run.enter, run.order, exercises, budget, class_seed)
                run.events += asked.noted
            for exercise in exercises:
                own, missed = parts_for(stage, exercise), run.refused.get(exercise, [])
                found = by_exercise[exercise] = [result for result in results if result.grade_id == exercise]
                lost = any(result.earned < result.points for result in found)
                if own != parts and lost and (missed or run.refused.get("")):
                    waiting.setdefault(own, set()).add(exercise)  # it may use what it missed here
                elif missed:
                    _tell_refusal(found, str(ReadyMade(exercise, missed[0])))
                    whole.refused[exercise] = missed
            if only is None and not waiting:
                run.finish()
        finally:
            run.close()
        whole.events = list(dict.fromkeys([*whole.events, *run.events]))
        whole.trouble = whole.trouble or run.trouble
        whole.ran = run.ran
        if only is None and not waiting and run.refused.get("") and parts != everything(stage):
            waiting[everything(stage)] = set()  # for what its cells show

    while waiting:
        parts = min(waiting, key=lambda parts: (parts.families is None, len(parts.families or ())))
        exercises = waiting.pop(parts)
        try:
            test(parts, exercises)
        except SandboxDied:
            # The worker starts another interpreter; whoever ended the first one hardly waits for the second.
            test(parts, exercises)
    whole.results = [result for exercise in order for result in by_exercise.get(exercise, [])]
    return whole


def _tell_refusal(results: list[TestResult], sentence: str) -> None:
    """Say in the first test that failed what was refused, where no test does: the answer may have hidden it."""
    lost = [result for result in results if result.earned < result.points]
    known = sentence.partition(" you call ")[0] + " you call "
    if lost and not any((result.message or "").startswith(known) for result in lost):
        lost[0].message = f"{sentence} {lost[0].message or ''}".strip()


def _ran_before(notebook: NotebookNode, earlier: NotebookNode) -> dict[int, CellRun]:
    """What the cells of a notebook left behind when it was graded before."""
    cells = {cell.id: cell for cell in earlier.cells if cell.cell_type == "code" and cell.execution_count}
    return {
        index: CellRun(cells[cell.id].outputs, cells[cell.id].execution_count)
        for index, cell in enumerate(notebook.cells)
        if cell.id in cells
    }


def ungraded(repaired: Repaired, seed: int, basis: Basis) -> Graded:
    """The result of a submission in which there is nothing to grade: no points, and the notes that say why."""
    notebook = with_own_cells(repaired.notebook)
    cells = [
        CellScore(nbgrader_of(cell)["grade_id"], float(nbgrader_of(cell)["points"]), 0.0, "not readable")
        for cell in notebook.cells
        if is_autograded(cell) or is_written(cell)
    ]
    # nbgrader takes a grade cell without outputs for a right one.
    _fill_outputs(notebook, {}, {cell.grade_id: cell for cell in cells})
    add_notes(notebook, repaired.notes)
    return Graded(notebook, cells, list(repaired.notes), [], seed, basis, readable=False)


def add_notes(notebook: NotebookNode, notes: list[str]) -> None:
    """Put a cell with the notes, if there are any, at the beginning."""
    if notes:
        lines = "\n".join(f"<li>{html.escape(note)}</li>" for note in notes)
        text = f"**Notes from grading**\n\n<ul>\n{lines}\n</ul>"
        cell = nbformat.v4.new_markdown_cell(text, id="notes-from-grading")
        notebook.cells.insert(0, cell)


def _scores(notebook: NotebookNode, answered: dict[str, str], results: list[TestResult]) -> list[CellScore]:
    scores = []
    for cell in notebook.cells:
        metadata = nbgrader_of(cell)
        if is_autograded(cell):
            tests = [result for result in results if result.grade_id == metadata["grade_id"]]
            score = min(sum(test.earned for test in tests), float(metadata["points"]))
            scores.append(CellScore(metadata["grade_id"], float(metadata["points"]), score, cell_status(tests), tests))
        elif is_written(cell):
            untouched = answered.get(metadata["grade_id"]) in ("untouched", "missing")
            score_or_wait = 0.0 if untouched else None
            status = "not done" if untouched else "manual"
            scores.append(CellScore(metadata["grade_id"], float(metadata["points"]), score_or_wait, status))
    return scores


def _fill_outputs(notebook: NotebookNode, ran: dict[int, CellRun], scores: dict[str, CellScore]) -> None:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if is_autograded(cell):
            cell.outputs = grade_cell_outputs(scores[nbgrader_of(cell)["grade_id"]])
        elif index in ran:
            cell.execution_count = ran[index].number
            cell.outputs = [output for raw in ran[index].outputs if (output := valid_output(raw)) is not None]


def valid_output(raw: Any) -> NotebookNode | None:
    """An output as nbformat wants it, or None: it comes from the student's process, which may send anything."""
    try:
        output = nbformat.from_dict(raw)
        nbformat.validate(output, ref="output", version=4)
    except Exception:
        return None
    return output


def grade_cell_outputs(score: CellScore) -> list[NotebookNode]:
    """The outputs of a graded cell: the list of checks for people, and the score as nbgrader reads it."""
    text = "\n".join(_line(test) for test in score.tests)
    page = "".join(_row(test) for test in score.tests)
    table = f"<ul style='list-style:none;padding-left:0'>{page}</ul>"
    checks = {"output_type": "display_data", "data": {"text/plain": text, "text/html": table}, "metadata": {}}
    earned = {"output_type": "execute_result", "data": {"text/plain": repr(float(score.score or 0.0))}, "metadata": {}}
    return [nbformat.from_dict(checks), nbformat.from_dict(earned | {"execution_count": None})]


MARKS = {"passed": ("✓", "#2e7d32"), "test error": ("!", "#6b6b6b")}
LOST = ("✗", "#c62828")


def _mark(test: TestResult) -> str:
    return MARKS.get(test.status, LOST)[0]


def _line(test: TestResult) -> str:
    told = f" — {test.message}" if test.message else ""
    return f"{_mark(test)} {test.title} ({test.earned:g} / {test.points:g}){told}"


def _row(test: TestResult) -> str:
    told = f"<br><span style='margin-left:1.4em'>{html.escape(test.message)}</span>" if test.message else ""
    colour = MARKS.get(test.status, LOST)[1]
    return (
        f"<li style='margin-bottom:.3em'><b style='color:{colour}'>{_mark(test)} {html.escape(test.title)}</b> "
        f"<span style='opacity:.7'>{test.earned:g} / {test.points:g}</span>{told}</li>"
    )
