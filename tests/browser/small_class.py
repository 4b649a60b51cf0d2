"""A class of three: one who is right, one with a misconception, one whose notebook attacks whoever reads it."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from servers import ROOT, STAGE
from whole_course import bank, exercises, right_answer

SLIP = next(entry for entry in bank("scaled_dot_product") if entry.name == "masks_query_rows")
ATTACK = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
SHOWS_ATTACK = f"""
from IPython.display import HTML, Javascript, Markdown, display
for kind in (HTML, Markdown):
    display(kind({ATTACK!r}))
display(Javascript("document.title = 'taken over'"))
"""


def make_class(folder: Path) -> None:
    """Copy the course into `folder`, let three students hand in, and grade them."""
    for name in ("course", "solutions"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    release = nbformat.read(folder / "course" / STAGE / f"{STAGE}.ipynb", as_version=4)
    _hand_in(folder, "ada", release, {})
    _hand_in(folder, "bob", release, {"scaled_dot_product_answer": SLIP.source, "no_scale": "Nothing, I think."})
    hostile = right_answer("norms").source + SHOWS_ATTACK
    _hand_in(folder, "eve", release, {"norms_answer": hostile, "no_scale": f"{ATTACK}\n\nIt does not learn."})
    autograder(folder, "grade", STAGE, "--processes", "1")  # for three, one worker is warm sooner than two


def autograder(folder: Path, *arguments: str) -> None:
    """Run a command of ours in the course's folder, as an instructor types it."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [str(programs / "autograder"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _hand_in(folder: Path, student: str, release: NotebookNode, answers: dict[str, str]) -> None:
    right = {f"{name}_answer": right_answer(name).source for name in exercises(STAGE)}
    written = {"no_scale": "The softmax saturates, at a variance of 64.", "linear_cost": "Low rank stays sharp."}
    answers = right | written | answers
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("solution"):
            cell.source = answers[metadata["grade_id"]]
    place = folder / "classroom/submitted" / student / STAGE
    place.mkdir(parents=True)
    nbformat.write(notebook, place / f"{STAGE}.ipynb")
