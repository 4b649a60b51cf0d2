"""Nested values: lists, dicts and the like of plain Python, with what codecs own inside of them."""

from __future__ import annotations

import base64
import copy
import importlib
import json
import math
import pkgutil
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from .base import Block, Codec, CodecError, CodecMissing, Decoder, Encoder, Ref, Tolerance

HERE = Path(__file__).parent
MAX_DEPTH = 40
MAX_NODES = 200_000
MAX_INTEGER = 4096  # hexadecimal digits
SAME_HASH = 1000  # keys: as many of one hash take milliseconds, the most that fit into an answer minutes
FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
SEQUENCES = (list, tuple)
SETS = (set, frozenset)
EXACT = (str, int, bool, type(None))

# Bound here, for what a student's code puts into the module in their place is no business of ours.
_seed, _state, _restore = random.seed, random.getstate, random.setstate


class Codecs:
    """The codecs of a course, and what they do with nested values."""

    def __init__(self, codecs: Sequence[Codec] = ()) -> None:
        self._codecs = tuple(codecs)
        self._by_tag = {f"${codec.name}": codec for codec in codecs}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(codec.name for codec in self._codecs)

    def of(self, value: Any) -> Codec | None:
        """The codec that owns a value; None for plain ones, and for what none owns."""
        for codec in self._codecs:
            if codec.owns(value):
                return codec
        return None

    def encode(self, value: Any, keep: Callable[[Any], Ref]) -> tuple[Any, dict[str, Block]]:
        """Take a value apart into JSON and the blocks that it names.

        What has no plain form and no codec is handed to `keep` and travels as its `Ref`. Raises CodecError for a value
        nested deeper than MAX_DEPTH or with more than MAX_NODES parts, TypeError for one of a dtype that cannot cross.
        """
        encoder = _Encoder(self, keep)
        return encoder.value(value), encoder.blocks

    def decode(
        self, tree: Any, blocks: Mapping[str, Block], resolve: Callable[[Ref], Any], single: bool = False
    ) -> Any:
        """Put together what `encode` took apart; every `Ref` goes through `resolve`.

        single   with float32 in place of all float64 that codecs own

        Raises CodecError for what `encode` would not have made.
        """
        try:
            return _Decoder(self._by_tag, blocks, resolve, single).value(tree)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            if isinstance(error, CodecError):
                raise
            raise CodecError(f"not a value: {type(error).__name__}") from None

    def copy(self, value: Any) -> Any:
        """A copy that shares nothing with a value; what is neither plain nor owned is copied by `copy.deepcopy`."""
        codec = self.of(value)
        if codec is not None:
            return codec.copy(value)
        if type(value) in (*SEQUENCES, *SETS):
            return type(value)(map(self.copy, value))
        if type(value) is dict:
            return {self.copy(key): self.copy(item) for key, item in value.items()}
        return copy.deepcopy(value)

    def same(self, one: Any, other: Any, tolerance: Tolerance, any_kind: bool = False) -> bool:
        """Whether two nested values are the same: structure, types, shapes, dtypes, numbers within a tolerance.

        nan is the same as nan; whole numbers, words and truth values are compared exactly; the order of a dict or a
        set does not count.

        any_kind   a list may stand for a tuple, and what holds one number alone for a number of Python
        """
        if type(one) is type(other) and type(one) in EXACT:
            return bool(one == other)
        if any_kind and (_is_number(one) or _is_number(other)):
            number, known = self.number(one), self.number(other)
            return number is not None and known is not None and _near(number, known, tolerance)
        parts = partial(self.same, tolerance=tolerance, any_kind=any_kind)
        codec = self.of(other) or self.of(one)
        if codec is not None:
            return codec.owns(one) and codec.owns(other) and codec.same(one, other, tolerance, parts)
        if isinstance(other, SEQUENCES):
            kinds = SEQUENCES if any_kind else type(other)
            return isinstance(one, kinds) and len(one) == len(other) and all(map(parts, one, other))
        if isinstance(other, dict):
            return isinstance(one, dict) and one.keys() == other.keys() and all(parts(one[k], other[k]) for k in other)
        if isinstance(other, SETS):
            return isinstance(one, type(other)) and _same_sets(one, other, tolerance)
        if _is_number(one) and _is_number(other):
            return _near(one, other, tolerance)
        return type(one) is type(other) and bool(one == other)

    def number(self, value: Any) -> int | float | None:
        """The real number that a value is, or holds alone; None for all others, and for truth values."""
        codec = self.of(value)
        if codec is not None:
            return codec.number(value)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def describe(self, value: Any) -> str:
        """What a value is, in words for a sentence."""
        codec = self.of(value)
        if codec is not None:
            return codec.describe(value)
        if isinstance(value, SEQUENCES):
            nouns = {self._noun(part) for part in value}
            return f"a {type(value).__name__} of {len(value)} {nouns.pop() if len(nouns) == 1 else 'value'}s"
        return (
            "nothing (None)"
            if value is None
            else f"a value of type {getattr(value, 'type_name', type(value).__name__)}"
        )

    def _noun(self, value: Any) -> str:
        codec = self.of(value)
        return "value" if codec is None else codec.noun(value)

    def array(self, block: Block) -> Any:
        """Numbers in bulk as the first codec with arrays has them. Raises CodecMissing where none has."""
        made = (codec.array(block) for codec in self._codecs)
        found = next((array for array in made if array is not None), None)
        if found is None:
            raise CodecMissing("The course asks for no codec with arrays, such as codecs=('numpy',).")
        return found

    def dtype(self, single: bool = False) -> Any:
        """What the first codec that has numbers of its own calls float64, or float32; else Python's float."""
        found = (codec.dtype(single) for codec in self._codecs)
        return next((dtype for dtype in found if dtype is not None), float)

    def seed(self, seed: int) -> None:
        """Seed the random numbers of Python and of each library, 0 ≤ seed < 2³¹."""
        for codec in self._codecs:
            codec.seed(seed)
        _seed(seed)

    def state(self) -> list[Any]:
        """The states of all these random numbers."""
        return [_state(), *(codec.state() for codec in self._codecs)]

    def restore(self, state: list[Any]) -> None:
        """Put them back."""
        _restore(state[0])
        for codec, own in zip(self._codecs, state[1:], strict=True):
            codec.restore(own)

    def rng_for(self, seed: int) -> Any:
        """A generator of random numbers, from the first codec that makes any, else `random.Random`; 0 ≤ seed < 2⁵⁶."""
        made = (codec.rng(seed) for codec in self._codecs)
        return next((rng for rng in made if rng is not None), None) or random.Random(seed)

    def warm_up(self) -> None:
        """Do once what first operations take long for; see `Codec.warm_up`."""
        for codec in self._codecs:
            codec.warm_up()


