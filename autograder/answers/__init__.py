"""The bank: known wrong answers with the sentence that helps their author, and right answers written in many ways.

A stage's are in its folder, in the modules of `answers/`. They declare functions or classes with three decorators:

    @reference("scale")                   the right answer, one per exercise
    @alternative("scale")                 also right, written differently
    @misconception("scale", "Sentence.", caught_by="test_…")

A slip of a few words in a long answer is declared by these words, which are replaced in the reference:

    edited("Model", "no_bias", "Sentence.", [("self.linear(x) + self.bias", "self.linear(x)")], caught_by="test_…")

Every answer stands alone: it uses its arguments and the modules and names that its notebook imports, so that its source
can be pasted into an answer cell. A wrong answer that keeps something right out of several changes nothing else, so
that it is one mistake.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from autograder.course import Course, Stage

__all__ = [
    "Alternative",
    "Answer",
    "Bank",
    "Misconception",
    "Reference",
    "alternative",
    "bank_of",
    "edited",
    "edited_alternative",
    "misconception",
    "reference",
]

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Answer:
    """An answer to an exercise.

    name      its own
    exercise  the name that a notebook gives it
    function  the function, or the class
    source    what a student would have typed: under the exercise's name, without its decorator
    """

    name: str
    exercise: str
    function: Callable[..., Any] = field(repr=False)
    source: str = field(repr=False)


@dataclass(frozen=True)
class Reference(Answer):
    """The right answer, from which golden tensors are made."""


@dataclass(frozen=True)
class Alternative(Answer):
    """A right answer written differently: it must keep all points."""


@dataclass(frozen=True)
class Misconception(Answer):
    """A wrong answer, the sentence for its author, and the hidden test in which it must lose points."""

    sentence: str
    caught_by: str


@dataclass
class _Shelf:
    reference: Reference | None = None
    alternatives: list[Alternative] = field(default_factory=list)
    misconceptions: list[Misconception] = field(default_factory=list)


_loading: list[dict[str, _Shelf]] = []
"""Exercise → what is declared, of the stage whose answers are imported at the moment; at the end, if several are."""


class Bank:
    """The answers to the exercises of one stage, in the order in which they are declared."""

    def __init__(self, stage: str, shelves: Mapping[str, _Shelf]) -> None:
        self._stage = stage
        self._shelves = shelves

    @property
    def exercises(self) -> list[str]:
        """The exercises that have answers here."""
        return list(self._shelves)

    @property
    def answered(self) -> list[str]:
        """Those of them that have a right answer, as all should."""
        return [exercise for exercise, shelf in self._shelves.items() if shelf.reference is not None]

    def right(self, exercise: str) -> Reference:
        """The reference of an exercise. Raises KeyError for an unknown exercise or one without a reference."""
        found = self._shelf(exercise).reference
        if found is None:
            raise KeyError(f"{exercise} has no reference.")
        return found

    def alternatives(self, exercise: str) -> list[Alternative]:
        """The right answers to an exercise other than its reference. Raises KeyError for an unknown exercise."""
        return list(self._shelf(exercise).alternatives)

    def wrong(self, exercise: str) -> list[Misconception]:
        """The wrong answers to an exercise. Raises KeyError for an unknown exercise."""
        return list(self._shelf(exercise).misconceptions)

    def _shelf(self, exercise: str) -> _Shelf:
        if exercise not in self._shelves:
            raise KeyError(f"No answers to {exercise!r} in {self._stage}; known are {', '.join(self._shelves)}.")
        return self._shelves[exercise]


@cache
def bank_of(stage: Stage) -> Bank:
    """The answers of a stage; a stage without `answers/` has none. Raises what its modules raise."""
    return _bank_in(stage.course.sources, stage.name)


@cache
def _bank_in(sources: Path, stage: str) -> Bank:
    folder, shelves = sources / stage / "answers", dict[str, _Shelf]()
    _loading.append(shelves)
    try:
        if folder.is_dir():
            course = Course(sources.parent)
            course.module(f"{stage}.answers")  # which may import some modules before others
            for module in pkgutil.iter_modules([str(folder)]):
                course.module(f"{stage}.answers.{module.name}")
    finally:
        _loading.pop()
    return Bank(stage, shelves)


def reference(exercise: str) -> Callable[[AnyFunction], AnyFunction]:
    """Declare the right answer of an exercise. Raises ValueError if there is one already."""

    def declare(function: AnyFunction) -> AnyFunction:
        shelf = _shelf(exercise, function)
        if shelf.reference is not None:
            raise ValueError(f"{exercise} has two references: {shelf.reference.name} and {function.__name__}.")
        shelf.reference = Reference(function.__name__, exercise, function, _as_typed(function, exercise))
        return function

    return declare


def alternative(exercise: str) -> Callable[[AnyFunction], AnyFunction]:
    """Declare a right answer that is written differently from the reference."""

    def declare(function: AnyFunction) -> AnyFunction:
        source = _as_typed(function, exercise)
        _shelf(exercise, function).alternatives.append(Alternative(function.__name__, exercise, function, source))
        return function

    return declare


def misconception(exercise: str, sentence: str, *, caught_by: str) -> Callable[[AnyFunction], AnyFunction]:
    """Declare a wrong answer.

    sentence    told to the student in place of the test's own; helps without giving the code
    caught_by   name of the hidden test in which this answer must lose points
    """

    def declare(function: AnyFunction) -> AnyFunction:
        source = _as_typed(function, exercise)
        entry = Misconception(function.__name__, exercise, function, source, sentence, caught_by)
        _shelf(exercise, function).misconceptions.append(entry)
        return function

    return declare


Edits = Sequence[tuple[str, str]]


def edited(exercise: str, name: str, sentence: str, edits: Edits, *, caught_by: str) -> None:
    """Declare a wrong answer that is the reference, declared before, with some of its text replaced.

    edits   (old, new) pairs; each old text stands exactly once in the reference's source, else ValueError
    """
    shelf, function, source = _edit(exercise, name, edits)
    shelf.misconceptions.append(Misconception(name, exercise, function, source, sentence, caught_by))


def edited_alternative(exercise: str, name: str, edits: Edits) -> None:
    """Declare a right answer that is the reference with some of its text replaced."""
    shelf, function, source = _edit(exercise, name, edits)
    shelf.alternatives.append(Alternative(name, exercise, function, source))


def _edit(exercise: str, name: str, edits: Edits) -> tuple[_Shelf, Callable[..., Any], str]:
    original = _loading[-1].get(exercise, _Shelf()).reference if _loading else None
    if original is None:
        raise ValueError(f"{name} edits the reference of {exercise}, which must be declared before it.")
    source = original.source
    for old, new in edits:
        if source.count(old) != 1:
            raise ValueError(f"{name} of {exercise}: {old!r} stands {source.count(old)} times in the reference.")
        source = source.replace(old, new)
    names = dict(vars(sys.modules[original.function.__module__]))
    exec(compile(source, f"<{exercise}, {name}>", "exec"), names)
    function: Callable[..., Any] = names[exercise]
    function.__name__ = name
    return _shelf(exercise, function), function, source


def _shelf(exercise: str, function: Callable[..., Any]) -> _Shelf:
    if not _loading:
        raise RuntimeError(f"{function.__name__} is an answer: load it with all of its stage, by bank_of.")
    shelf = _loading[-1].setdefault(exercise, _Shelf())
    known = (*shelf.alternatives, *shelf.misconceptions, *([shelf.reference] if shelf.reference else []))
    if function.__name__ in {entry.name for entry in known}:
        raise ValueError(f"{exercise} has two answers named {function.__name__}.")
    return shelf


def _as_typed(answer: Callable[..., Any], name: str) -> str:
    source = textwrap.dedent(inspect.getsource(answer))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    lines = source.splitlines()[definition.lineno - 1 :]
    lines[0] = re.sub(rf"\b(def|class) {re.escape(answer.__name__)}\b", rf"\1 {name}", lines[0])
    return "\n".join(lines) + "\n"
