"""What people gave by hand, kept beside the results together with the answers that it was given for.

The gradebook holds a person's score and comment, but not for which answer they were. Here both stand in a file per
submission, so that a mark does not pass to another answer, and outlives the gradebook.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    SolutionCell,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from autograder.files import write_changed

from .classroom import Classroom

SUFFIX = ".marks.json"  # results are STUDENT.json, and programs look for that name in the whole class folder


@dataclass(frozen=True)
class Mark:
    """What a person gave for one answer.

    answer   digest of the answer, None where it is not known
    score    in points, in place of the grader's
    extra    in points, on top of either
    """

    answer: str | None
    score: float | None = None
    extra: float | None = None
    comment: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it changes the score, and is not a comment alone."""
        return self.score is not None or self.extra is not None

    def told(self, most: float) -> str:
        """The sentences that show it to whoever grades the next answer."""
        if not self.counts:
            return f"A comment on an earlier answer: {self.comment}"
        points = " and ".join(
            part
            for part in (
                f"{self.score:g} of {most:g} points" if self.score is not None else "",
                f"{self.extra:g} points of extra credit" if self.extra is not None else "",
            )
            if part
        )
        told = f"The answer has changed since it was graded by hand, and waits for that again. Before: {points}."
        return f"{told} The comment was: {self.comment}" if self.comment else told


@dataclass(frozen=True)
class Kept:
    """What is kept of one submission; exercises are named by their grade_id.

    answers    digests of the answers that were graded last
    points     what the exercises were worth then
    marks      those in the gradebook
    earlier    those given for answers that were replaced since, the latest last
    waiting    exercises that had a mark before the answer changed, and that nobody has looked at since
    extension  in seconds
    """

    answers: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    earlier: dict[str, list[Mark]] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    extension: float | None = None
    points: dict[str, float] = field(default_factory=dict)

    def of(self, names: Set[str], given: Mapping[str, Mark], settled: Set[str], answers: dict[str, str]) -> Kept:
        """What is to be kept once other answers were graded.

        names     the exercises that the gradebook has
        given     the marks that stand in the gradebook, with the answers that they were given for
        settled   exercises that waited and that a person has let pass without a mark
        answers   digests of the answers that are graded now
        """
        marks, earlier, waiting = {}, {}, set(self.waiting) - settled
        for name in names:
            mark, history = given.get(name), self.earlier.get(name, [])
            if mark is not None and mark.answer not in (None, answers.get(name)):
                history = [*(other for other in history if other.answer != mark.answer), mark]
                waiting |= {name} if mark.counts else set()
                mark = None
            if mark is None:
                mark = next((other for other in history if other.answer == answers.get(name)), None)
            if mark is not None:
                marks[name] = replace(mark, answer=answers.get(name))
                waiting.discard(name)
            if left := [other for other in history if other is not mark]:
                earlier[name] = left
        return replace(self, answers=answers, marks=marks, earlier=earlier, waiting=frozenset(waiting))

    def note(self, name: str, most: float) -> str | None:
        """What to tell about the mark of an earlier answer, where no newer one has taken its place."""
        history = self.earlier.get(name)
        if not history or name in self.marks or not (name in self.waiting or not history[-1].counts):
            return None
        return history[-1].told(most)


def answers_of(notebook: NotebookNode) -> dict[str, str]:
    """A digest per exercise of its answer; blanks at the ends of lines count for nothing.

    An exercise without an answer cell of its own name tests the answer above it.
    """
    marked = [(cell, cell.metadata["nbgrader"]) for cell in notebook.cells if "nbgrader" in cell.metadata]
    graded = {marks["grade_id"] for _, marks in marked if marks.get("grade") or marks.get("task")}
    own: dict[str, str] = {}
    above: dict[str, str] = {}
    last = None
    for cell, marks in marked:
        if marks.get("solution"):
            own[exercise_of(marks["grade_id"], graded)] = last = _digest(cell.source)
        elif last is not None and marks.get("grade"):
            above[marks["grade_id"]] = last
    return {**above, **own}


def exercise_of(cell: str, graded: Set[str]) -> str:
    """The grade_id that the answer in a cell counts for."""
    exercise = cell.removesuffix("_answer")
    return exercise if exercise in graded else cell


