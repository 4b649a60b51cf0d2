"""What a public check tries: inputs, the right answer and well-known wrong ones, read from a course's golden files.

A stage has two files in the folder `golden` of the course's package: `<stage>.safetensors` holds numbers in bulk,
`<stage>.json` the rest. They hold no code; what a case calls by name stands in `checking/probes/stage_<number>.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from ..codecs import Block, Codecs, Ref, Tolerance, codecs_for
from ..codecs.blocks import read_blocks

VARIES = "\0varies"
PROBES = f"{__package__.rpartition('.')[0]}.probes"
"""The package of the stages' probes, where this is a copy in the package of a course."""


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
        parts = self.answer if isinstance(self.answer, list | tuple) else ()
        return self.kind == "random" or any(isinstance(part, str) and part == VARIES for part in parts)


@dataclass(frozen=True)
class Part:
    """One value that the function returns.

    axes      names of all dimensions of an array but the last
    explains  shown first if several parts are wrong, because the others follow from it
    """

    name: str
    axes: tuple[str, ...] = ()
    explains: bool = False


@dataclass(frozen=True)
class Fault:
    """A broken property: its name, and a sentence that says what was seen and what was expected."""

    name: str
    sentence: str


Probe = Callable[..., Any]
"""Works with an answer on the inputs of a case, `probe(answer, **arguments)`, and returns what is to be compared."""

Property = Callable[..., list[Fault]]
"""Calls an answer as it likes, through an `attempts.Call`, and returns the faults that it found."""


@dataclass(frozen=True)
class Case:
    """One call of the student's function.

    tried       the inputs in words
    arguments   name → value, in the order of the signature
    parts       what must come back, a tuple if there is more than one
    answer      the right answer: one value per part
    tolerance   how close is close enough
    codecs      of the course, by which values are copied and compared
    property    checked instead of the answer, where there is one
    probe       gives the values to compare; None: the function's own result
    """

    tried: str
    arguments: dict[str, Any]
    parts: tuple[Part, ...]
    answer: tuple[Any, ...]
    tolerance: Tolerance
    codecs: Codecs
    property: Property | None = None
    probe: Probe | None = None


@dataclass(frozen=True)
class Slip:
    """A misconception as far as public cases tell: what its author should hear, and its outcome on each case."""

    sentence: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Exercise:
    """All that the public check of one exercise needs.

    number  as printed in the notebook, "3.1"
    beyond  the sentence that says what grading tries besides
    hints   to be opened one after the other
    codecs  of the course
    """

    name: str
    number: str
    beyond: str
    hints: tuple[str, ...]
    cases: tuple[Case, ...]
    slips: tuple[Slip, ...]
    codecs: Codecs


class Named:
    """The probes and properties of a stage by name, as its module declares them: `PROBES` and `PROPERTIES`.

    module   None for a stage without any
    """

    def __init__(self, module: ModuleType | None) -> None:
        self._probes: Mapping[str, Probe] = getattr(module, "PROBES", {})
        self._properties: Mapping[str, Property] = getattr(module, "PROPERTIES", {})

    def probe(self, name: str | None) -> Probe | None:
        """None for None. Raises KeyError for a name that is not declared."""
        return None if name is None else self._probes[name]

    def property(self, name: str | None) -> Property | None:
        """None for None. Raises KeyError for a name that is not declared."""
        return None if name is None else self._properties[name]


def probes_module(stage: str) -> str:
    """Name of the module with a stage's probes: "stage_03" for 03_name."""
    return f"stage_{stage.partition('_')[0]}"


class Golden:
    """The golden files of a course, by exercise.

    package   its name; it can be imported
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self._loaded: dict[str, Exercise] = {}

    @property
    def folder(self) -> Path:
        return Path(next(iter(import_module(self.package).__path__)), "golden")

    @cached_property
    def files(self) -> dict[str, Path]:
        """Name → file of every exercise that has a public check."""
        found = {}
        for path in sorted(self.folder.glob("*.json")):
            for name in json.loads(path.read_text(encoding="utf-8"))["exercises"]:
                found[name] = path
        return found

    def load(self, name: str) -> Exercise:
        """Read an exercise, once. Raises KeyError if there is none of that name."""
        if name not in self._loaded:
            self._loaded[name] = self._read(name, self.files[name])
        return self._loaded[name]

    def _read(self, name: str, path: Path) -> Exercise:
        content = json.loads(path.read_text(encoding="utf-8"))
        entry = content["exercises"][name]
        values = _Values(codecs_for(tuple(content["codecs"])), path.with_suffix(".safetensors"))
        return Exercise(
            name=name,
            number=entry["number"],
            beyond=entry["beyond"],
            hints=tuple(entry["hints"]),
            cases=tuple(self._case(item, values, path.stem) for item in entry["cases"]),
            slips=tuple(
                Slip(item["sentence"], tuple(_outcome(seen, values) for seen in item["outcomes"]))
                for item in entry["slips"]
            ),
            codecs=values.codecs,
        )

    def _case(self, entry: dict[str, Any], values: _Values, stage: str) -> Case:
        named = self._named(stage) if entry["property"] or entry.get("probe") else Named(None)
        return Case(
            tried=entry["tried"],
            arguments={name: values(value) for name, value in entry["arguments"].items()},
            parts=tuple(Part(part["name"], tuple(part["axes"]), part["explains"]) for part in entry["parts"]),
            answer=tuple(values(value) for value in entry["answer"]),
            tolerance=Tolerance(entry["rtol"], entry["atol"]),
            codecs=values.codecs,
            property=named.property(entry["property"]),
            probe=named.probe(entry.get("probe")),
        )

    def _named(self, stage: str) -> Named:
        return Named(import_module(f"{PROBES}.{probes_module(stage)}"))


def _outcome(entry: dict[str, Any], values: _Values) -> Outcome:
    return Outcome(
        entry["kind"],
        values(entry.get("answer")),
        tuple(entry.get("changed", ())),
        tuple(entry.get("names", ())),
    )


@dataclass(frozen=True)
class Stored:
    """A value as the golden files hold it.

    tree    JSON, from which the course's codecs put it together
    blocks  what it calls its numbers in bulk → what the file calls them
    """

    tree: Any
    blocks: Mapping[str, str]

    @classmethod
    def of(cls, entry: Any) -> Stored:
        """Read an entry: the tree itself where it names no block."""
        if isinstance(entry, dict) and "tree" in entry:
            return cls(entry["tree"], entry["blocks"])
        return cls(entry, {})

    @property
    def entry(self) -> Any:
        """What stands in the file."""
        return {"tree": self.tree, "blocks": dict(self.blocks)} if self.blocks else self.tree


class _Values:
    """Puts the values of a stage's golden files together."""

    def __init__(self, codecs: Codecs, path: Path) -> None:
        self.codecs = codecs
        self._path = path

    def __call__(self, entry: Any) -> Any:
        stored = Stored.of(entry)
        blocks = {own: self._blocks[name] for own, name in stored.blocks.items()}
        return self.codecs.decode(stored.tree, blocks, _refuse)

    @cached_property
    def _blocks(self) -> dict[str, Block]:
        return read_blocks(self._path.read_bytes())


def _refuse(stayed: Ref) -> Any:
    raise ValueError(f"A golden file names a {stayed.type_name} that it does not hold. Get the course's folder again.")
