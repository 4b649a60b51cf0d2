"""Golden files: what the public checks compare with, made from the bank's answers on the public cases.

They are rounded, so that another processor's last digit does not change the files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from autograder.answers import Misconception, bank_of
from autograder.codecs import Block, Ref, Tolerance, codecs_for
from autograder.codecs.blocks import write_blocks
from autograder.course import Stage
from autograder.public_checks.attempts import Call
from autograder.public_checks.cases import Case, Named, Outcome, Part, Stored
from autograder.public_checks.declared import PublicCase, PublicExercise
from autograder.public_checks.judging import judge, outcome
from autograder.public_checks.slips import same
from autograder.public_checks.values import detached
from autograder.release.errors import ReleaseError
from autograder.release.students_part import codecs_of

DECIMALS = 7
ROUNDED = ("float32", "float64")
"""dtypes with more digits than that."""


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

    Raises ReleaseError if the reference does not pass its own check, or if a value cannot be stored.
    """
    if stage.public_checks is None:
        return None
    builder = _Builder(stage)
    with _one_thread():
        entries = {name: builder.exercise(name) for name in builder.exercises}
    content = {"codecs": list(codecs_of(stage.course)), "exercises": entries}
    text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return GoldenFiles(builder.shelf.to_bytes(), text)


def cases_of(stage: Stage, exercise: str) -> list[Case]:
    """What the public check of an exercise tries, with the answers of its reference. Raises ReleaseError."""
    return _Builder(stage).cases(exercise)


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


class _Blocks:
    """Blocks of numbers by name; what is the same is kept once."""

    def __init__(self) -> None:
        self._blocks: dict[str, Block] = {}
        self._names: dict[Block, str] = {}

    def put(self, name: str, block: Block) -> str:
        """Keep a block; returns the name that it has, or that another like it has."""
        if block not in self._names:
            self._names[block], self._blocks[name] = name, block
        return self._names[block]

    def __getitem__(self, name: str) -> Block:
        return self._blocks[name]

    def to_bytes(self) -> bytes:
        """The file; empty where there is none, so that who has no arrays needs no library to read it."""
        return write_blocks(dict(sorted(self._blocks.items()))) if self._blocks else b""


