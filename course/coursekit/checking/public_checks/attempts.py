"""One call of a student's function: on copies of the inputs, with a seed, and with whatever goes wrong caught."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .cases import Case
from .values import copied, own_randomness, unchanged

LONGEST_MESSAGE = 300


@dataclass(frozen=True)
class Raised:
    """An exception of the student's: its type, its message, and the lines of the notebook that it went through."""

    type: str
    message: str
    lines: tuple[str, ...]
    undone: bool

    @property
    def sentence(self) -> str:
        """Say what stopped the call."""
        return f"Your code stopped with {self.type}" + (f": {self.message}" if self.message else ".")


class Stopped(Exception):
    """The student's function raised."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(raised.sentence)
        self.raised = raised


class Call:
    """Calls the student's function on copies of a case's arguments.

    arguments  name → value, in the order of the signature
    probe      called with the function and the arguments in the function's place, where there is one
    draw       another draw gives other random numbers
    changed    inputs that the function has modified so far
    warned     what Python warned about so far, each once
    """

    def __init__(self, function: Callable[..., Any], case: Case, draw: int = 0) -> None:
        self.function = function
        self.arguments = case.arguments
        self.probe = case.probe
        self._codecs = case.codecs
        self.changed: list[str] = []
        self.warned: list[str] = []
        self._calls = 1000 * draw

    def __call__(self, **replaced: Any) -> Any:
        """Return what the function returns. Raises Stopped if it raises."""
        self._calls += 1
        given = {name: copied(replaced.get(name, value), self._codecs) for name, value in self.arguments.items()}
        with own_randomness(self._codecs, self._calls), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = self.probe(self.function, **given) if self.probe else self.function(*given.values())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # also SystemExit: a check must never end the student's kernel
                raise Stopped(_raised(error, self.function)) from None
        for warning in caught:
            message = _one_line(str(warning.message))
            if message not in self.warned:
                self.warned.append(message)
        for name, value in given.items():
            original = replaced.get(name, self.arguments[name])
            if name not in self.changed and not unchanged(value, original, self._codecs):
                self.changed.append(name)
        return result


def _raised(error: BaseException, function: Callable[..., Any]) -> Raised:
    try:
        message = _one_line(str(error))
    except Exception:  # __str__ is the student's too
        message = ""
    lines = _lines(error.__traceback__, function)
    # The stub raises it without a message, and itself. Libraries raise it too, mostly with one.
    itself = not lines or ":" not in lines[-1] or "raise NotImplementedError" in lines[-1]
    undone = isinstance(error, NotImplementedError) and not message and itself
    return Raised(type(error).__name__, message, lines, undone)


def _one_line(message: str) -> str:
    """The message on one line, without addresses, which differ from run to run."""
    line = re.sub(r"\b0x[0-9a-f]+", "0x…", " ".join(message.split()))
    return line if len(line) <= LONGEST_MESSAGE else line[:LONGEST_MESSAGE] + "…"


def _lines(trace: TracebackType | None, function: Callable[..., Any]) -> tuple[str, ...]:
    """The lines of the student's own code in a traceback, the last four at most.

    Own code is what shares the globals of the student's function: the cells of the notebook.
    """
    own = getattr(function, "__globals__", None)
    if own is None:  # a class; its module is the notebook
        own = getattr(sys.modules.get(getattr(function, "__module__", "")), "__dict__", None)
    found: list[str] = []
    for frame, number in traceback.walk_tb(trace):
        if frame.f_globals is own or (own is None and frame.f_globals.get("__name__") == "__main__"):
            source = linecache.getline(frame.f_code.co_filename, number, frame.f_globals).strip()
            found.append(f"line {number}: {source}" if source else f"line {number}")
    return tuple(found[-4:])
