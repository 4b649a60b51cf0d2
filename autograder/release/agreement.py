"""What several files say of the same thing, compared before anything is built: points, and the names of exercises.

An author states points in the grade cell, in the hidden tests, and for students in the prose: over the notebook
(`18 points` in backticks), in its table of exercises (a column "points"), under the heading of an exercise
("… · 3 points"), and in the tables of both READMEs. What is not stated is not compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbformat.notebooknode import NotebookNode

from autograder.answers import bank_of
from autograder.course import RELEASED, SOURCES, Course, Stage
from autograder.hidden_tests.runner import HiddenTestError, test_file
from autograder.hidden_tests.source import worth as worth_of_tests
from autograder.release.golden import public_exercises
from autograder.release.notebooks import read_text_notebook

NUMBER = r"\d+(?:\.\d+)?"
HEADER = re.compile(rf"`({NUMBER}) points?`")
EXERCISE = re.compile(r"^##+ Exercise (\d+\.\d+)\b", re.MULTILINE)
STATED = re.compile(rf" min · ({NUMBER}|no) points?\b")
CALLED = re.compile(r"\bcheck\.(\w+)\(")
SUMMED = re.compile(rf"\bstages, ({NUMBER}) points\b")
READMES = ("README.md", f"{RELEASED}/README.md")


def disagreements(names: Iterable[str], course: Course) -> list[str]:
    """A sentence for each pair of places that disagree; each names the file, the cell and the remedy.

    names   the stages that are to be built
    Raises ReleaseError where a text notebook is no assignment, HiddenTestError where its tests cannot be read.
    """
    notebooks = {name: read_text_notebook(stage.text) for name, stage in course.stages.items()}
    totals = {name: sum(cell.points for cell in _graded(notebook)) for name, notebook in notebooks.items()}
    found: list[str] = []
    for name in names:
        stage, notebook = course.stages[name], notebooks[name]
        path = f"{SOURCES}/{name}/{stage.text.name}"
        found += _names(stage, path, notebook)
        found += (f"{path}: {each}" for each in differing_points(stage, notebook))
        found += (f"{path}: {each}" for each in _prose(notebook, totals[name]))
    return [*found, *_readmes(totals, course.root)]


def differing_points(stage: Stage, notebook: NotebookNode) -> list[str]:
    """A sentence for each grade cell whose points are not those of its hidden tests; none for a stage without tests.

    Raises HiddenTestError where they cannot be read.
    """
    try:
        tests = _named(stage, test_file(stage).name)
    except HiddenTestError:
        return []
    worth = worth_of_tests(stage)
    cells = {cell.name: cell.points for cell in _graded(notebook) if not cell.by_hand}
    found = []
    for exercise in cells.keys() | worth.keys():
        if exercise not in worth:
            found.append(
                f"The grade cell {exercise} has {_say(cells[exercise])}, and nobody can earn them: write a hidden "
                f'test with @points("{exercise}", …) in {tests}.'
            )
        elif exercise not in cells:
            found.append(
                f"The hidden tests of {exercise} in {tests} have {_say(worth[exercise])}, but there is no grade cell "
                f"{exercise}: add the cell, or remove the tests."
            )
        elif not _equal(cells[exercise], worth[exercise]):
            found.append(
                f"The grade cell {exercise} has {_say(cells[exercise])}, and its hidden tests in {tests} have "
                f"{_say(worth[exercise])}: make them the same."
            )
    return sorted(found)


@dataclass(frozen=True)
class _GradeCell:
    name: str
    points: float
    by_hand: bool
    source: str


def _graded(notebook: NotebookNode) -> Iterator[_GradeCell]:
    for cell in notebook.cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("grade") or marks.get("task"):
            by_hand = bool(marks.get("solution") or marks.get("task"))
            yield _GradeCell(marks["grade_id"], float(marks["points"]), by_hand, cell.source)


def _names(stage: Stage, path: str, notebook: NotebookNode) -> Iterator[str]:
    """The public checks that grade cells call are there, and so is a right answer to each."""
    public, checks = public_exercises(stage), _named(stage, "public_checks.py")
    for cell in _graded(notebook):
        for called in CALLED.findall(cell.source if not cell.by_hand else ""):
            if called not in public:
                yield (
                    f"{path}: The grade cell {cell.name} calls check.{called}, and there is no such check: add "
                    f'"{called}" to EXERCISES in {checks}.'
                )
    bank = bank_of(stage)
    answered = set(bank.answered) if public else set()
    for exercise in public.keys() - answered:
        yield (
            f'{checks}: {exercise} has no right answer: declare one with @reference("{exercise}") in '
            f"{_named(stage, 'answers')}."
        )


def _named(stage: Stage, file: str) -> str:
    return f"{SOURCES}/{stage.name}/{file}"


@dataclass
class _Section:
    """An exercise: what its heading and its parts state, and what its cells have.

    where   the cell with the heading
    parts   (cell with the statement, stated, points of the cells up to the next statement)
    """

    number: str
    cells: float = 0.0
    graded: bool = False
    heading: float | None = None
    where: str = ""
    parts: list[tuple[str, float, float]] = field(default_factory=list)


def _prose(notebook: NotebookNode, total: float) -> Iterator[str]:
    sections, rows = _sections(notebook), _rows(notebook)
    header = next((HEADER.search(cell.source) for cell in notebook.cells if cell.cell_type == "markdown"), None)
    if header and not _equal(float(header[1]), total):
        yield f"The first cell says {_say(float(header[1]))}, and the grade cells have {_say(total)}: correct it."
    if rows and not _equal(sum(rows.values()), total):
        yield (
            f"The rows of the table of exercises come to {_say(sum(rows.values()))}, and the grade cells to "
            f"{_say(total)}: correct the column points."
        )
    for number, stated in rows.items():
        section = sections.get(number)
        if section and section.heading is not None and not _equal(section.heading, stated):
            yield (
                f"The table says {_say(stated)} for exercise {number}, and cell {section.where} says "
                f"{_say(section.heading)}: make them the same."
            )
    for section in _with_cells(sections):
        if section.heading is not None and not _equal(section.heading, section.cells):
            yield (
                f"Cell {section.where} says {_say(section.heading)} for exercise {section.number}, and the grade cells "
                f"of the exercise have {_say(section.cells)}: correct it."
            )
        for where, stated, cells in section.parts:
            if not _equal(stated, cells):
                yield f"Cell {where} says {_say(stated)}, and the grade cells below it have {_say(cells)}: correct it."


def _sections(notebook: NotebookNode) -> dict[str, _Section]:
    sections: dict[str, _Section] = {}
    section: _Section | None = None
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if heading := EXERCISE.search(cell.source):
                section = sections.setdefault(heading[1], _Section(heading[1]))
            elif re.search(r"^## ", cell.source, re.MULTILINE):
                section = None
            for stated in STATED.findall(cell.source):
                points = 0.0 if stated == "no" else float(stated)
                if section is None:
                    continue
                if section.heading is None:
                    section.heading, section.where = points, cell["id"]
                else:
                    section.parts.append((cell["id"], points, 0.0))
        marks = cell.metadata.get("nbgrader", {})
        if section and (marks.get("grade") or marks.get("task")):
            section.graded = True
            section.cells += marks["points"]
            if section.parts:
                where, stated, cells = section.parts[-1]
                section.parts[-1] = where, stated, cells + marks["points"]
    return sections


def _with_cells(sections: dict[str, _Section]) -> list[_Section]:
    """The exercises that have grade cells; one without shares those of the exercise before it."""
    found: list[_Section] = []
    for section in sections.values():
        if section.graded or not found:
            found.append(section)
        elif section.heading and found[-1].heading is not None:
            found[-1].heading += section.heading
            found[-1].number += f" and {section.number}"
    return found


def _rows(notebook: NotebookNode) -> dict[str, float]:
    """Number of an exercise → points, of the table of exercises."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            rows = dict(_table(cell.source, r"(\d+\.\d+)\b"))
            if rows:
                return rows
    return {}


