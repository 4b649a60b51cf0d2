"""A slip with the dtype is the business of one test: what is right but for that keeps all other points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_bank import EXERCISES, RIGHT, SEEDS, STAGE_OF, grade, hidden_tests_of, named
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map
from whole_course import LocalSubmission, bank, right_answer, stage_of

from autograder.answers import Answer, diagnosis
from autograder.remote import HandedIn
from coursekit.checking.public_checks.cases import Golden

# Its powers of e leave the range of float32 where a score is 300, so in float32 it is no right answer.
IN_FLOAT32 = [right for right in RIGHT if right.name != "powers_without_the_padding"]
MESSAGE = "expected m1 and m2 to have the same dtype, but got: float != double"


def doubles(values: Any) -> bool:
    """Whether something in float64 is among the arguments of a call."""
    for leaf in tree_leaves(values):
        tensors = [*leaf.parameters(), *leaf.buffers()] if isinstance(leaf, nn.Module) else [leaf]
        if any(isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64 for tensor in tensors):
            return True
    return False


def narrowed(values: Any) -> Any:
    """The same with float32 in place of float64."""
    return tree_map(lambda x: x.float() if isinstance(x, torch.Tensor) and x.dtype == torch.float64 else x, values)


def only_in_float32(right: Any) -> Any:
    """An answer that fails where something is float64, as a loop that collects in torch.empty(…) does."""
    if not isinstance(right, type):

        def function(*args: Any, **kwargs: Any) -> Any:
            if doubles((args, kwargs)):
                raise RuntimeError(MESSAGE)
            return right(*args, **kwargs)

        return function

    class Narrow(right):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            if doubles((self, args, kwargs)):
                raise RuntimeError(MESSAGE)
            return super().__call__(*args, **kwargs)

    return Narrow


def back_in_float32(right: Any) -> Any:
    """An answer that gives float32 whatever it was given, as a loop that collects in torch.empty(…) may do as well."""
    if not isinstance(right, type):
        return lambda *args, **kwargs: narrowed(right(*args, **kwargs))

    class Narrow(right):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return narrowed(super().__call__(*args, **kwargs))

    return Narrow


def dtype_tests_of(exercise: str) -> set[str]:
    return {test.name for test in hidden_tests_of(exercise) if "dtype" in test.name}


@pytest.mark.parametrize("slip", [only_in_float32, back_in_float32])
@pytest.mark.parametrize("right", IN_FLOAT32, ids=named)
def test_a_slip_with_the_dtype_costs_the_test_of_the_dtype_alone(
    right: Answer, slip: Callable[[Any], Any], trained: Callable[[str], HandedIn]
) -> None:
    function, handed_in = slip(right.function), trained(STAGE_OF[right.exercise])
    for seed in SEEDS:
        grading = grade(right.exercise, LocalSubmission({right.exercise: function}, seed, handed_in), seed)
        assert set(grading.lost) == dtype_tests_of(right.exercise), f"seed {seed}: {grading.messages}"


@pytest.mark.parametrize("exercise", EXERCISES)
def test_where_a_public_check_is_in_float64_one_hidden_test_is_about_it(exercise: str) -> None:
    cases = Golden("coursekit").load(exercise).cases
    checked = any(doubles(case.arguments) for case in cases)
    dtypes = [test.points for test in hidden_tests_of(exercise) if "dtype" in test.name]
    assert dtypes == ([0.25] if checked else [])


def test_what_fails_only_for_its_dtype_is_told_so() -> None:
    right = right_answer("linear_attention").function
    grading = grade("linear_attention", LocalSubmission({"linear_attention": only_in_float32(right)}, 3), 3)
    assert grading.messages["test_linear_attention_keeps_the_dtype"] == (
        f"`linear_attention` raised RuntimeError: {MESSAGE}. For float32 the same call works: some step sets its own "
        "dtype. torch.empty and torch.zeros do, unless they are told the dtype of the input."
    )


def test_what_fails_in_any_dtype_is_no_matter_of_the_dtype() -> None:
    def broken(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        raise ValueError("broken")

    messages = grade("linear_attention", LocalSubmission({"linear_attention": broken}, 3), 3).messages
    assert {str(message).partition("` ")[2] for message in messages.values()} == {"raised ValueError: broken"}


@pytest.mark.parametrize("exercise", ["scaled_dot_product", "linear_attention"])
def test_a_mistake_beside_a_slip_with_the_dtype_is_recognised_all_the_same(exercise: str) -> None:
    for wrong in bank(exercise):
        if wrong.name != "casts_to_single_precision":
            function = only_in_float32(wrong.function)
            exchanges = grade(exercise, LocalSubmission({exercise: function}, 4), 4).exchanges
            found = diagnosis.diagnose(stage_of(exercise), exercise, exchanges)
            assert found is not None, wrong.name
            assert found.name == wrong.name
