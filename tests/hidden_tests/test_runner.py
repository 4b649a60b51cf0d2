"""The runner around the hidden tests: faulty tests, odd answers, diagnoses that do not hang on random numbers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from whole_course import COURSE, STAGES, LocalSubmission, alternatives, bank, exercises, right_answer, stage_module

from autograder.answers import Alternative
from autograder.course import Stage, open_course
from autograder.hidden_tests import runner, source
from autograder.hidden_tests.runner import HiddenTestError, TestResult, run_hidden_tests

STAGE = "03_scaled_dot_product_attention"


def stage_with(root: Path, hidden_tests: str) -> Stage:
    """A stage of another course, with these hidden tests."""
    stage = open_course(root).stage(STAGE)
    stage.folder.mkdir(parents=True, exist_ok=True)
    stage.hidden_tests.write_text(hidden_tests)
    return stage


def stopped(name: str) -> TestResult:
    return TestResult(name, "norms", name, 1.0, 0.0, "test error", "TypeError: ...")


def test_only_a_test_that_fails_the_right_answer_too_gives_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "faulty_tests", lambda stage: frozenset({"test_faulty"}))
    results = [stopped("test_faulty"), stopped("test_sound")]
    runner._settle_test_errors(COURSE.stage(STAGE), results)
    assert [(result.status, result.earned) for result in results] == [("test error", 1.0), ("failed", 0.0)]


def test_no_test_is_faulty() -> None:
    assert runner.faulty_tests(COURSE.stage(STAGE)) == frozenset()


def test_a_stage_without_hidden_tests_is_told() -> None:
    with pytest.raises(HiddenTestError, match="99_nothing"):
        run_hidden_tests(COURSE.stage("99_nothing"), LocalSubmission({}, 0), 0)


def own_dropout_and_masked_rows(q, k, v, attn_drop_rate=0.1, mask=None):  # type: ignore[no-untyped-def]
    """Hides the padded queries, as a known misconception does, but draws its random numbers in a way of its own."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, :, None], -1e9)
    attention = F.softmax(scores, dim=-1)
    if attn_drop_rate > 0:
        kept = torch.rand(attention.shape).flip(-1) >= attn_drop_rate
        attention = attention * kept / (1 - attn_drop_rate)
    return attention @ v, attention


@pytest.mark.parametrize("seed", range(5))
def test_a_misconception_is_recognised_whatever_the_random_numbers(seed: int) -> None:
    names = {exercise: right_answer(exercise).function for exercise in exercises(STAGE)}
    names["scaled_dot_product"] = own_dropout_and_masked_rows
    results = run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, seed), seed)
    known = next(known for known in bank("scaled_dot_product") if known.name == "masks_query_rows")
    told = {result.name: result.message for result in results if result.misconception == "masks_query_rows"}
    assert told == {known.caught_by: known.sentence}


@pytest.mark.parametrize("answer", alternatives("scaled_dot_product"), ids=lambda answer: answer.name)
def test_no_right_answer_fails_on_the_numbers_behind_padding(answer: Alternative) -> None:
    """One that subtracts the maximum over all keys, padded ones too, is right and must survive loud padding."""
    hidden_tests = stage_module(STAGE, "hidden_tests")
    for seed in range(100):
        submission = LocalSubmission({"scaled_dot_product": answer.function}, seed)
        hidden_tests.test_padded_tokens_get_no_attention(submission, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("stage", "exercise", "name", "seed"),
    [
        ("02_recurrent_networks", "count_parameters", "without_biases", 1985373778),
        ("06_bert_pretraining", "BertModel", "own_mask_from_zeros", 1609337231),
        ("06_bert_pretraining", "BertModel", "own_mask_from_zeros", 3194777577),
        ("06_bert_pretraining", "pretraining_step", "every_token_predicted", 641220849),
    ],
)
def test_inputs_that_once_hid_a_mistake_show_it(stage: str, exercise: str, name: str, seed: int) -> None:
    known = next(known for known in bank(exercise) if known.name == name)
    results = run_hidden_tests(
        COURSE.stage(stage), LocalSubmission({exercise: known.function}, seed), seed, only={exercise}
    )
    assert [result.misconception for result in results if result.misconception] == [name]


def test_the_tests_run_in_the_order_of_the_notebook() -> None:
    names = {exercise: right_answer(exercise).function for exercise in exercises(STAGE)}
    usual: list[str] = []
    run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, 1), 1, usual.append)
    turned = list(reversed(dict.fromkeys(usual)))
    entered: list[str] = []
    run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, 1), 1, entered.append, turned)
    assert list(dict.fromkeys(entered)) == turned


def test_only_the_tests_of_some_exercises_are_run() -> None:
    names = {exercise: right_answer(exercise).function for exercise in exercises(STAGE)}
    results = run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, 1), 1, only={"norms", "saturation"})
    assert [result.grade_id for result in results] == sorted(result.grade_id for result in results)
    assert {result.grade_id for result in results} == {"norms", "saturation"}
    assert run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, 1), 1, only={"an exercise that is gone"}) == []
    assert len(run_hidden_tests(COURSE.stage(STAGE), LocalSubmission(names, 1), 1)) > len(results)