def _table(text: str, first: str) -> Iterator[tuple[str, float]]:
    """What the first column of a row names, and its points, in tables that have a column of this name."""
    column: int | None = None
    for line in text.splitlines():
        entries = [entry.strip() for entry in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if "points" in entries:
            column = entries.index("points")
        elif not entries:
            column = None
        elif column is not None and column < len(entries):
            named, points = re.match(first, entries[0]), re.fullmatch(f"({NUMBER})?", entries[column])
            if named and points:
                yield named[1], float(points[0] or 0)


def _readmes(totals: Mapping[str, float], root: Path) -> Iterator[str]:
    points = {name.split("_")[0]: total for name, total in totals.items()}
    for path in (path for path in READMES if (root / path).is_file()):
        text = (root / path).read_text(encoding="utf-8")
        for number, stated in _table(text, r"\[?(\d+) "):
            if number in points and not _equal(stated, points[number]):
                yield (
                    f"{path}: The table says {_say(stated)} for stage {number}, and its grade cells have "
                    f"{_say(points[number])}: correct it."
                )
        if (summed := SUMMED.search(text)) and not _equal(float(summed[1]), sum(points.values())):
            yield f"{path}: It says {summed[0]}, and all grade cells have {_say(sum(points.values()))}: correct it."


def _say(points: float) -> str:
    return f"{points:g} point{'' if points == 1 else 's'}"


def _equal(one: float, other: float) -> bool:
    return abs(one - other) < 1e-9
