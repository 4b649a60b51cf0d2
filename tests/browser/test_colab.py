"""Colab's situation: one file in an empty folder, on a machine that has torch and not coursekit."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nbformat
from servers import ROOT, STAGE, clean_environment

RUN = """
import nbclient, nbformat
notebook = nbformat.read("{stage}.ipynb", 4)
nbclient.NotebookClient(notebook, timeout=120).execute()
nbformat.write(notebook, "executed.ipynb")
"""


def test_the_first_cell_installs_coursekit_and_the_notebook_runs_to_its_end(
    hosted_python: Path, wheels: Path, tmp_path: Path
) -> None:
    missing = subprocess.run([hosted_python, "-c", "import coursekit"], capture_output=True, text=True, cwd="/")
    assert "No module named 'coursekit'" in missing.stderr
    folder = tmp_path / "content"
    folder.mkdir()
    shutil.copy(ROOT / "course" / STAGE / f"{STAGE}.ipynb", folder)
    # The wheel stands in for the index: nothing is published under this name.
    environment = clean_environment(hosted_python, tmp_path / "home")
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    run = subprocess.run(
        [hosted_python, "-c", RUN.format(stage=STAGE)], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
    code = [cell for cell in nbformat.read(folder / "executed.ipynb", 4).cells if cell.cell_type == "code"]
    assert code[0].outputs == []
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    installed = subprocess.run(
        [hosted_python, "-c", "import coursekit; print(coursekit.__file__)"], capture_output=True, text=True, cwd="/"
    )
    assert str(hosted_python.parents[1]) in installed.stdout
