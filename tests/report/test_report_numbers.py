"""The numbers of the report, against numbers worked out by hand."""

import math
from pathlib import Path

import pytest
from results_by_hand import STAGE, a_cell, a_class, a_result, a_test, release, two_scores

from autograder.report.scores import Assignment, read_scores
from autograder.report.statistics import (
    decimal,
    exercise_numbers,
    failed_tests,
    faulty_tests,
    item_rest_correlation,
    misconceptions,
    topics,
)

ROWS = "The mask hides rows."


def only(root: Path, *results: dict) -> Assignment:
    (assignment,) = read_scores(a_class(root, *results))
    return assignment


def masks_rows(student: str) -> dict:
    lost = a_test("padding gets nothing", 2, "failed", message=ROWS, misconception="masks_query_rows")
    return a_result(student, a_cell("attention", 6.0, 4.0, "graded", a_test("shapes", 4), lost))


def all_right(student: str) -> dict:
    return a_result(
        student, a_cell("attention", 6.0, 6.0, "graded", a_test("shapes", 4), a_test("padding gets nothing", 2))
    )


def test_means_and_counts(tmp_path: Path) -> None:
    undone = a_result("dan", a_cell("attention", 6.0, 0.0, "not done"), a_cell("norms", 2.0, None, "manual"))
    results = [two_scores("ada", 6, 2), two_scores("bob", 3, 0), two_scores("cyd", 0, 1), undone]
    first, second = exercise_numbers(only(tmp_path, *results))
    # (6 + 3 + 0 + 0) / 4, and (2 + 0 + 1) / 3 because one waits.
    assert (first.mean, first.full, first.part, first.none, first.not_done, first.waiting) == (2.25, 1, 1, 1, 1, 0)
    assert (second.mean, second.full, second.part, second.none, second.not_done, second.waiting) == (1.0, 1, 1, 1, 0, 1)


def test_item_rest_correlation_by_hand(tmp_path: Path) -> None:
    # Scores 6, 3, 0 against rest 2, 0, 1: deviations (3, 0, -3) and (1, -1, 0), so 3 / sqrt(18 * 2) = .5.
    assignment = only(tmp_path, two_scores("ada", 6, 2), two_scores("bob", 3, 0), two_scores("cyd", 0, 1))
    found = item_rest_correlation(assignment, "attention")
    assert found is not None
    assert math.isclose(found, 0.5)


@pytest.mark.parametrize(
    "scores", [[(6, 2), (0, 0)], [(6, 2), (6, 1), (6, 0)], [(6, 1), (3, 1), (0, 1)]], ids=["two", "same", "same rest"]
)
def test_no_correlation_where_it_says_nothing(tmp_path: Path, scores: list[tuple[float, float]]) -> None:
    results = [two_scores(f"s{place}", *pair) for place, pair in enumerate(scores)]
    assert item_rest_correlation(only(tmp_path, *results), "attention") is None


def test_unreadable_notebooks_and_ungraded_exercises_do_not_correlate(tmp_path: Path) -> None:
    results = [two_scores("ada", 6, 2), two_scores("bob", 3, 0), two_scores("cyd", 0, 1)]
    for place, result in enumerate(results):
        # Were it counted, the rest would be 12, 10, 1 and the correlation higher.
        result["cells"].append(a_cell("essay", 10.0, 10.0 if place < 2 else None, "graded" if place < 2 else "manual"))
    unreadable = two_scores("eve", 0, 0) | {"status": "not readable", "readable": False}
    found = item_rest_correlation(only(tmp_path, *results, unreadable), "attention")
    assert found is not None
    assert math.isclose(found, 0.5)


def test_misconceptions_are_counted_once_per_student_most_frequent_first(tmp_path: Path) -> None:
    twice = masks_rows("cyd")
    twice["cells"][0]["tests"].append(a_test("another", 1, "failed", message=ROWS, misconception="masks_query_rows"))
    scale = a_test("scale", 1, "failed", message="No scale.", misconception="no_scale")
    other = a_result("ada", a_cell("attention", 6.0, 5.0, "graded", scale))
    found = misconceptions(only(tmp_path, other, masks_rows("bob"), twice))
    assert [(one.name, one.sentence, one.students) for one in found] == [
        ("masks_query_rows", ROWS, ("bob", "cyd")),
        ("no_scale", "No scale.", ("ada",)),
    ]


def test_the_test_that_everyone_failed_comes_first(tmp_path: Path) -> None:
    def student(name: str, first: str, second: str) -> dict:
        return a_result(
            name,
            a_cell("attention", 2.0, 0.0, "graded", a_test("often", 1, first)),
            a_cell("norms", 2.0, 0.0, "graded", a_test("always", 1, second)),
        )

    results = [
        student("ada", "failed", "failed"),
        student("bob", "failed", "crashed"),
        student("cyd", "failed", "not done"),
        student("dan", "passed", "not done"),
        student("eve", "passed", "test error"),
    ]
    assignment = only(tmp_path, *results)
    found = failed_tests(assignment)
    assert [(test.title, test.students, test.tried, test.everyone) for test in found] == [
        ("always", ("ada", "bob"), 2, True),
        ("often", ("ada", "bob", "cyd"), 5, False),
    ]
    assert faulty_tests(assignment) == {("norms: always", ""): ["eve"]}


def test_monday_names_the_slip_that_many_share(tmp_path: Path) -> None:
    results = [masks_rows(name) for name in ("ada", "bob")] + [all_right(f"s{place}") for place in range(6)]
    (topic,) = topics(only(tmp_path, *results))
    assert topic.exercise.grade_id == "attention"
    # (2 * 4 + 6 * 6) / 8 = 5.5
    assert topic.facts == ("mean 5.5 / 6", "2 of 8: masks query rows")
    assert topic.sentences == (ROWS,)


def test_monday_is_free_when_all_went_well_or_nothing_is_graded(tmp_path: Path) -> None:
    essay = a_cell("essay", 2.0, None, "manual")
    results = [all_right(f"s{place}") for place in range(9)] + [masks_rows("ada")]
    for result in results:
        result["cells"].append(essay)
    assert topics(only(tmp_path, *results)) == []


def test_monday_says_what_everyone_fails(tmp_path: Path) -> None:
    lost = a_cell("norms", 1.0, 0.0, "graded", a_test("grow", 1, "failed", message="They do not."))
    (topic,) = topics(only(tmp_path, a_result("ada", lost), a_result("bob", lost)))
    assert topic.facts == ("mean 0.0 / 1", "all 2 who tried fail “grow”")


def test_exercises_stand_in_the_release_s_order_with_its_numbers(tmp_path: Path) -> None:
    release(tmp_path, ("3.1", "norms"), ("3.4", "attention"))
    assignment = only(tmp_path, two_scores("ada", 6, 2))
    assert [exercise.label for exercise in assignment.exercises] == ["3.1 norms", "3.4 attention"]
    assert assignment.max_score == 8
    assert assignment.name == STAGE


@pytest.mark.parametrize(("value", "text"), [(0.524, ".52"), (-0.1, "−.10"), (1.0, "1.00"), (-0.001, ".00")])
def test_correlations_are_printed_as_usual(value: float, text: str) -> None:
    assert decimal(value) == text
