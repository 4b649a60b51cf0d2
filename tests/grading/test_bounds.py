"""What a submission costs the grader is bounded: answers, outputs, and the search for a misconception."""

from __future__ import annotations

import math
from typing import Any, cast

import nbformat
import pytest
from whole_course import COURSE, LocalSubmission, bank, exercises, right_answer, stage_of

from autograder.answers.diagnosis import diagnose
from autograder.codecs import Block
from autograder.grading.run import FEW, NotebookRun
from autograder.hidden_tests import runner
from autograder.remote import Exchange, TooMuchOutput
from autograder.sandbox import Limits, Parts, Worker

STAGE = "03_scaled_dot_product_attention"
LIMITS = Limits(answers_bytes=1000, all_answers_bytes=2500, outputs=50, outputs_bytes=10_000)
REQUEST = {"target": "norms"}


class Talkative:
    """A worker and its process, whose every answer has the same size, and whose cells have so many outputs."""

    def __init__(self, size: int, outputs: int = 0) -> None:
        self.size, self.outputs, self.calls = size, outputs, 0

    def open(self, parts: Parts, files: object = ()) -> Talkative:
        return self

    def run(self, *_: Any) -> tuple[list[dict[str, Any]], bool, None]:
        return [{"output_type": "stream", "name": "stdout", "text": "."}] * self.outputs, True, None

    def perform(self, *_: Any) -> tuple[dict[str, Any], dict[str, Block]]:
        self.calls += 1
        return {"value": 1}, {}

    def kill(self) -> None:
        pass

    def refused(self) -> list[str]:
        return []

    def received(self) -> int:
        return self.size

    def attempts(self) -> list[str]:
        return []

    def error(self) -> None:
        pass


def run_of(worker: Talkative, exercises: int = 4, limits: Limits = LIMITS) -> NotebookRun:
    cells = []
    for number in range(exercises):
        cells.append(nbformat.v4.new_code_cell("answer"))
        cells.append(nbformat.v4.new_code_cell("", metadata={"nbgrader": {"grade": True, "grade_id": f"{number}"}}))
    return NotebookRun(cast(Worker, worker), nbformat.v4.new_notebook(cells=cells), limits)


def calls_answered(run: NotebookRun) -> int:
    for count in range(20):
        try:
            run.perform(dict(REQUEST), {})
        except TooMuchOutput:
            return count
    return 20


def test_large_answers_cost_their_own_exercise_alone() -> None:
    worker = Talkative(size=400)
    run = run_of(worker)
    for exercise in "0123":
        run.enter(exercise)
        assert calls_answered(run) == 3
    assert worker.calls == 12


def test_answers_that_are_kept_have_a_bound_together() -> None:
    run = run_of(Talkative(size=450))
    counts = []
    for exercise in "0123":
        run.enter(exercise)
        run.perform(dict(REQUEST), {})
        run.perform(dict(REQUEST), {})
        counts.append(run._kept + run._answered)
        if run._kept + run._answered > LIMITS.all_answers_bytes:
            break
    assert counts == [900, 1800, 2700]
    with pytest.raises(TooMuchOutput, match="answers of the notebook"):
        run.perform(dict(REQUEST), {})


def test_the_usual_bounds_let_large_honest_answers_pass() -> None:
    words = 30_522 * (3 * 64 + 24)  # three brackets and commas a word, and its letters
    run = run_of(Talkative(size=words), limits=Limits())
    run.enter("0")
    assert calls_answered(run) >= 9


@pytest.mark.parametrize(("outputs", "size"), [(20, 0), (1, 4000)])
def test_more_outputs_than_are_shown_are_told_once_and_left_out(outputs: int, size: int) -> None:
    run = run_of(Talkative(size, outputs))
    run.finish()
    shown = [len(run.ran[index].outputs) for index in (0, 2, 4, 6)]
    assert shown == [outputs, outputs, min(outputs, FEW), 0]
    assert len(run.events) == 1
    assert run.events[0].startswith("With cell 5 the notebook has more outputs than are shown")
    assert run.trouble is None


def test_two_hundred_plots_are_all_shown() -> None:
    run = run_of(Talkative(size=50 * 60_000, outputs=50), limits=Limits())
    run.finish()
    assert sum(len(each.outputs) for each in run.ran.values()) == 200
    assert run.events == []


def exchanges(exercise: str, name: str) -> list[Exchange]:
    wrong = next(each for each in bank(exercise) if each.name == name)
    names = {each: right_answer(each).function for each in exercises(STAGE)} | {exercise: wrong.function}
    findings = runner._run(COURSE.stage(STAGE), runner.Target(LocalSubmission(names, 0), 0, only={exercise}))
    return findings.exchanges[exercise]


def test_a_diagnosis_ends_with_its_time() -> None:
    known = bank("norms")[0]
    log = exchanges("norms", known.name)
    found = diagnose(stage_of("norms"), "norms", log, until=math.inf)
    assert found is not None
    assert diagnose(stage_of("norms"), "norms", log, until=0.0) is None
