"""Golden tensors: what the public checks compare with, made from the bank's answers on the public cases.

They are rounded, so that another processor's last digit does not change the files.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import save

from autograder.answers import Bank, Misconception, bank_of
from autograder.course import Stage
from autograder.release.errors import ReleaseError
from autograder.release.public_cases import PublicCase, PublicExercise, public_exercises
from coursekit.attempts import Call
from coursekit.cases import Case, Outcome
from coursekit.checks import judge, outcome, same
from coursekit.probes import probes

DECIMALS = 7


@dataclass(frozen=True)
class GoldenFiles:
    """Contents of the two files of a stage."""

    tensors: bytes
    text: str


def golden_files(stage: Stage) -> GoldenFiles | None:
    """Make the golden files of a stage, None if it has no public checks.

    Raises ReleaseError if the reference does not pass its own check.
    """
    exercises = public_exercises(stage)
    if not exercises:
        return None
    shelf: dict[str, torch.Tensor] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # thousands of tiny calls: threads only wait for each other
    try:
        bank = bank_of(stage)
        entries = {name: _exercise(bank, name, exercise, shelf) for name, exercise in exercises.items()}
    finally:
        torch.set_num_threads(threads)
    text = json.dumps({"exercises": entries}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return GoldenFiles(save(dict(sorted(shelf.items()))), text)


def _exercise(bank: Bank, name: str, exercise: PublicExercise, shelf: dict[str, torch.Tensor]) -> dict[str, Any]:
    reference = bank.right(name).function
    cases = cases_of(exercise, reference)
    for case in cases:
        judgement = judge(reference, case)
        if not judgement.passed:
            raise ReleaseError(f"The reference of {name} fails its own public check. {' '.join(judgement.sentences)}")
    return {
        "number": exercise.number,
        "beyond": exercise.beyond,
        "hints": list(exercise.hints),
        "cases": [
            {
                "tried": case.tried,
                "arguments": {key: _encode(value, shelf, f"{name}.{i}.{key}") for key, value in case.arguments.items()},
                "parts": [
                    {"name": part.name, "axes": list(part.axes), "explains": part.explains} for part in case.parts
                ],
                "answer": [_encode(value, shelf, f"{name}.{i}.answer.{j}") for j, value in enumerate(case.answer)],
                "rtol": case.rtol,
                "atol": case.atol,
                "property": case.property,
                **({"probe": case.probe} if case.probe else {}),
            }
            for i, case in enumerate(cases)
        ],
        "slips": _slips(bank.wrong(name), name, cases, shelf),
    }


def cases_of(exercise: PublicExercise, reference: Any) -> list[Case]:
    """What the public check of an exercise tries, with the answers of its reference."""
    return [_case(public, exercise, reference) for public in exercise.cases]


def _case(public: PublicCase, exercise: PublicExercise, reference: Any) -> Case:
    answer: tuple[Any, ...] = ()
    if public.answer is not None:
        answer = public.answer
    elif public.property is None:
        returned = Call(reference, public.arguments, probes()[public.probe] if public.probe else None)()
        answer = tuple(_rounded(value) for value in (returned if len(exercise.parts) > 1 else (returned,)))
    return Case(
        tried=public.tried,
        arguments=public.arguments,
        parts=exercise.parts,
        answer=answer,
        rtol=public.rtol,
        atol=public.atol,
        property=public.property,
        probe=public.probe,
    )


def _slips(
    bank: list[Misconception], name: str, cases: list[Case], shelf: dict[str, torch.Tensor]
) -> list[dict[str, Any]]:
    """The misconceptions that some public case tells from the right answer."""
    found: list[tuple[Misconception, list[Outcome]]] = []
    for wrong in bank:
        outcomes = [_rounded_outcome(wrong.function, case) for case in cases]
        if all(outcome.kind == "right" for outcome in outcomes):
            continue  # only the hidden tests see it
        if any(all(map(same, outcomes, others, cases)) for _, others in found):
            continue  # no public case tells it from another, whose sentence is then shown
        found.append((wrong, outcomes))
    return [
        {
            "sentence": wrong.sentence,
            "outcomes": [
                _encode_outcome(outcome, shelf, f"{name}.{i}.slip.{number}") for i, outcome in enumerate(outcomes)
            ],
        }
        for number, (wrong, outcomes) in enumerate(found)
    ]


def _rounded_outcome(function: Any, case: Case) -> Outcome:
    seen = outcome(function, case)
    return replace(seen, answer=_rounded(seen.answer))


def _rounded(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        # + 0.0 turns −0 into 0, whose sign depends on the order of a sum
        return value.detach().clone().round(decimals=DECIMALS) + 0.0 if value.is_floating_point() else value
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else value
    if isinstance(value, tuple | list):
        return type(value)(_rounded(item) for item in value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _encode_outcome(outcome: Outcome, shelf: dict[str, torch.Tensor], key: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": outcome.kind}
    if outcome.kind == "answer":
        entry["answer"] = _encode(outcome.answer, shelf, key)
    if outcome.changed:
        entry["changed"] = list(outcome.changed)
    if outcome.names:
        entry["names"] = list(outcome.names)
    return entry


def _encode(value: Any, shelf: dict[str, torch.Tensor], key: str) -> Any:
    """Write a value as `coursekit.cases.decode` reads it; tensors go to the shelf."""
    if isinstance(value, torch.Tensor):
        content = value.detach().contiguous().clone()
        known = (name for name, other in shelf.items() if other.dtype == content.dtype and torch.equal(other, content))
        key = next(known, key)
        shelf.setdefault(key, content)
        return {"tensor": key}
    if isinstance(value, tuple | list):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_encode(item, shelf, f"{key}.{i}") for i, item in enumerate(value)]}
    if isinstance(value, dict):
        pairs = [[name, _encode(item, shelf, f"{key}.{name}")] for name, item in value.items()]
        return {"dict": [[_encode(name, shelf, key), item] for name, item in pairs]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ReleaseError(f"{key} is a {type(value).__name__}, which the golden files cannot hold.")
