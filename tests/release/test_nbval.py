"""Solutions still give their stored outputs. Untouched notebooks are run in tests/browser/test_colab.py."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.notebooknode import NotebookNode
from whole_course import COURSE, ROOT, STAGES

from autograder.release.notebooks import build_environment
from coursekit.data import SAMPLE, VARIABLE

pytestmark = pytest.mark.slow
# Beside other tests, threads of one notebook wait for each other, the longer the smaller its matrices.
THREADS = {
    name: os.environ["OMP_NUM_THREADS"]
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    if "OMP_NUM_THREADS" in os.environ
}
SANITISE = Path(__file__).parent / "sanitise.cfg"
# Minutes of training or encoding. Whenever a source of such a solution changes it has to be built anew in any case.
LONG = {"02_recurrent_networks", "06_bert_pretraining", "07_bert_gru"}
LONG_ON_THE_SAMPLE = {"06_bert_pretraining"}


def solution_of(stage: str) -> NotebookNode:
    return nbformat.read(ROOT / f"solutions/{stage}/{stage}.ipynb", as_version=4)


def at_night(names: Iterable[str], long: Collection[str]) -> list[Any]:
    """Parameters of which the long ones are left to `make test-nightly`."""
    return [pytest.param(name, marks=pytest.mark.nightly) if name in long else name for name in names]


def nbval(notebook: NotebookNode, folder: Path, **variables: str) -> None:
    """Run a notebook in a folder, in which stays what it saves, and compare what each cell gives with its outputs.

    Every output is compared but pictures and what a cell marks; times, paths and addresses are masked.
    """
    (folder / "pytest.ini").write_text("[pytest]\n")
    nbformat.write(notebook, folder / "solution.ipynb")
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITISE}", "-p", "no:cacheprovider", "-q"]
    with build_environment(COURSE) as environment:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-c", folder / "pytest.ini", *options, folder / "solution.ipynb"],
            cwd=folder,
            env=environment | THREADS | variables,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "passed" in done.stdout


@pytest.mark.parametrize("stage", at_night(STAGES, LONG))
def test_nbval_passes_on_the_executed_solution(stage: str, tmp_path: Path) -> None:
    solution = solution_of(stage)
    if missing := COURSE.preparation.missing(solution):
        pytest.skip(missing)
    nbval(solution, tmp_path)


WITH_REVIEWS = [stage for stage in STAGES if COURSE.preparation.needs_imdb(solution_of(stage))]


@pytest.mark.parametrize("stage", at_night(WITH_REVIEWS, LONG_ON_THE_SAMPLE))
def test_without_the_real_reviews_a_solution_runs_on_the_bundled_sample(stage: str, tmp_path: Path) -> None:
    """The public checks, and all cells before the first that reads reviews, give what they give with the real ones."""
    solution, reads = solution_of(stage), False
    for cell in (cell for cell in solution.cells if cell.cell_type == "code"):
        reads = reads or "load_imdb(" in cell.source
        if reads and not cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.tags = [*cell.metadata.get("tags", []), "nbval-ignore-output"]
    nbval(solution, tmp_path, **{VARIABLE: str(SAMPLE)})
