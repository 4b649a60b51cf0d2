"""Golden files: what the public checks compare with, made from the bank's answers on the public cases.

They are rounded, so that another processor's last digit does not change the files.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from autograder.answers import Bank, Misconception, bank_of
from autograder.course import Stage
from autograder.public_checks.attempts import Call
from autograder.public_checks.cases import Case, Named, Outcome
from autograder.public_checks.declared import PublicCase, PublicExercise
from autograder.public_checks.judging import judge, outcome
from autograder.public_checks.slips import same
from autograder.public_checks.values import alike, is_array, is_tensor
from autograder.release.errors import ReleaseError

DECIMALS = 7


@dataclass(frozen=True)
class GoldenFiles:
    """Contents of the two files of a stage."""

    tensors: bytes
    text: str


def public_exercises(stage: Stage) -> dict[str, PublicExercise]:
    """The public checks of a stage by exercise; none where it has no public_checks.py."""
    return dict(getattr(stage.module("public_checks"), "EXERCISES", {}))


def golden_files(stage: Stage) -> GoldenFiles | None:
    """Make the golden files of a stage, None if it has no public checks.

    Raises ReleaseError if the reference does not pass its own check.
    """
    if stage.public_checks is None:
        return None
    exercises = public_exercises(stage)
    shelf = dict[str, Any]()
    bank, named = bank_of(stage), Named(stage.module("probes"))
    with _one_thread():
        entries = {name: _exercise(bank, name, exercise, named, shelf) for name, exercise in exercises.items()}
    text = json.dumps({"exercises": entries}, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return GoldenFiles(_saved(shelf), text)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Thousands of tiny calls: torch's threads would only wait for each other."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _saved(shelf: dict[str, Any]) -> bytes:
    """Tensors and arrays as safetensors; without torch where there is no tensor."""
    if any(map(is_tensor, shelf.values())):
        import torch
        from safetensors.torch import save

        return save({name: torch.as_tensor(value) for name, value in sorted(shelf.items())})
    from safetensors.numpy import save as save_arrays

    return save_arrays(dict(sorted(shelf.items())))


def _exercise(bank: Bank, name: str, exercise: PublicExercise, named: Named, shelf: dict[str, Any]) -> dict[str, Any]:
    reference = bank.right(name).function
    cases = _cases(name, exercise, named, reference)
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
                "property": public.property,
                **({"probe": public.probe} if public.probe else {}),
            }
            for i, (case, public) in enumerate(zip(cases, exercise.cases, strict=True))
        ],
        "slips": _slips(bank.wrong(name), name, cases, shelf),
    }


def cases_of(stage: Stage, exercise: str) -> list[Case]:
    """What the public check of an exercise tries, with the answers of its reference. Raises ReleaseError."""
    public, reference = public_exercises(stage)[exercise], bank_of(stage).right(exercise).function
    return _cases(exercise, public, Named(stage.module("probes")), reference)


def _cases(name: str, exercise: PublicExercise, named: Named, reference: Any) -> list[Case]:
    return [_case(name, public, exercise, named, reference) for public in exercise.cases]


def _case(name: str, public: PublicCase, exercise: PublicExercise, named: Named, reference: Any) -> Case:
    try:
        wanted, probe = named.property(public.property), named.probe(public.probe)
    except KeyError as unknown:
        raise ReleaseError(
            f"The public check of {name} names {unknown}, and probes.py beside it has no such entry in PROBES or "
            "PROPERTIES: add it, or correct the name."
        ) from None
    answer: tuple[Any, ...] = ()
    if public.answer is not None:
        answer = public.answer
    elif public.property is None:
        returned = Call(reference, public.arguments, probe)()
        answer = tuple(_rounded(value) for value in (returned if len(exercise.parts) > 1 else (returned,)))
    return Case(
        tried=public.tried,
        arguments=public.arguments,
        parts=exercise.parts,
        answer=answer,
        rtol=public.rtol,
        atol=public.atol,
        property=wanted,
        probe=probe,
    )


def _slips(bank: list[Misconception], name: str, cases: list[Case], shelf: dict[str, Any]) -> list[dict[str, Any]]:
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
    # + 0.0 turns −0 into 0, whose sign depends on the order of a sum
    if is_tensor(value):
        return value.detach().clone().round(decimals=DECIMALS) + 0.0 if value.is_floating_point() else value
    if is_array(value):
        return value.round(DECIMALS) + value.dtype.type(0) if value.dtype.kind == "f" else value
    if isinstance(value, float):
        return round(value, DECIMALS) if math.isfinite(value) else value
    if isinstance(value, tuple | list):
        return type(value)(_rounded(item) for item in value)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _encode_outcome(outcome: Outcome, shelf: dict[str, Any], key: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": outcome.kind}
    if outcome.kind == "answer":
        entry["answer"] = _encode(outcome.answer, shelf, key)
    if outcome.changed:
        entry["changed"] = list(outcome.changed)
    if outcome.names:
        entry["names"] = list(outcome.names)
    return entry


def _encode(value: Any, shelf: dict[str, Any], key: str) -> Any:
    """Write a value as `autograder.public_checks.cases.decode` reads it; tensors and arrays go to the shelf."""
    if is_tensor(value) or is_array(value):
        content = value.detach().contiguous().clone() if is_tensor(value) else value.copy(order="C")
        known = (name for name, other in shelf.items() if alike(other, content, rtol=0.0, atol=0.0))
        key = next(known, key)
        shelf.setdefault(key, content)
        return {"tensor" if is_tensor(value) else "array": key}
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
