"""What people decided in nbgrader's gradebook: manual scores, extra credit, penalties. Read, never written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from nbgrader.api import Assignment, Grade, GradeCell, Notebook, SubmittedAssignment, SubmittedNotebook, TaskCell
from sqlalchemy import create_engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.gradebook_file import unusable, wait_until_free
from autograder.grading.graded import cell_name
from autograder.grading.marks import any_kept, copy_marks


@dataclass(frozen=True)
class Entry:
    """One grade of the gradebook. `manual` is a person's score, `auto` the grader's; None where there is none."""

    max_score: float
    manual: float | None
    auto: float | None
    extra: float
    waiting: bool

    @property
    def score(self) -> float | None:
        """The score that counts: a person's before the grader's, extra credit added; None while one is waited for."""
        decided = self.manual if self.manual is not None else None if self.waiting else self.auto
        return None if decided is None else decided + self.extra


@dataclass
class Gradebook:
    """`entries[assignment, student][cell]`, and `penalties[assignment, student]` in points.

    cell     its grade_id, and where the assignment has several notebooks NOTEBOOK/GRADE_ID

    exists   whether there is a file
    """

    entries: dict[tuple[str, str], dict[str, Entry]] = field(default_factory=dict)
    penalties: dict[tuple[str, str], float] = field(default_factory=dict)
    exists: bool = False


def read_gradebook(classroom: Classroom) -> Gradebook:
    """The class's gradebook; an empty one where there is none. What was graded by hand is copied to classroom/marks.

    Raises ClassroomError where it cannot be read, or where it is gone and held what was graded by hand; OSError.
    """
    book = Gradebook()
    path = classroom.gradebook
    if not path.is_file():
        if any_kept(classroom):
            raise ClassroomError(
                f"{path} is gone, and what was graded by hand with it. `autograder grade STAGE` makes it again "
                f"and puts that back from {classroom.marks}."
            )
        return book
    book.exists = True
    wait_until_free(path, to_write=False)
    # nbgrader's own Gradebook class creates tables and a course when it opens a file; a report must change nothing.
    engine = create_engine(f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true")
    try:
        with Session(engine) as session:
            _read(session, book)
            copy_marks(session, classroom)
    except SQLAlchemyError as error:
        raise unusable(path, error) from None
    finally:
        engine.dispose()
    return book


def _read(session: Session, book: Gradebook) -> None:
    notebooks = Counter(session.execute(select(Notebook.assignment_id)).scalars())
    for kind in (GradeCell, TaskCell):
        for assignment, stage, notebook, student, cell, most, manual, auto, extra, waits in session.execute(
            _grades(kind)
        ):
            name = cell_name(cell, notebook, notebooks[assignment] > 1)
            book.entries.setdefault((stage, student), {})[name] = Entry(most, manual, auto, extra or 0.0, waits)
    penalties = (
        select(Assignment.name, SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty)
        .select_from(SubmittedNotebook)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
    )
    for stage, student, penalty in session.execute(penalties):
        book.penalties[stage, student] = book.penalties.get((stage, student), 0.0) + (penalty or 0.0)


def _grades(kind: Any) -> Any:
    """The query for all grades of cells of a kind."""
    return (
        select(
            Assignment.id,
            Assignment.name,
            Notebook.name,
            SubmittedAssignment.student_id,
            kind.name,
            kind.max_score,
            Grade.manual_score,
            Grade.auto_score,
            Grade.extra_credit,
            Grade.needs_manual_grade,
        )
        .select_from(Grade)
        .join(kind, Grade.cell_id == kind.id)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
    )
