"""classroom/grades.csv."""

import csv
import json
from pathlib import Path

import pytest
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test

from autograder.grading.classroom import Classroom
from autograder.report import write_grades


def rows(classroom: Classroom) -> list[dict[str, str]]:
    with write_grades(classroom).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_per_student_and_grade_cell(tmp_path: Path) -> None:
    lost = a_test("padding gets nothing", 2, "failed", message="The mask hides rows.")
    ada = a_result("ada", a_cell("attention", 6.0, 4.5, "graded", lost), a_cell("essay", 2.0, None, "manual"))
    bob = a_result("bob", a_cell("attention", 6.0, 0.0, "timed out"), a_cell("essay", 2.0, 0.0, "not done"))
    assert rows(a_class(tmp_path, bob, ada)) == [
        {
            "student_id": "ada",
            "assignment": STAGE,
            "grade_id": "attention",
            "score": "4.5",
            "max_score": "6",
            "status": "graded",
            "message": "padding gets nothing: The mask hides rows.",
        },
        {
            "student_id": "ada",
            "assignment": STAGE,
            "grade_id": "essay",
            "score": "",
            "max_score": "2",
            "status": "manual",
            "message": "",
        },
        {
            "student_id": "bob",
            "assignment": STAGE,
            "grade_id": "attention",
            "score": "0",
            "max_score": "6",
            "status": "timed out",
            "message": "",
        },
        {
            "student_id": "bob",
            "assignment": STAGE,
            "grade_id": "essay",
            "score": "0",
            "max_score": "2",
            "status": "not done",
            "message": "",
        },
    ]


def test_repaired_and_unreadable(tmp_path: Path) -> None:
    cell = a_cell("norms", 1.0, 1.0)
    repaired = a_result("ada", cell, repairs=["A grade cell was put back."], status="repaired")
    unreadable = a_result("bob", a_cell("norms", 1.0, 0.0), status="not readable", readable=False)
    first, second = rows(a_class(tmp_path, repaired, unreadable))
    assert (first["status"], first["message"]) == ("repaired", "A grade cell was put back.")
    assert second["status"] == "not readable"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_formulas_are_text(tmp_path: Path, start: str) -> None:
    formula = f'{start}HYPERLINK("https://evil.example")'
    lost = a_test(formula, 2, "failed", message=formula)
    result = a_result("x", a_cell(formula, 2.0, 0.0, "graded", lost)) | {"student": formula}
    classroom = a_class(tmp_path)
    folder = classroom.results / STAGE
    folder.mkdir(parents=True)
    # The file's own name can hold less than the id in it.
    (folder / "x.json").write_text(json.dumps(result))
    (row,) = rows(classroom)
    for column in ("student_id", "grade_id", "message"):
        assert row[column].startswith("'"), column
        assert row[column].startswith(f"'{formula}"), column


@pytest.mark.parametrize("student", ["\rada", "ada\rbob", "a\r\nb", "ada\n"])
def test_line_breaks_in_an_id_break_no_row(tmp_path: Path, student: str) -> None:
    classroom = a_class(tmp_path, a_result("bob", a_cell("norms", 1.0, 1.0)))
    result = a_result("x", a_cell("norms", 1.0, 0.5), a_cell("essay", 1.0, 1.0)) | {"student": student}
    (classroom.results / STAGE / "x.json").write_text(json.dumps(result))
    found = [(row["student_id"].removeprefix("'"), row["grade_id"], row["score"]) for row in rows(classroom)]
    assert sorted(found) == sorted([("bob", "norms", "1"), (student, "norms", "0.5"), (student, "essay", "1")])


def test_real_numbers_stay_numbers(tmp_path: Path) -> None:
    (row,) = rows(a_class(tmp_path, a_result("12345", a_cell("norms", 1.0, -0.5))))
    assert (row["student_id"], row["score"], row["max_score"]) == ("12345", "-0.5", "1")


def test_commas_quotes_lines_and_broken_characters_survive(tmp_path: Path) -> None:
    lost = a_test("t", 1, "failed", message='a, "b"\nc \x1b[31m \udcff')
    (row,) = rows(a_class(tmp_path, a_result("Zoë 王", a_cell("norms", 1.0, 0.0, "graded", lost))))
    assert row["student_id"] == "Zoë 王"
    assert row["message"] == 't: a, "b"\nc \ufffd[31m \ufffd'


def test_an_empty_class_has_a_header(tmp_path: Path) -> None:
    classroom = a_class(tmp_path)
    assert write_grades(classroom).read_text() == "student_id,assignment,grade_id,score,max_score,status,message\n"
