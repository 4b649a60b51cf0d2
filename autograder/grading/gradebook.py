"""Puts results into nbgrader's gradebook, by nbgrader's own rules."""

from __future__ import annotations

import datetime
import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import compute_checksum
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, OperationalError, SAWarning
from traitlets import TraitError
from traitlets.config import Config

from autograder.release import ReleaseError, register

from .changes import Change
from .classroom import Classroom, ClassroomError
from .folders import CONFIG, FoldersUnclear, load_config
from .gradebook_file import patient, unusable, wait_until_free
from .graded import CellScore, Graded, SourceCell
from .marks import Kept, Mark, answers_of, copy_marks, due_date, exercise_of, keep, kept
from .timestamp import read_timestamp, timestamp_of

# nbgrader 0.9.6 builds its rows before it adds them to the session, which this SQLAlchemy mentions for each of them.
warnings.filterwarnings("ignore", category=SAWarning, message="Object of type")

# Submissions whose rows stay in memory: the assignment holds on to each, and a class may be large.
KEPT = 50
NO_RESPONSE = "No response."
PENALTY = "late penalty"
CHANGED = "the answer has changed since it was graded by hand; it waits for you."


def nbgrader_config(classroom: Classroom) -> Config:
    """The class's nbgrader_config.py, as nbgrader reads it. Raises ClassroomError."""
    try:
        return load_config(classroom.root)
    except FoldersUnclear as unclear:
        raise ClassroomError(str(unclear)) from None


def comments_of(graded: Graded) -> dict[str, str | None]:
    """Nbgrader's automatic comment for each answer cell: what the tests told, or that nothing was handed in."""
    scores = {cell.grade_id: cell for cell in graded.cells}
    comments: dict[str, str | None] = {}
    for cell in graded.notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if not metadata.get("solution"):
            continue
        name = metadata["grade_id"]
        score = scores.get(name) or scores.get(name.removesuffix("_answer"))
        unchanged = metadata.get("checksum") == compute_checksum(cell)
        comments[name] = _comment(score) if score else NO_RESPONSE if unchanged else None
    return comments


def _comment(score: CellScore) -> str | None:
    if score.status == "not done":
        return NO_RESPONSE
    told = [f"{test.title}: {test.message}" for test in score.tests if test.status != "passed" and test.message]
    return "\n".join(dict.fromkeys(told)) or None


@dataclass(frozen=True)
class _Cells:
    """A notebook in the gradebook, read once per run.

    graded, commented   (id, name) of the cells that get a grade, or a comment
    sources             name of a cell → its released source
    """

    notebook_id: str
    graded: list[tuple[str, str]]
    commented: list[tuple[str, str]]
    sources: dict[str, str]


@dataclass(frozen=True)
class _Assignment:
    """An assignment in the gradebook, read once per run.

    due         the date after which a submission is late, in UTC; None where there is none
    known       students of whom there is a submission
    notebooks   by their names
    """

    id: str
    due: datetime.datetime | None
    known: set[str]
    notebooks: dict[str, _Cells]


