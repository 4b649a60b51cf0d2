"""Real paths, and a small course of one stage that can be built and changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from whole_course import ROOT, STAGES

TEXT = '''# %% [markdown]
# # 99 · A small stage

# %%
print("two\\nlines")

# %% nbgrader={"grade": false, "grade_id": "double_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "double", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
print(double)

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "locked": false, "points": 1, "schema_version": 3, "solution": true, "task": false}
# Because one and one is two.
'''.replace("print(double)", 'print("checked")')  # noqa: E501


@pytest.fixture(params=STAGES)
def stage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def solution(stage: str) -> Path:
    return ROOT / f"solutions/{stage}/{stage}.ipynb"


@pytest.fixture
def student_path(stage: str) -> Path:
    return ROOT / f"course/{stage}/{stage}.ipynb"


@pytest.fixture
def student_notebook(student_path: Path) -> NotebookNode:
    return nbformat.read(student_path, as_version=4)


@pytest.fixture
def small_course(tmp_path: Path) -> Path:
    """A repository with one stage, 99_small, not yet built."""
    for name in ("nbgrader_config.py", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    folder = tmp_path / "solutions/99_small"
    folder.mkdir(parents=True)
    (folder / "99_small.py").write_text(TEXT, encoding="utf-8")
    return tmp_path
