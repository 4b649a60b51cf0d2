"""What a graded cell shows: everything of the tests, nothing that a browser would run."""

from __future__ import annotations

from autograder.grading.grade import grade_cell_outputs
from autograder.grading.graded import CellScore, cell_status
from autograder.hidden_tests.runner import TestResult


def result(status: str, message: str | None = None, earned: float = 0.0) -> TestResult:
    return TestResult("test_a_b", "norms", "a b", 1.0, earned, status, message)


def test_a_students_error_message_is_text_on_the_page() -> None:
    score = CellScore("norms", 1.0, 0.0, "graded", [result("failed", "`norms` raised E: <script>alert(1)</script>")])
    shown, earned = grade_cell_outputs(score)
    assert "<script>" not in shown.data["text/html"]
    assert "&lt;script&gt;alert(1)" in shown.data["text/html"]
    assert earned.data == {"text/plain": "0.0"}


def test_a_cell_is_as_bad_as_the_worst_of_its_tests() -> None:
    assert cell_status([result("passed"), result("failed")]) == "graded"
    assert cell_status([result("not done"), result("not done")]) == "not done"
    assert cell_status([result("passed"), result("not done")]) == "graded"
    assert cell_status([result("timed out"), result("crashed")]) == "crashed"
    assert cell_status([result("passed"), result("test error")]) == "test error"
