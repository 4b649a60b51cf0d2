"""The scores of a class, the grader's and people's put together, as page and tables show them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.marks import any_kept_of
from autograder.hidden_tests.runner import TestResult

from .gradebook import Entry, Gradebook, read_gradebook

CAN_BE_FORGED = (
    "The tests of this assignment stand in its own cells and ran beside the students' code: its scores can be forged. "
    "Look at surprising ones."
)
NUMBER = re.compile(r"^#+ (?:Exercise )?(\d+\.\d+[a-z]?) ·", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A student's score in one grade cell. `score` is None while a person has yet to grade it."""

    grade_id: str
    max_score: float
    score: float | None
    status: str
    tests: tuple[TestResult, ...] = ()
    by_hand: bool = False

    @property
    def lost(self) -> list[TestResult]:
        """The tests that were not passed, faults of the tests themselves included."""
        return [test for test in self.tests if test.status != "passed"]


@dataclass(frozen=True)
class Exercise:
    """A grade cell as the class meets it. `number` is that of its heading, empty where it has none."""

    grade_id: str
    max_score: float
    number: str = ""

    @property
    def label(self) -> str:
        """Number and name, for example `3.1 scale`."""
        return f"{self.number} {self.grade_id}".strip()


@dataclass
class Submission:
    """All that is known about one student's submission.

    penalty          what being late costs, in points
    gone             whether its folder is no longer among those handed in
    tests_in_cells   whether its tests ran beside its own code
    """

    student: str
    assignment: str
    status: str
    cells: dict[str, Cell]
    repairs: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    penalty: float = 0.0
    gone: bool = False
    tests_in_cells: bool = False

    @property
    def readable(self) -> bool:
        """Whether there was a notebook that could be read."""
        return self.status != "not readable"

    @property
    def total(self) -> float:
        """The points decided so far, less the penalty, never below 0."""
        return max(sum(cell.score or 0.0 for cell in self.cells.values()) - self.penalty, 0.0)

    @property
    def waiting(self) -> float:
        """The points that a person has yet to decide."""
        return sum(cell.max_score for cell in self.cells.values() if cell.score is None)

    @property
    def final(self) -> float | None:
        """The total; None while a person has yet to decide a part of it."""
        return None if any(cell.score is None for cell in self.cells.values()) else self.total

    @property
    def decided(self) -> float:
        """The points that are decided, of which `total` were earned."""
        return sum(cell.max_score for cell in self.cells.values() if cell.score is not None)

    def status_of(self, cell: Cell) -> str:
        """One word for a grade cell: what happened to it, else to the whole submission."""
        if cell.by_hand or cell.status != "graded":
            return cell.status
        if not self.readable:
            return self.status
        return "repaired" if self.repairs else "graded"


@dataclass
class Assignment:
    """One assignment of a class. `unmarked` are the students who handed in and have no result yet."""

    name: str
    exercises: list[Exercise]
    submissions: list[Submission]
    unmarked: list[str] = field(default_factory=list)

    @property
    def max_score(self) -> float:
        """The sum of all points."""
        return sum(exercise.max_score for exercise in self.exercises)

    @property
    def can_be_forged(self) -> bool:
        """Whether its tests run beside the students' code."""
        return any(submission.tests_in_cells for submission in self.submissions)

    @property
    def gone(self) -> list[str]:
        """The students whose submission was graded and is no longer there."""
        return [submission.student for submission in self.submissions if submission.gone]

    def column(self, grade_id: str) -> Iterator[tuple[Submission, Cell]]:
        """Every submission's cell of one exercise."""
        for submission in self.submissions:
            if grade_id in submission.cells:
                yield submission, submission.cells[grade_id]


