"""Lines that a notebook prints: how far a loop is, and what is worth saying once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from IPython.core.getipython import get_ipython

REDRAW_SECONDS = 0.5

T = TypeVar("T")

_said: set[str] = set()


def say_once(text: str, about: str | None = None) -> None:
    """Print a text to stdout, the first time only that it, or what it is ``about``, comes up."""
    key = text if about is None else about
    if key not in _said:
        _said.add(key)
        print(text)


def progress(iterable: Iterable[T], text: str) -> Iterator[T]:
    """Go through `iterable`, saying in one line how much of it is done and how long the rest takes.

    The line is redrawn on stdout twice a second at most. Where nobody watches (a notebook that is executed by a
    program, output that goes into a file) only its end state is printed, without times, so that outputs stay short and
    the same. The line ends properly if the loop is left early.

    text     what is done, "encoding reviews"
    """
    total = len(iterable) if isinstance(iterable, Sized) else None
    start = drawn = time.perf_counter()
    seen, done, width = watched(), 0, 0

    def said() -> str:
        return f"{text}: {done:,}" if total is None else f"{text}: {done:,} of {total:,}"

    def draw(line: str, end: str = "") -> None:
        nonlocal width
        print(f"\r{line:<{width}}" if seen else line, end=end, flush=True)
        width = len(line)

    try:
        for item in iterable:
            now = time.perf_counter()
            if seen and (done == 0 or now - drawn >= REDRAW_SECONDS):
                drawn = now
                rest = f", {_duration((now - start) / done * (total - done))} left" if total and done else ""
                draw(said() + rest)
            yield item
            done += 1
    finally:
        took = f" in {_duration(time.perf_counter() - start)}" if seen else ""
        draw(said() + took, end="\n")


def watched() -> bool:
    """Whether somebody sees a line being redrawn: in a terminal, or in a notebook that could ask for input."""
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        # nbclient, nbconvert and nbval execute cells without a standard input; JupyterLab and Colab offer one.
        return bool(getattr(kernel, "_allow_stdin", True))
    return sys.stdout.isatty()


def _duration(seconds: float) -> str:
    """Seconds in words: 8 s, 2 min 05 s."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"