def _digest(source: str) -> str:
    lines = [line.rstrip() for line in source.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _path(classroom: Classroom, stage: str, student: str, notebook: str) -> Path:
    folder = classroom.marks / stage
    return (folder / notebook if notebook not in ("", stage) else folder) / f"{student}{SUFFIX}"


def kept(classroom: Classroom, stage: str, student: str, notebook: str = "") -> Kept:
    """What is kept of a submission's notebook, of the one named like the assignment where none is named.

    That is nothing where there is no file that can be read.
    """
    return _read(_path(classroom, stage, student, notebook))


def _read(path: Path) -> Kept:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Kept(
            data["answers"],
            {name: Mark(**mark) for name, mark in data["marks"].items()},
            {name: [Mark(**mark) for mark in marks] for name, marks in data["earlier"].items()},
            frozenset(data["waiting"]),
            data["extension"],
            data["points"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Kept()


def keep(classroom: Classroom, stage: str, student: str, what: Kept, notebook: str = "") -> None:
    """Keep it in classroom/marks. Raises OSError."""
    text = json.dumps({**asdict(what), "waiting": sorted(what.waiting)}, sort_keys=True)
    write_changed(_path(classroom, stage, student, notebook), text)


def any_kept(classroom: Classroom) -> bool:
    """Whether there is a mark of anybody."""
    return any(_read(path).marks for path in classroom.marks.rglob(f"*{SUFFIX}"))


def any_kept_of(classroom: Classroom, stage: str, student: str) -> bool:
    """Whether there is a mark in any notebook of a submission."""
    paths = (classroom.marks / stage).rglob("*.json")
    return any(_read(path).marks for path in paths if path.name == f"{student}{SUFFIX}")


def due_date(classroom: Classroom, stage: str) -> datetime.datetime | None:
    """The due date of an assignment when the gradebook was seen last, in UTC."""
    try:
        text = json.loads((classroom.marks / f"{stage}.json").read_text(encoding="utf-8"))["duedate"]
        return datetime.datetime.fromisoformat(text) if text else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def copy_marks(session: Session, classroom: Classroom, stage: str | None = None) -> None:
    """Keep what the gradebook holds by hand now: of one assignment, or of all. Raises OSError."""
    of_stage = Assignment.name == stage if stage is not None else True
    for name, due in session.execute(select(Assignment.name, Assignment.duedate).where(of_stage)):
        path = classroom.marks / f"{name}.json"
        if due is not None or path.exists():
            write_changed(path, json.dumps({"duedate": due and due.isoformat()}))
    given = _given(session, of_stage)
    extensions = _extensions(session, of_stage)
    for name, student, notebook in given.keys() | extensions.keys():
        if Path(student).name != student:
            continue
        before = kept(classroom, name, student, notebook)
        answers = before.answers or _answers_graded_last(classroom, name, student, notebook)
        marks = {
            exercise: Mark(answers.get(exercise), **mark)
            for exercise, mark in given.get((name, student, notebook), {}).items()
        }
        extension = extensions.get((name, student, notebook))
        keep(classroom, name, student, replace(before, answers=answers, marks=marks, extension=extension), notebook)


Place = tuple[str, str, str]
"""An assignment, a student and a notebook, by their names."""


def _rows(of_stage: Any, *columns: Any) -> Any:
    return (
        select(Assignment.name, SubmittedAssignment.student_id, Notebook.name, *columns)
        .select_from(SubmittedAssignment)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .where(of_stage)
    )


def _extensions(session: Session, of_stage: Any) -> dict[Place, float]:
    """The extensions in the gradebook, in seconds."""
    rows = _rows(of_stage, SubmittedAssignment.extension).where(SubmittedAssignment.extension.is_not(None))
    return {
        (name, student, book): extension.total_seconds() for name, student, book, extension in session.execute(rows)
    }


def _given(session: Session, of_stage: Any) -> dict[Place, dict[str, dict[str, Any]]]:
    """Scores and comments by hand in the gradebook, by exercise."""
    found: dict[Place, dict[str, dict[str, Any]]] = {}
    grades = (
        _rows(of_stage, BaseCell.name, Grade.manual_score, Grade.extra_credit)
        .join(Grade, Grade.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .where(or_(Grade.manual_score.is_not(None), Grade.extra_credit.is_not(None)))
    )
    for *place, cell, score, extra in session.execute(grades):
        found.setdefault(tuple(place), {})[cell] = {"score": score, "extra": extra or None}
    graded = set(session.execute(select(BaseCell.name).where(BaseCell.type != SolutionCell.__name__)).scalars())
    comments = (
        _rows(of_stage, BaseCell.name, Comment.manual_comment)
        .join(Comment, Comment.notebook_id == SubmittedNotebook.id)
        .join(BaseCell, Comment.cell_id == BaseCell.id)
        .where(Comment.manual_comment.is_not(None), Comment.manual_comment != "")
    )
    for *place, cell, comment in session.execute(comments):
        found.setdefault(tuple(place), {}).setdefault(exercise_of(cell, graded), {})["comment"] = comment
    return found


def _answers_graded_last(classroom: Classroom, stage: str, student: str, notebook: str) -> dict[str, str]:
    try:
        path = classroom.graded(student, stage) / f"{notebook}.ipynb"
        return answers_of(nbformat.read(path, as_version=4))
    except (OSError, ValueError):
        return {}