class _Builder:
    """Makes the golden files of one stage."""

    def __init__(self, stage: Stage) -> None:
        self.shelf = _Blocks()
        self.exercises = public_exercises(stage)
        self._bank = bank_of(stage)
        self._named = Named(stage.module("probes"))
        self._codecs = codecs_for(codecs_of(stage.course))

    def exercise(self, name: str) -> dict[str, Any]:
        """The entry of an exercise. Raises ReleaseError."""
        public, cases = self.exercises[name], self.cases(name)
        for case in cases:
            judgement = judge(self._bank.right(name).function, case)
            if not judgement.passed:
                told = " ".join(judgement.sentences)
                raise ReleaseError(f"The reference of {name} fails its own public check. {told}")
        return {
            "number": public.number,
            "beyond": public.beyond,
            "hints": list(public.hints),
            "cases": [
                self._case_entry(f"{name}.{i}", case, declared)
                for i, (case, declared) in enumerate(zip(cases, public.cases, strict=True))
            ],
            "slips": self._slips(name, cases),
        }

    def cases(self, name: str) -> list[Case]:
        """What the check of an exercise tries, with the answers of the reference. Raises ReleaseError."""
        public = self.exercises[name]
        return [self._case(f"{name}.{i}", declared, public.parts) for i, declared in enumerate(public.cases)]

    def _case(self, place: str, declared: PublicCase, parts: tuple[Part, ...]) -> Case:
        name = place.partition(".")[0]
        try:
            wanted, probe = self._named.property(declared.property), self._named.probe(declared.probe)
        except KeyError as unknown:
            raise ReleaseError(
                f"The public check of {name} names {unknown}, and probes.py beside it has no such entry in PROBES or "
                "PROPERTIES: add it, or correct the name."
            ) from None
        case = Case(
            tried=declared.tried,
            arguments=declared.arguments,
            parts=parts,
            answer=declared.answer or (),
            tolerance=Tolerance(declared.rtol, declared.atol),
            codecs=self._codecs,
            property=wanted,
            probe=probe,
        )
        if declared.answer is not None or wanted is not None:
            return case
        returned = Call(self._bank.right(name).function, case)()
        values = returned if len(parts) > 1 else (returned,)
        return replace(
            case, answer=tuple(self._rounded(value, f"{place}.answer.{i}") for i, value in enumerate(values))
        )

    def _case_entry(self, place: str, case: Case, declared: PublicCase) -> dict[str, Any]:
        arguments = {key: self._entry(value, f"{place}.{key}") for key, value in case.arguments.items()}
        return {
            "tried": case.tried,
            "arguments": arguments,
            "parts": [{"name": part.name, "axes": list(part.axes), "explains": part.explains} for part in case.parts],
            "answer": [self._entry(value, f"{place}.answer.{i}") for i, value in enumerate(case.answer)],
            "rtol": declared.rtol,
            "atol": declared.atol,
            "property": declared.property,
            **({"probe": declared.probe} if declared.probe else {}),
        }

    def _slips(self, name: str, cases: list[Case]) -> list[dict[str, Any]]:
        """The misconceptions that some public case tells from the right answer."""
        found: list[tuple[Misconception, list[Outcome]]] = []
        for wrong in self._bank.wrong(name):
            outcomes = [outcome(wrong.function, case) for case in cases]
            if all(seen.kind == "right" for seen in outcomes):
                continue  # only the hidden tests see it
            if any(all(map(same, outcomes, others, cases)) for _, others in found):
                continue  # no public case tells it from another, whose sentence is then shown
            found.append((wrong, outcomes))
        return [
            {
                "sentence": wrong.sentence,
                "outcomes": [self._outcome_entry(seen, f"{name}.{i}.slip.{n}") for i, seen in enumerate(outcomes)],
            }
            for n, (wrong, outcomes) in enumerate(found)
        ]

    def _outcome_entry(self, seen: Outcome, place: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"kind": seen.kind}
        if seen.kind == "answer":
            entry["answer"] = self._entry(seen.answer, place)
        if seen.changed:
            entry["changed"] = list(seen.changed)
        if seen.names:
            entry["names"] = list(seen.names)
        return entry

    def _entry(self, value: Any, place: str) -> Any:
        """What stands in the JSON for a value; its numbers in bulk go to the shelf."""
        tree, blocks = self._taken_apart(value, place)
        return Stored(tree, {own: self.shelf.put(f"{place}.{own}", block) for own, block in blocks.items()}).entry

    def _rounded(self, value: Any, place: str) -> Any:
        tree, blocks = self._taken_apart(value, place)
        return self._codecs.decode(tree, blocks, lambda ref: None)

    def _taken_apart(self, value: Any, place: str) -> tuple[Any, dict[str, Block]]:
        def refuse(inside: Any) -> Ref:
            raise ReleaseError(
                f"{place} holds a {type(inside).__name__}, which the golden files cannot hold: let a probe make plain "
                "values of it, or name the codec of its kind in solutions/course.py, as in codecs=('numpy',)."
            )

        tree, blocks = self._codecs.encode(detached(value, self._codecs), refuse)
        return _rounded_tree(tree), {name: _rounded_block(block) for name, block in blocks.items()}


def _rounded_tree(tree: Any) -> Any:
    if isinstance(tree, float):
        return round(tree, DECIMALS) + 0.0
    if isinstance(tree, list):
        return [_rounded_tree(item) for item in tree]
    return {key: _rounded_tree(item) for key, item in tree.items()} if isinstance(tree, dict) else tree


def _rounded_block(block: Block) -> Block:
    """Block with its numbers rounded; hashable. + 0.0 turns −0 into 0, whose sign depends on the order of a sum."""
    data = bytes(block.data)
    if block.dtype in ROUNDED:
        import numpy

        data = (numpy.frombuffer(data, block.dtype).round(DECIMALS) + numpy.zeros((), block.dtype)).tobytes()
    return replace(block, data=data)
