"""What is wrong with an answer, in a sentence: structure first, then the first place where values differ."""

from __future__ import annotations

from typing import Any

from .cases import Case, Part
from .values import alike, as_float, in_float64, is_array, is_number, is_tensor

LONGEST_ROW = 8
LONGEST_VALUE = 90  # letters


def first_problem(answer: Any, case: Case) -> str | None:
    """Say what is wrong with an answer; None if it is right."""
    if answer is None:
        return "Your function returned None. Does it end with `return`?"
    if len(case.parts) == 1:
        given = (answer,)
    else:
        names = ", ".join(part.name for part in case.parts)
        if not isinstance(answer, list | tuple):
            return f"Your function returned {_described(answer)}, expected a tuple ({names})."
        if len(answer) != len(case.parts):
            return f"Your function returned {len(answer)} things, expected {len(case.parts)}: ({names})."
        given = tuple(answer)
    triples = sorted(zip(given, case.answer, case.parts, strict=True), key=lambda triple: not triple[2].explains)
    for compare in (_structure, _difference):
        for value, expected, part in triples:
            problem = compare(value, expected, part, case)
            if problem is not None:
                return problem
    return None


def _structure(value: Any, expected: Any, part: Part, _: Case) -> str | None:
    """Compare type, shape and dtype."""
    if is_number(expected):
        return None if is_number(value) else f"The {part.name} is {_described(value)}, expected a number."
    if not (is_tensor(expected) or is_array(expected)):
        right = type(expected)
        fits = isinstance(value, list | tuple if right in (list, tuple) else right)
        return None if fits else f"The {part.name} is {_described(value)}, expected {_described(expected)}."
    if is_tensor(value) != is_tensor(expected) or is_array(value) != is_array(expected):
        return f"The {part.name} is {_described(value)}, expected {_described(expected)}."
    if value.shape != expected.shape:
        return f"The {part.name} has shape {tuple(value.shape)}, expected {tuple(expected.shape)}."
    if value.dtype != expected.dtype:
        whose = ", that of the input" if is_tensor(expected) else ""
        return f"The {part.name} is of dtype {value.dtype}, expected {expected.dtype}{whose}."
    return None


def _difference(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    """Compare values: the first place where they differ."""
    if is_number(expected):
        number, wanted = as_float(value), as_float(expected)
        if alike(number, wanted, rtol=case.rtol, atol=case.atol):
            return None
        (seen,), (right,) = _numbers([number], [wanted])
        return f"The {part.name} is {seen}, expected {right}."
    if is_tensor(expected) or (is_array(expected) and expected.dtype.kind in "biufc"):
        return _array_difference(value, expected, part, case)
    return _plain_difference(value, expected, part)


def _array_difference(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    import numpy

    given, wanted = in_float64(value), in_float64(expected)
    off = ~numpy.isclose(given, wanted, rtol=case.rtol, atol=case.atol, equal_nan=True)
    if not off.any():
        return None
    if given.ndim == 0:
        (seen,), (right,) = _numbers([given.item()], [wanted.item()])
        return f"The {part.name} is {seen}, expected {right}."
    broken = off & ~numpy.isfinite(given)
    place = tuple(numpy.argwhere(broken if broken.any() else off)[0].tolist())[:-1]
    where = ", ".join(f"{axis} {index + 1}" for axis, index in zip(part.axes, place, strict=False))
    rows = _numbers(given[place].tolist(), wanted[place].tolist())
    seen, right = (f"[{' '.join(row)}]" for row in rows)
    return f"The {part.name}{' of ' if where else ''}{where}: {seen}, expected {right}."


def _plain_difference(value: Any, expected: Any, part: Part) -> str | None:
    """Compare words, truth values, lists and dicts; numbers in them exactly, but for the last digits of a float."""
    if _equal(value, expected):
        return None
    if isinstance(expected, dict):
        for key in expected:
            if key not in value:
                return f"The {part.name} has no entry for {key!r}; expected {_short(expected[key])}."
            if not _equal(value[key], expected[key]):
                return f"In the {part.name}, {key!r} is {_short(value[key])}, expected {_short(expected[key])}."
        unwanted = next(key for key in value if key not in expected)
        return f"The {part.name} has an entry for {_short(unwanted)}, expected none."
    if isinstance(expected, list | tuple) and len(value) == len(expected) > LONGEST_ROW:
        place = next(i for i, pair in enumerate(zip(value, expected, strict=True)) if not _equal(*pair))
        return f"In the {part.name}, number {place + 1} is {_short(value[place])}, expected {_short(expected[place])}."
    return f"The {part.name}: {_short(value)}, expected {_short(expected)}."


def _equal(value: Any, expected: Any) -> bool:
    return alike(value, expected, rtol=1e-6, atol=1e-9)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "…"


def _numbers(given: list[float], wanted: list[float]) -> tuple[list[str], list[str]]:
    """Both rows in as few digits as tell them apart, cut to `LONGEST_ROW`."""
    more = ["…"] if len(given) > LONGEST_ROW else []
    seen, right = [], []
    for digits in (2, 4, 6):
        seen, right = (
            [f"{number:.{digits}g}" if abs(number) >= 1000 else f"{number:.{digits}f}" for number in row[:LONGEST_ROW]]
            for row in (given, wanted)
        )
        if seen != right:
            break
    return seen + more, right + more


def _described(value: Any) -> str:
    if is_tensor(value):
        return f"a tensor of shape {tuple(value.shape)}"
    if is_array(value):
        return f"a numpy array of shape {value.shape}"
    if value is None:
        return "None"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"
