"""The whole course as JSON, against its schema."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test

import autograder.export
from autograder.export import export
from autograder.grading.classroom import Classroom

SCHEMA = json.loads((Path(autograder.export.__file__).parent / "course.schema.json").read_text())


def document(classroom: Classroom) -> Any:
    found = json.loads(export(classroom, "json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
    return found


@pytest.fixture
def lost() -> dict[str, Any]:
    return a_test("padding", 2, "failed", message="The mask hides rows.", misconception="masks_query_rows")


def test_everything_is_there(tmp_path: Path, lost: dict[str, Any], late: Callable[..., None]) -> None:
    late(STAGE, ada=1.0)
    cells = (a_cell("attention", 6.0, 4.0, "graded", a_test("shapes", 4), lost), a_cell("essay", 2.0, None, "manual"))
    ada = a_result("ada", *cells, repairs=["A cell was put back."], events=["Slow."], status="repaired")
    heads = a_result("ada", a_cell("heads", 4.0, 0.0, "timed out"), assignment="04_heads", status="timed out")
    classroom = a_class(tmp_path, ada, heads)
    (classroom.submitted / "bob" / STAGE).mkdir(parents=True)
    found = document(classroom)
    assert found["version"] == 1
    assert found["assignments"][0] == {
        "name": STAGE,
        "max_score": 8.0,
        "can_be_forged": False,
        "exercises": [
            {"grade_id": "attention", "number": "", "max_score": 6.0},
            {"grade_id": "essay", "number": "", "max_score": 2.0},
        ],
        "misconceptions": [
            {
                "grade_id": "attention",
                "name": "masks_query_rows",
                "sentence": "The mask hides rows.",
                "students": ["ada"],
            }
        ],
        "unmarked": ["bob"],
    }
    (student,) = found["students"]
    first, second = student["submissions"]
    assert student["id"] == "ada"
    assert {name: value for name, value in first.items() if name != "cells"} == {
        "assignment": STAGE,
        "status": "repaired",
        "score": 3.0,
        "waiting": 2.0,
        "penalty": 1.0,
        "repairs": ["A cell was put back."],
        "events": ["Slow."],
    }
    attention, essay = first["cells"]
    assert attention["tests"][1] == {
        "name": "test_padding",
        "title": "padding",
        "points": 2,
        "earned": 0.0,
        "status": "failed",
        "message": "The mask hides rows.",
        "misconception": "masks_query_rows",
    }
    assert (essay["score"], essay["status"], essay["tests"]) == (None, "manual", [])
    assert (second["assignment"], second["cells"][0]["status"]) == ("04_heads", "timed out")


def test_the_same_results_give_the_same_bytes(tmp_path: Path, lost: dict[str, Any]) -> None:
    classroom = a_class(tmp_path, a_result("ada", a_cell("attention", 6.0, 4.0, "graded", lost)))
    assert export(classroom, "json").read_bytes() == export(classroom, "json", tmp_path / "again.json").read_bytes()


def test_odd_ids_and_messages_survive(tmp_path: Path) -> None:
    odd = a_test("t", 1, "failed", message='"\x1b[31m\n</script> 王')
    classroom = a_class(tmp_path)
    (classroom.results / STAGE).mkdir(parents=True)
    result = a_result("x", a_cell("attention", 1.0, 0.0, "graded", odd)) | {"student": "=Zoë \udcff"}
    (classroom.results / STAGE / "x.json").write_text(json.dumps(result))
    (student,) = document(classroom)["students"]
    assert student["id"] == "=Zoë \udcff"
    assert student["submissions"][0]["cells"][0]["tests"][0]["message"] == odd["message"]


def test_the_schema_refuses_what_is_not_documented() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": "autograder course", "version": 2, "assignments": [], "students": []}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"format": "autograder course", "version": 1, "students": []}, SCHEMA)
