"""What people decided in nbgrader's gradebook, in the report's scores."""

import shutil
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from results_by_hand import STAGE, a_cell, a_class, a_result

from autograder.grading.classroom import Classroom, ClassroomError
from autograder.report import gradebook_table, write_grades, write_report
from autograder.report.scores import Submission, read_scores


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, empty_gradebook: Path) -> Path:
    """ada, bob and cyd, with a grade cell and a written one, and dan, of whom nothing is decided."""
    path = tmp_path_factory.mktemp("book") / "gradebook.db"
    shutil.copy(empty_gradebook, path)
    with Gradebook(f"sqlite:///{path}") as book:
        book.add_assignment(STAGE)
        book.add_notebook(STAGE, STAGE)
        book.add_grade_cell("norms", STAGE, STAGE, max_score=2, cell_type="code")
        book.add_grade_cell("essay", STAGE, STAGE, max_score=3, cell_type="markdown")
        book.add_student("dan")
        book.add_submission(STAGE, "dan")
        for student in ("ada", "bob", "cyd"):
            book.add_student(student)
            book.add_submission(STAGE, student)
            grade = book.find_grade("norms", STAGE, STAGE, student)
            grade.auto_score, grade.needs_manual_grade = 1.0, False
        essay = book.find_grade("essay", STAGE, STAGE, "ada")
        essay.manual_score, essay.extra_credit, essay.needs_manual_grade = 2.5, 0.5, False
        book.find_grade("norms", STAGE, STAGE, "bob").manual_score = 2.0
        book.find_submission_notebook(STAGE, STAGE, "bob").late_submission_penalty = 1.25
        book.db.commit()
    return path


@pytest.fixture
def classroom(tmp_path: Path, database: Path) -> Classroom:
    """Results of ada and bob; cyd is in the gradebook only."""
    cells = (a_cell("norms", 2.0, 1.0, "crashed"), a_cell("essay", 3.0, None, "manual"))
    classroom = a_class(tmp_path, a_result("ada", *cells), a_result("bob", *cells))
    shutil.copy(database, classroom.gradebook)
    return classroom


def by_student(classroom: Classroom) -> dict[str, Submission]:
    (assignment,) = read_scores(classroom)
    return {submission.student: submission for submission in assignment.submissions}


def test_a_manual_score_wins(classroom: Classroom) -> None:
    found = by_student(classroom)
    ada, bob = found["ada"], found["bob"]
    assert (ada.cells["essay"].score, ada.cells["essay"].status) == (3.0, "graded")
    assert (ada.cells["norms"].score, ada.cells["norms"].status) == (1.0, "crashed")
    assert (ada.total, ada.waiting) == (4.0, 0)
    assert (bob.cells["norms"].score, bob.cells["norms"].status) == (2.0, "graded")
    assert (bob.total, bob.waiting) == (0.75, 3.0)


def test_an_override_whose_answer_has_changed_waits(classroom: Classroom) -> None:
    with Gradebook(classroom.gradebook_url) as book:
        book.find_grade("norms", STAGE, STAGE, "ada").needs_manual_grade = True
        book.db.commit()
    norms = by_student(classroom)["ada"].cells["norms"]
    assert (norms.score, norms.status) == (None, "manual")


def test_the_gradebooks_maximum_is_the_one_that_counts(classroom: Classroom) -> None:
    with Gradebook(classroom.gradebook_url) as book:
        book.find_grade_cell("norms", STAGE, STAGE).max_score = 4
        book.db.commit()
    assert {found.cells["norms"].max_score for found in by_student(classroom).values()} == {4.0}


def test_marks_without_a_gradebook_make_no_report(classroom: Classroom) -> None:
    write_grades(classroom)
    classroom.gradebook.unlink()
    with pytest.raises(ClassroomError, match="autograder grade STAGE"):
        write_grades(classroom)


def test_a_mark_that_the_gradebook_alone_has_lost_makes_no_report(classroom: Classroom) -> None:
    for student in ("ada", "bob", "cyd"):
        (classroom.submitted / student / STAGE).mkdir(parents=True)
    write_grades(classroom)
    with Gradebook(f"sqlite:///{classroom.gradebook}") as book:
        book.remove_student("bob")
    with pytest.raises(ClassroomError, match=f"to bob.*`autograder grade {STAGE}`"):
        write_grades(classroom)


def test_a_student_whom_only_nbgrader_graded_is_there(classroom: Classroom) -> None:
    cyd = by_student(classroom)["cyd"]
    assert (cyd.cells["norms"].score, cyd.cells["essay"].score, cyd.cells["essay"].status) == (1.0, None, "manual")


def test_a_student_of_whom_nothing_is_decided_is_not_graded(classroom: Classroom) -> None:
    (classroom.submitted / "dan" / STAGE).mkdir(parents=True)
    (assignment,) = read_scores(classroom)
    assert [submission.student for submission in assignment.submissions] == ["ada", "bob", "cyd"]
    assert assignment.unmarked == ["dan"]


def test_whose_folder_is_gone_is_named_until_the_gradebook_forgets_them(classroom: Classroom) -> None:
    for student in ("ada", "bob"):
        (classroom.submitted / student / STAGE).mkdir(parents=True)
    (classroom.submitted / "bob" / STAGE).rmdir()
    (assignment,) = read_scores(classroom)
    assert assignment.gone == ["bob", "cyd"]
    assert "No longer handed in: bob, cyd" in gradebook_table(classroom, STAGE)
    assert "no longer handed in" in write_grades(classroom).read_text()
    assert "Graded before and no longer handed in" in write_report(classroom).read_text()
    with Gradebook(f"sqlite:///{classroom.gradebook}") as book:
        book.remove_student("bob")
    assert "bob" not in by_student(classroom)
    assert "bob" not in write_grades(classroom).read_text()


def test_reading_changes_nothing(classroom: Classroom) -> None:
    before = classroom.gradebook.read_bytes()
    write_grades(classroom)
    assert classroom.gradebook.read_bytes() == before


def test_a_damaged_gradebook_is_said_plainly(classroom: Classroom) -> None:
    classroom.gradebook.write_bytes(b"not a database" * 100)
    with pytest.raises(ClassroomError, match=r"gradebook\.db cannot be read"):
        write_grades(classroom)


def test_the_terminal_shows_late_and_waiting(classroom: Classroom) -> None:
    lines = gradebook_table(classroom, STAGE).splitlines()
    assert lines[0].split() == ["student", "a", "b", "total", "status"]
    assert lines[3].split() == ["bob", "2", "✎", "0.75", "graded,", "late", "−1.25"]
