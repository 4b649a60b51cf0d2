"""What is wrong with an answer, in a sentence: structure first, then the first place where values differ."""

from __future__ import annotations

from typing import Any

from ..codecs import Codecs, Tolerance
from .cases import Case, Part
from .values import alike, in_float64, number

LONGEST_ROW = 8
LONGEST_VALUE = 90  # letters
LAST_DIGITS = Tolerance(1e-6, 1e-9)


def first_problem(answer: Any, case: Case) -> str | None:
    """Say what is wrong with an answer; None if it is right."""
    if answer is None:
        return "Your function returned None. Does it end with `return`?"
    if len(case.parts) == 1:
        given = (answer,)
    else:
        names = ", ".join(part.name for part in case.parts)
        if not isinstance(answer, list | tuple):
            return f"Your function returned {_described(answer, case.codecs)}, expected a tuple ({names})."
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


def _structure(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    """Compare type, shape and dtype."""
    codecs = case.codecs
    if number(expected, codecs) is not None:
        fits = number(value, codecs) is not None
        return None if fits else f"The {part.name} is {_described(value, codecs)}, expected a number."
    codec = codecs.of(expected)
    if codec is None:
        right = type(expected)
        fits = isinstance(value, list | tuple if right in (list, tuple) else right)
    else:
        fits = codec.owns(value)
    if not fits:
        return f"The {part.name} is {_described(value, codecs)}, expected {_described(expected, codecs)}."
    if codec is None:
        return None
    shape, wanted = (tuple(getattr(each, "shape", ())) for each in (value, expected))
    if shape != wanted:
        return f"The {part.name} has shape {shape}, expected {wanted}."
    dtype, wanted_dtype = (getattr(each, "dtype", None) for each in (value, expected))
    if dtype != wanted_dtype:
        return f"The {part.name} is of dtype {dtype}, expected {wanted_dtype}{_whose(wanted_dtype, case)}."
    return None


def _whose(dtype: Any, case: Case) -> str:
    """Where a dtype comes from, if an input has it too."""
    return (
        ", that of the input" if any(getattr(each, "dtype", None) == dtype for each in case.arguments.values()) else ""
    )


def _difference(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    """Compare values: the first place where they differ."""
    given, wanted = number(value, case.codecs), number(expected, case.codecs)
    if given is not None and wanted is not None:
        if case.codecs.same(float(given), float(wanted), case.tolerance):
            return None
        (seen,), (right,) = _numbers([float(given)], [float(wanted)])
        return f"The {part.name} is {seen}, expected {right}."
    if case.codecs.of(expected) is None:
        return _plain_difference(value, expected, part, case.codecs)
    if case.codecs.same(value, expected, case.tolerance):
        return None
    return _first_numbers(value, expected, part, case) or (
        f"The {part.name}: {_short(value)}, expected {_short(expected)}."
    )


def _first_numbers(value: Any, expected: Any, part: Part, case: Case) -> str | None:
    """The first row of numbers in which two arrays differ; None where they hold no numbers that do."""
    import numpy

    try:
        given, wanted = numpy.atleast_1d(in_float64(value)), numpy.atleast_1d(in_float64(expected))
    except (TypeError, ValueError):
        return None
    rtol, atol = case.tolerance.rtol, case.tolerance.atol
    off = ~numpy.isclose(given, wanted, rtol=rtol, atol=atol, equal_nan=True)
    off = off if off.any() else given != wanted  # whole numbers are compared exactly
    if not off.any():
        return None
    broken = off & ~numpy.isfinite(given)
    place = tuple(numpy.argwhere(broken if broken.any() else off)[0].tolist())[:-1]
    where = ", ".join(f"{axis} {index + 1}" for axis, index in zip(part.axes, place, strict=False))
    rows = _numbers(given[place].tolist(), wanted[place].tolist())
    seen, right = (f"[{' '.join(row)}]" for row in rows)
    return f"The {part.name}{' of ' if where else ''}{where}: {seen}, expected {right}."


def _plain_difference(value: Any, expected: Any, part: Part, codecs: Codecs) -> str | None:
    """Compare words, truth values, lists and dicts; numbers in them exactly, but for the last digits of a float."""

    def equal(one: Any, other: Any) -> bool:
        return alike(one, other, codecs, LAST_DIGITS)

    if equal(value, expected):
        return None
    if isinstance(expected, dict):
        for key in expected:
            if key not in value:
                return f"The {part.name} has no entry for {key!r}; expected {_short(expected[key])}."
            if not equal(value[key], expected[key]):
                return f"In the {part.name}, {key!r} is {_short(value[key])}, expected {_short(expected[key])}."
        unwanted = next(key for key in value if key not in expected)
        return f"The {part.name} has an entry for {_short(unwanted)}, expected none."
    if isinstance(expected, list | tuple) and len(value) == len(expected) > LONGEST_ROW:
        place = next(i for i, pair in enumerate(zip(value, expected, strict=True)) if not equal(*pair))
        return f"In the {part.name}, number {place + 1} is {_short(value[place])}, expected {_short(expected[place])}."
    return f"The {part.name}: {_short(value)}, expected {_short(expected)}."


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


def _described(value: Any, codecs: Codecs) -> str:
    codec = codecs.of(value)
    if codec is not None:
        return codec.describe(value)
    if value is None:
        return "None"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return f"{'an' if type(value).__name__[0] in 'aeiou' else 'a'} {type(value).__name__}"
