"""An ordinary nbgrader course is graded as it stands, with nbgrader's own scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import ordinary_course
import pytest
from conftest import Graded, grade
from nbgrader.api import Gradebook
from ordinary_course import QUICK, Scores, cell_of, nbgrader_does

from autograder import cli
from autograder.export import export
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.grade_class import grade_class
from autograder.report import course_table, write_report
from autograder.report.scores import read_scores
from autograder.report.terminal import gradebook_table


def edit(path: Path, grade_id: str, source: str) -> None:
    """Write a source into a marked cell of a notebook on disk."""
    notebook = nbformat.read(path, as_version=4)
    cell_of(notebook, grade_id).source = source
    nbformat.write(notebook, path)


def points(course: Path, student: str) -> dict[str, float | None]:
    """A student's automatic scores by cell."""
    found = ordinary_course.scores(course)
    return {cell: score for (name, _, cell), score in found.items() if name == student}


def test_every_cell_gets_nbgraders_score_or_a_higher_one_for_a_reason(stock: Scores, ours: Graded) -> None:
    assert len(stock) > 80
    assert {0.0, 0.5, 1.0, 2.0} <= {score for score in stock.values() if score is not None}
    assert list(ordinary_course.differing(stock, ordinary_course.scores(ours.classroom.root), QUICK)) == []


def test_nothing_is_written_where_nbgrader_keeps_what_is_released(ours: Graded) -> None:
    folder = ours.classroom.root
    assert not (folder / "release").exists()
    made = {path.name for path in folder.iterdir()}
    assert made == {"nbgrader_config.py", "source", "submitted", "autograded", "gradebook.db", "classroom"}


def test_a_second_run_changes_nothing(ours: Graded) -> None:
    again = grade(ours.classroom.root, *ordinary_course.ASSIGNMENTS)
    assert [str(each) for each in again.summaries.values()] == [
        f"0 graded, 0 from the cache, {sum(one.assignment == name for one in QUICK)} unchanged"
        for name in ordinary_course.ASSIGNMENTS
    ]


def test_a_cell_that_never_ends_costs_its_tests_and_no_others(ours: Graded) -> None:
    result = ours.classroom.result("endless", "ps1")
    assert result is not None
    statuses = {cell["grade_id"]: cell["status"] for cell in result["cells"]}
    assert statuses["problem1/correct_squares"] == "timed out"
    assert statuses["problem1/sum_of_squares_uses_squares"] == "graded"
    assert result["status"] == "timed out"


def test_report_and_tables_say_that_scores_can_be_forged(ours: Graded) -> None:
    classroom = ours.classroom
    page = write_report(classroom).read_text()
    assert page.count("its scores can be forged") == 2
    assert "its scores can be forged" in gradebook_table(classroom, "ps1")
    assert "ps1, rain: the tests ran beside the students' code; can be forged" in course_table(classroom)
    exported = json.loads(export(classroom, "json").read_text())
    assert [assignment["can_be_forged"] for assignment in exported["assignments"]] == [True, True]


def test_the_report_names_cells_by_their_notebooks(ours: Graded) -> None:
    found = {assignment.name: assignment for assignment in read_scores(ours.classroom)}
    names = [exercise.grade_id for exercise in found["rain"].exercises]
    assert names[0] == "averages/middle"
    assert names[-1] == "reading/own_town"  # a task, which waits for a person
    (ada,) = (one for one in found["rain"].submissions if one.student == "rain-right")
    assert (ada.total, ada.waiting) == (8.0, 6.0)


