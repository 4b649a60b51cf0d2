"""`kill -9` of the command: nothing of it runs on, and the same command goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from classes import STAGE, HandedIn

from autograder.grading.classroom import Classroom

pytestmark = pytest.mark.slow
COMMAND = [str(Path(sys.executable).parent / "autograder"), "grade", STAGE, "--processes", "2"]


@pytest.fixture
def classroom(tmp_path: Path, handed_in: HandedIn) -> Classroom:
    return handed_in.some(tmp_path, 10)


def marked(mark: str) -> list[int]:
    """Processes whose environment holds the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def never_ends(classroom: Classroom, count: int) -> None:
    """Let the last so many submissions wait in their first answer."""
    for student in classroom.students(STAGE)[-count:]:
        path = classroom.submission(student, STAGE) / f"{STAGE}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        answer = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
        answer.source += "\nimport time\ntime.sleep(1000)"
        nbformat.write(notebook, path)


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_the_command_and_all_that_grades(classroom: Classroom, presses: int) -> None:
    never_ends(classroom, 4)
    mark = f"INTERRUPTED_BY=test-{os.getpid()}-{presses}"
    name, value = mark.split("=")
    process = subprocess.Popen(
        COMMAND,
        cwd=classroom.root,
        env={**os.environ, name: value},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 180
    while len(list(classroom.results.glob("*/*.json"))) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(marked(mark)) > 2
    for _ in range(presses):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        time.sleep(0.3)
    _, said = process.communicate(timeout=20)
    assert process.returncode in ((130,) if presses == 1 else (130, -signal.SIGINT))
    if presses == 1:
        assert "autograder: stopped. What was graded is kept" in said
    assert "Traceback" not in said
    deadline = time.monotonic() + 10
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked(mark) == []


def test_nothing_runs_on_and_nothing_is_graded_twice(classroom: Classroom) -> None:
    mark = f"GRADED_BY=test-{os.getpid()}"
    name, value = mark.split("=")
    process = subprocess.Popen(
        COMMAND, cwd=classroom.root, env={**os.environ, name: value}, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list(classroom.results.glob("*/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(marked(mark)) > 2, "the processes that grade have the mark too"
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while marked(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked(mark) == []

    kept = len(list(classroom.results.glob("*/*.json")))
    assert 0 < kept < 10
    said = subprocess.run(COMMAND, cwd=classroom.root, capture_output=True, text=True, check=True).stdout
    counts = [int(word) for word in said.rpartition(":")[2].replace(",", " ").split() if word.isdigit()]
    graded, from_cache, unchanged = counts
    assert graded + from_cache + unchanged == 10
    assert graded <= 10 - kept
