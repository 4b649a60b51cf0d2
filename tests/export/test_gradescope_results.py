"""results.json of Gradescope."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from documented import check
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test, release

from autograder.export import export
from autograder.export.gradescope.results import folder_name


def results(root: Path, *cells: dict[str, Any], **more: Any) -> dict[str, Any]:
    folder = export(a_class(root, a_result("ada", *cells, **more)), "gradescope")
    found = json.loads((folder / STAGE / "ada" / "results.json").read_text())
    check(found)
    return found


def points(found: dict[str, Any]) -> list[tuple[str, float | None, float | None, str | None]]:
    return [(test["name"], test.get("score"), test.get("max_score"), test.get("status")) for test in found["tests"]]


def test_every_hidden_test_has_its_points_and_its_message(tmp_path: Path) -> None:
    release(tmp_path, ("3.1", "attention"))
    lost = a_test("padding gets nothing", 2, "failed", message="The mask hides rows.")
    part = a_test("spread", 1, "failed", message="Half of it.") | {"earned": 0.5}
    found = results(tmp_path, a_cell("attention", 7.0, 4.5, "graded", a_test("shapes", 4), lost, part))
    assert found["score"] == 4.5
    assert points(found) == [
        ("3.1 attention: shapes", 4.0, 4, "passed"),
        ("3.1 attention: padding gets nothing", 0.0, 2, "failed"),
        ("3.1 attention: spread", 0.5, 1, "failed"),
    ]
    assert found["tests"][1]["output"] == "The mask hides rows."
    # At once, a student could try answers against the hidden tests.
    assert {found["visibility"], *(test["visibility"] for test in found["tests"])} == {"after_published"}
    assert found["stdout_visibility"] == "hidden"


def test_a_faulty_test_takes_no_points_and_other_ends_are_failures(tmp_path: Path) -> None:
    tests = [a_test("t", 1, status) for status in ("test error", "timed out", "crashed", "not done")]
    found = results(tmp_path, a_cell("attention", 4.0, 1.0, "crashed", *tests))
    assert [(score, status) for _, score, _, status in points(found)] == [(1.0, "passed"), *[(0.0, "failed")] * 3]


def test_a_written_answer_that_waits_has_no_points(tmp_path: Path) -> None:
    found = results(tmp_path, a_cell("norms", 1.0, 1.0, "graded", a_test("t", 1)), a_cell("essay", 2.0, None, "manual"))
    assert found["score"] == 1.0
    assert points(found)[1] == ("essay", None, None, None)
    assert found["tests"][1]["output"] == "Waits for a person: 2 points."
    assert "2 points of written answers wait" in found["output"]


def test_an_answer_that_was_not_written_has_no_points_left(tmp_path: Path) -> None:
    assert points(results(tmp_path, a_cell("essay", 2.0, 0.0, "not done"))) == [("essay", 0.0, 2.0, "failed")]


def test_late_penalties_are_taken_off_and_said(tmp_path: Path, late: Callable[..., None]) -> None:
    late(STAGE, ada=1.25)
    found = results(tmp_path, a_cell("norms", 4.0, 4.0, "graded", a_test("t", 4)))
    assert found["score"] == 2.75
    assert "1.25 points were taken off" in found["output"]


def test_where_a_person_set_the_score_the_tests_have_no_points(tmp_path: Path) -> None:
    found = results(tmp_path, a_cell("norms", 4.0, 3.0, "graded", a_test("a", 2), a_test("b", 2, "failed")))
    assert points(found) == [
        ("norms", 3.0, 4.0, "failed"),
        ("norms: a", None, None, "passed"),
        ("norms: b", None, None, "failed"),
    ]


def test_what_students_wrote_is_plain_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    test = a_test("t", 1, "failed", message=evil)
    found = results(tmp_path, a_cell("a", 1.0, 0.0, "graded", test), repairs=[evil])
    plain = "<script>alert(1)</script>\ufffd[31m\ufffd"
    assert (found["output"], found["output_format"]) == (plain, "text")
    assert (found["tests"][0]["output"], found["tests"][0]["output_format"]) == (plain, "text")


@pytest.mark.parametrize(
    "student", ["../../ada", "..", ".", "/etc", ".hidden", "a\\b", "a\x00b", "half \udcff", "a%2Fb"]
)
def test_no_id_leads_out_of_the_folder(tmp_path: Path, student: str) -> None:
    classroom = a_class(tmp_path)
    (classroom.results / STAGE).mkdir(parents=True)
    result = a_result("x", a_cell("norms", 1.0, 1.0)) | {"student": student}
    (classroom.results / STAGE / "x.json").write_text(json.dumps(result))
    folder = export(classroom, "gradescope", tmp_path / "out")
    (path,) = folder.glob("*/*/results.json")
    assert path.parent.name == folder_name(student)
    assert len(list(tmp_path.rglob("results.json"))) == 1


def test_different_ids_have_different_folders() -> None:
    ids = ["ada", "a/b", "a%2Fb", "a_b", ".", "%2E", "..", "Zoë", "zoë", "o'hara", "a b@c.d", "x+y"]
    assert len({folder_name(student) for student in ids}) == len(ids)
    assert (folder_name("a b@c.d"), folder_name("Zoë")) == ("a b@c.d", "Zoë")