class GradebookWriter:
    """The one writer of a grading run. What people gave by hand stays with the answers that it was given for.

    put_back   students whose scores and comments by hand the gradebook had lost
    waiting    student and exercise of each mark whose answer is another now
    It waits for whoever has locked the gradebook; GradebookUnusable says that it cannot be written at all.
    Raises ClassroomError where the gradebook does not fit the released notebook.
    """

    def __init__(self, classroom: Classroom) -> None:
        self._classroom = classroom
        self._config = nbgrader_config(classroom)
        self.path = classroom.gradebook
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wait_until_free(self.path)
        self._book = self._open()
        # The cells stay the same for the whole run; reading them again after every commit takes most of the time.
        self._book.db().expire_on_commit = False
        self._written = 0
        self._assignments: dict[str, _Assignment] = {}
        self.put_back: set[str] = set()
        self.waiting: list[tuple[str, str]] = []

    @patient
    def _open(self) -> Gradebook:
        try:
            return Gradebook(self._classroom.gradebook_url, self._classroom.folders.course_id)
        except OperationalError as error:
            if "no such" in str(error):  # a column that this nbgrader has and the file has not
                raise unusable(self.path, error) from None
            raise

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._book.close()

    @patient
    def ensure_assignment(self, stage: str, released: NotebookNode) -> None:
        """Make the gradebook know an assignment, its cells and their points, as nbgrader's generate_assignment does."""
        copy_marks(self._book.db(), self._classroom, stage)
        solution = self._classroom.root / "solutions" / stage / f"{stage}.ipynb"
        if self._fits(stage, released, solution):
            return
        new = not self.knows(stage)
        if not solution.exists():
            raise ClassroomError(
                f"{solution} is missing: from it the gradebook learns the cells of {stage} and their points. "
                "Put it back, or build it with `make release`, and grade again."
            )
        try:
            register(stage, self._classroom.gradebook_url, self._classroom.root)
        except ReleaseError as error:
            if not self._has_other_cells(stage, released):
                raise ClassroomError(f"The gradebook cannot take up {stage}: {error}") from None
            raise ClassroomError(
                f"{self.path} holds submissions of {stage} for a release with other "
                f"cells. Move the gradebook away, or `nbgrader db assignment remove {stage}`, and grade again: what "
                f"was graded by hand is kept in {self._classroom.marks} and is put back."
            ) from None
        self._book.db.expire_all()
        if new and (due := due_date(self._classroom, stage)):
            self._book.find_assignment(stage).duedate = due
            self._book.db.commit()

    def _fits(self, stage: str, released: NotebookNode, solution: Path) -> bool:
        """Whether the gradebook's cells, points and texts are those of the release, mark schemes included."""
        if not self.knows(stage) or self._has_other_cells(stage, released):
            return False
        notebook = self._book.find_notebook(stage, stage)
        marked = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in _marked(released)}
        points = {
            name: (cell.cell_type, float(cell.metadata["nbgrader"]["points"]))
            for name, cell in marked.items()
            if cell.metadata["nbgrader"].get("grade") or cell.metadata["nbgrader"].get("task")
        }
        graded = [*notebook.grade_cells, *notebook.task_cells]
        if points != {cell.name: (cell.cell_type, cell.max_score) for cell in graded}:
            return False
        known = {cell.name: cell.source for cell in notebook.source_cells}
        wanted = {name: cell.source for name, cell in marked.items() if not cell.metadata["nbgrader"].get("locked")}
        # The release has lost the mark schemes of locked text.
        if solution.exists():
            for cell in json.loads(solution.read_text(encoding="utf-8"))["cells"]:
                name = cell["metadata"].get("nbgrader", {}).get("grade_id")
                if name in marked and name not in wanted:
                    wanted[name] = "".join(cell["source"])
        return all(known[name] == source for name, source in wanted.items())

    def _has_other_cells(self, stage: str, released: NotebookNode) -> bool:
        if not self.knows(stage):
            return False
        known = {cell.name for cell in self._book.find_notebook(stage, stage).source_cells}
        return known != {cell.metadata["nbgrader"]["grade_id"] for cell in _marked(released)}

    def sources(self, stage: str) -> dict[str, str]:
        """The sources of an assignment's marked cells, mark schemes included, by grade_id."""
        return dict(self._assignment(stage).notebooks[stage].sources)

    def put_back_locked(self, stage: str, notebook: NotebookNode) -> None:
        """Give locked text its source again, mark schemes included, as nbgrader does for whoever grades by hand."""
        put_back_locked(notebook, self._assignment(stage).notebooks[stage].sources)

    @patient
    def known_submissions(self, stage: str) -> set[str]:
        """Ids of the students whose submission the gradebook has."""
        return set(self._assignment(stage).known)

    def _assignment(self, stage: str) -> _Assignment:
        if stage not in self._assignments:
            found = self._book.find_assignment(stage)
            students = select(SubmittedAssignment.student_id).where(SubmittedAssignment.assignment_id == found.id)
            known = set(self._book.db.execute(students).scalars())
            notebooks = {notebook.name: _cells_of(notebook) for notebook in found.notebooks}
            self._assignments[stage] = _Assignment(found.id, found.duedate, known, notebooks)
        return self._assignments[stage]

    @patient
    def knows(self, stage: str) -> bool:
        """Whether the gradebook has an assignment, and notebooks of it."""
        try:
            return bool(self._book.find_assignment(stage).notebooks)
        except MissingEntry:
            return False

    @patient
    def source_cells(self, stage: str) -> dict[str, dict[str, SourceCell]]:
        """The marked cells of an assignment that the gradebook has, by notebook and grade_id."""
        if not self.knows(stage):
            return {}
        return {notebook.name: source_cells_of(notebook) for notebook in self._book.find_assignment(stage).notebooks}

    def reread(self) -> None:
        """Forget what was read, after somebody else has written."""
        self._book.db.expire_all()
        self._assignments.clear()

    def write(self, student: str, stage: str, graded: Graded) -> list[Change]:
        """Write a submission of the notebook that is named like its assignment, as `write_all` does."""
        return self.write_all(student, stage, {stage: graded})

    @patient
    def write_all(self, student: str, stage: str, parts: Mapping[str, Graded]) -> list[Change]:
        """Write one submission's scores and automatic comments, by notebook: all of them, or nothing.

        Returns the change of its late penalty, if there is one.
        """
        assignment = self._assignment(stage)
        timestamp = self._handed_in(student, stage)
        try:
            new = student not in assignment.known
            if new:
                self._add(student, stage, timestamp, parts)
        except IntegrityError:  # somebody else has added it since
            new = False
        if not new:
            self._update(student, stage, timestamp, parts)
        assignment.known.add(student)
        return self.settle_penalties(stage, [student]) if assignment.due else []

    def _handed_in(self, student: str, stage: str) -> datetime.datetime | None:
        text, _ = read_timestamp(self._classroom.submission(student, stage), self._classroom.submitted)
        return timestamp_of(text)

    @patient
    def settle_penalties(self, stage: str, students: Sequence[str], dry_run: bool = False) -> list[Change]:
        """Let the late penalties be those that due date, extensions, scores and nbgrader's plugin give as they are now.

        When a submission was handed in is taken from its timestamp.txt, where there is one.

        dry_run   write nothing
        returns the penalties, in points, that were others before; None stands for no penalty
        Raises ClassroomError where the plugin cannot be loaded or fails.
        """
        assignment, wanted = self._assignment(stage), set(students)
        found = self._book.db.execute(
            select(
                SubmittedAssignment.id,
                SubmittedAssignment.student_id,
                SubmittedAssignment.timestamp,
                SubmittedAssignment.extension,
                SubmittedNotebook.id,
                SubmittedNotebook.score,
                SubmittedNotebook.late_submission_penalty,
            )
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .where(SubmittedAssignment.assignment_id == assignment.id)
            .where(SubmittedAssignment.student_id == students[0] if len(students) == 1 else True)
        )
        found_changes = []
        with self._one_commit():
            for submission, student, known, extension, notebook, score, before in found.all():
                if student not in wanted:
                    continue
                timestamp = self._handed_in(student, stage) or known
                if timestamp != known and not dry_run:
                    self._set(SubmittedAssignment, submission, timestamp=timestamp)
                late = 0.0
                if timestamp and assignment.due:
                    due = assignment.due + (extension or datetime.timedelta())
                    late = (timestamp - due).total_seconds()
                after = self._penalty(student, score, late) if late > 0 else None
                if after == before:
                    continue
                if (after or 0.0) != (before or 0.0):
                    found_changes.append(Change(student, PENALTY, before, after))
                if not dry_run:
                    self._set(SubmittedNotebook, notebook, late_submission_penalty=after)
        return found_changes

    def _set(self, kind: Any, row: str, **values: Any) -> None:
        self._book.db.execute(update(kind).where(kind.id == row).values(**values))

    def _penalty(self, student: str, score: float, late: float) -> float | None:
        """What nbgrader's AssignLatePenalties would give a submission that came so many seconds late."""
        try:
            given: float | None = self._penalty_plugin(student, score, late)
        except Exception as error:
            raise ClassroomError(
                f"The late penalty of {student} cannot be worked out; the plugin that "
                f"{self._classroom.root / CONFIG} names failed: {type(error).__name__}: {error}"
            ) from error
        return None if given is None else min(max(given, 0.0), score)

    @cached_property
    def _penalty_plugin(self) -> Callable[[str, float, float], float | None]:
        if str(self._classroom.root) not in sys.path:
            sys.path.append(str(self._classroom.root))  # nbgrader's own commands find a plugin there
        try:
            penalties = AssignLatePenalties(config=self._config)
            penalties.init_plugin()
        except (ImportError, TraitError) as error:
            raise ClassroomError(
                f"The late-penalty plugin that {self._classroom.root / CONFIG} names cannot be loaded: {error}"
            ) from error
        return penalties.plugin_inst.late_submission_penalty

    def _add(self, student: str, stage: str, timestamp: datetime.datetime | None, parts: Mapping[str, Graded]) -> None:
        """Add the rows that nbgrader's add_submission adds, filled in.

        Its objects take 10 ms more, one in thirteen of a submission's time.
        Raises IntegrityError where the gradebook has the submission.
        """
        assignment, submission = self._assignment(stage), new_uuid()
        before = {name: kept(self._classroom, stage, student, name) for name in parts}
        after = {name: self._filled(stage, name, before[name], graded) for name, graded in parts.items()}
        extension = next((each.extension for each in after.values() if each.extension is not None), None)
        given = {
            "assignment_id": assignment.id,
            "student_id": student,
            "timestamp": timestamp,
            "extension": None if extension is None else datetime.timedelta(seconds=extension),
        }
        rows: dict[Any, list[dict[str, Any]]] = {
            SubmittedAssignment: [{"id": submission, **given}],
            SubmittedNotebook: [],
            Grade: [],
            Comment: [],
        }
        for name, graded in parts.items():
            cells, notebook = assignment.notebooks[name], new_uuid()
            of_submission = {"assignment_id": submission, "notebook_id": cells.notebook_id}
            rows[SubmittedNotebook].append({"id": notebook, **of_submission})
            rows[Grade] += _grade_rows(notebook, cells, after[name], graded)
            rows[Comment] += _comment_rows(notebook, cells, after[name], graded)
            keep(self._classroom, stage, student, after[name], name)
        with self._one_commit():
            self._book.db.execute(Student.__table__.insert().prefix_with("OR IGNORE"), {"id": student})
            for kind, values in rows.items():
                if values:
                    self._book.db.execute(kind.__table__.insert(), values)
        for name in parts:
            self._note(student, before[name], after[name], new=True)

    def _filled(self, stage: str, name: str, before: Kept, graded: Graded) -> Kept:
        """What is kept of a notebook that the gradebook is to get."""
        names = {cell for _, cell in self._assignment(stage).notebooks[name].graded}
        after = before.of(names, before.marks, set(), answers_of(graded.notebook))
        return replace(after, points={cell.grade_id: cell.max_score for cell in graded.cells})

    def _update(
        self, student: str, stage: str, timestamp: datetime.datetime | None, parts: Mapping[str, Graded]
    ) -> None:
        """Fill in a submission that the gradebook may have, and what a person wrote about it."""
        done: dict[str, tuple[Kept, Kept, bool]] = {}
        with self._one_commit():
            self._book.update_or_create_student(student)
            given = {"timestamp": timestamp} if timestamp else {}
            submission = self._book.update_or_create_submission(stage, student, **given)
            notebooks = {each.name: each for each in submission.notebooks}
            for name, graded in parts.items():
                before = kept(self._classroom, stage, student, name)
                after, new = fill(notebooks[name], graded, before)
                # Should the command be killed between the two, no mark has vanished.
                standing = replace(after, answers=before.answers, marks=before.marks)
                keep(self._classroom, stage, student, standing, name)
                done[name] = before, after, new
        for name, (before, after, new) in done.items():
            keep(self._classroom, stage, student, after, name)
            self._note(student, before, after, new)
        self._written += 1
        if self._written % KEPT == 0:
            self._book.db.expire_all()

    def _note(self, student: str, before: Kept, after: Kept, new: bool) -> None:
        self.waiting += [(student, name) for name in sorted(after.waiting - before.waiting)]
        if new and (after.marks or after.extension is not None):
            self.put_back.add(student)

    @contextmanager
    def _one_commit(self) -> Iterator[None]:
        """Commit together what nbgrader would commit row by row, which takes most of the time of writing."""
        db = self._book.db
        try:
            db.commit = db.flush
            try:
                yield
            finally:
                del db.commit
            db.commit()
        except BaseException:
            db.rollback()
            raise


