"""Notebooks still do what they did: solutions give their stored outputs, untouched ones run to the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.notebooknode import NotebookNode

from autograder.release.notebooks import build_environment, needs_imdb, real_imdb

pytestmark = pytest.mark.slow
# Beside other tests, threads of one notebook wait for each other, the longer the smaller its matrices.
THREADS = {
    name: os.environ["OMP_NUM_THREADS"]
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    if "OMP_NUM_THREADS" in os.environ
}
SANITISE = Path(__file__).parent / "sanitise.cfg"


def test_nbval_passes_on_the_executed_solution(solution: Path, tmp_path: Path) -> None:
    """Strict: every output is compared but pictures and what a cell marks; times, paths and addresses are masked."""
    if needs_imdb(nbformat.read(solution, as_version=4)) and real_imdb() is None:
        pytest.skip("This solution ran on the real IMDB reviews, which are not here: name their folder COURSEKIT_IMDB.")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    copied = shutil.copy(solution, tmp_path)  # what it saves stays there
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITISE}", "-p", "no:cacheprovider", "-q"]
    with build_environment() as environment:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-c", tmp_path / "pytest.ini", *options, copied],
            cwd=tmp_path,
            env=environment | THREADS,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "passed" in done.stdout


def test_the_untouched_notebook_runs_to_the_end(student_notebook: NotebookNode, tmp_path: Path) -> None:
    with build_environment() as environment:
        client = NotebookClient(
            student_notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        )
        client.execute(env=environment | THREADS, stderr=subprocess.DEVNULL)
    for cell in student_notebook.cells:
        if cell.cell_type != "code":
            continue
        outputs = [nbformat.from_dict(output) for output in cell.outputs]
        assert not [output for output in outputs if output.get("name") == "stderr"], cell.id
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert [output.data["text/plain"][0] for output in outputs] == ["○"], cell.id
