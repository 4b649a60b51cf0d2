"""From a text notebook to the executed solution, and from that to the notebook that students get.

The second step is nbgrader's own `generate_assignment`, with this project's nbgrader_config.py, so that the stock
command gives the same file.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.notebooknode import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.course import Course
from autograder.release.errors import ReleaseError

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"}
CELL_TIMEOUT = 1800
CORES = 2


def read_text_notebook(path: Path) -> NotebookNode:
    """Read a text notebook (jupytext, percent) as a notebook with stable metadata and cell ids, without outputs.

    Raises ReleaseError if it is not nbgrader's idea of an assignment.
    """
    notebook = jupytext.read(path, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, name in zip(notebook.cells, _cell_ids(notebook), strict=True):
        cell["id"] = name
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's, for the text only
    _check_grade_cells(notebook, path)
    return notebook


def execute(notebook: NotebookNode, path: Path, course: Course) -> NotebookNode:
    """Run all cells in a fresh kernel, in a folder of its own, and return the notebook with tidy outputs.

    path    named in errors
    course  may have a module that makes ready what its solutions need, see `build_environment`
    Raises ReleaseError naming the cell that failed or that wrote to stderr, or what is needed and missing.
    """
    ready = course.preparation
    if ready is not None and (missing := ready.missing(notebook)):
        raise ReleaseError(f"{path}: {missing}")
    with build_environment(course) as environment, tempfile.TemporaryDirectory(prefix="solution-") as folder:
        Path(folder, f"{path.stem}.ipynb").write_bytes(written(notebook))  # it may read itself: the written answers
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=CELL_TIMEOUT,
            record_timing=False,  # a timestamp in each cell would make every build differ
            resources={"metadata": {"path": folder}},  # what a notebook saves does not stay in solutions/
        )
        try:
            client.execute(env=environment, stderr=subprocess.DEVNULL)  # the kernel's own log, not the cells'
        except CellExecutionError as error:
            raise ReleaseError(f"{path}: a cell of the solution fails.\n{error}") from None
        except CellTimeoutError as error:
            raise ReleaseError(f"{path}: a cell of the solution takes longer than {CELL_TIMEOUT} s.\n{error}") from None
        except DeadKernelError:
            raise ReleaseError(f"{path}: the kernel died while it ran the solution. Is there enough memory?") from None
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell, path)
    nbformat.validate(notebook)
    return notebook


@contextlib.contextmanager
def build_environment(course: Course) -> Iterator[dict[str, str]]:
    """Give the environment that solutions run in: two cores, what the course sets, nobody's own settings.

    The course's module of preparation, where it has one, has `prepare(scratch)`, which returns variables to set and the
    beginnings of those to leave out, and `missing(notebook)`, a sentence where a solution cannot be executed here.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        ready = course.preparation
        more, foreign = ready.prepare(Path(scratch)) if ready is not None else ({}, ())
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MPL", *foreign))
        }
        yield environment | {
            "IPYTHONDIR": f"{scratch}/ipython",
            "MPLCONFIGDIR": f"{scratch}/matplotlib",
            "OMP_NUM_THREADS": str(CORES),
            "MKL_NUM_THREADS": str(CORES),
            "OMP_WAIT_POLICY": "PASSIVE",  # where something else runs too, threads that spin make each other wait
            "PYTHONHASHSEED": "0",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            **_import_path(course),
            **course.environment(course.settings.environment),
            **more,
        }


def _import_path(course: Course) -> dict[str, str]:
    """Lets a kernel find the students' package where it is not installed."""
    folder = course.package_folder
    return {} if folder is None else {"PYTHONPATH": str(folder.parent)}


def released(solution: Path, root: Path, database: str | None = None) -> bytes:
    """Return the notebook that students get, as nbgrader makes it from an executed solution.

    solution   root/solutions/<assignment>/<assignment>.ipynb
    database   URL of a gradebook that shall know the assignment; None to need no gradebook
    Raises ReleaseError if nbgrader refuses.
    """
    assignment = solution.parent.name
    config = _nbgrader_config(root)
    if database is None:
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
    else:
        config.CourseDirectory.db_url = database
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        # nbgrader empties what it writes to, and takes both folders relative to one root.
        source = Path(scratch, config.CourseDirectory.source_directory, assignment)
        source.mkdir(parents=True)
        shutil.copy(solution, source)
        config.CourseDirectory.root = scratch
        config.CourseDirectory.assignment_id = assignment
        converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
        complaints = _Complaints()
        converter.log = logging.Logger("nbgrader")
        converter.log.addHandler(complaints)
        try:
            with _own_commands():
                converter.start()
        except Exception as error:
            reason = "\n".join(complaints.messages) or str(error)
            raise ReleaseError(f"{solution}: nbgrader cannot make a release of it.\n{reason}") from error
        return Path(scratch, config.CourseDirectory.release_directory, assignment, solution.name).read_bytes()


@contextlib.contextmanager
def _own_commands() -> Iterator[None]:
    """Let nbgrader find `alembic`, which it starts by name, where this Python is not on the PATH."""
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        yield
    finally:
        os.environ["PATH"] = path


class _Complaints(logging.Handler):
    """Keeps nbgrader's errors; its exception only says to look at the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _nbgrader_config(root: Path) -> Config:
    return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()


def _cell_ids(notebook: NotebookNode) -> Iterator[str]:
    """A name for each cell: its grade_id, else the heading that it stands under, counted."""
    taken: set[str] = set()
    section = "top"
    for cell in notebook.cells:
        heading = re.search(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if heading:
            section = _slug(heading.group(1)) or section
        name = _slug(cell.metadata.get("nbgrader", {}).get("grade_id", "")) or section
        unique, count = name, 1
        while unique in taken:
            count += 1
            unique = f"{name}-{count}"
        taken.add(unique)
        yield unique


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")[:48].strip("-")


def _check_grade_cells(notebook: NotebookNode, path: Path) -> None:
    """Each name once, and an answer cell before each check."""
    seen: set[str] = set()
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader")
        if not marks:
            if "BEGIN SOLUTION" in cell.source:
                raise ReleaseError(f"{path}: cell {cell['id']} holds a solution but has no nbgrader metadata.")
            continue
        name = marks["grade_id"]
        if name in seen:
            raise ReleaseError(f"{path}: two cells have the grade_id {name}. Rename one.")
        if marks["grade"] and not marks["solution"] and f"{name}_answer" not in seen:
            raise ReleaseError(f"{path}: no answer cell {name}_answer stands before the grade cell {name}.")
        seen.add(name)


def _tidy(cell: NotebookNode, path: Path) -> list[NotebookNode]:
    """Outputs without what differs from run to run: how a stream was cut into pieces, ids of displays."""
    tidy: list[NotebookNode] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            if output.name == "stderr":
                raise ReleaseError(f"{path}: cell {cell['id']} writes to stderr:\n{output.text}")
            if tidy and tidy[-1].output_type == "stream":
                tidy[-1].text += output.text
                continue
        output.pop("transient", None)
        tidy.append(output)
    return tidy


def written(notebook: NotebookNode) -> bytes:
    """The notebook's bytes, as nbformat writes them to a file."""
    text: Any = nbformat.writes(notebook, version=4)
    return (text if text.endswith("\n") else text + "\n").encode()
