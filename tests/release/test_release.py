"""What stands in course/ and solutions/ is what their sources give, and fit for students."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from safetensors.torch import load
from whole_course import COURSE, ROOT

from autograder.release import release, stale
from autograder.release.golden import golden_files
from autograder.release.notebooks import read_text_notebook, released


def test_nothing_that_is_built_is_stale() -> None:
    assert [str(item) for item in stale(ROOT)] == []


def test_the_executed_solution_has_the_cells_of_its_text(solution: Path) -> None:
    text = read_text_notebook(solution.with_suffix(".py"))
    executed = nbformat.read(solution, as_version=4)
    assert [(cell.id, cell.source, cell.metadata) for cell in executed.cells] == [
        (cell.id, cell.source, cell.metadata) for cell in text.cells
    ]


def test_the_released_notebook_is_what_nbgrader_makes_of_the_solution(solution: Path, student_path: Path) -> None:
    assert released(solution, ROOT) == student_path.read_bytes()


def test_the_golden_tensors_are_what_the_bank_gives(stage: str) -> None:
    files = golden_files(COURSE.stage(stage))
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


@pytest.fixture
def every_file(small_course: Path) -> Path:
    """The small course, built, and beside its notebook whatever lies in the folder of any stage of the real course."""
    release(small_course, log=lambda line: None)
    folder = small_course / "solutions/99_small"
    for stage in COURSE.stages.values():
        for path in stage.folder.rglob("*"):
            copied = folder / path.relative_to(stage.folder)
            if path.is_file() and path not in (stage.text, stage.solution) and not copied.exists():
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copied)
    for name in ("README.md", "limits.toml", ".ipynb_checkpoints/99_small-checkpoint.ipynb", "__pycache__/probes.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("an author's own")
    return small_course


def test_nbgraders_own_command_gives_students_the_notebook_and_nothing_else(every_file: Path) -> None:
    inside = {path.name for path in (every_file / "solutions/99_small").iterdir()}
    assert {"99_small.py", "hidden_tests.py", "probes.py", "scenarios.py", "by_hand.py", "answers", "demo"} <= inside
    notebook = every_file / "course/99_small/99_small.ipynb"
    before = notebook.read_bytes()
    shutil.rmtree(every_file / "course")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "99_small"]
    done = subprocess.run(command, cwd=every_file, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path for path in (every_file / "course").rglob("*") if path.is_file()] == [notebook]
    assert list(notebook.parent.iterdir()) == [notebook]
    assert notebook.read_bytes() == before


def test_cells_say_nothing_of_the_machine_that_built_them(solution: Path) -> None:
    text = solution.read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) + "/" not in text
    assert "ipykernel_" not in text
