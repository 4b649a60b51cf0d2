"""What a codec is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class CodecError(ValueError):
    """A value that cannot be taken apart, or JSON that no value was taken apart into."""


class CodecMissing(Exception):
    """A codec that does not exist, or whose library is not installed; the text says which, and what to do."""


@dataclass(frozen=True)
class Block:
    """Numbers in bulk, as they lie in memory: row by row, little-endian.

    dtype   as torch and numpy call it: bool, int8, …, uint64, float16, bfloat16, float32, float64 or complex64
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes | bytearray


@dataclass(frozen=True)
class Ref:
    """A value that stayed where it is: its number there, and the name of its type."""

    number: int
    type_name: str


@dataclass(frozen=True)
class Tolerance:
    """How far apart two numbers may be and still be the same: atol + rtol · |the second|.

    single   for arrays and tensors of single or half precision, if not the same
    plain    for numbers of Python, whose precision says nothing of where they come from, if not the same
    """

    rtol: float
    atol: float
    single: Tolerance | None = None
    plain: Tolerance | None = None

    def allows(self, one: Any, other: Any) -> bool:
        """Whether two finite numbers are near enough."""
        return bool(abs(one - other) <= self.atol + self.rtol * abs(other))


class Encoder(Protocol):
    """What takes a nested value apart."""

    def value(self, item: Any) -> Any:
        """JSON for a value inside of the one at hand. Raises CodecError for too many, or too deep ones."""

    def block(self, dtype: str, shape: tuple[int, ...], data: bytes) -> str:
        """Put numbers in bulk beside the JSON; returns their name, which belongs into it."""


class Decoder(Protocol):
    """What puts a nested value together."""

    def value(self, node: Any) -> Any:
        """The value that `Encoder.value` gave this JSON for. Raises CodecError."""

    def block(self, key: Any) -> Block:
        """Numbers by their name. Raises KeyError."""


class Codec:
    """How values of one kind are handled.

    name      of the kind, by which the other side of the wire knows it
    brings    names of codecs that it needs for what its values are made of
    """

    name = ""
    brings: tuple[str, ...] = ()

    def owns(self, value: Any) -> bool:
        """Whether a value is of this kind."""
        raise NotImplementedError

    def take_apart(self, value: Any, encoder: Encoder) -> Any:
        """JSON from which the value can be put together again. Raises TypeError for one that cannot cross."""
        raise NotImplementedError

    def put_together(self, node: Any, decoder: Decoder) -> Any:
        """The value. May raise whatever it likes for JSON that `take_apart` did not make."""
        raise NotImplementedError

    def array(self, block: Block) -> Any:
        """Numbers in bulk as the library has them; None where it has no arrays. Raises whatever for a foreign dtype."""
        return None

    def copy(self, value: Any) -> Any:
        """A copy that shares nothing with the value."""
        return copy.deepcopy(value)

    def same(self, one: Any, other: Any, tolerance: Tolerance, parts: Callable[[Any, Any], bool]) -> bool:
        """Whether two values of this kind are the same within a tolerance: shape, dtype, numbers; nan is nan.

        parts   says so of two values inside of them
        """
        return type(one) is type(other) and bool(one == other)

    def number(self, value: Any) -> int | float | None:
        """The number that a value is, if it is a single one of real numbers."""
        return None

    def noun(self, value: Any) -> str:
        """What such a value is called: "tensor"."""
        return "value"

    def describe(self, value: Any) -> str:
        """What a value is, in words for a sentence: "a tensor of shape (2, 3)"."""
        return f"a value of type {type(value).__name__}"

    def to_single(self, value: Any) -> Any:
        """The same with float32 wherever it holds float64."""
        return value

    def dtype(self, single: bool) -> Any:
        """What the library calls float64, or float32 where `single`; None where it has no numbers of its own."""
        return None

    def seed(self, seed: int) -> None:
        """Seed the library's own random numbers, 0 ≤ seed < 2³¹."""

    def state(self) -> Any:
        """The state of the library's own random numbers."""
        return None

    def restore(self, state: Any) -> None:
        """Put that state back."""

    def rng(self, seed: int) -> Any:
        """A generator of random numbers with a seed, 0 ≤ seed < 2⁵⁶; None where the library has none."""
        return None

    def warm_up(self) -> None:
        """Do once what the library's first operations take long for, before processes are forked. Starts no thread."""