MODULE = """
from autograder.hidden_tests import expect, points

BOUND = 1
OTHER = 2


def near(x):
    return x < BOUND


@pytest.fixture
def pair():
    return OTHER


@points("a", 1)
def test_one(submission):
    expect(near(submission.a()), "Far.")


@points("a", 1)
def test_two(submission, pair):
    expect(pair, "Odd.")


@points("b", 1)
def test_three(submission):
    expect(submission.b(), "False.")
"""


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("BOUND = 1", "BOUND = 1  # a comment", set()),
        ("BOUND = 1", "BOUND = 3", {"a"}),
        ("OTHER = 2", "OTHER = 3", {"a"}),
        ('"Far."', '"Farther."', {"a"}),
        ("submission.b()", "submission.b(1)", {"b"}),
        ('@points("b", 1)', '@points("b", 2)', {"b"}),
        ("OTHER = 2", "OTHER = 2\nprint(OTHER)", {"a", "b"}),
        ("import expect", "import expect as expect", {"a", "b"}),
        ('@points("b", 1)', '@points("c", 1)', {"b", "c"}),
        # What the source cannot tell the use of touches everything.
        ("OTHER = 2", "OTHER = 2\nunused = 1", {"a", "b"}),
        ("OTHER = 2", "OTHER = 2\n\n\nclass TestMore:\n    def test_four(self): pass", {"a", "b"}),
        ('"Odd."', '"""Odd.\n%of all\n"""', {"a"}),
    ],
)
def test_what_depends_on_a_change_runs_again(old: str, new: str, again: set[str], tmp_path: Path) -> None:
    digests = [source.digests(stage_with(tmp_path, text)) for text in (MODULE, MODULE.replace(old, new, 1))]
    assert {name for name, _ in digests[0].items() ^ digests[1].items()} == again


WITH_HELPERS = """
from . import whole
from .helper import far, near
from autograder.hidden_tests import expect, points


@points("a", 1)
def test_one(submission):
    expect(near(submission.a()), "Far.")


@points("b", 1)
def test_two(submission):
    expect(far(submission.b()), "Near.")


@points("c", 1)
def test_three(submission):
    from .helper import near

    expect(whole.right(submission.c()), "False.")
"""
HELPERS = {
    "helper": """
from .deeper import DEPTH, WIDTH

LIMIT = 1


def near(x):
    return x < LIMIT


def far(x):
    \"\"\"Whether it is far.\"\"\"
    return x > DEPTH
""",
    "deeper": "DEPTH = 2\nWIDTH = 3\n",
    "whole": "def right(x):\n    return x == ONE\n\n\nONE = 1\n",
}


@pytest.mark.parametrize(
    ("helper", "old", "new", "again"),
    [
        ("helper", "LIMIT = 1", "LIMIT = 1000", {"a", "c"}),
        ("helper", "x > DEPTH", "x >= DEPTH", {"b"}),
        ("helper", "LIMIT = 1", "LIMIT = 1  # a comment", set()),
        ("helper", "LIMIT = 1", "LIMIT = 1\nprint(LIMIT)", {"a", "b", "c"}),
        ("helper", "LIMIT = 1", "LIMIT = 1\nunused = 1", set()),
        ("deeper", "DEPTH = 2", "DEPTH = 3", {"b"}),
        ("deeper", "WIDTH = 3", "WIDTH = 4", set()),
        ("whole", "ONE = 1", "ONE = 2", {"c"}),
    ],
)
def test_a_helper_of_hidden_tests_is_followed_to_the_exercises_that_use_it(
    helper: str, old: str, new: str, again: set[str], tmp_path: Path
) -> None:
    stage = stage_with(tmp_path, WITH_HELPERS)
    digests = []
    for change in (("", ""), (old, new)):
        for name, text in HELPERS.items():
            (stage.folder / f"{name}.py").write_text(text.replace(*change, 1) if name == helper else text)
        digests.append(source.digests(stage))
    assert {name for name, _ in digests[0].items() ^ digests[1].items()} == again


OTHER_FIXTURES = """
import pytest
from autograder.hidden_tests import expect, points

seen = []


@pytest.fixture(scope="module")
def opened():
    seen.append("opened")
    yield 3
    seen.append("closed")


@points("norms", 1)
def test_module_fixture(submission, opened):
    expect(submission.three() == opened, "Not the same.")


@points("norms", 1)
def test_neither(submission, rng):
    expect(rng.initial_seed() > 0, "No numbers.")
    expect(submission.three() == 4, "Three is not four.")


@pytest.mark.parametrize("wanted", [3, 4])
@points("norms", 1)
def test_parameter(submission, rng, opened, wanted):
    expect(submission.three() == wanted, f"Not {wanted}.")


@points("norms", 1)
def test_module_fixture_is_kept(opened):
    expect(seen == ["opened"], str(seen))


class TestClass:
    @points("norms", 1)
    def test_of_a_class(self, submission):
        expect(submission.three() == 3, "Three is not three.")
"""


def test_a_hidden_test_may_use_all_that_pytest_has(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, OTHER_FIXTURES)
    results = run_hidden_tests(stage, LocalSubmission({"three": lambda: 3}, 1), 1)
    assert [(result.name, result.status, result.message) for result in results] == [
        ("test_module_fixture", "passed", None),
        ("test_neither", "failed", "Three is not four."),
        ("test_parameter[3]", "passed", None),
        ("test_parameter[4]", "failed", "Not 4."),
        ("test_module_fixture_is_kept", "passed", None),
        ("test_of_a_class", "passed", None),
    ]
    module = runner._collected(stage).items[0].getparent(pytest.Module)
    assert module is not None
    assert module.obj.seen == ["opened", "closed"]
    assert source.worth(stage) == {"norms": 6}


def test_a_module_without_tests_is_told(tmp_path: Path) -> None:
    stage = stage_with(tmp_path, "def test_one(: pass")
    with pytest.raises(HiddenTestError, match="holds no test with @points"):
        source.digests(stage)
    with pytest.raises(HiddenTestError, match=rf"{STAGE}/hidden_tests\.py, line 1: "):
        source.worth(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_every_exercise_with_tests_has_a_digest(stage: str) -> None:
    assert set(exercises(stage)) == set(source.digests(COURSE.stage(stage))) == set(source.worth(COURSE.stage(stage)))
