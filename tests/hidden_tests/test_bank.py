"""The hidden tests against the bank: every wrong answer loses where it should, every right one keeps everything.

BANK_SEEDS raises the number of repetitions with other random inputs (default 5; `make test-nightly` takes 20).
"""

from __future__ import annotations

import hashlib
import inspect
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from whole_course import (
    COURSE,
    ROOT,
    STAGES,
    LocalSubmission,
    alternatives,
    bank,
    exercises,
    right_answer,
    stage_module,
    stage_of,
)

from autograder.answers import Answer, Misconception, diagnosis
from autograder.hidden_tests import Told
from autograder.hidden_tests.runner import run_hidden_tests
from autograder.remote import Exchange, HandedIn, NotDone, StudentError

SEEDS = range(int(os.environ.get("BANK_SEEDS", "5")))
STAGE_OF = {exercise: stage for stage in STAGES for exercise in exercises(stage)}
EXERCISES = list(STAGE_OF)
WRONG = [wrong for exercise in EXERCISES for wrong in bank(exercise)]
RIGHT: list[Answer] = [right for exercise in EXERCISES for right in (right_answer(exercise), *alternatives(exercise))]


@dataclass(frozen=True)
class HiddenTest:
    name: str
    grade_id: str
    points: float
    function: Callable[..., None]


@cache
def hidden_tests(stage: str) -> list[HiddenTest]:
    found = vars(stage_module(stage, "hidden_tests"))
    tests = {name: function for name, function in found.items() if name.startswith("test_")}
    return [HiddenTest(name, *function.pytestmark[0].args, function) for name, function in tests.items()]


def hidden_tests_of(exercise: str) -> list[HiddenTest]:
    return [test for test in hidden_tests(STAGE_OF[exercise]) if test.grade_id == exercise]


def text_of(stage: str) -> str:
    return (ROOT / "solutions" / stage / f"{stage}.py").read_text(encoding="utf-8")


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
            rng = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
            given = {"submission": submission, "rng": rng, "class_seed": 0}
            test.function(**{name: given[name] for name in inspect.signature(test.function).parameters})
            messages[test.name] = None
        except (Told, StudentError) as error:
            messages[test.name] = str(error)
    return Grading(messages, getattr(submission, "_exchanges", []))


def grade_answer(answer: Answer, seed: int, handed_in: HandedIn | None = None) -> Grading:
    return grade(answer.exercise, LocalSubmission({answer.exercise: answer.function}, seed, handed_in), seed)


@lru_cache(maxsize=1)
def kept_replays(exercise: str) -> diagnosis.Replays:
    """All answers to an exercise are asked the same with the same seed: each is replayed once, not by the square."""
    return {}


def with_wrong(exercise: str, wrong: list[Misconception]) -> Any:
    """A bank that knows these wrong answers to an exercise, and no others."""
    return SimpleNamespace(answered=[exercise], right=right_answer, wrong=lambda _: wrong)


def named(answer: Answer) -> str:
    return f"{answer.exercise}-{answer.name}"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=WRONG, ids=named)
def wrong(request: pytest.FixtureRequest) -> Misconception:
    """A wrong answer; pytest lets the tests of one follow each other, so that they can share its gradings."""
    return request.param


@pytest.fixture(scope="module", params=RIGHT, ids=named)
def right(request: pytest.FixtureRequest) -> Answer:
    return request.param


@pytest.fixture(scope="module")
def graded_wrong(wrong: Misconception) -> Callable[[int], Grading]:
    """The gradings of a wrong answer by their seeds, each made once."""
    return cache(lambda seed: grade_answer(wrong, seed))


@pytest.fixture(scope="module")
def graded_right(right: Answer, trained: Callable[[str], HandedIn]) -> Callable[[int], Grading]:
    """The gradings of a right answer, with the weights that its stage's students hand in beside it."""
    handed_in = trained(STAGE_OF[right.exercise])
    return cache(lambda seed: grade_answer(right, seed, handed_in))


