"""What a regrade would change, before anything of it is written."""

from __future__ import annotations

from dataclasses import dataclass

from .classroom import Classroom
from .graded import GradedSubmission


@dataclass(frozen=True)
class Change:
    """One score that would be another. None: there is no score, or a person has yet to give it."""

    student: str
    grade_id: str
    before: float | None
    after: float | None

    def __str__(self) -> str:
        before, after = ("none" if score is None else f"{score:g}" for score in (self.before, self.after))
        return f"{self.student}  {self.grade_id}: {before} → {after}"


def changes(classroom: Classroom, stage: str, student: str, graded: GradedSubmission) -> list[Change]:
    """The scores of the hidden tests that differ from those written last; what people gave by hand is not touched."""
    written = classroom.result(student, stage)
    before = {cell["grade_id"]: cell["score"] for cell in written["cells"]} if written else {}
    return [
        Change(student, cell.grade_id, before.get(cell.grade_id), cell.score)
        for cell in graded.cells
        if before.get(cell.grade_id) != cell.score and (cell.score is not None or before.get(cell.grade_id) is not None)
    ]
