"""What a public check tries: inputs, the right answer and well-known wrong ones, read from `golden/`.

A stage has two files: `<stage>.safetensors` holds the tensors, `<stage>.json` the rest. They hold no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file

GOLDEN = Path(__file__).parent / "golden"
VARIES = "\0varies"


@dataclass(frozen=True)
class Outcome:
    """What a function did on one case; two functions with equal outcomes made the same slip.

    kind     "right"; "answer": it returned something else; "faults": it broke properties; "raised"; "random": it
             is wrong in another way from call to call; "undone": the stub is still there
    answer   what it returned ("answer"); `VARIES` stands for parts of it that are others from call to call
    changed  the inputs that it modified ("answer")
    names    the properties that it broke ("faults"), or the type of the exception ("raised")
    """

    kind: Literal["right", "answer", "faults", "raised", "random", "undone"]
    answer: Any = None
    changed: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def varies(self) -> bool:
        """Whether all or a part of it is another from call to call."""
        parts = self.answer if isinstance(self.answer, tuple) else ()
        return self.kind == "random" or any(isinstance(part, str) and part == VARIES for part in parts)


@dataclass(frozen=True)
class Part:
    """One value that the function returns.

    axes      names of all dimensions of a tensor but the last
    explains  shown first if several parts are wrong, because the others follow from it
    """

    name: str
    axes: tuple[str, ...] = ()
    explains: bool = False


@dataclass(frozen=True)
class Case:
    """One call of the student's function.

    tried       the inputs in words
    arguments   name → value, in the order of the signature
    parts       what must come back, a tuple if there is more than one
    answer      the right answer: one value per part
    rtol, atol  how close is close enough
    property    name of a property in `properties.py` that is checked instead of the answer
    probe       name of a probe in `probes/` that gives the values to compare; None: the function's own result
    """

    tried: str
    arguments: dict[str, Any]
    parts: tuple[Part, ...]
    answer: tuple[Any, ...]
    rtol: float
    atol: float
    property: str | None
    probe: str | None = None


@dataclass(frozen=True)
class Slip:
    """A known mistake: what its author should hear, and its outcome on each case."""

    sentence: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Exercise:
    """All that the public check of one exercise needs.

    number  as printed in the notebook, "3.1"
    beyond  the sentence that says what grading tries besides
    hints   to be opened one after the other
    """

    name: str
    number: str
    beyond: str
    hints: tuple[str, ...]
    cases: tuple[Case, ...]
    slips: tuple[Slip, ...]


@cache
def exercises(folder: Path = GOLDEN) -> dict[str, Path]:
    """Name → file of every exercise that has a public check."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        for name in json.loads(path.read_text(encoding="utf-8"))["exercises"]:
            found[name] = path
    return found


@cache
def load(name: str, folder: Path = GOLDEN) -> Exercise:
    """Read an exercise. Raises KeyError if there is none of that name."""
    path = exercises(folder)[name]
    entry = json.loads(path.read_text(encoding="utf-8"))["exercises"][name]
    tensors = load_file(path.with_suffix(".safetensors"))
    return Exercise(
        name=name,
        number=entry["number"],
        beyond=entry["beyond"],
        hints=tuple(entry["hints"]),
        cases=tuple(_case(item, tensors) for item in entry["cases"]),
        slips=tuple(
            Slip(item["sentence"], tuple(_outcome(seen, tensors) for seen in item["outcomes"]))
            for item in entry["slips"]
        ),
    )


def _case(entry: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Case:
    return Case(
        tried=entry["tried"],
        arguments={name: decode(value, tensors) for name, value in entry["arguments"].items()},
        parts=tuple(Part(part["name"], tuple(part["axes"]), part["explains"]) for part in entry["parts"]),
        answer=tuple(decode(value, tensors) for value in entry["answer"]),
        rtol=entry["rtol"],
        atol=entry["atol"],
        property=entry["property"],
        probe=entry.get("probe"),
    )


def _outcome(entry: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Outcome:
    return Outcome(
        entry["kind"],
        decode(entry.get("answer"), tensors),
        tuple(entry.get("changed", ())),
        tuple(entry.get("names", ())),
    )


def decode(entry: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Give back the value that stands in JSON as itself, or as {"tensor": key}, {"tuple": [...]}, {"list": [...]},
    {"dict": [[key, value], ...]}, {"float": "nan"}.
    """
    if not isinstance(entry, dict):
        return entry
    ((kind, content),) = entry.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(decode(item, tensors) for item in content)
    if kind == "list":
        return [decode(item, tensors) for item in content]
    if kind == "dict":
        return {decode(key, tensors): decode(item, tensors) for key, item in content}
    if kind == "float":
        return float(content)
    raise ValueError(
        f"The golden files hold a value of unknown kind {kind!r}. Get the whole folder of the course again."
    )