def test_misconception_loses_points_where_it_should_and_hears_its_own_sentence(
    wrong: Misconception, graded_wrong: Callable[[int], Grading]
) -> None:
    for seed in SEEDS:
        grading = graded_wrong(seed)
        assert wrong.caught_by in grading.lost, f"seed {seed}: lost only {grading.lost}"
        found = diagnosis.diagnose(
            stage_of(wrong.exercise), wrong.exercise, grading.exchanges, kept_replays(wrong.exercise)
        )
        assert found is not None, f"seed {seed}: not recognised"
        assert found.sentence == wrong.sentence, f"seed {seed}: taken for {found.name}"


def test_right_answer_keeps_all_points(right: Answer, graded_right: Callable[[int], Grading]) -> None:
    for seed in SEEDS:
        grading = graded_right(seed)
        assert not grading.lost, f"seed {seed}: {grading.messages}"


@pytest.mark.parametrize("exercise", ["scaled_dot_product", "dot_product_variance"])
def test_reference_survives_many_draws(exercise: str) -> None:
    for seed in range(1000, 1300):
        grading = grade_answer(right_answer(exercise), seed)
        assert not grading.lost, f"seed {seed}: {grading.messages}"


def test_no_other_misconception_behaves_alike(
    wrong: Misconception, graded_wrong: Callable[[int], Grading], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [other for other in bank(wrong.exercise) if other.name != wrong.name]
    monkeypatch.setattr(diagnosis, "bank_of", lambda stage: with_wrong(wrong.exercise, others))
    exchanges, kept = graded_wrong(SEEDS[-1]).exchanges, kept_replays(wrong.exercise)
    assert diagnosis.diagnose(stage_of(wrong.exercise), wrong.exercise, exchanges, kept) is None


def test_what_a_known_answer_prints_is_not_heard(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    def loud(beta: float) -> float:
        print("loud")
        warnings.warn("loud", stacklevel=1)
        return 0.0

    known = [replace(bank("norms")[0], function=loud)]
    monkeypatch.setattr(diagnosis, "bank_of", lambda stage: with_wrong("norms", known))
    exchanges = grade("norms", LocalSubmission({"norms": lambda beta: 0.0}, 7, None), 7).exchanges
    assert diagnosis.diagnose(stage_of("norms"), "norms", exchanges) is not None
    assert capsys.readouterr() == ("", "")
    assert not recwarn.list


def test_right_answer_is_taken_for_no_misconception(right: Answer, graded_right: Callable[[int], Grading]) -> None:
    exchanges, kept = graded_right(SEEDS[-1]).exchanges, kept_replays(right.exercise)
    assert diagnosis.diagnose(stage_of(right.exercise), right.exercise, exchanges, kept) is None


def test_messages_are_sentences_without_code(wrong: Misconception, graded_wrong: Callable[[int], Grading]) -> None:
    for message in (message for seed in SEEDS for message in graded_wrong(seed).messages.values() if message):
        assert len(message) < 320
        assert "\n" not in message
        if "raised" not in message:  # then it quotes the student's own error
            assert message.endswith((".", "?"))
            assert not re.search(r"torch\.|masked_fill|softmax\(.*dim|def |lambda", message)


def graded_cells(stage: str) -> dict[str, float]:
    pattern = r'^# %% nbgrader=\{"grade": true, "grade_id": "(\w+)".*"points": ([\d.]+),.*"solution": false'
    return {name: float(points) for name, points in re.findall(pattern, text_of(stage), re.M)}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_points_add_up_to_the_grade_cell(exercise: str) -> None:
    points = sum(test.points for test in hidden_tests_of(exercise))
    assert math.isclose(points, graded_cells(STAGE_OF[exercise])[exercise])


@pytest.mark.parametrize("stage", STAGES)
def test_every_autograded_cell_has_hidden_tests(stage: str) -> None:
    assert {test.grade_id for test in hidden_tests(stage)} == set(graded_cells(stage)) == set(exercises(stage))


def test_the_course_is_worth_a_hundred_points() -> None:
    cells = [re.findall(r'"grade": true.*"points": ([\d.]+),', text_of(stage)) for stage in STAGES]
    totals = [sum(map(float, points)) for points in cells]
    assert totals == [10, 20, 18, 14, 12, 14, 12]


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
@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: re.sub(r" at 0x.*|\n", "", str(value))[:24])
def test_odd_answers_earn_nothing_and_break_no_test(exercise: str, value: Any) -> None:
    names = {exercise: lambda *args, **kwargs: value}
    grading = grade(exercise, LocalSubmission(names, 0), 0)
    kept = set(grading.messages) - set(grading.lost)
    assert all("stay_as_they_were" in name for name in kept), kept


def like_the_arguments(dtype: torch.dtype) -> Callable[..., Any]:
    return lambda *args, **kwargs: tuple(
        torch.zeros_like(arg, dtype=dtype) for arg in args if isinstance(arg, torch.Tensor)
    )


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool, torch.int64, torch.float16])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_odd_types_of_tensor_break_no_test(exercise: str, dtype: torch.dtype) -> None:
    grading = grade(exercise, LocalSubmission({exercise: like_the_arguments(dtype)}, 0), 0)
    assert grading.lost


