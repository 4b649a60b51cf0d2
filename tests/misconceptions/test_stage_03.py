"""The bank of stage 03: enough answers, told apart by name and sentence, and ready to be pasted into a notebook."""

from __future__ import annotations

import ast
import math
import re

import pytest
import torch
import torch.nn.functional as F

from autograder.hidden_tests import test_03_scaled_dot_product_attention as hidden_tests
from autograder.misconceptions import (
    Answer,
    alternative,
    alternatives,
    bank,
    exercises,
    misconception,
    reference,
    right_answer,
)

EXERCISES = exercises("03_scaled_dot_product_attention")
ANSWERS: list[Answer] = [
    answer for name in EXERCISES for answer in (right_answer(name), *alternatives(name), *bank(name))
]


def named(answer: Answer) -> str:
    return f"{answer.exercise}-{answer.name}"


def test_every_exercise_is_there() -> None:
    assert exercises("03") == EXERCISES
    assert set(EXERCISES) == {
        "scaled_dot_product",
        "norms",
        "self_attention",
        "mean_of_two",
        "dot_product_variance",
        "saturation",
        "low_rank_attention",
        "linear_attention",
    }


@pytest.mark.parametrize("exercise", EXERCISES)
def test_there_are_enough_answers(exercise: str) -> None:
    wrong, right = (18, 10) if exercise == "scaled_dot_product" else (3, 2)
    assert len(bank(exercise)) >= wrong
    assert len(alternatives(exercise)) >= right


@pytest.mark.parametrize("exercise", EXERCISES)
def test_misconceptions_have_names_and_sentences_of_their_own(exercise: str) -> None:
    wrong = bank(exercise)
    assert len({entry.name for entry in wrong}) == len(wrong)
    assert len({entry.sentence for entry in wrong}) == len(wrong)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_misconceptions_name_a_hidden_test_of_their_exercise(exercise: str) -> None:
    for entry in bank(exercise):
        (mark,) = getattr(hidden_tests, entry.caught_by).pytestmark
        assert mark.args[0] == exercise, entry.name


@pytest.mark.parametrize("exercise", EXERCISES)
def test_sentences_give_no_code(exercise: str) -> None:
    for entry in bank(exercise):
        assert entry.sentence.endswith((".", "?"))
        assert not re.search(r"`|torch\.|F\.|masked_fill|dim=|\w\(\w+, ", entry.sentence), entry.sentence


@pytest.mark.parametrize("answer", ANSWERS, ids=named)
def test_source_can_be_pasted_into_an_answer_cell(answer: Answer) -> None:
    (definition,) = ast.parse(answer.source).body
    assert isinstance(definition, ast.FunctionDef)
    assert definition.name == answer.exercise
    assert not definition.decorator_list
    notebook = {"math": math, "torch": torch, "F": F}
    exec(answer.source, notebook)
    pasted = notebook[answer.exercise]
    assert pasted.__code__.co_names == answer.function.__code__.co_names
    known = set(notebook) | set(dir(notebook["__builtins__"])) | set(notebook["__builtins__"])
    loaded = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    assert loaded <= known | set(_local_names(definition))


def _local_names(definition: ast.FunctionDef) -> set[str]:
    stored = {
        node.id for node in ast.walk(definition) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in ast.walk(definition) if isinstance(node, ast.arg)}


@pytest.mark.parametrize("look_up", [bank, alternatives, right_answer])
def test_an_unknown_exercise_is_named(look_up) -> None:
    with pytest.raises(KeyError, match="no_such_exercise"):
        look_up("no_such_exercise")


def test_a_stage_without_answers_has_no_exercises() -> None:
    assert exercises("99_nothing") == []


def test_an_answer_cannot_be_declared_twice() -> None:
    def another(beta):
        return beta

    another.__module__ = right_answer("norms").function.__module__
    with pytest.raises(ValueError, match="two references"):
        reference("norms")(another)
    with pytest.raises(ValueError, match="two answers named"):
        misconception("norms", "Sentence.", caught_by="test_none")(bank("norms")[0].function)
    with pytest.raises(ValueError, match="two answers named"):
        alternative("norms")(right_answer("norms").function)


def test_an_exercise_belongs_to_one_stage() -> None:
    def elsewhere(beta):
        return beta

    elsewhere.__module__ = "autograder.misconceptions.stage_04.norms"
    with pytest.raises(ValueError, match="stage 03 and in stage 04"):
        alternative("norms")(elsewhere)
