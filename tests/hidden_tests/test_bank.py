"""The hidden tests against the bank: every wrong answer loses where it should, every right one keeps everything.

BANK_SEEDS raises the number of repetitions with other random inputs (default 20).
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder.hidden_tests import Told
from autograder.hidden_tests import test_03_scaled_dot_product_attention as stage_03
from autograder.hidden_tests.runner import run_hidden_tests
from autograder.misconceptions import Answer, Misconception, alternatives, bank, diagnosis, exercises, right_answer
from autograder.submission import Exchange, LocalSubmission, StudentError

STAGE = "03_scaled_dot_product_attention"
NOTEBOOK = Path(__file__).parents[2] / "solutions" / STAGE / f"{STAGE}.py"
SEEDS = range(int(os.environ.get("BANK_SEEDS", "20")))
EXERCISES = exercises(STAGE)
WRONG = [wrong for exercise in EXERCISES for wrong in bank(exercise)]
RIGHT: list[Answer] = [right for exercise in EXERCISES for right in (right_answer(exercise), *alternatives(exercise))]


@dataclass(frozen=True)
class HiddenTest:
    name: str
    grade_id: str
    points: float
    function: Callable[..., None]


def hidden_tests() -> Iterator[HiddenTest]:
    for name, function in vars(stage_03).items():
        if name.startswith("test_"):
            (mark,) = function.pytestmark
            yield HiddenTest(name, *mark.args, function)


HIDDEN_TESTS = list(hidden_tests())


def hidden_tests_of(exercise: str) -> list[HiddenTest]:
    return [test for test in HIDDEN_TESTS if test.grade_id == exercise]


@dataclass(frozen=True)
class Grading:
    messages: dict[str, str | None]
    exchanges: list[Exchange]

    @property
    def lost(self) -> list[str]:
        return [name for name, message in self.messages.items() if message is not None]


def grade(exercise: str, submission: Any, seed: int) -> Grading:
    """What the runner does for one exercise, without pytest. Lets through whatever a hidden test should not raise."""
    messages: dict[str, str | None] = {}
    for test in hidden_tests_of(exercise):
        digest = hashlib.sha256(f"{seed} {test.name}".encode()).digest()
        try:
            test.function(submission, torch.Generator().manual_seed(int.from_bytes(digest[:7], "big")))
            messages[test.name] = None
        except (Told, StudentError) as error:
            messages[test.name] = str(error)
    return Grading(messages, getattr(submission, "_exchanges", []))


def grade_answer(answer: Answer, seed: int) -> Grading:
    return grade(answer.exercise, LocalSubmission({answer.exercise: answer.function}, seed), seed)


def named(answer: Answer) -> str:
    return f"{answer.exercise}-{answer.name}"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("wrong", WRONG, ids=named)
def test_misconception_loses_points_where_it_should_and_hears_its_own_sentence(wrong: Misconception) -> None:
    for seed in SEEDS:
        grading = grade_answer(wrong, seed)
        assert wrong.caught_by in grading.lost, f"seed {seed}: lost only {grading.lost}"
        found = diagnosis.diagnose(wrong.exercise, grading.exchanges)
        assert found is not None, f"seed {seed}: not recognised"
        assert found.sentence == wrong.sentence, f"seed {seed}: taken for {found.name}"


@pytest.mark.parametrize("right", RIGHT, ids=named)
def test_right_answer_keeps_all_points(right: Answer) -> None:
    for seed in SEEDS:
        grading = grade_answer(right, seed)
        assert not grading.lost, f"seed {seed}: {grading.messages}"


@pytest.mark.parametrize("exercise", ["scaled_dot_product", "dot_product_variance"])
def test_reference_survives_many_draws(exercise: str) -> None:
    for seed in range(1000, 1300):
        grading = grade_answer(right_answer(exercise), seed)
        assert not grading.lost, f"seed {seed}: {grading.messages}"


@pytest.mark.parametrize("wrong", WRONG, ids=named)
def test_no_other_misconception_behaves_alike(wrong: Misconception, monkeypatch: pytest.MonkeyPatch) -> None:
    others = [other for other in bank(wrong.exercise) if other.name != wrong.name]
    monkeypatch.setattr(diagnosis, "bank", lambda exercise: others)
    assert diagnosis.diagnose(wrong.exercise, grade_answer(wrong, 7).exchanges) is None


@pytest.mark.parametrize("right", RIGHT, ids=named)
def test_right_answer_is_taken_for_no_misconception(right: Answer) -> None:
    assert diagnosis.diagnose(right.exercise, grade_answer(right, 7).exchanges) is None


@pytest.mark.parametrize("wrong", WRONG, ids=named)
def test_messages_are_sentences_without_code(wrong: Misconception) -> None:
    grading = grade_answer(wrong, 3)
    for name in grading.lost:
        message = grading.messages[name]
        assert message is not None
        assert len(message) < 320
        assert "\n" not in message
        if "raised" not in message:  # then it quotes the student's own error
            assert message.endswith((".", "?"))
            assert not re.search(r"torch\.|masked_fill|softmax\(.*dim|def |lambda", message)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_points_add_up_to_the_grade_cell(exercise: str) -> None:
    cells = re.findall(
        r'^# %% nbgrader=\{"grade": true, "grade_id": "(\w+)".*"points": ([\d.]+)', NOTEBOOK.read_text(), re.M
    )
    assert sum(test.points for test in hidden_tests_of(exercise)) == float(dict(cells)[exercise])


def test_every_autograded_cell_has_hidden_tests() -> None:
    text = NOTEBOOK.read_text()
    cells = re.findall(r'^# %% nbgrader=\{"grade": true, "grade_id": "(\w+)".*"solution": false', text, re.M)
    assert {test.grade_id for test in HIDDEN_TESTS} == set(cells) == set(EXERCISES)


ODD_VALUES: list[Any] = [
    None,
    True,
    "nothing",
    -1,
    10**400,
    math.nan,
    (),
    [None, None],
    (1.0, 2.0, 3.0, 4.0),
    {"values": 1},
    [[[]]],
    object(),
    torch.tensor(1.0),
    torch.tensor([]),
    torch.zeros(3, 2),
    torch.zeros(3, 0),
    torch.full((3, 4), math.nan),
    torch.full((3, 4), 1e300, dtype=torch.float64),
    (torch.zeros(2, 3, 5, 7), None),
    (math.inf, torch.tensor(math.nan)),
]


@pytest.mark.parametrize("exercise", EXERCISES)
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: str(value)[:24].replace("\n", ""))
def test_odd_answers_earn_nothing_and_break_no_test(exercise: str, value: Any) -> None:
    names = {exercise: lambda *args, **kwargs: value}
    grading = grade(exercise, LocalSubmission(names, 0), 0)
    kept = set(grading.messages) - set(grading.lost)
    assert kept <= {"test_inputs_stay_as_they_were"}


def like_the_arguments(dtype: torch.dtype) -> Callable[..., Any]:
    return lambda *args, **kwargs: tuple(
        torch.zeros_like(arg, dtype=dtype) for arg in args if isinstance(arg, torch.Tensor)
    )


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool, torch.int64, torch.float16])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_odd_types_of_tensor_break_no_test(exercise: str, dtype: torch.dtype) -> None:
    grading = grade(exercise, LocalSubmission({exercise: like_the_arguments(dtype)}, 0), 0)
    assert len(grading.lost) >= len(grading.messages) - 1


@pytest.mark.parametrize(
    "value", [None, {}, {"inputs": [], "gradients": [], "result_found": True}, {"largest": "0"}, [1]]
)
@pytest.mark.parametrize("exercise", ["scaled_dot_product", "low_rank_attention", "linear_attention"])
def test_a_forged_recording_earns_nothing_and_breaks_no_test(exercise: str, value: Any) -> None:
    submission = SimpleNamespace(**{exercise: lambda *args: None}, scenario=lambda *args: value)
    grading = grade(exercise, submission, 0)
    assert len(grading.lost) == len(grading.messages)


def test_runner_gives_the_reference_all_points() -> None:
    names = {exercise: right_answer(exercise).function for exercise in EXERCISES}
    results = run_hidden_tests(STAGE, LocalSubmission(names, 5), 5)
    assert [(result.name, result.status) for result in results] == [(test.name, "passed") for test in HIDDEN_TESTS]
    assert sum(result.earned for result in results) == sum(test.points for test in HIDDEN_TESTS) == 15


def test_runner_gives_untouched_stubs_nothing() -> None:
    def stub(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    results = run_hidden_tests(STAGE, LocalSubmission(dict.fromkeys(EXERCISES, stub), 5), 5)
    assert {result.status for result in results} == {"not done"}
    assert sum(result.earned for result in results) == 0


def test_runner_puts_the_sentence_at_the_test_that_is_meant() -> None:
    names = {exercise: right_answer(exercise).function for exercise in EXERCISES}
    wrong = next(wrong for wrong in WRONG if wrong.name == "masks_query_rows")
    results = run_hidden_tests(STAGE, LocalSubmission({**names, wrong.exercise: wrong.function}, 5), 5)
    (lost,) = [result for result in results if result.status != "passed"]
    assert (lost.name, lost.message, lost.misconception) == (wrong.caught_by, wrong.sentence, wrong.name)
    assert lost.title == "padded tokens get no attention"
