"""Known wrong answers with the sentence that helps their author, and right answers written in many ways.

One module or package per stage, `stage_03` and so on; it declares functions or classes with three decorators:

    @reference("scaled_dot_product")                   the right answer, one per exercise
    @alternative("scaled_dot_product")                 also right, written differently
    @misconception("scaled_dot_product", "Sentence.", caught_by="test_…")

A slip of a few words in a long answer is declared by these words, which are replaced in the reference:

    edited("MultiHeadAttention", "no_output_projection", "Sentence.", [("self.o_proj(values)", "values")],
           caught_by="test_…")

Every answer stands alone: it uses its arguments, the modules that a notebook imports (`math`, `torch`, `Tensor`,
`nn`, `torch.nn.functional as F`) and the names that notebooks take from coursekit, so that its source can be pasted
into an answer cell. A wrong answer that keeps something right out of several (say, the order of the dropout) changes
nothing else, so that it is one mistake.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "Alternative",
    "Misconception",
    "Reference",
    "alternative",
    "alternatives",
    "bank",
    "edited",
    "edited_alternative",
    "exercises",
    "misconception",
    "reference",
    "right_answer",
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
    stage: str
    reference: Reference | None = None
    alternatives: list[Alternative] = field(default_factory=list)
    misconceptions: list[Misconception] = field(default_factory=list)


_shelves: dict[str, _Shelf] = {}


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


def _edit(exercise: str, name: str, edits: Edits) -> tuple["_Shelf", Callable[..., Any], str]:
    original = _shelves[exercise].reference if exercise in _shelves else None
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


def bank(exercise: str) -> list[Misconception]:
    """The wrong answers to an exercise, in the order of the module. Raises KeyError for an unknown exercise."""
    return list(_known(exercise).misconceptions)


def alternatives(exercise: str) -> list[Alternative]:
    """The right answers to an exercise other than its reference. Raises KeyError for an unknown exercise."""
    return list(_known(exercise).alternatives)


def right_answer(exercise: str) -> Reference:
    """The reference of an exercise. Raises KeyError for an unknown exercise or one without a reference."""
    found = _known(exercise).reference
    if found is None:
        raise KeyError(f"{exercise} has no reference.")
    return found


def exercises(stage: str) -> list[str]:
    """The exercises of a stage that have answers here, in the order of the module.

    stage   its number or its whole name: "03", "03_scaled_dot_product_attention"
    A stage without a module has none.
    """
    number = stage.split("_")[0]
    if number in _stages():
        _load(number)
    return [exercise for exercise, shelf in _shelves.items() if shelf.stage == number]


def _shelf(exercise: str, function: Callable[..., Any]) -> _Shelf:
    stage = function.__module__.rpartition("stage_")[2].split(".")[0]
    shelf = _shelves.setdefault(exercise, _Shelf(stage))
    if shelf.stage != stage:
        raise ValueError(f"{exercise} has answers in stage {shelf.stage} and in stage {stage}.")
    known = (*shelf.alternatives, *shelf.misconceptions, *([shelf.reference] if shelf.reference else []))
    if function.__name__ in {entry.name for entry in known}:
        raise ValueError(f"{exercise} has two answers named {function.__name__}.")
    return shelf


def _known(exercise: str) -> _Shelf:
    for number, folder in _stages().items():
        if exercise in _shelves:
            break
        if any(f'"{exercise}"' in path.read_text(encoding="utf-8") for path in folder):
            _load(number)
    if exercise not in _shelves:
        raise KeyError(f"No answers to {exercise!r}; known are {', '.join(_shelves)}.")
    return _shelves[exercise]


@cache
def _stages() -> dict[str, list[Path]]:
    """Number → files of every stage that has answers. A grader of one stage imports no other."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("stage_"):
            place = Path(__path__[0], module.name)
            found[module.name.removeprefix("stage_")] = (
                sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
            )
    return found


@cache
def _load(number: str) -> None:
    """Import a stage's modules, which fill the shelves."""
    importlib.import_module(f"{__name__}.stage_{number}")


def _as_typed(answer: Callable[..., Any], name: str) -> str:
    source = textwrap.dedent(inspect.getsource(answer))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    lines = source.splitlines()[definition.lineno - 1 :]
    lines[0] = re.sub(rf"\b(def|class) {re.escape(answer.__name__)}\b", rf"\1 {name}", lines[0])
    return "\n".join(lines) + "\n"