def test_the_example_is_graded_and_nbgrader_makes_its_feedback(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example)
    assert cli.main(["grade", "rain"]) == 0
    assert points(example, "ada") == dict.fromkeys(("own_town", "figure", "hides")) | {
        "middle": 1.0, "ends": 2.0, "reads_all_months": 2.0, "wettest_of_three_years": 3.0
    }  # fmt: skip
    assert points(example, "bob")["wettest_of_three_years"] == 2.0
    assert points(example, "bob")["ends"] == 0.0
    assert points(example, "cleo")["wettest_of_three_years"] == 3.0  # its test had been deleted
    graded = example / "autograded/cleo/rain"
    assert {path.name for path in graded.iterdir()} == {
        "averages.ipynb", "reading.ipynb", "rain.csv", "units.py", "reader.py"
    }  # fmt: skip
    assert "Writing" in nbgrader_does(example, "generate_feedback", "rain")
    assert "BEGIN HIDDEN TESTS" not in (example / "submitted/cleo/rain/reading.ipynb").read_text()
    page = (example / "feedback/ada/rain/reading.html").read_text()
    assert "two.csv" in page  # the hidden test, as nbgrader shows it


def test_feedback_is_cleaned_by_our_command(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = example / "submitted/ada/rain/averages.ipynb"
    edit(path, "hides", "<script>steal()</script> Showers.")
    monkeypatch.chdir(example)
    assert cli.main(["grade", "rain", "--student", "ada"]) == 0
    assert cli.main(["feedback", "rain"]) == 0
    page = (example / "feedback/ada/rain/averages.html").read_text()
    assert "Showers." in page
    assert "<script>steal" not in page
    assert "Content-Security-Policy" in page


def test_what_was_given_by_hand_stays_with_its_answer(example: Path) -> None:
    grade(example, "rain")
    with Gradebook(f"sqlite:///{example / 'gradebook.db'}") as book:
        for cell, score in (("hides", 1.5), ("wettest_of_three_years", 2.5)):
            notebook = "averages" if cell == "hides" else "reading"
            found = book.find_grade(cell, notebook, "rain", "ada")
            found.manual_score, found.needs_manual_grade = score, False
        book.db.commit()
    edit(example / "submitted/ada/rain/reading.ipynb", "wettest", "def wettest(rain):\n    return 1")
    again = grade(example, "rain")
    assert again.summaries["rain"].waiting == [("ada", "wettest_of_three_years")]
    with Gradebook(f"sqlite:///{example / 'gradebook.db'}") as book:
        kept = book.find_grade("hides", "averages", "rain", "ada")
        assert (kept.manual_score, kept.needs_manual_grade) == (1.5, False)
        moved = book.find_grade("wettest_of_three_years", "reading", "rain", "ada")
        assert (moved.manual_score, moved.auto_score, moved.needs_manual_grade) == (None, 1.0, True)


LATE = """
from nbgrader.plugins import BasePlugin


class HalfOff(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 100 if student_id == "bob" else score / 2
"""


def test_late_penalties_are_those_of_the_courses_plugin(example: Path) -> None:
    (example / "late.py").write_text(LATE)
    with (example / "nbgrader_config.py").open("a") as config:
        config.write('c.AssignLatePenalties.plugin_class = "late.HalfOff"\n')
    grade(example, "rain")
    with Gradebook(f"sqlite:///{example / 'gradebook.db'}") as book:
        book.update_or_create_assignment("rain", duedate="2030-01-01 00:00:00 UTC")
    for student in ("ada", "bob"):
        (example / "submitted" / student / "rain/timestamp.txt").write_text("2030-01-02 00:00:00 UTC")
    grade(example, "rain")
    with Gradebook(f"sqlite:///{example / 'gradebook.db'}") as book:
        found = {
            (student, notebook): book.find_submission_notebook(notebook, "rain", student).late_submission_penalty
            for student in ("ada", "bob", "cleo")
            for notebook in ("averages", "reading")
        }
    assert found == {
        ("ada", "averages"): 1.5, ("ada", "reading"): 2.5,
        ("bob", "averages"): 1.0, ("bob", "reading"): 4.0,  # no more than was earned
        ("cleo", "averages"): None, ("cleo", "reading"): None,
    }  # fmt: skip


def test_what_nbgrader_cannot_build_is_said(example: Path) -> None:
    path = example / "source/rain/averages.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell_of(notebook, "ends").metadata["nbgrader"]["grade_id"] = "middle"
    nbformat.write(notebook, path)
    with pytest.raises(ClassroomError, match=r"nbgrader cannot build .*source/rain: .*middle"):
        grade(example, "rain")


def test_a_changed_test_is_learned_and_graded_anew(example: Path) -> None:
    grade(example, "rain")
    path = example / "source/rain/averages.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell_of(notebook, "middle").source += "\nraise AssertionError('too strict')"
    nbformat.write(notebook, path)
    again = grade(example, "rain")
    assert again.summaries["rain"].graded == 3
    assert points(example, "ada")["middle"] == 0.0
    assert points(example, "ada")["ends"] == 2.0


def test_a_source_with_other_cells_than_those_handed_in_is_refused(example: Path) -> None:
    grade(example, "rain")
    path = example / "source/rain/averages.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell_of(notebook, "middle").metadata["nbgrader"]["grade_id"] = "centre"
    nbformat.write(notebook, path)
    with pytest.raises(ClassroomError, match=r"source/rain has other cells than .*gradebook\.db.* Put them back"):
        grade(example, "rain")


def test_a_dry_run_tells_and_writes_nothing(example: Path) -> None:
    summary = grade_class(Classroom(example), "rain", processes=1, dry_run=True)
    assert summary.graded == 3
    assert {change.grade_id for change in summary.changes if change.student == "ada"} == {
        "averages/middle", "averages/ends", "reading/reads_all_months", "reading/wettest_of_three_years"
    }  # fmt: skip
    assert not (example / "gradebook.db").exists()
    assert not (example / "autograded").exists()


def test_a_test_that_did_not_run_is_not_passed(example: Path) -> None:
    """nbgrader takes a grade cell without outputs for a right one; a tag of the student's would do."""
    path = example / "submitted/bob/rain/averages.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell_of(notebook, "ends").metadata["tags"] = ["skip-execution"]
    nbformat.write(notebook, path)
    edit(path, "moving_average", "import os\nos._exit(0)")
    grade(example, "rain")
    assert points(example, "bob")["ends"] == 0.0


def test_output_without_end_does_not_hide_a_low_score(example: Path) -> None:
    loud = "def wettest(rain):\n    print('x' * 3_000_000)\n    return 2"
    edit(example / "submitted/ada/rain/reading.ipynb", "wettest", loud)
    many = "from IPython.display import display\nfor number in range(3000): display(number)\ndef read_rain(path): pass"
    edit(example / "submitted/bob/rain/reading.ipynb", "read_rain", many)
    grade(example, "rain")
    assert points(example, "ada")["wettest_of_three_years"] == 1.0
    assert points(example, "bob")["reads_all_months"] == 0.0


def test_folders_named_by_the_course_are_used(example: Path) -> None:
    (example / "submitted").rename(example / "handed_in")
    with (example / "nbgrader_config.py").open("a") as config:
        config.write(
            'c.CourseDirectory.submitted_directory = "handed_in"\nc.CourseDirectory.autograded_directory = "graded"\n'
            'c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"\n'
            'c.CourseDirectory.db_url = "sqlite:///marks.db"\n'
        )
    for student in ("ada", "bob", "cleo"):
        target = example / "handed_in/rain" / student
        target.parent.mkdir(exist_ok=True)
        shutil.move(example / "handed_in" / student / "rain", target)
        (example / "handed_in" / student).rmdir()
    graded = grade(example, "rain")
    assert graded.summaries["rain"].graded == 3
    assert (example / "graded/rain/ada/reading.ipynb").is_file()
    assert (example / "marks.db").is_file()
    assert json.loads((example / "classroom/results/rain/ada.json").read_text())["tests_in_cells"]
