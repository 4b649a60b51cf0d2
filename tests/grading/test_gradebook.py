"""The writer of the gradebook: a new submission's rows are those that nbgrader's own objects would have made."""

from __future__ import annotations

import copy
import datetime
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from classes import STAGE, change_release, new_classroom
from nbgrader.api import Base, Gradebook

from autograder.grading import gradebook_file
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.grade import is_autograded, is_written
from autograder.grading.gradebook import GradebookWriter
from autograder.grading.gradebook_file import GradebookUnusable
from autograder.grading.graded import CellScore, Graded
from autograder.grading.timestamp import timestamp_of
from autograder.hidden_tests.runner import TestResult
from autograder.report.gradebook import read_gradebook

IDS = {"id", "student_id", "assignment_id", "notebook_id"}


@pytest.fixture(scope="module")
def new_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook that knows the assignment and nobody yet: nbgrader takes seconds to make one."""
    classroom = new_classroom(tmp_path_factory.mktemp("new"))
    with GradebookWriter(classroom) as book:
        book.ensure_assignment(STAGE, classroom.released(STAGE))
    return classroom.folder / "gradebook.db"


@pytest.fixture
def classroom(tmp_path: Path, new_gradebook: Path) -> Classroom:
    classroom = new_classroom(tmp_path)
    classroom.folder.mkdir()
    shutil.copy(new_gradebook, classroom.folder)
    return classroom


@pytest.fixture
def graded(classroom: Classroom) -> Graded:
    """Every other cell right, the others wrong with a sentence; what a person grades waits."""
    notebook = classroom.released(STAGE)
    scores = []
    for cell in notebook.cells:
        if is_autograded(cell):
            name, points, right = cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points), len(scores) % 2
            told = TestResult("test_it", name, "it", points, points * right, "passed" if right else "failed", "Look.")
            scores.append(CellScore(name, points, points * right, "graded", [told]))
        elif is_written(cell):
            scores.append(CellScore(cell.metadata.nbgrader.grade_id, 1.0, None, "manual"))
    return Graded(notebook, scores, [], [], 0, {})


def hand_in(classroom: Classroom, student: str, time: str | None = None) -> None:
    folder = classroom.submission(student, STAGE)
    folder.mkdir(parents=True)
    if time:
        (folder / "timestamp.txt").write_text(time)


def write(classroom: Classroom, graded: Graded, *students: str) -> None:
    with GradebookWriter(classroom) as book:
        book.ensure_assignment(STAGE, graded.notebook)
        for student in students:
            book.write(student, STAGE, graded)


def rows(classroom: Classroom, student: str) -> list[Any]:
    """All that the gradebook holds of a submission, but for the names that it gives its rows."""
    with Gradebook(classroom.gradebook_url) as book:
        submission = book.find_submission(STAGE, student)
        notebook = submission.notebooks[0]
        found = [submission, notebook, *sorted([*notebook.grades, *notebook.comments], key=lambda row: row.name)]
        return [(type(row).__name__, getattr(row, "name", ""), columns(row)) for row in found]


def columns(row: Base) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in row.__table__.columns if column.name not in IDS}


@pytest.mark.parametrize("time", [None, "2026-02-03 04:05:06 UTC", "2026-02-03 04:05:06 +0200"])
def test_new_rows_are_those_of_nbgrader(classroom: Classroom, graded: Graded, time: str | None) -> None:
    for student in ("ada", "bob"):
        hand_in(classroom, student, time)
    with GradebookWriter(classroom) as book:
        book.ensure_assignment(STAGE, graded.notebook)
        book.write("ada", STAGE, graded)
        book._update("bob", STAGE, timestamp_of(time or ""), {STAGE: graded})
    ada = rows(classroom, "ada")
    assert ada == rows(classroom, "bob")
    written = {name: column for kind, name, column in ada if kind == "Grade"}
    assert {name: column["auto_score"] for name, column in written.items()} == {
        cell.grade_id: cell.score for cell in graded.cells
    }
    assert {name for name, column in written.items() if column["needs_manual_grade"]} == {
        cell.grade_id for cell in graded.cells if cell.score is None
    }
    assert sum(column.get("auto_comment") == "it: Look." for _, _, column in ada) >= 3
    assert (ada[0][2]["timestamp"] is None) == (time is None)


def test_whom_somebody_else_has_added_since_keeps_what_a_person_wrote(classroom: Classroom, graded: Graded) -> None:
    name = graded.cells[0].grade_id
    with GradebookWriter(classroom) as book:
        book.ensure_assignment(STAGE, graded.notebook)
        assert book.known_submissions(STAGE) == set()
        with Gradebook(classroom.gradebook_url) as other:
            other.add_student("ada", first_name="Ada")
            other.add_submission(STAGE, "ada")
            other.find_grade(name, STAGE, STAGE, "ada").manual_score = 0.5
            other.db.commit()
        book.write("ada", STAGE, graded)
        assert book.known_submissions(STAGE) == {"ada"}
    with Gradebook(classroom.gradebook_url) as found:
        assert [submission.student.first_name for submission in found.assignment_submissions(STAGE)] == ["Ada"]
        grade = found.find_grade(name, STAGE, STAGE, "ada")
        assert (grade.manual_score, grade.auto_score) == (0.5, graded.cells[0].score)


def test_a_known_student_keeps_the_name(classroom: Classroom, graded: Graded) -> None:
    write(classroom, graded)
    with Gradebook(classroom.gradebook_url) as book:
        book.add_student("ada", first_name="Ada")
    write(classroom, graded, "ada")
    with Gradebook(classroom.gradebook_url) as book:
        assert book.find_student("ada").first_name == "Ada"
        assert book.find_submission(STAGE, "ada").score == sum(cell.score or 0 for cell in graded.cells)


def test_a_late_submission_gets_its_penalty(classroom: Classroom, graded: Graded) -> None:
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write("\nget_config().LateSubmissionPlugin.penalty_method = 'zero'\n")
    write(classroom, graded)
    with Gradebook(classroom.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 1)
        book.db.commit()
    for student, time in (("ada", "2026-02-03 00:00:00 UTC"), ("bob", "2026-01-31 00:00:00 UTC"), ("cy", None)):
        hand_in(classroom, student, time)
    write(classroom, graded, "ada", "bob", "cy")
    with Gradebook(classroom.gradebook_url) as book:
        penalties = {
            submission.student.id: submission.notebooks[0].late_submission_penalty
            for submission in book.assignment_submissions(STAGE)
        }
        total = book.find_submission(STAGE, "ada").score
    assert penalties == {"ada": total, "bob": None, "cy": None}
    assert total > 0


def cells_known(classroom: Classroom) -> dict[str, tuple[float, str]]:
    with Gradebook(classroom.gradebook_url) as book:
        notebook = book.find_notebook(STAGE, STAGE)
        points = {cell.name: cell.max_score for cell in notebook.grade_cells}
        return {cell.name: (points.get(cell.name, 0.0), cell.source) for cell in notebook.source_cells}


def test_points_and_texts_that_changed_after_grading_reach_the_gradebook(
    classroom: Classroom, graded: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(classroom, graded, "ada")
    before = cells_known(classroom)

    def change(cell: dict[str, Any]) -> None:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade_id") == "norms":
            marks["points"] += 1
        if marks.get("grade_id") == "no_scale_question":
            cell["source"] = "".join(cell["source"]).replace("- 0.5: quotes", "- 0.5: cites")

    change_release(classroom, change)
    graded.notebook = Classroom(classroom.root).released(STAGE)
    write(classroom, graded, "ada")
    after = cells_known(classroom)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"norms", "no_scale_question"}
    assert after["norms"][0] == before["norms"][0] + 1
    assert "- 0.5: cites" in after["no_scale_question"][1]
    monkeypatch.setattr("autograder.grading.gradebook.register", None)
    write(classroom, graded, "ada")


def test_a_missing_solution_is_named_as_what_it_is(classroom: Classroom, graded: Graded) -> None:
    (classroom.root / "solutions").unlink()
    (classroom.folder / "gradebook.db").unlink()
    with pytest.raises(ClassroomError) as told:
        write(classroom, graded, "ada")
    assert f"solutions/{STAGE}/{STAGE}.ipynb is missing" in str(told.value)
    assert "other cells" not in str(told.value)


def test_a_release_with_other_cells_is_refused_once_there_are_submissions(classroom: Classroom, graded: Graded) -> None:
    write(classroom, graded, "ada")

    def rename(cell: dict[str, Any]) -> None:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("grade_id") == "no_scale_question":
            marks["grade_id"] = "no_scale_task"

    change_release(classroom, rename)
    graded.notebook = Classroom(classroom.root).released(STAGE)
    with pytest.raises(ClassroomError, match="for a release with other cells"):
        write(classroom, graded, "ada")


def answered(graded: Graded, **answers: str) -> Graded:
    """The same result for a submission in which some answers are others."""
    notebook = copy.deepcopy(graded.notebook)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = answers.get(name, cell.source)
    return Graded(notebook, graded.cells, [], [], 0, {})


def give(
    classroom: Classroom, exercise: str, score: float | None, comment: str | None = None, extra: float | None = None
) -> None:
    """What formgrader does with ada's exercise when a person saves it."""
    with Gradebook(classroom.gradebook_url) as book:
        grade = book.find_grade(exercise, STAGE, STAGE, "ada")
        grade.manual_score, grade.extra_credit = score, extra
        grade.needs_manual_grade = score is None and grade.auto_score is None
        if comment is not None:
            cell = exercise if exercise == "no_scale" else f"{exercise}_answer"
            book.find_comment(cell, STAGE, STAGE, "ada").manual_comment = comment
        book.db.commit()


