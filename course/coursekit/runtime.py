"""Where the notebooks run: seed, device, profile, and the cells that wait for an exercise."""

from __future__ import annotations

import html
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import numpy as np
import torch
from IPython.display import display

PROFILE_VARIABLE = "COURSEKIT_PROFILE"


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