class _Encoder(Encoder):
    def __init__(self, codecs: Codecs, keep: Callable[[Any], Ref]) -> None:
        self.blocks: dict[str, Block] = {}
        self._codecs = codecs
        self._keep = keep
        self._nodes = 0
        self._depth = -1

    def block(self, dtype: str, shape: tuple[int, ...], data: bytes) -> str:
        self.blocks[key := f"t{len(self.blocks)}"] = Block(dtype, shape, data)
        return key

    def value(self, item: Any) -> Any:
        self._nodes += 1
        self._depth += 1
        if self._depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise CodecError("The value is nested too deeply or has too many parts to be handed over.")
        node = self._node(item)
        self._depth -= 1
        return node

    def _node(self, item: Any) -> Any:
        # Most values are one of these themselves, and no codec has to be asked.
        kind = type(item)
        if item is None or kind is bool or kind is str:
            return item
        if kind is int:
            return item if abs(item) < 2**63 else {"$int": hex(item)[:MAX_INTEGER]}
        if kind is float:
            return item if math.isfinite(item) else {"$float": repr(item)}
        if kind is list:
            return [self.value(part) for part in item]
        codec = self._codecs.of(item)
        if codec is not None:
            return {f"${codec.name}": codec.take_apart(item, self)}
        return self._rare(item)

    def _rare(self, item: Any) -> Any:
        """Other containers, and subclasses, of which only the plain value crosses, whatever their methods say."""
        if isinstance(item, tuple):
            return {"$tuple": [self.value(part) for part in tuple.__iter__(item)]}
        if isinstance(item, dict):
            return {"$dict": [[self.value(key), self.value(part)] for key, part in dict.items(item)]}
        if isinstance(item, list):
            return [self.value(part) for part in list.__iter__(item)]
        for kind in SETS:
            if isinstance(item, kind):
                parts = [self.value(part) for part in kind.__iter__(item)]  # type: ignore[arg-type]
                return {f"${kind.__name__}": sorted(parts, key=json.dumps)}  # the same JSON in every process
        if isinstance(item, str):
            return str.__str__(item)
        if isinstance(item, int):
            return self._node(int.__int__(item))
        if isinstance(item, float):
            return self._node(float.__float__(item))
        if isinstance(item, complex):
            number = complex.__complex__(item)
            return {"$complex": [self._node(number.real), self._node(number.imag)]}
        if isinstance(item, bytes):
            return {"$bytes": base64.b64encode(bytes.__bytes__(item)).decode()}
        kept = item if isinstance(item, Ref) else self._keep(item)
        return {"$ref": kept.number, "type": kept.type_name}


