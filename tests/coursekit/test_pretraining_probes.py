"""The probes of stage 06 return plain values whatever an answer does."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from whole_course import COURSE

from autograder.release.golden import public_exercises
from coursekit.checking.probes.stage_06 import PROBES
from coursekit.checks import check

EXERCISES = public_exercises(COURSE.stage("06_bert_pretraining"))
TEXT = torch.tensor([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]])


def probe(name: str, answer: Any, case: int = 0) -> Any:
    exercise = next(exercise for exercise in EXERCISES.values() if exercise.cases[0].probe == name)
    return PROBES[name](answer, **exercise.cases[case].arguments)


class Returns(nn.Module):
    """A model that returns the same thing for every text."""

    value: Any = None

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, text: Tensor, mask: Tensor | None = None) -> Any:
        return self.value


@pytest.mark.parametrize("value", [None, 3.0, torch.zeros(2, 7, 20), torch.zeros(2, 20)])
def test_a_model_may_return_anything(value: Any) -> None:
    model = type("Model", (Returns,), {"value": value})
    shape, count, *rest = probe("bert_model", model)
    assert shape == (list(value.shape) if isinstance(value, Tensor) else [type(value).__name__])
    assert count == "3"
    assert all(isinstance(part, bool | str) for part in rest)


@pytest.mark.parametrize("value", [None, 1, (torch.zeros(2, 3),), (None, None)])
def test_a_masking_may_return_anything(value: Any) -> None:
    shapes, untouched, *_, different = probe("masking", lambda *_: value)
    assert all(isinstance(shape, str) for shape in shapes)
    assert untouched
    assert different == ""


def test_a_masking_that_writes_into_the_text_is_seen() -> None:
    def spoil(text: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
        return text.fill_(1), text

    assert probe("masking", spoil)[1] is False


def test_a_step_may_return_anything() -> None:
    for value in (None, "low", torch.zeros(2)):
        first, third, longer, plain, training = probe("training_step", lambda *_, value=value: value)
        assert all(map(math.isnan, (first, third, longer)))
        assert not plain
        assert not training


def test_guesses_may_be_anything() -> None:
    assert probe("filling", lambda *_: None) is None
    guesses, _ = probe("filling", lambda model, text, *_: (text, model(text)))
    assert guesses.shape == (2, 6)


def test_verdicts_tell_the_form_only() -> None:
    given = {number: number == 2 for number in (3, 1, 2)}
    assert probe("statements_of_pretraining", lambda: given) == ([1, 2, 3], True)
    assert probe("statements_of_pretraining", lambda: {1: "no"}) == ([1], False)
    assert probe("statements_of_pretraining", lambda: [True]) == ("list", False)
    right = {1: True, 2: True, 3: False, 4: True}  # none of them is right
    assert check.statements_pretraining.verdict(lambda: right).mark == "✓"
