"""Values of any kind: what is the same, what is said of what is not, and what a check leaves as it was."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from autograder.codecs import PLAIN, Codecs, Tolerance, codecs_for
from autograder.public_checks.cases import Case, Part
from autograder.public_checks.judging import judge
from autograder.public_checks.values import LARGEST, alike, own_randomness, unchanged

ALL = codecs_for(("torch", "numpy", "pandas"))
CLOSE = Tolerance(1e-4, 1e-5)
WORDS = np.array(["a", "b"])
ROWS = np.array([[1, 2], [3, 4]])
FRAME = pd.DataFrame({"city": ["Bern", "Rome"], "people": [0.1, 2.8]})


class Hostile:
    """Like nothing, and raises where it is asked."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


def case(answer: Any, codecs: Codecs = ALL, axes: tuple[str, ...] = ()) -> Case:
    return Case("as it is", {"x": 1}, (Part("result", axes),), (answer,), CLOSE, codecs)


def said(returned: Any, expected: Any, codecs: Codecs = ALL, axes: tuple[str, ...] = ()) -> tuple[str, ...]:
    return judge(lambda x: returned, case(expected, codecs, axes)).sentences


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ([1, (2.0, "a")], (1, [2.0, "a"])),
        ({"a": math.nan}, {"a": math.nan}),
        (np.float64(2), 2.0),
        (torch.tensor(2.0, requires_grad=True), 2),
        (torch.ones(2), torch.ones(2) + 1e-6),
        (FRAME, FRAME.assign(people=FRAME["people"] + 1e-6)),
        (math.inf, math.inf),
    ],
)
def test_what_is_near_enough_is_alike(value: Any, known: Any) -> None:
    assert alike(value, known, ALL, CLOSE)


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ([1, 2], [1, 2, 3]),
        (True, 1),
        (30_522, 30_521),
        (math.inf, -math.inf),
        (math.nan, 1.0),
        (np.ones(2), torch.ones(2, dtype=torch.float64)),
        (np.ones(2), np.ones(2, dtype=np.float32)),
        (FRAME, FRAME.rename(columns={"city": "town"})),
        (Hostile(), "a"),
        ("a", Hostile()),
        (torch.ones(()).expand(LARGEST + 1), torch.ones(()).expand(LARGEST + 1)),
    ],
)
def test_what_is_not_is_not(value: Any, known: Any) -> None:
    assert not alike(value, known, ALL, CLOSE)


@pytest.mark.parametrize(
    ("returned", "expected", "axes", "sentence"),
    [
        ([1.0], np.ones(1), (), "The result is a list of 1, expected an array of shape (1,)."),
        (np.ones((2, 1)), np.ones((2, 2)), (), "The result has shape (2, 1), expected (2, 2)."),
        (np.ones(2), np.ones(2, dtype=np.float32), (), "The result is of dtype float64, expected float32."),
        (ROWS, ROWS + np.eye(2, 1, -1, dtype=int), ("row",), "The result of row 2: [3.00 4.00], expected [4.00 5.00]."),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), (), "The result: [1.00 nan], expected [1.00 2.00]."),
        (WORDS[:1], WORDS[1:], (), f"The result: {WORDS[:1]!r}, expected {WORDS[1:]!r}."),
        (FRAME["people"], FRAME["people"] * 2, (), "The result: [0.10 2.80], expected [0.20 5.60]."),
        (FRAME.head(1), FRAME, (), "The result has shape (1, 2), expected (2, 2)."),
        (torch.tensor(True), torch.tensor(False), (), "The result: [1.00], expected [0.00]."),
        (torch.tensor(2.0, requires_grad=True), 3.0, (), "The result is 2.00, expected 3.00."),
        ({1, 2}, {1, 3}, (), "The result: {1, 2}, expected {1, 3}."),
    ],
)  # fmt: skip
def test_one_sentence_says_what_came_back_and_what_was_expected(
    returned: Any, expected: Any, axes: tuple[str, ...], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert said(returned, expected, axes=axes) == (sentence,)
    assert said(expected, expected, axes=axes) == ()
    assert capfd.readouterr().err == ""


def test_a_table_that_differs_is_told_to_be_other() -> None:
    (sentence,) = said(FRAME.rename(columns={"city": "town"}), FRAME)
    assert sentence.startswith("The result: ")


def test_a_kind_that_the_course_has_not_asked_for_is_named_by_its_type() -> None:
    assert said(np.ones(2), [1.0, 1.0], PLAIN) == ("The result is a ndarray, expected a list of 2.",)


def test_a_changed_input_is_noticed_in_any_kind() -> None:
    for value, change in (
        (np.zeros(2), lambda x: x.fill(1)),
        (torch.zeros(2), lambda x: x.fill_(1)),
        ([[1], [2]], lambda x: x[1].clear()),
        ({"a": np.zeros(1)}, lambda x: x["a"].fill(1)),
        (FRAME, lambda x: x.drop(index=0, inplace=True)),
    ):
        copy = ALL.copy(value)
        assert unchanged(copy, value, ALL)
        change(copy)
        assert not unchanged(copy, value, ALL)


def test_random_numbers_are_seeded_and_the_notebooks_own_go_on() -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), torch.rand(()).item()]

    ALL.seed(5)
    expected = [drawn(), drawn()]
    ALL.seed(5)
    assert drawn() == expected[0]
    with own_randomness(ALL, 7):
        first = drawn()
    with own_randomness(ALL, 7):
        assert drawn() == first
    assert drawn() == expected[1]


def test_checks_of_plain_values_import_neither_torch_nor_numpy_nor_safetensors() -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'numpy', 'safetensors', 'matplotlib'))\n"
        "from autograder.codecs import PLAIN, Tolerance\n"
        "from autograder.public_checks import checks\n"
        "from autograder.public_checks.cases import Case, Exercise, Part\n"
        "case = Case('1', {'x': 1}, (Part('double'),), (2,), Tolerance(1e-4, 1e-5), PLAIN)\n"
        "print(checks.Check(Exercise('double', '1.1', 'And more.', (), (case,), (), PLAIN)).verdict(lambda x: 2 * x))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.stderr) == ("✓ 1.1 · 1 of 1 public checks pass. And more.\n", "")
