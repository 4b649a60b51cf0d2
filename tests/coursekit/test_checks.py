"""Public checks: right answers pass, known slips are named, and all else that a function does gets a clear sentence."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from whole_course import alternatives, bank, exercises, right_answer

from autograder.answers import Misconception
from coursekit.checking.public_checks.cases import Golden, Outcome
from coursekit.checking.public_checks.judging import judge, outcome
from coursekit.checking.public_checks.slips import same
from coursekit.checking.public_checks.verdicts import Verdict
from coursekit.checks import check

GOLDEN = Golden("coursekit")
EXERCISES = list(GOLDEN.files)
WRONG = [wrong for name in EXERCISES for wrong in bank(name)]
RIGHT = [answer for name in EXERCISES for answer in (right_answer(name), *alternatives(name))]

# Right answers to the public cases; only grading can tell, because it takes time or other inputs.
ONLY_GRADING_SEES = {"linear_query_by_query"}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for a busy machine's cores would be most of the time of these tiny calls."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def verdict(name: str, function: Any) -> Verdict:
    return getattr(check, name).verdict(function)


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: answer.name)
def test_a_right_answer_passes(answer: Any) -> None:
    found = verdict(answer.exercise, answer.function)
    assert found.mark == "✓", repr(found)
    total = len(GOLDEN.load(answer.exercise).cases)
    assert found.headline.startswith(f"{total} of {total} public checks pass. ")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_known_slip_is_named(wrong: Misconception) -> None:
    found = verdict(wrong.exercise, wrong.function)
    passed = all(judge(wrong.function, case).passed for case in GOLDEN.load(wrong.exercise).cases)
    assert found.mark == ("✓" if passed else "✗")
    if passed:  # only grading sees it, or other random numbers would
        return
    assert found.slip in {wrong.sentence, *twins(wrong)}


@cache
def outcomes(wrong: Misconception) -> tuple[Outcome, ...]:
    return tuple(outcome(wrong.function, case) for case in GOLDEN.load(wrong.exercise).cases)


def twins(wrong: Misconception) -> set[str]:
    """Sentences of misconceptions that do the same on every public case, so that either sentence may be shown."""
    exercise = GOLDEN.load(wrong.exercise)
    return {
        other.sentence
        for other in bank(wrong.exercise)
        if all(map(same, outcomes(other), outcomes(wrong), exercise.cases))
    }


def test_almost_every_slip_has_a_sentence_of_its_own() -> None:
    """One pair does the same in every public case; more would mean that a case is missing."""
    attention = [wrong for wrong in WRONG if wrong.exercise in exercises("03_scaled_dot_product_attention")]
    paired = {wrong.name for wrong in attention if wrong.name not in ONLY_GRADING_SEES and len(twins(wrong)) > 1}
    assert paired <= {"minimum_positive_number", "multiplies_by_the_mask"}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_check_takes_less_than_a_fifth_of_a_second(name: str) -> None:
    functions = [right_answer(name).function, *(wrong.function for wrong in bank(name)[:3])]
    for function in functions:
        verdict(name, function)  # the golden tensors are read once
        seconds = []
        while not seconds or (min(seconds) >= 0.2 and len(seconds) < 20):
            start = time.process_time()  # other tests beside this one make a core slower, and never quicker
            verdict(name, function)
            seconds.append(time.process_time() - start)
        assert min(seconds) < 0.2


def test_a_check_displays_its_verdict_and_writes_nothing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    def noisy(beta: float) -> None:
        warnings.warn("be careful", stacklevel=1)

    for function in (right_answer("norms").function, noisy):
        assert check.norms(function) is None
        shown = capfd.readouterr()
        assert shown.err == ""
        assert shown.out == f"{verdict('norms', function)!r}\n"  # display outside a notebook prints the text
    assert "Python warns: be careful" in shown.out


def test_importing_the_checks_imports_no_library_that_they_do_not_need() -> None:
    code = (
        "import sys, coursekit.checks; from coursekit import check; check.norms;"
        "print([name for name in ('transformers', 'datasets', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_stub_is_not_done_yet() -> None:
    def stub(*_: Any) -> None:
        raise NotImplementedError

    for name in EXERCISES:
        found = repr(verdict(name, stub))
        assert found == f"○ {GOLDEN.load(name).number} · not done yet"


# What a student's function can do -----------------------------------------------------------------------------------


def attends(**changes: Any) -> Callable[..., Any]:
    """The right scaled_dot_product with something done to what it returns."""

    def function(q: Any, k: Any, v: Any, attn_drop_rate: float = 0.1, mask: Any = None) -> Any:
        values, attention = right_answer("scaled_dot_product").function(q, k, v, attn_drop_rate, mask)
        return changes["then"](values, attention)

    return function


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        (lambda values, attention: None, "Your function returned None. Does it end with `return`?"),
        (
            lambda values, attention: values,
            "returned a tensor of shape (2, 3, 5, 6), expected a tuple (values, attention)",
        ),
        (lambda values, attention: (values,) * 3, "returned 3 things, expected 2: (values, attention)"),
        (lambda values, attention: "text", "returned a str, expected a tuple"),
        (lambda values, attention: Hostile(), "returned a Hostile, expected a tuple"),
        (lambda values, attention: (values, Hostile()), "The attention is a Hostile, expected a tensor of shape"),
        (lambda values, attention: (values, attention.tolist()), "The attention is a list of 2, expected a tensor"),
        (
            lambda values, attention: (values, attention.numpy()),
            "The attention is an array of shape (2, 3, 5, 5), expected a tensor",
        ),
        (lambda values, attention: (values[0], attention), "The values has shape (3, 5, 6), expected (2, 3, 5, 6)"),
        (lambda values, attention: (values, attention.half()), "is of dtype torch.float16, expected torch.float32"),
        (lambda values, attention: (values, attention.int()), "is of dtype torch.int32, expected torch.float32"),
        (lambda values, attention: (values * torch.nan, attention), "of review 1, head 1, token 1: [nan nan"),
        (lambda values, attention: (values / 0, attention), "inf"),
        (lambda values, attention: (values.to_sparse(), attention), "cannot be compared"),
        (lambda values, attention: (values.to("meta"), attention), "cannot be compared"),
        (
            lambda values, attention: (values.expand(10**7, *values.shape), attention),
            "has shape (10000000, 2, 3, 5, 6)",
        ),
    ],
)
def test_a_strange_answer_gets_one_clear_sentence(then: Callable[..., Any], sentence: str) -> None:
    found = verdict("scaled_dot_product", attends(then=then))
    assert found.mark == "✗"
    assert found.lines[0].startswith("Tried: 2 reviews, 3 heads, 5 tokens")
    assert sentence in found.lines[1]
    assert len(found.lines) == 2
    assert found._repr_html_()


def test_seen_and_expected_are_shown_where_they_differ_first() -> None:
    def spoiled(values: torch.Tensor, attention: torch.Tensor) -> Any:
        attention = attention.clone()
        if len(attention) == 2:
            attention[1, 2, 3] += 0.001
        return values, attention

    line = verdict("scaled_dot_product", attends(then=spoiled)).lines[1]
    assert line.startswith("The attention of review 2, head 3, token 4: [")
    seen, expected = (part.split("[")[1].split("]")[0].split() for part in line.split(", expected"))
    assert seen != expected
    assert len(seen) == len(expected) == 5


def test_an_exception_shows_the_students_own_lines_and_none_of_ours() -> None:
    def helper(q: torch.Tensor) -> torch.Tensor:
        return q @ torch.ones(7, 7)

    def function(q: torch.Tensor, *_: Any) -> Any:
        return helper(q)

    found = verdict("scaled_dot_product", function)
    assert found.lines[1].startswith("Your code stopped with RuntimeError: ")
    assert [line.split(": ")[1] for line in found.code] == ["return helper(q)", "return q @ torch.ones(7, 7)"]
    assert "attempts" not in repr(found)
    assert "Traceback" not in repr(found)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (SystemExit(0), "Your code stopped with SystemExit: 0"),
        (ValueError(), "Your code stopped with ValueError."),
        (NotImplementedError("no kernel for Half"), "Your code stopped with NotImplementedError: no kernel for Half"),
        (RuntimeError("at 0x7f00deadbeef"), "Your code stopped with RuntimeError: at 0x…"),
        (RuntimeError("long " * 1000), "Your code stopped with RuntimeError: long long"),
    ],
)
def test_every_exception_becomes_a_sentence(error: BaseException, sentence: str) -> None:
    def function(*_: Any) -> None:
        raise error

    found = verdict("norms", function)
    assert found.lines[1].startswith(sentence)
    assert len(found.lines[1]) < 400


def test_an_error_that_torch_raises_without_a_word_is_not_the_stubs() -> None:
    def function(beta: float) -> None:
        torch.optim.Optimizer([torch.ones(1)], {}).step()

    found = verdict("norms", function)
    assert found.mark == "✗"
    assert found.lines[1].startswith("Your code stopped with NotImplementedError.")


def test_an_interrupt_is_the_students_and_stops_the_cell() -> None:
    def function(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict("norms", function)


def test_endless_recursion_is_told() -> None:
    def function(beta: float) -> Any:
        return function(beta)

    found = verdict("norms", function)
    assert "RecursionError" in found.lines[1]
    assert len(found.code) <= 4


def test_an_exercise_done_in_part_is_not_called_undone() -> None:
    def only_without_a_mask(q: Any, k: Any, v: Any, rate: float, mask: Any) -> Any:
        if mask is not None:
            raise NotImplementedError
        return right_answer("scaled_dot_product").function(q, k, v, rate)

    found = verdict("scaled_dot_product", only_without_a_mask)
    assert found.mark == "✗"
    assert "NotImplementedError" in found.lines[1]


@pytest.mark.parametrize("given", [None, 3.0, (1.0, 1.0, 1.0)])
def test_a_result_in_place_of_the_function_is_explained(given: Any) -> None:
    found = verdict("norms", given)
    assert found.headline == "Give the check norms itself, without calling it: check.norms(norms)"


def test_numbers_of_other_kinds_are_numbers() -> None:
    def function(beta: float) -> Any:
        first, second, third = right_answer("norms").function(beta)
        return [torch.tensor(first, dtype=torch.float64), torch.tensor(second).numpy()[()], third]

    assert verdict("norms", function).mark == "✓"


def test_a_changed_input_is_named_and_the_golden_tensors_stay_whole() -> None:
    def function(q: torch.Tensor, k: Any, v: Any, rate: float = 0.1, mask: Any = None) -> Any:
        result = right_answer("scaled_dot_product").function(q, k, v, rate, mask)
        q.zero_()
        k.resize_(1)
        return result

    for _ in range(2):
        assert (
            verdict("scaled_dot_product", function)
            .lines[1]
            .startswith("Your function changes its input q and k in place")
        )
    assert verdict("scaled_dot_product", right_answer("scaled_dot_product").function).mark == "✓"


def test_a_check_leaves_the_random_numbers_of_the_notebook_alone() -> None:
    torch.manual_seed(5)
    random.seed(5)
    expected = torch.rand(3), random.random()
    torch.manual_seed(5)
    random.seed(5)
    verdict("dot_product_variance", right_answer("dot_product_variance").function)
    assert torch.equal(torch.rand(3), expected[0])
    assert random.random() == expected[1]


def test_the_same_function_gets_the_same_text_every_time() -> None:
    for wrong in bank("scaled_dot_product")[::5]:
        assert repr(verdict(wrong.exercise, wrong.function)) == repr(verdict(wrong.exercise, wrong.function))


def test_what_a_student_wrote_is_escaped_in_html() -> None:
    def function(beta: float) -> Any:
        raise ValueError("<script>alert(1)</script>")  # <b>

    html = verdict("norms", function)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "<b>\n" not in html


def test_hints_open_in_html() -> None:
    found = verdict("mean_of_two", lambda beta: torch.eye(3))
    assert found._repr_html_().count("<details><summary>hint ") == len(found.hints) == 2


def test_an_unknown_check_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no check named 'atention'. There are: .*scaled_dot_product"):
        _ = check.atention
    assert set(EXERCISES) == set(dir(check))


def test_the_golden_files_hold_no_name_of_a_misconception() -> None:
    for path in set(GOLDEN.files.values()):
        text = path.read_text(encoding="utf-8")
        json.loads(text)
        assert not [wrong.name for wrong in WRONG if "_" in wrong.name and wrong.name in text]
