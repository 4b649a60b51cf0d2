"""Colab's situation: a notebook by itself, on a machine that has torch and not coursekit.

Without the package it stops at its first cell. Beside the wheel that the course's settings name, every notebook runs to
its end untouched, and each check says that its exercise is not done.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest
from servers import ROOT, clean_environment, pip
from whole_course import COURSE

from autograder.release.install_cell import MISSING, install_cell
from coursekit.encoder import BERT, bundled_folder

PACKAGE = COURSE.settings.package
RUN = """
import nbclient, nbformat
notebook = nbformat.read("{name}", 4)
try:
    nbclient.NotebookClient(notebook, timeout=300).execute()
finally:
    nbformat.write(notebook, "executed.ipynb")
"""
NOTEBOOKS = sorted((ROOT / "course").glob("[0-9][0-9]_*/*.ipynb"))


@pytest.fixture
def without_coursekit(hosted_python: Path) -> Path:
    """Colab's Python as it is when a notebook is opened there."""
    pip("--python", hosted_python, "uninstall", "--yes", "coursekit")
    missing = subprocess.run([hosted_python, "-c", "import coursekit"], capture_output=True, text=True, cwd="/")
    assert "No module named 'coursekit'" in missing.stderr
    return hosted_python


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A Hugging Face folder in whose cache the bundled encoder stands in for the hub, which Colab reaches."""
    bundled = bundled_folder()
    assert bundled is not None, "The extra `offline` of ./course is not installed."
    snapshots = tmp_path / "huggingface" / "hub" / f"models--{BERT.names[0].replace('/', '--')}" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "found").symlink_to(bundled)
    return tmp_path / "huggingface"


def test_every_stage_that_is_released_is_tried() -> None:
    assert [path.stem for path in NOTEBOOKS] == [path.parent.name for path in NOTEBOOKS]
    assert NOTEBOOKS


def test_without_the_package_a_notebook_stops_at_its_first_cell(without_coursekit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    shutil.copy(NOTEBOOKS[0], folder)
    run = subprocess.run(
        [without_coursekit, "-c", RUN.format(name=NOTEBOOKS[0].name)],
        cwd=folder,
        env=clean_environment(without_coursekit, tmp_path / "home"),
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    code = [cell for cell in nbformat.read(folder / "executed.ipynb", 4).cells if cell.cell_type == "code"]
    assert [output.text for output in code[0].outputs] == [f"UsageError: {MISSING.format(package=PACKAGE)}\n"]
    assert [cell.execution_count for cell in code[1:]] == [None] * (len(code) - 1)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_installs_coursekit_and_the_notebook_runs_to_its_end(
    without_coursekit: Path, wheels: Path, hub: Path, tmp_path: Path, notebook: Path
) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (wheel,) = wheels.glob("coursekit-*.whl")
    shutil.copy(wheel, folder)
    opened = nbformat.read(notebook, 4)
    first = next(cell for cell in opened.cells if cell.cell_type == "code")
    first.source = install_cell(PACKAGE, wheel.name)
    nbformat.write(opened, folder / notebook.name)
    environment = clean_environment(without_coursekit, tmp_path / "home")
    environment |= {"PIP_NO_INDEX": "1", "HF_HOME": str(hub)}
    run = subprocess.run(
        [without_coursekit, "-c", RUN.format(name=notebook.name)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    code = [cell for cell in nbformat.read(folder / "executed.ipynb", 4).cells if cell.cell_type == "code"]
    assert code[0].outputs == []
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    loud = [output.text for cell in code for output in cell.outputs if output.get("name") == "stderr"]
    assert not loud
    checks = [cell for cell in code if cell.metadata.get("nbgrader", {}).get("grade")]
    assert checks
    for cell in checks:
        assert [output.data["text/plain"][0] for output in cell.outputs] == ["○"], cell.id
    installed = subprocess.run(
        [without_coursekit, "-c", "import coursekit; print(coursekit.__file__)"],
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert str(without_coursekit.parents[1]) in installed.stdout
