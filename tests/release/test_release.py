"""What stands in course/ and solutions/ is what their sources give, and fit for students."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from safetensors.torch import load

from autograder.release import ROOT, stale
from autograder.release.golden import golden_files
from autograder.release.notebooks import read_text_notebook, released


def test_nothing_that_is_built_is_stale() -> None:
    assert [str(item) for item in stale()] == []


def test_the_executed_solution_has_the_cells_of_its_text(solution: Path) -> None:
    text = read_text_notebook(solution.with_suffix(".py"))
    executed = nbformat.read(solution, as_version=4)
    assert [(cell.id, cell.source, cell.metadata) for cell in executed.cells] == [
        (cell.id, cell.source, cell.metadata) for cell in text.cells
    ]


def test_the_released_notebook_is_what_nbgrader_makes_of_the_solution(solution: Path, student_path: Path) -> None:
    assert released(solution, ROOT) == student_path.read_bytes()


def test_the_golden_tensors_are_what_the_bank_gives(stage: str) -> None:
    files = golden_files(stage)
    assert files is not None
    path = ROOT / f"course/coursekit/golden/{stage}.json"
    assert files.text == path.read_text(encoding="utf-8")
    exercises = json.loads(files.text)["exercises"]
    made, kept = load(files.tensors), load(path.with_suffix(".safetensors").read_bytes())
    assert made.keys() == kept.keys()
    for name, tensor in made.items():
        exercise, number = name.split(".")[:2]
        case = exercises[exercise]["cases"][int(number)]
        # Processors round differently, and half precision shows it: a tenth of what the check itself forgives.
        rounding = (case["atol"] + case["rtol"] * kept[name].double().abs()) / 10
        difference = (tensor.double() - kept[name].double()).nan_to_num().abs()
        assert (difference <= rounding.nan_to_num().clamp(min=1e-5)).all(), name


def test_the_solution_has_run_from_top_to_bottom_without_a_word_on_stderr(solution: Path) -> None:
    code = [cell for cell in nbformat.read(solution, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]


def test_every_public_check_passes_in_the_solution(solution: Path) -> None:
    grade_cells = [
        cell
        for cell in nbformat.read(solution, as_version=4).cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    ]
    assert grade_cells
    for cell in grade_cells:
        name = cell.metadata.nbgrader.grade_id
        assert cell.source == f"check.{name}({name})"
        (output,) = cell.outputs
        assert set(output.data) == {"text/plain", "text/html"}, name
        assert output.data["text/plain"].startswith("✓"), name


def test_the_released_notebook_is_clean(student_notebook: NotebookNode) -> None:
    for cell in student_notebook.cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id
        assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|[Rr]ubric", cell.source), cell.id
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert cell.source.endswith("raise NotImplementedError()") or cell.source == "YOUR ANSWER HERE", cell.id
    assert set(student_notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in student_notebook.metadata.language_info


def test_only_what_students_may_have_is_released(student_path: Path) -> None:
    assert sorted(path.name for path in student_path.parent.iterdir() if not path.name.startswith(".")) == [
        student_path.name
    ]


def test_cells_say_nothing_of_the_machine_that_built_them(solution: Path) -> None:
    text = solution.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text
    assert "ipykernel_" not in text