def _cells_of(notebook: Any) -> _Cells:
    tasks = [(cell.id, cell.name) for cell in notebook.task_cells]
    return _Cells(
        notebook.id,
        [(cell.id, cell.name) for cell in notebook.grade_cells] + tasks,
        [(cell.id, cell.name) for cell in notebook.solution_cells] + tasks,
        {cell.name: cell.source for cell in notebook.source_cells},
    )


def source_cells_of(notebook: Any) -> dict[str, SourceCell]:
    """The marked cells of one of the gradebook's notebooks, by grade_id."""
    points = {cell.name: cell.max_score for cell in [*notebook.grade_cells, *notebook.task_cells]}
    return {
        cell.name: SourceCell(cell.source, cell.cell_type, cell.locked, cell.checksum, points.get(cell.name))
        for cell in notebook.source_cells
    }


def _grade_rows(notebook: str, cells: _Cells, after: Kept, graded: Graded) -> list[dict[str, Any]]:
    scores = {cell.grade_id: cell for cell in graded.cells}
    rows = []
    for cell, name in cells.graded:
        mark, auto = after.marks.get(name, Mark(None)), scores[name].score
        waits = name in after.waiting or (auto is None and mark.score is None)
        given = {"auto_score": auto, "manual_score": mark.score, "extra_credit": mark.extra}
        rows.append({"notebook_id": notebook, "cell_id": cell, **given, "needs_manual_grade": waits})
    return rows