class Forged:
    """A submission that returns nothing, and whose process answers every scenario with the same forgery."""

    def __init__(self, value: Any) -> None:
        self.scenario = lambda *args, **kwargs: value

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None

    def each(self, name: str, *calls: tuple[Any, ...]) -> list[None]:
        return [None] * len(calls)

    def artefact(self, name: str) -> None:
        raise NotDone("There is no such file.")


FORGERIES = [None, {}, {"inputs": [], "gradients": [], "result_found": True}, {"largest": "0"}, [1], torch.zeros(2, 3)]


@pytest.mark.parametrize("value", FORGERIES, ids=lambda value: str(value)[:24])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_forged_recording_earns_nothing_and_breaks_no_test(exercise: str, value: Any) -> None:
    grading = grade(exercise, Forged(value), 0)
    assert len(grading.lost) == len(grading.messages)


@pytest.mark.parametrize("stage", STAGES)
def test_runner_gives_the_reference_all_points(stage: str, trained: Callable[[str], HandedIn]) -> None:
    names = {exercise: right_answer(exercise).function for exercise in exercises(stage)}
    results = run_hidden_tests(COURSE.stage(stage), LocalSubmission(names, 5, trained(stage)), 5)
    assert [(result.name, result.status) for result in results] == [
        (test.name, "passed") for test in hidden_tests(stage)
    ]
    assert math.isclose(sum(result.earned for result in results), sum(graded_cells(stage).values()))


@pytest.mark.parametrize("stage", STAGES)
def test_runner_gives_untouched_stubs_nothing(stage: str) -> None:
    def stub(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    results = run_hidden_tests(COURSE.stage(stage), LocalSubmission(dict.fromkeys(exercises(stage), stub), 5), 5)
    assert {result.status for result in results} == {"not done"}
    assert sum(result.earned for result in results) == 0


def test_runner_puts_the_sentence_at_the_test_that_is_meant() -> None:
    stage = "03_scaled_dot_product_attention"
    names = {exercise: right_answer(exercise).function for exercise in exercises(stage)}
    wrong = next(wrong for wrong in WRONG if wrong.name == "masks_query_rows")
    results = run_hidden_tests(COURSE.stage(stage), LocalSubmission({**names, wrong.exercise: wrong.function}, 5), 5)
    (lost,) = [result for result in results if result.status != "passed"]
    assert (lost.name, lost.message, lost.misconception) == (wrong.caught_by, wrong.sentence, wrong.name)
    assert lost.title == "padded tokens get no attention"


def test_options_of_pytest_in_the_environment_are_not_the_graders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    stage = "03_scaled_dot_product_attention"
    names = {exercise: right_answer(exercise).function for exercise in exercises(stage)}
    assert {result.status for result in run_hidden_tests(COURSE.stage(stage), LocalSubmission(names, 5), 5)} == {
        "passed"
    }
    assert os.environ["PYTEST_ADDOPTS"] == "--no-such-option"
