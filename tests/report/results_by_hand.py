"""A class with results written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat

from autograder.grading.classroom import Classroom

STAGE = "03_attention"


def a_class(root: Path, *results: dict[str, Any]) -> Classroom:
    """A class folder with these results."""
    (root / "nbgrader_config.py").write_text("")
    for result in results:
        path = root / "classroom" / "results" / result["assignment"] / f"{result['student']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result))
    return Classroom(root)


def a_test(title: str, points: float, status: str = "passed", **more: Any) -> dict[str, Any]:
    """A hidden test's result."""
    earned = points if status in ("passed", "test error") else 0.0
    name = f"test_{title.replace(' ', '_')}"
    return {
        "name": name,
        "title": title,
        "points": points,
        "earned": earned,
        "status": status,
        "message": None,
        "misconception": None,
        **more,
    }


def a_cell(grade_id: str, most: float, score: float | None, status: str = "graded", *tests: dict[str, Any]) -> Any:
    """A grade cell's result."""
    return {"grade_id": grade_id, "max_score": most, "score": score, "status": status, "tests": list(tests)}


def a_result(student: str, *cells: dict[str, Any], assignment: str = STAGE, **more: Any) -> dict[str, Any]:
    """A submission's result."""
    return {
        "student": student,
        "assignment": assignment,
        "seed": 1,
        "key": "0" * 64,
        "status": "graded",
        "seconds": 0.1,
        "readable": True,
        "events": [],
        "repairs": [],
        "cells": list(cells),
        **more,
    }


def two_scores(student: str, first: float, second: float) -> dict[str, Any]:
    """A submission of two exercises, of 6 points and of 2."""
    return a_result(student, a_cell("attention", 6.0, first), a_cell("norms", 2.0, second))


def release(root: Path, *exercises: tuple[str, str], stage: str = STAGE) -> None:
    """A released notebook: a heading and a grade cell for each (number, grade_id)."""
    notebook = nbformat.v4.new_notebook()
    for number, grade_id in exercises:
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"## Exercise {number} · {grade_id}"))
        metadata = {"grade": True, "solution": False, "grade_id": grade_id, "points": 1, "schema_version": 3}
        notebook.cells.append(nbformat.v4.new_code_cell("check()", metadata={"nbgrader": metadata}))
    folder = Classroom(root).release_folder(stage)
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{stage}.ipynb")