@dataclass
class Stands:
    """What formgrader shows of an exercise of ada's."""

    manual: float | None
    waits: bool
    score: float
    comment: str | None


def stands(classroom: Classroom, exercise: str) -> Stands:
    with Gradebook(classroom.gradebook_url) as book:
        grade = book.find_grade(exercise, STAGE, STAGE, "ada")
        cell = exercise if exercise == "no_scale" else f"{exercise}_answer"
        comment = book.find_comment(cell, STAGE, STAGE, "ada").comment
        return Stands(grade.manual_score, grade.needs_manual_grade, grade.score, comment)


def test_a_mark_stays_with_the_answer_that_it_was_given_for(classroom: Classroom, graded: Graded) -> None:
    first = answered(graded, no_scale="Because of d_k.", linear_cost="It is linear.")
    write(classroom, first, "ada")
    give(classroom, "no_scale", 1.5, "Nearly.")
    write(classroom, first, "ada")
    assert stands(classroom, "no_scale") == Stands(1.5, False, 1.5, "Nearly.")

    second = answered(first, no_scale="The softmax saturates.")
    for _ in range(2):
        write(classroom, second, "ada")
        now = stands(classroom, "no_scale")
        assert (now.manual, now.waits, now.score) == (None, True, 0)
        assert now.comment is not None
        assert "has changed since it was graded by hand" in now.comment
        assert "1.5 of 1 points" in now.comment
        assert "Nearly." in now.comment
    give(classroom, "no_scale", 0.25, "Worse.")
    write(classroom, second, "ada")
    assert stands(classroom, "no_scale") == Stands(0.25, False, 0.25, "Worse.")
    write(classroom, answered(first, no_scale="Because of d_k.  \n"), "ada")
    assert stands(classroom, "no_scale") == Stands(1.5, False, 1.5, "Nearly.")


