"""Stages do not depend on each other's mistakes: stage 04 is graded on a right stage 03, whatever the student's was."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from classes import LIMITS, ROOT, new_classroom
from whole_course import bank

from autograder.grading.grade_class import grade_class

pytestmark = pytest.mark.slow

EARLIER, STAGE = "03_scaled_dot_product_attention", "04_multi_head_attention"
FULL = {"MultiHeadAttention": 8, "equivariance_gap": 1.5, "head_profile": 1.5, "statements_attention": 1}
WRONG = ["ignores_the_mask", "no_dropout"]


def notebook(folder: str, stage: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / folder / stage / f"{stage}.ipynb", as_version=4)


def with_answers(stage: str, answers: dict[str, str]) -> nbformat.NotebookNode:
    """The solution of a stage with some of its answers replaced, as a student would hand it in."""
    made = notebook("solutions", stage)
    for cell in made.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = answers.get(grade_id.removesuffix("_answer"), cell.source)
    return made


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_stage_03_costs_nothing_in_stage_04(tmp_path: Path, wrong: str) -> None:
    classroom = new_classroom(tmp_path)
    slip = next(entry for entry in bank("scaled_dot_product") if entry.name == wrong)
    earlier = with_answers(EARLIER, {"scaled_dot_product": slip.source})
    for stage, content in ((EARLIER, earlier), (STAGE, notebook("solutions", STAGE))):
        folder = classroom.submission("ada", stage)
        folder.mkdir(parents=True)
        nbformat.write(content, folder / f"{stage}.ipynb")
    nbformat.write(earlier, classroom.submission("ada", STAGE) / f"{EARLIER}.ipynb")

    tests, scores = {}, {}
    for stage in (EARLIER, STAGE):
        grade_class(classroom, stage, limits=LIMITS)
        result = classroom.result("ada", stage)
        assert result is not None
        tests[stage] = [test for cell in result["cells"] for test in cell["tests"]]
        scores[stage] = {cell["grade_id"]: cell["score"] for cell in result["cells"] if cell["score"] is not None}
    assert slip.sentence in {test["message"] for test in tests[EARLIER]}
    assert {test["name"]: test["message"] for test in tests[STAGE] if test["status"] != "passed"} == {}
    assert scores[STAGE] == FULL
