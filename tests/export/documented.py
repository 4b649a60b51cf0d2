"""What Gradescope documents of results.json (https://gradescope-autograders.readthedocs.io/en/latest/specs/)."""

from __future__ import annotations

from typing import Any

WHEN = ("hidden", "after_due_date", "after_published", "visible")
FORMATS = ("text", "html", "simple_format", "md", "ansi")
TOP = {
    *("score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility"),
    *("stdout_visibility", "extra_data", "tests", "leaderboard"),
}
TEST = {
    *("score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags"),
    *("visibility", "extra_data"),
}


def check(found: dict[str, Any]) -> None:
    """Assert that the results hold nothing but documented fields with documented values."""
    assert set(found) <= TOP
    assert isinstance(found["score"], int | float)
    assert found["score"] >= 0
    assert found["visibility"] in WHEN
    assert found["stdout_visibility"] in WHEN
    assert found["output_format"] in FORMATS
    assert isinstance(found["output"], str)
    for test in found["tests"]:
        assert set(test) <= TEST
        assert isinstance(test["name"], str)
        assert test["name"]
        assert isinstance(test["output"], str)
        assert test["output_format"] in FORMATS
        assert test["visibility"] in WHEN
        assert test.get("status", "passed") in ("passed", "failed")
        assert ("score" in test) == ("max_score" in test)
        assert test.get("score", 0) >= 0