def test_an_override_stays_with_its_answer_too(classroom: Classroom, graded: Graded) -> None:
    name = next(cell.grade_id for cell in graded.cells if cell.status == "graded" and cell.score == 0)
    write(classroom, graded, "ada")
    give(classroom, name, 0.75, "Right in spirit.", extra=0.5)
    write(classroom, graded, "ada")
    assert stands(classroom, name) == Stands(0.75, False, 1.25, "Right in spirit.")
    changed = answered(graded, **{f"{name}_answer": "def other(): ..."})
    for _ in range(2):
        write(classroom, changed, "ada")
        now = stands(classroom, name)
        assert (now.manual, now.waits, now.score) == (None, True, 0)
        assert "0.75 of" in str(now.comment)
        assert "0.5 points of extra credit" in str(now.comment)
        assert "it: Look." in str(now.comment)
    give(classroom, name, None)
    write(classroom, changed, "ada")
    assert stands(classroom, name) == Stands(None, False, 0, "it: Look."), "a person has let the grader's score pass"


def test_a_comment_alone_makes_nothing_wait(classroom: Classroom, graded: Graded) -> None:
    name = next(cell.grade_id for cell in graded.cells if cell.status == "graded" and cell.score)
    write(classroom, graded, "ada")
    give(classroom, name, None, "Well done.")
    write(classroom, answered(graded, **{f"{name}_answer": "pass"}), "ada")
    now = stands(classroom, name)
    assert not now.waits
    assert now.comment == "A comment on an earlier answer: Well done."


