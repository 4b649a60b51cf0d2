"""What nbgrader's own generate_assignment writes for students: of a stage's folder the notebook, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from whole_course import ROOT, STAGES

AUTHORS_FILES = ("hidden_tests.py", "answers/right.py", "answers/__init__.py", "__pycache__/by_hand.cpython-311.pyc")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which nbgrader has released all stages, each with everything that its authors have beside it."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    shutil.copytree(ROOT / "solutions", root / "solutions")
    for stage in STAGES:
        for name in AUTHORS_FILES:
            path = root / "solutions" / stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", "--assignment=*", "--create", "--no-db"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return root / "course"


@pytest.mark.parametrize("stage", STAGES)
def test_only_the_notebook_of_a_stage_reaches_students(written: Path, stage: str) -> None:
    assert [path.name for path in (ROOT / "solutions" / stage).glob("README.md")] == ["README.md"]
    found = [path for path in (written / stage).rglob("*") if path.is_file()]
    assert [path.relative_to(written) for path in found] == [Path(stage, f"{stage}.ipynb")]
    assert not [path for path in (written / stage).iterdir() if path.is_dir()]