def _comment_rows(notebook: str, cells: _Cells, after: Kept, graded: Graded) -> list[dict[str, Any]]:
    scores, told = {cell.grade_id: cell for cell in graded.cells}, comments_of(graded)
    names = {name for _, name in cells.graded}
    rows = []
    for cell, name in cells.commented:
        exercise = exercise_of(name, names)
        said = {
            "auto_comment": _with_note(told.get(name), after, exercise, scores),
            "manual_comment": after.marks.get(exercise, Mark(None)).comment,
        }
        rows.append({"notebook_id": notebook, "cell_id": cell, **said})
    return rows


def _marked(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


def put_back_locked(notebook: NotebookNode, sources: dict[str, str]) -> None:
    """Set the sources of locked text by grade_id."""
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "markdown" and metadata.get("locked") and metadata["grade_id"] in sources:
            cell.source = sources[metadata["grade_id"]]


def save_grades(classroom: Classroom, stage: str, student: str, graded: Graded) -> list[str]:
    """Write a result into a submission that the gradebook has, for nbgrader's own `autograde`.

    Returns what there is to tell about what was given by hand. Raises OSError.
    """
    before = kept(classroom, stage, student)
    with Gradebook(classroom.gradebook_url) as book:
        after, new = fill(book.find_submission_notebook(stage, stage, student), graded, before)
        keep(classroom, stage, student, replace(after, answers=before.answers, marks=before.marks))
        book.db.commit()
    keep(classroom, stage, student, after)
    told = [f"{student}  {exercise}: {CHANGED}" for exercise in sorted(after.waiting - before.waiting)]
    if new and (after.marks or after.extension is not None):
        told.append(f"What was given to {student} by hand was put back from {classroom.marks}.")
    return told


def fill(notebook: SubmittedNotebook, graded: Graded, before: Kept) -> tuple[Kept, bool]:
    """Set scores and comments of a submitted notebook, and give each mark by hand to the answer that it was given for.

    Where the answer is another now, the mark makes room for a note, and the exercise waits for a person.

    before    what was kept of the submission
    returns   what to keep of it, and whether the gradebook held nothing of it yet
    """
    scores, told, answers = (
        {cell.grade_id: cell for cell in graded.cells},
        comments_of(graded),
        answers_of(graded.notebook),
    )
    names = {grade.name for grade in notebook.grades}
    comments = {exercise_of(comment.name, names): comment for comment in notebook.comments}
    standing = {}
    for grade in notebook.grades:
        comment = comments[grade.name].manual_comment or None if grade.name in comments else None
        mark = Mark(before.answers.get(grade.name), grade.manual_score, grade.extra_credit or None, comment)
        if mark.counts or mark.comment:
            standing[grade.name] = mark
    new = not standing and all(grade.auto_score is None and grade.needs_manual_grade for grade in notebook.grades)
    settled = {grade.name for grade in notebook.grades if not grade.needs_manual_grade} if not new else set()
    after = before.of(names, before.marks if new else standing, settled, answers)
    after = replace(after, points={name: cell.max_score for name, cell in scores.items()})
    for grade in notebook.grades:
        name, auto = grade.name, scores[grade.name].score
        mark = after.marks.get(name, Mark(None))
        if name in after.waiting or (auto is None and mark.score is None):
            waits = True
        elif mark.score is not None and name in standing and name in after.marks:
            # nbgrader asks for another look at a score by hand after every run; here only where something has changed.
            worth = before.points.get(name, scores[name].max_score)
            waits = grade.needs_manual_grade or grade.auto_score != auto or worth != scores[name].max_score
        else:
            waits = False
        grade.auto_score, grade.needs_manual_grade = auto, waits
        grade.manual_score, grade.extra_credit = mark.score, mark.extra
    for comment in notebook.comments:
        exercise = exercise_of(comment.name, names)
        comment.auto_comment = _with_note(told.get(comment.name), after, exercise, scores)
        if exercise in names:
            comment.manual_comment = after.marks.get(exercise, Mark(None)).comment
    if new and after.extension is not None:
        notebook.assignment.extension = datetime.timedelta(seconds=after.extension)
    return after, new


def _with_note(told: str | None, after: Kept, exercise: str, scores: dict[str, CellScore]) -> str | None:
    note = after.note(exercise, scores[exercise].max_score) if exercise in scores else None
    return "\n".join(text for text in (note, told) if text) or None