def test_another_score_of_the_grader_asks_for_another_look_at_an_override(classroom: Classroom, graded: Graded) -> None:
    cell = next(cell for cell in graded.cells if cell.status == "graded" and cell.score == 0)
    write(classroom, graded, "ada")
    give(classroom, cell.grade_id, 0.75)
    cell.score = cell.max_score
    write(classroom, graded, "ada")
    assert stands(classroom, cell.grade_id) == Stands(0.75, True, 0.75, "it: Look.")


def test_other_points_ask_for_another_look_at_a_mark(classroom: Classroom, graded: Graded) -> None:
    write(classroom, graded, "ada")
    give(classroom, "no_scale", 1.0)
    write(classroom, graded, "ada")
    assert stands(classroom, "no_scale") == Stands(1.0, False, 1.0, None)
    next(cell for cell in graded.cells if cell.grade_id == "no_scale").max_score += 1
    write(classroom, graded, "ada")
    assert stands(classroom, "no_scale") == Stands(1.0, True, 1.0, None)


def test_what_was_given_by_hand_outlives_the_gradebook(classroom: Classroom, graded: Graded) -> None:
    due, extension = datetime.datetime(2026, 2, 1), datetime.timedelta(days=1, hours=2)
    name = next(cell.grade_id for cell in graded.cells if cell.status == "graded" and cell.score == 0)
    write(classroom, graded, "ada", "bob")
    give(classroom, "no_scale", 0.5, "Half.")
    give(classroom, name, 0.75, "Right in spirit.")
    with Gradebook(classroom.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = due
        book.find_submission(STAGE, "ada").extension = extension
        book.db.commit()
    read_gradebook(classroom)
    (classroom.folder / "gradebook.db").unlink()
    with pytest.raises(ClassroomError, match=r"gradebook\.db is gone.*`autograder grade STAGE`"):
        read_gradebook(classroom)
    changed = answered(graded, **{f"{name}_answer": "pass"})
    with GradebookWriter(classroom) as writer:
        writer.ensure_assignment(STAGE, graded.notebook)
        writer.write("ada", STAGE, changed)
        writer.write("bob", STAGE, graded)
        assert writer.put_back == {"ada"}
        assert writer.waiting == [("ada", name)]
    assert stands(classroom, "no_scale") == Stands(0.5, False, 0.5, "Half.")
    now = stands(classroom, name)
    assert (now.manual, now.waits) == (None, True)
    assert "Right in spirit." in str(now.comment)
    with Gradebook(classroom.gradebook_url) as book:
        assert book.find_submission(STAGE, "ada").extension == extension
        assert book.find_assignment(STAGE).duedate == due


@contextmanager
def locked(classroom: Classroom, seconds: float) -> Iterator[None]:
    """Another program that holds the gradebook for so long."""
    command = (
        "import sqlite3, sys, time; held = sqlite3.connect(sys.argv[1]); held.execute('BEGIN EXCLUSIVE');"
        "print('held', flush=True); time.sleep(float(sys.argv[2]))"
    )
    path = classroom.folder / "gradebook.db"
    process = subprocess.Popen([sys.executable, "-c", command, path, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_locked_gradebook_is_waited_for_with_one_message(
    classroom: Classroom, graded: Graded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(classroom, 3.0):
        write(classroom, graded, "ada")
    assert capsys.readouterr().err.count("is locked by another program; waiting") == 1
    with GradebookWriter(classroom) as book:
        book.ensure_assignment(STAGE, graded.notebook)
        with locked(classroom, 8.0):  # SQLite by itself waits for five seconds
            book.write("bob", STAGE, graded)
    assert rows(classroom, "ada") == rows(classroom, "bob")
    monkeypatch.setattr(gradebook_file, "LONGEST_WAIT", 0.5)
    with locked(classroom, 60.0):
        for does in (lambda: write(classroom, graded, "cy"), lambda: read_gradebook(classroom)):
            with pytest.raises(GradebookUnusable, match=r"gradebook\.db has been locked .* Close it and run"):
                does()


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_said_in_a_sentence(classroom: Classroom, graded: Graded, content: bytes) -> None:
    (classroom.folder / "gradebook.db").write_bytes(content)
    with pytest.raises(GradebookUnusable, match=r"gradebook\.db cannot be read .* move it away and run"):
        write(classroom, graded, "ada")


PENALTY_OF_A_PLUGIN = """
from nbgrader.plugins import BasePlugin


class PerDay(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 0.5 * total_seconds_late / 86_400
"""


def test_what_decides_a_penalty_may_change_after_grading(classroom: Classroom, graded: Graded) -> None:
    students = ("ada", "bob", "cy")
    for student, time in zip(students, ("2026-02-03 00:00:00 UTC", "2026-01-31 00:00:00 UTC", None), strict=True):
        hand_in(classroom, student, time)
    write(classroom, graded, *students)
    total = sum(cell.score or 0 for cell in graded.cells)

    def settled(dry_run: bool = False) -> list[str]:
        with GradebookWriter(classroom) as book:
            return [str(change) for change in book.settle_penalties(STAGE, students, dry_run)]

    def configure(line: str) -> None:
        with (classroom.root / "nbgrader_config.py").open("a") as config:
            config.write(f"\nget_config().{line}\n")

    assert settled() == []
    with Gradebook(classroom.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 1)
        book.db.commit()
    assert settled() == [], "nbgrader's own method takes nothing until it is configured"
    configure("LateSubmissionPlugin.penalty_method = 'zero'")
    assert settled(dry_run=True) == settled() == [f"ada  late penalty: none → {total:g}"]
    assert settled() == []
    (classroom.submission("cy", STAGE) / "timestamp.txt").write_text("2026-02-02 00:00:00 UTC")
    assert settled() == [f"cy  late penalty: none → {total:g}"]
    with Gradebook(classroom.gradebook_url) as book:
        book.find_submission(STAGE, "ada").extension = datetime.timedelta(days=2)
        book.db.commit()
    assert settled() == [f"ada  late penalty: {total:g} → none"]
    (classroom.root / "late.py").write_text(PENALTY_OF_A_PLUGIN)
    configure("AssignLatePenalties.plugin_class = 'late.PerDay'")
    assert settled() == [f"cy  late penalty: {total:g} → 0.5"]
    with Gradebook(classroom.gradebook_url) as book:
        found = {one.student.id: one.late_submission_penalty for one in book.assignment_submissions(STAGE)}
    assert found == {"ada": 0.0, "bob": 0.0, "cy": 0.5}


def test_a_penalty_is_within_what_was_earned(classroom: Classroom, graded: Graded) -> None:
    (classroom.root / "greedy.py").write_text(PENALTY_OF_A_PLUGIN.replace("0.5 *", "1e3 *"))
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write("\nget_config().AssignLatePenalties.plugin_class = 'greedy.PerDay'\n")
    hand_in(classroom, "ada", "2026-02-03 00:00:00 UTC")
    write(classroom, graded)
    with Gradebook(classroom.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 1)
        book.db.commit()
    write(classroom, graded, "ada")
    with Gradebook(classroom.gradebook_url) as book:
        found = book.find_submission(STAGE, "ada")
        assert found.late_submission_penalty == found.score > 0


def test_a_penalty_plugin_that_cannot_be_loaded_is_named(classroom: Classroom, graded: Graded) -> None:
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write("\nget_config().AssignLatePenalties.plugin_class = 'nowhere.PerDay'\n")
    hand_in(classroom, "ada", "2026-02-03 00:00:00 UTC")
    write(classroom, graded)
    with Gradebook(classroom.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 1)
        book.db.commit()
    with pytest.raises(ClassroomError, match=r"nbgrader_config\.py names cannot be loaded: .*nowhere"):
        write(classroom, graded, "ada")


def test_a_write_that_fails_leaves_nothing_behind(classroom: Classroom, graded: Graded) -> None:
    incomplete = Graded(graded.notebook, graded.cells[1:], [], [], 0, {})
    with pytest.raises(KeyError):
        write(classroom, incomplete, "ada")
    with Gradebook(classroom.gradebook_url) as book:
        assert book.students == []
    write(classroom, graded, "ada")
    assert rows(classroom, "ada")
