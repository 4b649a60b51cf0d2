"""Exercises that are done by hand, in the sandbox: nothing ready-made earns a point, and naming it costs none."""

from __future__ import annotations

import copy
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
import whole_course
from whole_course import COURSE, ROOT, STAGES, exercises, right_answer

from autograder.allowed import by_hand, everything, fewest, first_tried, parts_for
from autograder.grading.grade import grade
from autograder.grading.graded import CellScore, Graded
from autograder.repair import repair
from autograder.sandbox import Worker

sys.path.insert(0, str(Path(__file__).parent))
from handed_on import HANDED_ON, HONEST

pytestmark = pytest.mark.slow
STAGE_OF = {exercise: stage for stage in STAGES for exercise in exercises(stage)}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    contents = whole_course.everything()
    with Worker(parts=fewest(COURSE.stage("03_scaled_dot_product_attention")), contents=contents) as worker:
        yield worker


@cache
def released(stage: str) -> tuple[Any, dict[str, str]]:
    """The released notebook, and the reference solution's answers by grade_id."""
    solution = nbformat.read(ROOT / "solutions" / stage / f"{stage}.ipynb", as_version=4)
    answers = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in solution.cells}
    return nbformat.read(ROOT / "course" / stage / f"{stage}.ipynb", as_version=4), answers


def graded(worker: Worker, exercise: str, source: str) -> Graded:
    """The reference solution with another answer to one exercise, graded."""
    stage = STAGE_OF[exercise]
    release, answers = released(stage)
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution"):
            cell.source = source if mark["grade_id"] == f"{exercise}_answer" else answers[mark["grade_id"]]
    return grade(COURSE.stage(stage), repair(nbformat.writes(notebook).encode(), release), worker, seed=11)


def cell(graded: Graded, exercise: str) -> CellScore:
    return next(cell for cell in graded.cells if cell.grade_id == exercise)


@pytest.mark.parametrize(
    ("exercise", "tried"), [(exercise, tried) for exercise, cases in HANDED_ON.items() for tried in cases]
)
def test_what_is_ready_made_earns_nothing(worker: Worker, exercise: str, tried: str) -> None:
    result = graded(worker, exercise, HANDED_ON[exercise][tried])
    assert cell(result, exercise).score == 0
    for other in result.cells:
        if other.tests and other.grade_id not in (exercise, "sentiment_classifier"):
            assert other.score == other.max_score, other.grade_id


@pytest.mark.parametrize("named", HONEST)
def test_naming_what_is_ready_made_costs_nothing(worker: Worker, named: str) -> None:
    source = HONEST[named].replace("{answer}", right_answer("scaled_dot_product").source)
    result = cell(graded(worker, "scaled_dot_product", source), "scaled_dot_product")
    assert result.score == result.max_score, [test.message for test in result.tests if test.message]


@pytest.mark.parametrize("exercise", HANDED_ON)
def test_naming_it_in_all_these_ways_costs_nothing_in_any_exercise(worker: Worker, exercise: str) -> None:
    source = "\n\n".join(HONEST.values()).replace("{answer}", right_answer(exercise).source)
    result = cell(graded(worker, exercise, source), exercise)
    assert result.score == result.max_score, [test.message for test in result.tests if test.message]


def test_student_and_instructor_are_told(worker: Worker) -> None:
    result = graded(worker, "scaled_dot_product", HANDED_ON["scaled_dot_product"]["by its name"])
    assert {test.message for test in cell(result, "scaled_dot_product").tests} == {
        "Inside scaled_dot_product you call torch.scaled_dot_product_attention. Here it is to be built by hand, so "
        "this test gets no points. To compare with it in a cell of your own costs nothing."
    }
    assert result.events == [
        "scaled_dot_product calls torch.scaled_dot_product_attention, which was refused: it is to be built by hand."
    ]


def test_a_refusal_that_the_answer_hides_is_told_all_the_same(worker: Worker) -> None:
    source = (
        "def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):\n    try:\n"
        "        return F.scaled_dot_product_attention(q, k, v), q\n    except Exception:\n        return v, q @ q.mT"
    )
    result = graded(worker, "scaled_dot_product", source)
    lost = [test.message or "" for test in cell(result, "scaled_dot_product").tests if test.earned < test.points]
    assert lost[0].startswith("Inside scaled_dot_product you call torch.scaled_dot_product_attention.")
    assert len(result.events) == 1


@pytest.mark.parametrize(
    ("type_test", "theirs"),
    [
        ("type(theirs) is not nn.MultiheadAttention", "theirs"),
        ("not isinstance(theirs, nn.MultiheadAttention)", "copy.deepcopy(theirs)"),
        ("typing.cast(nn.MultiheadAttention, theirs) is not theirs", "theirs.to('cpu')"),
        ("theirs.embed_dim % theirs.num_heads or not theirs.batch_first", "theirs.double()"),
    ],
)
def test_a_right_copy_from_may_ask_what_it_copies(worker: Worker, type_test: str, theirs: str) -> None:
    source = released(STAGE_OF["MultiHeadAttention"])[1]["MultiHeadAttention_answer"]
    head, signature, body = source.partition("def copy_from(self, theirs: nn.MultiheadAttention) -> None:\n")
    asked = f"import copy, typing\nif {type_test}:\n    raise TypeError\ntheirs = {theirs}\n"
    match = "match theirs:\n    case nn.MultiheadAttention():\n        pass\n    case _:\n        raise TypeError\n"
    asked = textwrap.indent(asked + match, " " * 8)
    result = cell(graded(worker, "MultiHeadAttention", f"{head}{signature}{asked}{body}"), "MultiHeadAttention")
    assert signature
    assert result.score == result.max_score == 8, [test.message for test in result.tests if test.message]


def test_cells_show_what_they_show_with_everything(worker: Worker) -> None:
    source = (
        right_answer("scaled_dot_product").source
        + "\nprint(F.scaled_dot_product_attention(*[torch.ones(1, 1, 1)] * 3))"
    )
    result = graded(worker, "scaled_dot_product", source)
    answer = next(
        found
        for found in result.notebook.cells
        if found.metadata.get("nbgrader", {}).get("grade_id") == "scaled_dot_product_answer"
    )
    assert answer.outputs[0].text == "tensor([[[1.]]])\n"


def test_the_table_speaks_of_exercises_and_families_that_there_are() -> None:
    tables = {stage: by_hand(COURSE.stage(stage)) for stage in STAGES}
    for stage, table in tables.items():
        assert set(table) <= set(exercises(stage))
        assert set().union(*table.values()) <= {family for family, _ in COURSE.settings.ready_made.families}
    assert {exercise for table in tables.values() for exercise in table} == set(HANDED_ON)


def test_beside_exercises_done_by_hand_those_of_two_stages_have_everything_from_the_start() -> None:
    found = set()
    for stage in map(COURSE.stage, STAGES):
        tried = {exercise: first_tried(stage, exercise).families for exercise in exercises(stage.name)}
        if by_hand(stage) and None in tried.values():
            assert {exercise for exercise, families in tried.items() if families is not None} == set(by_hand(stage))
            found.add(stage.name)
    assert found == {"01_tokenization", "02_recurrent_networks"}


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_no_exercise_is_tested_with_more_than_it_may_use(exercise: str) -> None:
    stage = STAGE_OF[exercise]
    first, own = first_tried(COURSE.stage(stage), exercise), parts_for(COURSE.stage(stage), exercise)
    assert first.without == own.without == everything(COURSE.stage(stage)).without
    assert own.families is None or (first.families is not None and first.families <= own.families)
    assert exercise not in own.without or exercise in first.without
