"""Where the notebooks run: seed, device, profile, progress."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from coursekit.checking.notebook.lines import progress as progress

PROFILE_VARIABLE = "COURSEKIT_PROFILE"

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
