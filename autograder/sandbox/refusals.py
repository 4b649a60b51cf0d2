"""What stands in the place of a ready-made part: it is asked for, says that it is not there, and notes it.

The part itself is nowhere in the interpreter, so that what is written here can be changed or called round without
gaining it.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from .ready_made import Parts, ReadyMade

met: list[str] = []
"""Parts that were asked for since this was emptied last."""

ever: set[str] = set()
"""All that were."""


class Refused(RuntimeError):
    """A ready-made part was called, `part`; it is not there."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} is not here: this exercise is done by hand.")
        self.part = part


def note(part: str) -> None:
    ever.add(part)
    if part not in met:
        met.append(part)


def refuse(part: str) -> Any:
    """Note the part. Raises Refused."""
    note(part)
    raise Refused(part)


def refused_in(error: BaseException) -> Refused | None:
    """The refusal that led to an exception."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, Refused):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None


def take_operators(parts: Parts, ready_made: ReadyMade) -> list[str]:
    """Put a refusal in the place of every kernel of torch's operators that the interpreter does not have.

    Whatever calls an operator, from Python, from a thread or from a compiled graph, ends at the dispatcher. An
    original kernel comes back only with the end of what registers the refusal; no Python object leads there.

    Returns their names.
    """
    if "torch" not in sys.modules:
        return []
    import torch

    dispatch = torch._C
    taken = []
    for full in sorted(dispatch._dispatch_get_all_op_names()):
        space, name = full.split("::")
        if ready_made.is_in(parts, name.partition(".")[0]):
            continue
        taken.append(full)
        registration = dispatch._dispatch_library("IMPL", space, "")
        for key in _keys(full):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                registration.impl(name, key, _refusing(f"torch.{name.partition('.')[0]}"))
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(registration))  # so that it never ends
    return taken


def _keys(operator: str) -> Iterable[str]:
    """The dispatch keys, aliases among them, for which an operator has a kernel of its own."""
    import torch

    for key in (*torch._C.DispatchKey.__members__, "Tracer", "MkldnnCPU"):  # which are no members
        try:
            if torch._C._dispatch_has_kernel_for_dispatch_key(operator, key):
                yield key
        except RuntimeError:  # the name of a bound of a range
            continue


def _refusing(part: str) -> Callable[..., Any]:
    return lambda *_, **__: refuse(part)


class Absent:
    """An object of a library that is not there. It can be named and handed on, and noticed; nothing comes out of it."""

    def __init__(self, part: str) -> None:
        object.__setattr__(self, "_part", part)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self._part}.{name}")

    def __call__(self, *_: Any, **__: Any) -> Absent:
        note(self._part)
        return Absent(self._part)

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"<{self._part} is not here: this exercise is done by hand>"

    def _refuse(self, *_: Any) -> Any:
        return refuse(self._part)

    __fspath__ = __iter__ = __len__ = __bool__ = __int__ = __float__ = __index__ = __getitem__ = __contains__ = _refuse
    __eq__ = __lt__ = __gt__ = __add__ = __radd__ = __mul__ = __rmul__ = __matmul__ = __rmatmul__ = __sub__ = _refuse
    __enter__ = _refuse
    __hash__ = object.__hash__

    def __exit__(self, *_: object) -> None:
        pass


class _AbsentType(type):
    """A class of such a library: something to compare types with and to inherit from."""

    _part: str

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{cls._part}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> Any:
        note(cls._part)
        return Absent(cls._part)


class _AbsentModule(types.ModuleType):
    """A module of such a library."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        part = f"{self.__name__}.{name}"
        made: Any = _AbsentType(name, (), {"_part": part}) if name[:1].isupper() else Absent(part)
        setattr(self, name, made)
        return made


class _AbsentLibraries:
    """Finds the modules of the libraries that are not there, so that naming one costs nothing."""

    def __init__(self, libraries: frozenset[str]) -> None:
        self.libraries = libraries

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] not in self.libraries:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__dict__["__version__"] = "0"


def hiding() -> bool:
    """Whether ready-made parts are kept from this interpreter."""
    return any(isinstance(finder, _AbsentLibraries) for finder in sys.meta_path)


def hide_libraries(libraries: Iterable[str]) -> None:
    """Let imports of these find modules without anything in them."""
    sys.meta_path.append(_AbsentLibraries(frozenset(libraries)))