class _Decoder(Decoder):
    def __init__(
        self, by_tag: Mapping[str, Codec], blocks: Mapping[str, Block], resolve: Callable[[Ref], Any], single: bool
    ) -> None:
        self._by_tag = by_tag
        self._blocks = blocks
        self._resolve = resolve
        self._single = single
        self._depth = 0

    def block(self, key: Any) -> Block:
        return self._blocks[key]

    def value(self, node: Any) -> Any:
        if node is None or isinstance(node, bool | int | float | str):
            return node
        self._depth += 1
        if self._depth > MAX_DEPTH + 2:
            raise CodecError("nested too deeply")
        if isinstance(node, list):
            found: Any = [self.value(part) for part in node]
        elif isinstance(node, dict) and node:
            tag = next(iter(node))
            codec = self._by_tag.get(tag)
            found = self._plain(tag, node) if codec is None else self._owned(codec, node[tag])
        else:
            raise CodecError("unknown node")
        self._depth -= 1
        return found

    def _owned(self, codec: Codec, node: Any) -> Any:
        try:
            value = codec.put_together(node, self)
            return codec.to_single(value) if self._single else value
        except CodecError:
            raise
        except Exception as error:  # whatever a library raises for what was forged
            raise CodecError(f"not a value of {codec.name}: {type(error).__name__}") from None

    def _plain(self, tag: str, node: dict[str, Any]) -> Any:
        content = node[tag]
        if tag == "$tuple":
            return tuple([self.value(part) for part in content])
        if tag == "$dict":
            pairs = [(_hashable(self.value(key)), part) for key, part in content]
            _refuse_collisions([key for key, _ in pairs])
            return {key: self.value(part) for key, part in pairs}
        if tag in ("$set", "$frozenset"):
            parts = [_hashable(self.value(part)) for part in content]
            _refuse_collisions(parts)
            return set(parts) if tag == "$set" else frozenset(parts)
        if tag == "$float":
            return FLOATS[content]
        if tag == "$int":
            return int(content[:MAX_INTEGER], 16)
        if tag == "$complex":
            real, imaginary = content
            return complex(self.value(real), self.value(imaginary))
        if tag == "$bytes":
            return base64.b64decode(content, validate=True)
        if tag == "$ref":
            return self._resolve(Ref(int(content), str(node.get("type", "object"))[:200]))
        raise CodecError("unknown node")


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


def _refuse_collisions(keys: list[Any]) -> None:
    """Numbers can be chosen to have one hash, and looking for one among n of them takes n steps."""
    if len(keys) > SAME_HASH and Counter(map(hash, keys)).most_common(1)[0][1] > SAME_HASH:
        raise CodecError("too many keys of one hash")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) and not isinstance(value, bool)


def _near(one: Any, other: Any, tolerance: Tolerance) -> bool:
    """Whether two numbers of Python are the same within a tolerance."""
    if one == other or (isinstance(one, int) and isinstance(other, int)):
        return bool(one == other)
    if isinstance(one, complex) or isinstance(other, complex):
        one, other = complex(one), complex(other)
        return _near(one.real, other.real, tolerance) and _near(one.imag, other.imag, tolerance)
    try:
        one, other = float(one), float(other)
    except OverflowError:
        return False
    if math.isfinite(one) and math.isfinite(other):
        return (tolerance.plain or tolerance).allows(one, other)
    return math.isnan(one) and math.isnan(other)


def _same_sets(one: Any, other: Any, tolerance: Tolerance) -> bool:
    if one == other or len(one) != len(other):
        return bool(one == other)
    real = all(isinstance(value, int | float) and not math.isnan(value) for value in (*one, *other))
    return real and all(_near(a, b, tolerance) for a, b in zip(sorted(one), sorted(other), strict=True))


PLAIN = Codecs()
"""Plain values alone."""


_in_use: dict[str, Codec] = {}


@cache
def codecs_for(names: tuple[str, ...] = ()) -> Codecs:
    """The codecs of these names, with what they bring along; see the package for which there are.

    Raises CodecMissing.
    """
    found: dict[str, Codec] = {}

    def add(name: str) -> None:
        if name not in found:
            codec = found[name] = _in_use[name] = _load(name).CODEC
            for brought in codec.brings:
                add(brought)

    for name in names:
        add(name)
    return Codecs(tuple(found.values()))


def codecs_in_use() -> Codecs:
    """All codecs that this process has asked for so far."""
    return Codecs(tuple(_in_use.values()))


def _load(name: str) -> ModuleType:
    own = sorted({module.name for module in pkgutil.iter_modules([str(HERE)])} - {"base", "blocks", "values"})
    if "." not in name and name not in own:
        raise CodecMissing(
            f"There is no codec {name!r}: there are {', '.join(map(repr, own))}. A codec of the course's own is named "
            "by its module in full, 'solutions.my_codec'."
        )
    try:
        return importlib.import_module(name if "." in name else f"{__package__}.{name}")
    except ModuleNotFoundError as error:
        raise CodecMissing(
            f"The codec {name!r} needs {error.name}, which is not installed here: `pip install {error.name}`, or leave "
            "the codec out if no exercise takes or returns such values."
        ) from None