def read_scores(classroom: Classroom) -> list[Assignment]:
    """The class's assignments by name, with submissions by student. Raises ClassroomError.

    A submission whose folder was taken away stays, and is marked as gone, until its student is taken out of the
    gradebook as well.
    """
    book = read_gradebook(classroom)
    found: dict[str, dict[str, Submission]] = {}
    for result in classroom.all_results():
        submission = from_result(result, book)
        submission.gone = _is_gone(classroom, submission)
        if book.exists and (submission.assignment, submission.student) not in book.entries:
            if submission.gone:
                continue
            if any_kept_of(classroom, submission.assignment, submission.student):
                raise ClassroomError(
                    f"The gradebook has lost what was given by hand to {submission.student}. "
                    f"`autograder grade {submission.assignment}` puts it back from {classroom.marks}."
                )
        found.setdefault(submission.assignment, {})[submission.student] = submission
    for (stage, student), entries in book.entries.items():
        # nbgrader can grade without us, and leaves no result then.
        decided = any(entry.auto is not None or entry.manual is not None for entry in entries.values())
        if decided and student not in found.setdefault(stage, {}):
            cells = {grade_id: _from_entry(grade_id, entry) for grade_id, entry in entries.items()}
            penalty = book.penalties.get((stage, student), 0.0)
            found[stage][student] = Submission(student, stage, "graded", cells, penalty=penalty)
            found[stage][student].gone = _is_gone(classroom, found[stage][student])
    return [as_assignment(classroom, stage, found[stage]) for stage in sorted(found) if found[stage]]


def _is_gone(classroom: Classroom, submission: Submission) -> bool:
    # Where nothing at all is handed in, somebody reports on results alone.
    return classroom.submitted.is_dir() and not classroom.submission(submission.student, submission.assignment).is_dir()


def from_result(result: dict[str, Any], book: Gradebook) -> Submission:
    """A result of the grader's (`Graded.to_json`, with student and assignment), and what people decided about it."""
    stage, student = result["assignment"], result["student"]
    entries = book.entries.get((stage, student), {})
    cells = {}
    for data in result["cells"]:
        tests = tuple(TestResult(**{"grade_id": data["grade_id"], **test}) for test in data.get("tests", []))
        cell = Cell(data["grade_id"], data["max_score"], data["score"], data["status"], tests)
        cells[cell.grade_id] = _decided(cell, entries.get(cell.grade_id))
    penalty = book.penalties.get((stage, student), 0.0)
    in_cells = result.get("tests_in_cells", False)
    return Submission(
        student, stage, result["status"], cells, result["repairs"], result["events"], penalty, tests_in_cells=in_cells
    )


def _decided(cell: Cell, entry: Entry | None) -> Cell:
    """A cell with what people decided about it."""
    if entry is None:
        return cell
    cell = replace(cell, max_score=entry.max_score)
    if entry.manual is not None or (cell.score is None and entry.score is not None):
        return replace(cell, score=entry.score, status="graded", by_hand=True)
    if entry.waiting and cell.score is not None:  # it was graded by hand, and the answer has changed since
        return replace(cell, score=None, status="manual")
    return cell if cell.score is None else replace(cell, score=cell.score + entry.extra)


def _from_entry(grade_id: str, entry: Entry) -> Cell:
    status = "manual" if entry.score is None else "graded"
    return Cell(grade_id, entry.max_score, entry.score, status, by_hand=entry.manual is not None)


def as_assignment(classroom: Classroom, stage: str, found: dict[str, Submission]) -> Assignment:
    """The submissions of a stage, by student, with its exercises in the order of the release."""
    submissions = [found[student] for student in sorted(found)]
    numbers = _numbers(classroom, stage)
    # The release gives the order; what it does not know comes behind, as the results have it.
    most: dict[str, float] = {}
    for submission in submissions:
        for cell in submission.cells.values():
            most[cell.grade_id] = max(cell.max_score, most.get(cell.grade_id, 0.0))
    order = [grade_id for grade_id in numbers if grade_id in most]
    order += [grade_id for grade_id in most if grade_id not in numbers]
    exercises = [Exercise(grade_id, most[grade_id], numbers.get(grade_id, "")) for grade_id in order]
    unmarked = [student for student in classroom.students(stage) if student not in found]
    return Assignment(stage, exercises, submissions, unmarked)


def _numbers(classroom: Classroom, stage: str) -> dict[str, str]:
    """grade_id → number of the exercise's heading, as they come in the release; empty where there is no release."""
    try:
        notebook = classroom.released(stage)
    except ClassroomError:
        return {}
    numbers, current = {}, ""
    for cell in notebook.cells:
        headings = NUMBER.findall(cell.source) if cell.cell_type == "markdown" else []
        current = headings[-1] if headings else current
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("grade"):
            numbers[metadata["grade_id"]] = current
    return numbers
