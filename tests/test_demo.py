"""The demo class: everyone who should be in it is, and the notebooks hold what is said of them."""

from __future__ import annotations

import json
import os

import nbformat
import pytest
from whole_course import COURSE, ROOT, alternatives, bank, exercises

from autograder.course import Course
from autograder.demo import write_demo_class
from autograder.grading.classroom import ClassroomError
from autograder.repair import read_submission, repair

STAGE = "03_scaled_dot_product_attention"
RELEASE = ROOT / "course" / STAGE / f"{STAGE}.ipynb"
SOLUTION = ROOT / "solutions" / STAGE / f"{STAGE}.ipynb"

pytestmark = pytest.mark.skipif(
    not (RELEASE.exists() and SOLUTION.exists()), reason="course/ is not built: run `make release`"
)


@pytest.fixture(scope="module")
def released():
    return nbformat.read(RELEASE, as_version=4)


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classroom")
    return folder, write_demo_class(folder, COURSE.stage(STAGE))


def repaired_of(classroom, student, released):
    found = read_submission(classroom[0] / "submitted" / student.student_id / STAGE, STAGE)
    return found, repair(found.raw, released)


def only(classroom, word):
    (student,) = (student for student in classroom[1] if word in student.what)
    return student


def state(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_there_are_enough_of_every_kind(classroom):
    _, students = classroom
    kinds = [student.kind for student in students]
    assert len(students) >= 24
    assert kinds.count("right") >= 2 + len(alternatives("scaled_dot_product"))
    assert kinds.count("damaged") >= 8
    assert kinds.count("hostile") >= 9
    # In every stage the same class, whatever its size there.
    assert [student.student_id for student in students] == [f"student-{n:03}" for n in range(1, len(students) + 1)]


def test_every_misconception_is_shown_once(classroom):
    shown = sorted((e, name) for student in classroom[1] for e, name in student.misconceptions.items())
    assert shown == sorted((e, entry.name) for e in exercises(STAGE) for entry in bank(e))


def test_every_alternative_is_shown(classroom):
    told = " ".join(student.what for student in classroom[1] if student.kind == "right")
    assert all(entry.name in told for exercise in exercises(STAGE) for entry in alternatives(exercise))


def test_wrong_answers_are_pasted_whole(classroom, released):
    for student in classroom[1]:
        if student.kind == "wrong":
            _, repaired = repaired_of(classroom, student, released)
            cells = {
                c.metadata.nbgrader.grade_id: c.source for c in repaired.notebook.cells if "nbgrader" in c.metadata
            }
            assert repaired.notes == []
            for exercise, name in student.misconceptions.items():
                (entry,) = (entry for entry in bank(exercise) if entry.name == name)
                assert cells[f"{exercise}_answer"] == entry.source


def test_expected_scores_cover_the_graded_cells(classroom, released):
    points = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
        for cell in released.cells
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    }
    for student in classroom[1]:
        assert student.expected.keys() == points.keys()
        for grade_id, (low, high) in student.expected.items():
            assert 0 <= low <= high <= points[grade_id]
            assert (high < points[grade_id]) or grade_id not in student.misconceptions


def test_full_marks_are_expected_only_of_whole_answers(classroom, released):
    """What should earn everything holds every answer, without solution marks, after repair; whatever happened."""
    points = {
        c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points for c in released.cells if "nbgrader" in c.metadata
    }
    for student in classroom[1]:
        _, repaired = repaired_of(classroom, student, released)
        cells = {c.metadata.nbgrader.grade_id: c.source for c in repaired.notebook.cells if "nbgrader" in c.metadata}
        for grade_id, (low, _) in student.expected.items():
            answer = cells[f"{grade_id}_answer"]
            assert "### " not in answer
            if low == points[grade_id]:
                assert "NotImplementedError" not in answer, f"{student.what} {grade_id}"
                compile(answer, grade_id, "exec")


@pytest.mark.parametrize(
    ("word", "note"),
    [
        ("cut off", "cut off"),
        ("Two grade cells deleted", "was missing; put back"),
        ("turned to markdown", "turned back to code"),
        ("after Colab", "lost; found by"),
        ("split over two", "joined"),
        ("merged into one", "stood in one cell"),
        ("Nothing in the folder", "There is no notebook"),
        ("Not JSON", "not a notebook"),
        ("The file renamed", "is named homework final (2).ipynb"),
        ("version 3", "version 3 of the format"),
        ("byte order mark", "byte order mark"),
        ("Two notebooks", "2 notebooks were handed in"),
        ("skip-execution", "tag skip-execution on the grade cell norms was dropped"),
    ],
)
def test_each_damage_is_repaired_and_told(classroom, released, word, note):
    found, repaired = repaired_of(classroom, only(classroom, word), released)
    assert any(note in told for told in found.notes + repaired.notes), found.notes + repaired.notes


def test_same_seed_same_bytes(classroom, tmp_path):
    folder, _ = classroom
    write_demo_class(tmp_path, COURSE.stage(STAGE))
    assert {path.relative_to(tmp_path): content for path, (_, content) in state(tmp_path).items()} == {
        path.relative_to(folder): content for path, (_, content) in state(folder).items()
    }


def test_second_time_nothing_is_written(classroom):
    folder, _ = classroom
    before = state(folder)
    write_demo_class(folder, COURSE.stage(STAGE))
    assert state(folder) == before


def test_other_submissions_are_left_alone(classroom, tmp_path):
    own = tmp_path / "submitted/ada" / STAGE / f"{STAGE}.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    write_demo_class(tmp_path, COURSE.stage(STAGE))
    assert own.read_text() == "mine"


def test_class_with_the_same_ids_is_refused(classroom, tmp_path):
    own = tmp_path / "submitted" / classroom[1][0].student_id / STAGE / f"{STAGE}.ipynb"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    with pytest.raises(ClassroomError, match="not of the demo class"):
        write_demo_class(tmp_path, COURSE.stage(STAGE))
    assert own.read_text() == "mine"
    assert os.listdir(tmp_path / "submitted") == [classroom[1][0].student_id]


def test_manifest_stands_outside_the_submissions(classroom):
    folder, students = classroom
    entries = json.loads((folder / "demo.json").read_text())[STAGE]
    assert entries.keys() == {student.student_id for student in students}
    assert not list((folder / "submitted").rglob("demo.json"))


def test_missing_notebook_is_told(tmp_path):
    with pytest.raises(ClassroomError, match="make release"):
        write_demo_class(tmp_path, Course(tmp_path).stage(STAGE))
