"""The CSV files for Canvas and Moodle, read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test, two_scores

from autograder.export import export
from autograder.grading.classroom import Classroom, ClassroomError

OTHER = "04_heads"
FEEDBACK = f"{STAGE} (feedback)"
HOSTILE = ('=HYPERLINK("https://evil.example")', "+1", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\uff1d1", "-")


def table(classroom: Classroom, name: str, **more: Path) -> list[dict[str, str]]:
    with export(classroom, name, **more).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


def waiting(student: str) -> dict:
    return a_result(student, a_cell("attention", 6.0, 5.0), a_cell("essay", 2.0, None, "manual"))


def a_class_with_ids(root: Path, *students: str) -> Classroom:
    classroom = a_class(root)
    folder = classroom.results / STAGE
    folder.mkdir(parents=True)
    for place, student in enumerate(students):
        (folder / f"{place}.json").write_text(json.dumps(two_scores("x", 6, 2) | {"student": student}))
    return classroom


def a_roster(root: Path, text: str, encoding: str = "utf-8") -> Path:
    path = root / "roster.csv"
    path.write_text(text, encoding=encoding)
    return path


def test_canvas_has_its_columns_the_points_and_a_row_per_student(tmp_path: Path) -> None:
    heads = a_result("ada", a_cell("heads", 4.0, 3.25), assignment=OTHER)
    path = export(a_class(tmp_path, two_scores("bob", 4.5, 0), two_scores("ada", 6, 2), heads), "canvas")
    assert path == tmp_path / "classroom" / "canvas.csv"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file, strict=True)) == [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", STAGE, OTHER],
            ["    Points Possible", "", "", "", "", "8", "4"],
            ["ada", "", "", "ada", "", "8", "3.25"],
            ["bob", "", "", "bob", "", "4.5", ""],
        ]


def test_moodle_has_who_it_is_then_grade_and_feedback(tmp_path: Path) -> None:
    lost = a_test("padding gets nothing", 2, "failed", message="The mask\nhides rows.")
    ada = a_result("ada", a_cell("attention", 6.0, 4.0, "graded", lost), a_cell("norms", 2.0, 1.5))
    heads = a_result("bob", a_cell("heads", 4.0, 3.0), assignment=OTHER)
    assert table(a_class(tmp_path, ada, heads), "moodle") == [
        {
            "Username": "ada",
            STAGE: "5.5",
            FEEDBACK: "attention: 4 of 6 · padding gets nothing: The mask hides rows.\nnorms: 1.5 of 2",
            OTHER: "-",
            f"{OTHER} (feedback)": "",
        },
        {"Username": "bob", STAGE: "-", FEEDBACK: "", OTHER: "3", f"{OTHER} (feedback)": "heads: 3 of 4"},
    ]


def test_a_score_that_waits_for_a_person_is_no_score(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, waiting("ada"))
    assert table(classroom, "canvas")[1][STAGE] == ""
    (ada,) = table(classroom, "moodle")
    assert (ada[STAGE], ada[FEEDBACK]) == ("-", "attention: 5 of 6\nessay: waits for a person")


@pytest.mark.parametrize("name", ["canvas", "moodle"])
def test_late_penalties_are_kept(tmp_path: Path, late: Callable[..., None], name: str) -> None:
    late(STAGE, ada=1.25, bob=100.0)
    ada, bob = table(a_class(tmp_path, two_scores("ada", 6, 2), two_scores("bob", 6, 2)), name)[-2:]
    assert (ada[STAGE], bob[STAGE]) == ("6.75", "0")
    if name == "moodle":
        assert ada[FEEDBACK].endswith("\nLate: 1.25 points taken off")


@pytest.mark.parametrize("name", ["canvas", "moodle"])
def test_only_the_assignment_that_is_named(tmp_path: Path, name: str) -> None:
    heads = a_result("bob", a_cell("heads", 4.0, 3.0), assignment=OTHER)
    classroom = a_class(tmp_path, two_scores("ada", 6, 2), heads)
    path = export(classroom, name, stage=OTHER)
    assert path.name == f"{OTHER}-{name}.csv"
    assert STAGE not in path.read_text()
    assert "bob" in path.read_text()
    assert "ada" not in path.read_text()


def test_students_come_by_name_over_all_assignments(tmp_path: Path) -> None:
    heads = a_result("ada", a_cell("heads", 4.0, 3.0), assignment=OTHER)
    rows = table(a_class(tmp_path, two_scores("bob", 6, 2), heads), "moodle")
    assert [row["Username"] for row in rows] == ["ada", "bob"]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["csv", "canvas", "moodle"])
def test_no_text_starts_a_formula(tmp_path: Path, name: str, hostile: str) -> None:
    lost = a_test(hostile, 2, "failed", message=hostile)
    result = a_result("x", a_cell(hostile, 2.0, 0.0, "graded", lost), repairs=[hostile]) | {"assignment": hostile}
    classroom = a_class(tmp_path)
    (classroom.results / STAGE).mkdir(parents=True)
    (classroom.results / STAGE / "x.json").write_text(json.dumps(result))
    with export(classroom, name).open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file, strict=True) for cell in row]
    assert len(cells) >= 6
    for cell in cells:
        assert cell == "-" or not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d")), cell
        assert not cell.startswith(("\t", "\r", "\n")), cell


NASTY = (
    *(hostile for hostile in HOSTILE if hostile != "-"),
    *("\rada", "ada\r", "\nada", "a\r\nb", "\tada", "ada\t", " ada", "ada ", "a  b", "-ada", "+ada", "=ada", "@ada"),
    *(
        "''",
        "'=ada",
        '"',
        'a"b',
        "a,b",
        "a;b",
        "\ufeffada",
        "Zoë",
        "Zoe\u0308",
        "王",
        "\u202eada",
        "a\x1b[31m",
        "a\x85b",
    ),
    *("007", "1e5", "1.0", "TRUE", "NULL", "#N/A", "\u200bada", "\xa0ada", "a\u2028b", "x" * 200),
)


@pytest.mark.parametrize("student", NASTY)
def test_every_id_comes_back_as_it_was(tmp_path: Path, student: str) -> None:
    classroom = a_class_with_ids(tmp_path, student)
    assert {row["student_id"] for row in table(classroom, "csv")} == {student}
    assert [row["SIS Login ID"] for row in table(classroom, "canvas")[1:]] == [student]
    assert [row["Username"] for row in table(classroom, "moodle")] == [student]
    course = json.loads(export(classroom, "json").read_text(encoding="utf-8"))
    assert [one["id"] for one in course["students"]] == [student]


def test_all_ids_together_keep_their_rows(tmp_path: Path) -> None:
    classroom = a_class_with_ids(tmp_path, *NASTY)
    assert sorted(row["Username"] for row in table(classroom, "moodle")) == sorted(NASTY)
    assert sorted(row["SIS Login ID"] for row in table(classroom, "canvas")[1:]) == sorted(NASTY)
    assert {row["student_id"] for row in table(classroom, "csv")} == set(NASTY)


@pytest.mark.parametrize("login", NASTY)
def test_every_login_of_a_roster_is_written_as_it_stands_there(tmp_path: Path, login: str) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["nbgrader_id", "SIS Login ID", "Username"], ["ada", login, login]])
    roster = tmp_path / "roster.csv"
    roster.write_bytes(text.getvalue().encode())
    classroom = a_class(tmp_path, two_scores("ada", 6, 1))
    assert table(classroom, "canvas", roster=roster)[1]["SIS Login ID"] == login
    assert table(classroom, "moodle", roster=roster)[0]["Username"] == login


def test_blanks_around_an_id_in_the_roster_matter_where_another_student_has_them(tmp_path: Path) -> None:
    roster = a_roster(tmp_path, "nbgrader_id,Username\n ada ,first\nbob ,second\n")
    classroom = a_class_with_ids(tmp_path, " ada ", "bob")
    assert [row["Username"] for row in table(classroom, "moodle", roster=roster)] == ["first", "second"]
    (tmp_path / "other").mkdir()
    with pytest.raises(ClassroomError, match=r"has no row for ada: add them"):
        table(a_class_with_ids(tmp_path / "other", " ada ", "ada", "bob"), "moodle", roster=roster)


@pytest.mark.parametrize("name", ["csv", "canvas", "moodle"])
def test_an_id_that_no_file_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    classroom = a_class_with_ids(tmp_path, "half \udcff")
    with pytest.raises(ClassroomError, match=r"The id 'half .udcff' .* not UTF-8.*: rename the student's folders"):
        export(classroom, name)
    assert not list(classroom.folder.glob("*.csv"))


def test_names_of_the_roster_start_no_formula_and_its_ids_are_as_they_are(tmp_path: Path) -> None:
    roster = a_roster(tmp_path, "nbgrader_id,Student,ID,SIS Login ID,Section\nada,=1+1,-7,@ada,+2\n")
    classroom = a_class(tmp_path, two_scores("ada", 6, 2))
    row = table(classroom, "canvas", roster=roster)[1]
    assert list(row.values()) == ["'=1+1", "-7", "", "@ada", "'+2", "8"]


def test_commas_quotes_and_lines_in_names(tmp_path: Path) -> None:
    classroom = a_class_with_ids(tmp_path, 'O\'Hara, "Zoë"', "two\nlines\u202e", "12345")
    rows = table(classroom, "canvas")[1:]
    assert [row["Student"] for row in rows] == ["12345", 'O\'Hara, "Zoë"', "two lines\ufffd"]
    # Canvas would take it for the number of one of its own users.
    assert rows[0]["ID"] == ""


def test_canvas_takes_names_ids_and_assignments_from_its_own_export(tmp_path: Path) -> None:
    roster = a_roster(
        tmp_path,
        f"Student,ID,SIS User ID,SIS Login ID,Section,Quiz (3),{STAGE} (87),nbgrader_id\n"
        "    Points Possible,,,,,5,8,\n"
        '"Lovelace, Ada",17,u1,lovelace,Mon,5,,ada\n'
        '"Babbage, Charles",18,u2,babbage,Tue,4,,\n'
        "\nshort\n",
        "utf-8-sig",
    )
    classroom = a_class(tmp_path, two_scores("ada", 6, 1))
    assert table(classroom, "canvas", roster=roster)[1] == {
        "Student": "Lovelace, Ada",
        "ID": "17",
        "SIS User ID": "u1",
        "SIS Login ID": "lovelace",
        "Section": "Mon",
        f"{STAGE} (87)": "7",
    }


def test_moodle_takes_the_columns_that_are_filled_in_for_everyone(tmp_path: Path) -> None:
    roster = a_roster(
        tmp_path,
        "nbgrader_id,First name,ID number,Email address\nada,Ada,,ada@example.org\nbob,Bob,7,bob@example.org\n",
    )
    rows = table(a_class(tmp_path, two_scores("ada", 6, 1), two_scores("bob", 1, 1)), "moodle", roster=roster)
    assert [(next(iter(row)), row["Email address"], row[STAGE]) for row in rows] == [
        ("Email address", "ada@example.org", "7"),
        ("Email address", "bob@example.org", "2"),
    ]
    assert "ID number" not in rows[0]


@pytest.mark.parametrize(
    ("name", "students", "text", "problem"),
    [
        ("canvas", ["ada"], "id,ID\nada,1\n", "has no column nbgrader_id .* add one"),
        ("canvas", ["ada"], "", "has no column nbgrader_id"),
        ("canvas", ["ada"], "nbgrader_id,ID\nbob,1\n", "has no row for ada: add them"),
        ("canvas", ["ada"], "nbgrader_id,ID\nada,\n", "says nothing of ada in ID, SIS User ID, SIS Login ID: fill"),
        ("canvas", ["ada"], "nbgrader_id,ID\nada,1\nada,2\n", "has ada more than once in nbgrader_id"),
        ("canvas", ["ada"], "nbgrader_id,ID\nada,1\nbob,1\n", "has 1 more than once in ID"),
        ("moodle", ["ada", "bob"], "nbgrader_id,ID\nada,1\nbob,2\n", "says nothing of ada, bob in Username"),
        # Moodle would give bob's grade to ada: an empty name leaves the student of the row above.
        ("moodle", ["ada", "bob"], "nbgrader_id,Username,ID number\nada,a,\nbob,,b\n", "has gaps in each of .* fill"),
    ],
)
def test_a_roster_that_does_not_fit_is_refused(
    tmp_path: Path, name: str, students: list[str], text: str, problem: str
) -> None:
    classroom = a_class(tmp_path, *(two_scores(student, 6, 1) for student in students))
    with pytest.raises(ClassroomError, match=rf"roster\.csv {problem}"):
        export(classroom, name, roster=a_roster(tmp_path, text))
    assert not list(classroom.folder.glob("*.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_rosters_in_every_unicode_that_names_itself(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    roster = a_roster(tmp_path, f"{mark}nbgrader_id,Student,SIS Login ID\nZoë,Zoë 王,zoë\n", encoding)
    row = table(a_class(tmp_path, two_scores("Zoë", 6, 1)), "canvas", roster=roster)[1]
    assert (row["Student"], row["SIS Login ID"]) == ("Zoë 王", "zoë")


def test_a_name_in_latin_1_does_not_matter_where_ids_are_plain(tmp_path: Path) -> None:
    roster = a_roster(tmp_path, "nbgrader_id,Student,SIS Login ID\nzoe,Zoë,z1\n", "latin-1")
    row = table(a_class(tmp_path, two_scores("zoe", 6, 1)), "canvas", roster=roster)[1]
    assert (row["Student"], row["SIS Login ID"]) == ("Zoë", "z1")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("nbgrader_id,ID\nada,1\nZoë,2\n".encode("latin-1"), r"In .*roster\.csv, line 3 holds .* not in UTF-8\. Save"),
        ("nbgrader_id,ID\rada,1\rbob,ü\r".encode("cp1252"), r"In .*roster\.csv, line 3 holds .* not in UTF-8\. Save"),
        ("nbgrader_id,ID\nada,1\n".encode("utf-16")[:-1], r"roster\.csv is damaged near line \d+\. Save it again"),
        (b"nbgrader_id,ID\nada," + b"1" * 200_000 + b"\n", r"In .*roster\.csv, line 2 cannot be read as CSV\. Save"),
    ],
)
def test_a_roster_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_bytes(content)
    with pytest.raises(ClassroomError, match=problem) as refused:
        export(a_class(tmp_path, two_scores("ada", 6, 1)), "canvas", roster=roster)
    assert "codec" not in str(refused.value)


def test_a_roster_that_is_not_there_is_refused(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 1))
    with pytest.raises(ClassroomError, match=r"absent\.csv cannot be read .*--roster"):
        export(classroom, "canvas", roster=tmp_path / "absent.csv")
