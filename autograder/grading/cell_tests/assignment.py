"""An assignment as its author wrote it: what students got, the marked cells with their tests, and what lies beside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.files import write_whole

from ..classroom import Classroom, ClassroomError
from ..graded import SourceCell

PYTHON = ("python", "ipython")


@dataclass(frozen=True)
class SourceNotebook:
    """A notebook of an assignment.

    release   what students got; of it the submission is rebuilt
    cells     grade_id → the marked cell with its tests, as the gradebook has it
    """

    name: str
    release: NotebookNode
    cells: Mapping[str, SourceCell]


@dataclass(frozen=True)
class SourceAssignment:
    """An assignment of an nbgrader course.

    notebooks   by name
    files       (path below its folder, digest) of what lies beside the notebooks and goes along with each submission
    """

    name: str
    notebooks: Mapping[str, SourceNotebook]
    files: Sequence[tuple[str, str]] = ()


def digest(content: bytes) -> str:
    """A hash of a file's content."""
    return hashlib.sha256(content).hexdigest()


def check_language(path: Path, notebook: NotebookNode) -> None:
    """Raises ClassroomError for a notebook that is not in Python."""
    kernel = notebook.metadata.get("kernelspec", {})
    language = kernel.get("language") or notebook.metadata.get("language_info", {}).get("name")
    language = language or ("python" if str(kernel.get("name", "python")).startswith("python") else kernel["name"])
    if str(language).lower() not in PYTHON or kernel.get("name") == "python2":
        shown = kernel.get("display_name") or kernel.get("name") or language
        raise ClassroomError(
            f"{path} is for the kernel {str(shown)[:60]!r}, and this grader runs Python 3 alone. Grade it with "
            "`nbgrader autograde`."
        )


def keep(classroom: Classroom, key: str, assignment: SourceAssignment) -> None:
    """Keep an assignment in classroom/.assignments, so that nbgrader need not build it again. Raises OSError."""
    notebooks = {
        name: {"release": each.release, "cells": {cell: asdict(source) for cell, source in each.cells.items()}}
        for name, each in assignment.notebooks.items()
    }
    write_whole(_path(classroom, assignment.name), json.dumps({"key": key, "notebooks": notebooks}))


def kept(classroom: Classroom, name: str) -> tuple[str, dict[str, SourceNotebook]]:
    """What is kept of an assignment, and the key that it is kept under; nothing where there is nothing to be read."""
    try:
        data = json.loads(_path(classroom, name).read_text(encoding="utf-8"))
        return data["key"], dict(_notebooks(data["notebooks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "", {}


def _notebooks(data: Mapping[str, Any]) -> Iterator[tuple[str, SourceNotebook]]:
    for name, each in data.items():
        cells = {cell: SourceCell(**source) for cell, source in each["cells"].items()}
        yield name, SourceNotebook(name, nbformat.from_dict(each["release"]), cells)


def _path(classroom: Classroom, name: str) -> Path:
    return classroom.folder / ".assignments" / f"{name}.json"


def marks_of(notebook: NotebookNode) -> list[tuple[Any, ...]]:
    """What the marks of a notebook's cells say, in their order, points and checksums aside."""
    marked = [(cell.cell_type, cell.metadata["nbgrader"]) for cell in notebook.cells if "nbgrader" in cell.metadata]
    flags = ("grade_id", "grade", "solution", "locked", "task")
    return [(kind, *(marks.get(flag) or False for flag in flags)) for kind, marks in marked]
