"""What the feedback says where an answer could not be tested, and what is nobody's fault and costs nothing."""

from __future__ import annotations

import nbformat
import pytest
from classes import ROOT, STAGE

from autograder.grading.classroom import Classroom
from autograder.grading.grade import grade
from autograder.grading.graded import CellScore, Graded
from autograder.repair import repair
from autograder.sandbox import Worker

RIGHT = nbformat.read(ROOT / "solutions" / STAGE / f"{STAGE}.ipynb", as_version=4)
RELEASED = Classroom(ROOT).released(STAGE)


def graded(worker: Worker, answers: dict[str, str], first: str = "", stage: str = STAGE) -> Graded:
    """The solution with other answers to some exercises, and a cell of the student's own at its start."""
    notebook = nbformat.reads(nbformat.writes(RIGHT), as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id.removesuffix("_answer") in answers and grade_id.endswith("_answer"):
            cell.source = answers[grade_id.removesuffix("_answer")]
    if first:
        notebook.cells.insert(4, nbformat.v4.new_code_cell(first))
    return grade(stage, repair(nbformat.writes(notebook).encode(), RELEASED), worker, 1)


def score(result: Graded, exercise: str) -> CellScore:
    return next(cell for cell in result.cells if cell.grade_id == exercise)


def source(exercise: str) -> str:
    return next(
        cell.source for cell in RIGHT.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{exercise}_answer"
    )


def test_an_answer_on_a_gpu_of_ones_own_keeps_all_points_and_is_told_once(worker: Worker) -> None:
    lines = source("scaled_dot_product").split("\n    scores = q")
    moved = "\n    q, k, v = q.cuda(), k.to('cuda'), v.cuda()\n    scores = q".join(lines)
    assert len(lines) == 2
    result = graded(worker, {"scaled_dot_product": moved})
    assert score(result, "scaled_dot_product").score == score(result, "scaled_dot_product").max_score
    assert len([event for event in result.events if "the device cuda" in event]) == 1
    assert "the device cuda" in result.notebook.cells[0].source


def test_what_torch_has_not_got_is_an_error_and_not_an_exercise_not_done(worker: Worker) -> None:
    result = graded(worker, {"saturation": "def saturation(scores):\n    return scores.long().softmax(0), 1.0"})
    assert score(result, "saturation").status == "graded"
    assert all(
        "raised NotImplementedError at `return scores.long().softmax(0), 1.0`" in str(test.message)
        for test in score(result, "saturation").tests
    )


@pytest.mark.parametrize("left", ["raise NotImplementedError()", "# YOUR CODE HERE\n    raise NotImplementedError()"])
def test_a_stub_left_behind_finished_work_is_not_done(worker: Worker, left: str) -> None:
    body = "def saturation(scores):\n    p = scores.softmax(0)\n    " + left + "\n    return 1.0, 1.0"
    assert score(graded(worker, {"saturation": body}), "saturation").status == "not done"
