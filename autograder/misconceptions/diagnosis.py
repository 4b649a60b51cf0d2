"""Finds the known misconception that answers exactly as a student's function did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from autograder import scenarios
from autograder.sandbox.perform import Performer

from . import Answer, Misconception, bank, right_answer

if TYPE_CHECKING:
    from autograder.submission import Exchange


def diagnose(exercise: str, exchanges: Sequence[Exchange]) -> Misconception | None:
    """The misconception that would have given the student's answers to these calls, or None.

    A misconception must agree on every call; where none does, on every call whose right answer does not depend on
    the random state, for students draw random numbers in many right ways. It must also differ from the right answer
    on at least one of the calls compared.
    """
    right = [_replay(right_answer(exercise), exchanges, shift) for shift in (0, 1)]
    steady = [_agree(first, second) for first, second in zip(*right, strict=True)]
    seen = [(exchange.answer, exchange.answer_tensors) for exchange in exchanges]
    candidates = [(known, _replay(known, exchanges, 0)) for known in bank(exercise)]
    for compared in ([True] * len(seen), steady):
        for known, answers in candidates:
            rows = [row for row, use in zip(zip(answers, seen, right[0], strict=True), compared, strict=True) if use]
            if all(_agree(answer, student) for answer, student, _ in rows) and any(
                not _agree(answer, correct) for answer, _, correct in rows
            ):
                return known
    return None


def _replay(answer: Answer, exchanges: Sequence[Exchange], shift: int) -> list[tuple[dict[str, Any], Any]]:
    performer = Performer({answer.exercise: answer.function}, scenarios)
    return [
        performer.perform({**item.request, "seed": item.request["seed"] + shift}, item.request_tensors)
        for item in exchanges
    ]


def _agree(one: tuple[dict[str, Any], Any], other: tuple[dict[str, Any], Any]) -> bool:
    (tree, tensors), (other_tree, other_tensors) = one, other
    if "raised" in tree or "raised" in other_tree:
        return tree.get("raised") == other_tree.get("raised")
    return _same(tree.get("value"), other_tree.get("value"), tensors, other_tensors)


def _same(one: Any, other: Any, tensors: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        if "$ref" in one or "$ref" in other:
            return one.keys() == other.keys()
        for kind in ("$tensor", "$array"):
            if kind in one and kind in other:
                return _close(tensors[one[kind]], others[other[kind]])
        return one.keys() == other.keys() and all(_same(one[key], other[key], tensors, others) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b, tensors, others) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        return numbers and abs(one - other) <= 1e-7 + 1e-6 * abs(other)
    return type(one) is type(other) and one == other


def _close(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    loose = one.dtype in (torch.float32, torch.float16, torch.bfloat16)
    return torch.allclose(
        one.to(torch.float64),
        other.to(torch.float64),
        rtol=1e-4 if loose else 1e-6,
        atol=1e-5 if loose else 1e-9,
        equal_nan=True,
    )
