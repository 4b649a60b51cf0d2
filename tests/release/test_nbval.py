"""Solutions still give their stored outputs. Untouched notebooks are run in tests/browser/test_colab.py."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from whole_course import COURSE

from autograder.release.notebooks import build_environment

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
    if missing := COURSE.preparation.missing(nbformat.read(solution, as_version=4)):
        pytest.skip(missing)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    copied = shutil.copy(solution, tmp_path)  # what it saves stays there
    options = ["--nbval", "--nbval-current-env", f"--nbval-sanitize-with={SANITISE}", "-p", "no:cacheprovider", "-q"]
    with build_environment(COURSE) as environment:
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
