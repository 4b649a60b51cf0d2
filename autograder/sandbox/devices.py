"""Answers written for a GPU, run on a machine without one: what asks for a missing device gets the CPU.

It is imported for a course with torch alone. Only a notebook that names a device is looked after, from that cell on: a
TorchFunctionMode takes about a microsecond per operation, and whoever names none should not wait for it.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _device

from .device_names import KINDS

_WHOLE = re.compile(rf"({'|'.join(KINDS)})(:\d+)?")
_OLD_TYPE = re.compile(r"torch\.cuda\.(\w+Tensor)")


class OnCpu(TorchFunctionMode):
    """While it is on, operations that ask for a missing device are done on the CPU; results are the same, but slower.

    note   called with the kind of each device that was asked for, "cuda", or with "pinned memory"
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note
        self._missing = tuple(kind for kind in KINDS if not torch.get_device_module(kind).is_available())
        self._moving = {getattr(Tensor, kind): kind for kind in self._missing if hasattr(Tensor, kind)}
        self._asking = {*self._moving, Tensor.to, Tensor.type, Tensor.pin_memory}

    def install(self) -> None:
        """Turn it on for the rest of this process, for that which is no operation on tensors as well."""
        if not self._missing:
            return
        self._replace_what_takes_a_device()
        for kind in self._missing:
            _stand_in(torch.get_device_module(kind), partial(self._note, kind))
        if "cuda" in self._missing:
            for name in ("Float", "Double", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool"):
                setattr(torch.cuda, f"{name}Tensor", getattr(torch, f"{name}Tensor"))
        self.__enter__()

    def here(self, device: Any) -> Any:
        """A device that there is, in place of one that is missing; anything else comes back as it is."""
        if isinstance(device, torch.device):
            kind = device.type if device.type in self._missing else ""
        elif isinstance(device, str):
            found = _WHOLE.fullmatch(device)
            kind = found[1] if found and found[1] in self._missing else ""
        else:
            kind = ""
        if not kind:
            return device
        self._note(kind)
        return torch.device("cpu")

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in self._asking or "device" in kwargs or "pin_memory" in kwargs:
            return self._done_here(func, args, dict(kwargs))
        for argument in args:
            if type(argument) in (str, torch.device):
                return self._done_here(func, args, kwargs)
        return func(*args, **kwargs)

    def _done_here(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        if func in self._moving:
            self._note(self._moving[func])
            return args[0]
        if func is Tensor.pin_memory or kwargs.get("pin_memory"):
            self._note("pinned memory")
            if func is Tensor.pin_memory:
                return args[0]
            kwargs["pin_memory"] = False
        if "device" in kwargs:
            given = kwargs["device"]
            kwargs["device"] = self.here(f"cuda:{given}" if type(given) is int else given)
        if func is Tensor.to and type(args[-1]) is int:  # a number is that of a GPU
            args = (*args[:-1], f"cuda:{args[-1]}")
        if func is Tensor.type and isinstance(args[-1], str):
            args = (*args[:-1], _OLD_TYPE.sub(r"torch.\1", args[-1]))
        return func(*map(self.here, args), **kwargs)

    def _replace_what_takes_a_device(self) -> None:
        here = self.here
        start, load, generator = _device.DeviceContext.__init__, torch.load, torch.Generator

        class KindOfGenerator(type(generator)):  # type: ignore[misc]
            def __instancecheck__(cls, value: Any) -> bool:
                return isinstance(value, generator)

        class Generator(generator, metaclass=KindOfGenerator):  # type: ignore[misc, valid-type]
            def __new__(cls, device: Any = "cpu") -> Any:
                return generator(here(device))

        def loaded(f: Any, map_location: Any = None, *args: Any, **kwargs: Any) -> Any:
            return load(f, here(map_location), *args, **kwargs)

        # Behind torch.set_default_device and `with torch.device(…)`.
        _device.DeviceContext.__init__ = lambda self, device: start(self, here(device))  # type: ignore[method-assign]
        torch.load, torch.Generator = loaded, Generator  # type: ignore[misc]


class _Moment:
    """Stands in for an event in a queue of a GPU."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._at = 0.0

    def record(self, stream: Any = None) -> None:
        self._at = time.perf_counter()

    def elapsed_time(self, end: _Moment) -> float:
        """Milliseconds until another one."""
        return 1000 * (end._at - self._at)

    def query(self) -> bool:
        return True

    def wait(self, stream: Any = None) -> None:
        return None

    synchronize = wait


class _Queue(contextlib.nullcontext[None]):
    """Stands in for a queue of a GPU: all that was put into it is done."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        return None

    def wait_stream(self, stream: Any) -> None:
        return None

    wait_event = wait_stream


_NOTHING = dict.fromkeys(
    (
        "empty_cache", "ipc_collect", "reset_accumulated_memory_stats", "reset_max_memory_allocated",
        "reset_max_memory_cached", "reset_peak_memory_stats", "set_device", "set_per_process_memory_fraction",
        "synchronize",
    )
)  # fmt: skip
_INSTEAD: dict[str, Any] = {
    **_NOTHING,
    "current_allocated_memory": 0,
    "current_device": 0,
    "driver_allocated_memory": 0,
    "get_device_capability": (0, 0),
    "get_device_name": "CPU",
    "get_device_properties": SimpleNamespace(name="CPU", total_memory=0, major=0, minor=0, multi_processor_count=1),
    "mem_get_info": (0, 0),
    "memory_summary": "",
    "recommended_max_memory": 0,
}
_TYPES = {"Event": _Moment, "Stream": _Queue, "current_stream": _Queue, "default_stream": _Queue, "stream": _Queue}


def _stand_in(module: ModuleType, note: Callable[[], None]) -> None:
    """Let the functions of torch.cuda and its like do nothing where they would fail. `is_available` stays False."""
    for name in _INSTEAD.keys() & vars(module).keys():
        setattr(module, name, _returning(_INSTEAD[name], note))
    for name in _TYPES.keys() & vars(module).keys():
        setattr(module, name, _TYPES[name])
    if hasattr(module, "device"):
        module.device = _Queue  # type: ignore[attr-defined]
    for name in {"manual_seed", "manual_seed_all", "seed"} & vars(module).keys():
        setattr(module, name, lambda *_: None)  # torch's own manual_seed calls them, and the CPU has its seed from that
    for name in ("get_rng_state", "set_rng_state"):
        if hasattr(module, name):
            setattr(module, name, _without_device(getattr(torch, name)))


def _returning(value: Any, note: Callable[[], None]) -> Callable[..., Any]:
    def instead(*_: Any, **__: Any) -> Any:
        note()
        return value

    return instead


def _without_device(function: Callable[..., Any]) -> Callable[..., Any]:
    def instead(*given: Any, **_: Any) -> Any:
        return function(*(value for value in given if isinstance(value, Tensor)))

    return instead
