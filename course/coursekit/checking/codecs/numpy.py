"""Arrays and numbers of numpy."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from .base import Block, Codec, Decoder, Encoder, Tolerance

DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64",
)  # fmt: skip
TIMES = re.compile(r"(datetime64|timedelta64)\[(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]")
SINGLE = ("float16", "float32", "complex64")

# Bound here: a student's code may replace what numpy calls so.
_seed, _state, _restore = np.random.seed, np.random.get_state, np.random.set_state


class NumpyCodec(Codec):
    """Arrays of numbers, truth values, times, texts and objects; not of records. Subclasses become plain arrays.

    An array without axes and a number of numpy are one kind, and arrive as a number of numpy.
    """

    name = "numpy"

    def owns(self, value: Any) -> bool:
        return isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcmMUO"

    def take_apart(self, value: Any, encoder: Encoder) -> Any:
        array = np.array(value, order="C", subok=False)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)
        kind, name = array.dtype.kind, array.dtype.name
        if kind in "UO":
            values = encoder.value(array.ravel().tolist())
            return {"objects": kind, "shape": list(array.shape), "values": values}
        if kind in "mM":
            return {"block": encoder.block("int64", array.shape, array.tobytes()), "dtype": array.dtype.str[1:]}
        if name == "complex128":
            return {"block": encoder.block("float64", (*array.shape, 2), array.tobytes()), "dtype": name}
        if name not in DTYPES:
            raise TypeError(f"an array of dtype {name} cannot be handed over")
        return {"block": encoder.block(name, array.shape, array.tobytes())}

    def put_together(self, node: Any, decoder: Decoder) -> Any:
        if "objects" in node:
            return _objects(node["objects"], tuple(node["shape"]), decoder.value(node["values"]))[()]
        array = self.array(decoder.block(node["block"]))
        wanted = node.get("dtype")
        if wanted == "complex128":
            array = array.view(np.complex128)[..., 0]
        elif wanted is not None:
            array = array.view(np.dtype(_time(wanted)))
        return array[()] if array.ndim == 0 else array

    def array(self, block: Block) -> np.ndarray:
        if block.dtype not in DTYPES:
            raise TypeError("not a dtype of numpy")
        array = np.frombuffer(bytearray(block.data), dtype=np.uint8 if block.dtype == "bool" else block.dtype)
        array = array.reshape(block.shape)
        return array != 0 if block.dtype == "bool" else array  # whatever the bytes are

    def copy(self, value: Any) -> Any:
        return super().copy(value) if value.dtype.kind == "O" else value.copy()

    def same(self, one: Any, other: Any, tolerance: Tolerance, parts: Callable[[Any, Any], bool]) -> bool:
        if one.shape != other.shape or one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
            return False
        if one.dtype.kind == "O":
            return all(map(parts, one.ravel().tolist(), other.ravel().tolist()))
        if one.dtype.kind not in "fc":
            return np.array_equal(one, other, equal_nan=one.dtype.kind in "mM")
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        allowed = (tolerance.single if one.dtype.name in SINGLE else None) or tolerance
        near = np.allclose(one.astype(wide), other.astype(wide), allowed.rtol, allowed.atol, equal_nan=True)
        return bool(near)

    def number(self, value: Any) -> int | float | None:
        if value.size != 1 or value.dtype.kind not in "iuf":
            return None
        found: int | float = value.item()
        return found

    def noun(self, value: Any) -> str:
        return "array" if isinstance(value, np.ndarray) else "value"

    def describe(self, value: Any) -> str:
        if isinstance(value, np.ndarray):
            return f"an array of shape {tuple(map(int, value.shape))}"
        return super().describe(value)

    def to_single(self, value: Any) -> Any:
        return value.astype(np.float32) if value.dtype == np.float64 else value

    def dtype(self, single: bool) -> type:
        return np.float32 if single else np.float64

    def seed(self, seed: int) -> None:
        _seed(seed)

    def state(self) -> Any:
        return _state()

    def restore(self, state: Any) -> None:
        _restore(state)

    def rng(self, seed: int) -> np.random.Generator:
        return np.random.default_rng(seed)

    def warm_up(self) -> None:
        self.rng(0).normal(size=(2, 3)) @ np.ones((3, 2))
        repr(np.zeros(3))


def _time(name: str) -> str:
    """The name of a dtype of times. Raises ValueError."""
    wanted = {"M": "datetime64", "m": "timedelta64"}.get(name[:1], "") + name[2:]
    if not TIMES.fullmatch(wanted):
        raise ValueError("not a dtype of times")
    return wanted


def _objects(kind: str, shape: tuple[int, ...], values: list[Any]) -> Any:
    """An array of texts ("U") or of objects ("O")."""
    if kind not in ("U", "O") or math.prod(shape) != len(values):
        raise ValueError("not an array")
    if kind == "U":
        return np.array(values, dtype=np.str_).reshape(shape)
    array = np.empty(len(values), dtype=object)
    for place, item in enumerate(values):  # at once, numpy would look inside of lists
        array[place] = item
    return array.reshape(shape)


CODEC = NumpyCodec()
