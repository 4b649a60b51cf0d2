"""Where the notebooks run: seed, device, profile, progress, and the cells that wait for an exercise."""

from __future__ import annotations

import html
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from IPython.core.getipython import get_ipython
from IPython.display import display

PROFILE_VARIABLE = "COURSEKIT_PROFILE"
REDRAW_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """Sizes that fit the machine. Code and cells are the same in every profile.

    name      "cpu" or "gpu"
    seq_lens  sequence lengths to measure attention on; the longest takes about a second
    """

    name: Literal["cpu", "gpu"]
    seq_lens: tuple[int, ...]


PROFILES = {
    "cpu": Profile("cpu", (64, 128, 256, 512, 1024, 2048)),
    "gpu": Profile("gpu", (64, 128, 256, 512, 1024, 2048, 4096, 8192)),
}


def profile() -> Profile:
    """Return the profile named by the environment variable COURSEKIT_PROFILE, else the one that fits the machine.

    Raises ValueError if the variable names no profile.
    """
    name = os.environ.get(PROFILE_VARIABLE) or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in PROFILES:
        raise ValueError(f"{PROFILE_VARIABLE} is {name!r}. Set it to one of: {', '.join(PROFILES)}.")
    return PROFILES[name]


def device() -> torch.device:
    """Return the GPU if there is one and the profile wants it, else the CPU."""
    return torch.device("cuda" if profile().name == "gpu" and torch.cuda.is_available() else "cpu")


def choose(*, cpu: T, gpu: T) -> T:
    """Return the value that is for the current profile."""
    return gpu if profile().name == "gpu" else cpu


def set_seed(seed: int) -> None:
    """Start the random numbers of torch (on every device), numpy and Python from `seed`, 0 <= seed < 2**32."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@dataclass(frozen=True)
class Cost:
    """What one call took: seconds (the fastest of several calls), and bytes kept until the backward pass."""

    seconds: float
    kept_bytes: int


def measure(function: Callable[..., Any], *inputs: Any, patience: float = 0.2) -> Cost:
    """Measure one forward call of `function(*inputs)`.

    Time is that of the fastest of at least three calls, repeated for `patience` seconds: other programs on the machine
    can only make a call slower.
    Memory is what autograd keeps for the backward pass. It is counted, not sampled, so it is the same on every
    machine; a tensor that is kept twice counts once. It is 0 if no input requires a gradient.
    """
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = function(*inputs)
    kept_bytes = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    del result
    kept.clear()
    timings: list[float] = []
    while len(timings) < 3 or sum(timings) < patience:
        timings.append(_seconds(function, inputs))
    return Cost(min(timings), kept_bytes)


def _seconds(function: Callable[..., Any], inputs: tuple[Any, ...]) -> float:
    _finish_queued_work()
    start = time.perf_counter()
    function(*inputs)
    _finish_queued_work()
    return time.perf_counter() - start


def _finish_queued_work() -> None:
    """A GPU call returns before its work is done; without this only the queueing would be timed."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


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


class Notice:
    """A line of text that a notebook shows in a quiet frame."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        frame = "border-left: 4px solid #888; padding: .3em .8em; opacity: .85"
        return f'<div style="{frame}">{html.escape(self.text)}</div>'


@contextmanager
def when_done(*functions: Callable[..., Any]) -> Iterator[None]:
    """Run the block if the student has written `functions`, else say which one to finish first.

    A stub raises NotImplementedError without a message: only that is swallowed. torch raises the same type, with a
    message, when an operation does not exist for a dtype; that is the student's to see.
    """
    try:
        yield
    except NotImplementedError as error:
        if error.args:
            raise
        names = _functions_in(error.__traceback__, functions) or [function.__name__ for function in functions]
        display(Notice(f"○ Finish {' and '.join(names)} to see this."))


def _functions_in(traceback: TracebackType | None, functions: tuple[Callable[..., Any], ...]) -> list[str]:
    """Names of those `functions` that the error passed through."""
    codes = set()
    while traceback is not None:
        codes.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return [function.__name__ for function in functions if getattr(function, "__code__", None) in codes]
