"""What crosses the wall between grader and student: frames of JSON with tensors as safetensors, and nothing else.

Both sides use this module. It never pickles, and the grader's side decodes into plain values only.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import load

HEADER = struct.Struct(">IQ")
CHUNK = 1 << 16
VALUE_BYTES = 64  # what a value takes in Python's memory, on average
SAFETENSORS = {
    torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
    torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float32: "F32", torch.float64: "F64", torch.complex64: "C64",
}  # fmt: skip
MAX_DEPTH = 40
MAX_NODES = 200_000
# A part of a value takes at most three brackets and commas of JSON, and a level of nesting as many brackets.
MAX_JSON_MARKS = 3 * MAX_NODES
MAX_JSON_DEPTH = 3 * (MAX_DEPTH + 2)
MAX_TENSORS_HEADER = 1 << 20  # bytes: some 15,000 tensors
MAX_INTEGER = 4096  # hexadecimal digits


class WireError(Exception):
    """A frame that is too large, cut short or not what the protocol allows."""


class TooLarge(WireError):
    """A frame larger than allowed, with more values, or nested deeper."""


class Closed(WireError):
    """The other side is gone."""


class Overdue(WireError):
    """Nothing complete arrived in time."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# Half a pair of surrogates, which Python reads and nobody can write into a file.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


_BRACKETS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # as signed bytes: one level up, one level down
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))


def count_values(text: bytes) -> int:
    """How many brackets and commas JSON has outside its strings: each value but the first takes one at least.

    Raises TooLarge for more than a value that `encode` made, or deeper nesting, before anything is built of it.
    """
    if (most := _marks(text)) <= MAX_JSON_DEPTH:
        return most
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")  # now a quote begins or ends a string
    if bare.count(b'"') > 4 * MAX_JSON_MARKS:
        raise TooLarge("an answer of more values than allowed")
    outside = b"".join(bare.split(b'"')[::2])
    if (count := _marks(outside)) > MAX_JSON_MARKS:
        raise TooLarge("an answer of more values than allowed")
    levels = memoryview(outside.translate(_BRACKETS, _NO_BRACKETS)).cast("b")
    if max(itertools.accumulate(levels), default=0) > MAX_JSON_DEPTH:
        raise TooLarge("an answer that is nested deeper than allowed")
    return count


def _marks(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def read_json(text: bytes) -> Any:
    """What JSON says, in characters that can be written as UTF-8. Raises ValueError or RecursionError."""
    known = text.decode("utf-8", "replace")
    value = _JSON.decode(known)
    if _SURROGATE.search(known):
        whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        value = _JSON.decode(whole.decode("utf-8"))
    return value


@dataclass(frozen=True)
class Ref:
    """A value that stayed in the worker: its number there and the name of its type."""

    number: int
    type_name: str


def _plain_tensor(value: torch.Tensor) -> torch.Tensor:
    with torch._C.DisableTorchFunctionSubclass():
        dense = value if value.layout is torch.strided else value.to_dense()
    plain = dense.as_subclass(torch.Tensor).detach()
    if plain.dtype not in SAFETENSORS:
        raise TypeError(f"a tensor of dtype {plain.dtype} cannot be handed over")
    return plain.cpu().contiguous().clone()


def save(tensors: dict[str, torch.Tensor]) -> bytes:
    """What `encode` gave as safetensors, for small tensors in a quarter of the time of the library's own `save`."""
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        data = tensor.reshape(-1).view(torch.uint8).numpy().data
        begin, end = end, end + len(data)
        header[name] = {
            "dtype": SAFETENSORS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
        parts.append(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def read_tensors(raw: bytes) -> dict[str, torch.Tensor]:
    """The tensors of safetensors. Raises WireError, also for a header larger than allowed."""
    if int.from_bytes(raw[:8], "little") > MAX_TENSORS_HEADER:
        raise WireError("safetensors with too large a header")
    try:
        return load(raw)
    except Exception as error:  # the library has errors of its own
        raise WireError(f"not safetensors: {type(error).__name__}") from None


def encode(value: Any, keep: Callable[[Any], Ref]) -> tuple[Any, dict[str, torch.Tensor]]:
    """Turn a value into a JSON tree and the tensors it refers to.

    Tensors lose their subclass, device and graph; `requires_grad` is kept as a flag. What has no plain form is handed
    to `keep` and travels as its `Ref`.

    Raises WireError for a value nested deeper than MAX_DEPTH or with more than MAX_NODES parts, TypeError for a tensor
    of a dtype that safetensors does not have.
    """
    tensors: dict[str, torch.Tensor] = {}
    nodes = 0

    def visit(item: Any, depth: int) -> Any:
        nonlocal nodes
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise WireError("The value is nested too deeply or has too many parts to be handed over.")
        if item is None or item is True or item is False:
            return item
        if isinstance(item, str):
            return str.__str__(item)
        if isinstance(item, (np.generic, np.ndarray)) and item.dtype.kind in "biufc":
            tensors[key := f"t{len(tensors)}"] = _plain_tensor(torch.from_numpy(np.array(item, copy=True)))
            return {"$array": key}
        if isinstance(item, int):
            number = int.__int__(item)
            return number if abs(number) < 2**63 else {"$int": hex(number)[:MAX_INTEGER]}
        if isinstance(item, float):
            real = float.__float__(item)
            return real if math.isfinite(real) else {"$float": repr(real)}
        if isinstance(item, torch.Tensor):
            tensors[key := f"t{len(tensors)}"] = _plain_tensor(item)
            return {"$tensor": key, "requires_grad": bool(item.requires_grad)}
        if isinstance(item, tuple):
            return {"$tuple": [visit(part, depth + 1) for part in tuple.__iter__(item)]}
        if isinstance(item, list):
            return [visit(part, depth + 1) for part in list.__iter__(item)]
        if isinstance(item, dict):
            return {"$dict": [[visit(k, depth + 1), visit(v, depth + 1)] for k, v in dict.items(item)]}
        if isinstance(item, torch.dtype):
            return {"$dtype": str(item).removeprefix("torch.")}
        if isinstance(item, Ref):
            return {"$ref": item.number, "type": item.type_name}
        kept = keep(item)
        return {"$ref": kept.number, "type": kept.type_name}

    return visit(value, 0), tensors


def decode(tree: Any, tensors: dict[str, torch.Tensor], resolve: Callable[[Ref], Any]) -> Any:
    """Rebuild what `encode` took apart; every `Ref` goes through `resolve`.

    Raises WireError for a tree that `encode` would not have made.
    """

    def visit(node: Any, depth: int) -> Any:
        if depth > MAX_DEPTH + 2:
            raise WireError("nested too deeply")
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if isinstance(node, list):
            return [visit(part, depth + 1) for part in node]
        if not isinstance(node, dict):
            raise WireError(f"unknown node {type(node).__name__}")
        if "$tensor" in node:
            tensor = tensors[node["$tensor"]].clone()
            if node.get("requires_grad") and tensor.is_floating_point():
                tensor.requires_grad_(True)
            return tensor
        if "$array" in node:
            array = tensors[node["$array"]].numpy().copy()
            return array if array.ndim else array[()]
        if "$tuple" in node:
            return tuple(visit(part, depth + 1) for part in node["$tuple"])
        if "$dict" in node:
            return {_hashable(visit(k, depth + 1)): visit(v, depth + 1) for k, v in node["$dict"]}
        if "$float" in node:
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[node["$float"]]
        if "$int" in node:
            return int(node["$int"][:MAX_INTEGER], 16)
        if "$dtype" in node:
            dtype = getattr(torch, str(node["$dtype"]), None)
            if not isinstance(dtype, torch.dtype):
                raise WireError("unknown dtype")
            return dtype
        if "$ref" in node:
            return resolve(Ref(int(node["$ref"]), str(node.get("type", "object"))[:200]))
        raise WireError("unknown node")

    try:
        return visit(tree, 0)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise WireError(f"not a value: {type(error).__name__}") from None


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return repr(key)
    return key


class Channel:
    """Frames over a Unix socket, with a deadline and a size limit on what is read.

    max_bytes   of a frame; of its JSON max_text, where that is given
    received    bytes of memory that the frames so far took, nearly: of tensors, of text, and of the values in it
    """

    def __init__(self, sock: socket.socket, max_bytes: int, max_text: int | None = None) -> None:
        self.sock = sock
        self.max_bytes = max_bytes
        self.max_text = max_bytes if max_text is None else max_text
        self.received = 0
        self._read_ahead = bytearray()

    def send(
        self, message: dict[str, Any], tensors: dict[str, torch.Tensor] | None = None, fds: Sequence[int] = ()
    ) -> None:
        """Send one frame, and open file descriptors along with it. Raises Closed."""
        text = json.dumps(message).encode()
        payload = save(tensors) if tensors else b""
        frame = HEADER.pack(len(text), len(payload)) + text + payload
        self.sock.settimeout(30)
        try:
            if fds:
                # Together with the header alone, which the other side asks for by its length.
                socket.send_fds(self.sock, [frame[: HEADER.size]], list(fds))
                frame = frame[HEADER.size :]
            # Whole, or the other side would be woken twice.
            self.sock.sendall(frame)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive(self, timeout: float | None) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Read one frame. Raises Overdue, Closed or WireError."""
        message, payload, _ = self._frame(timeout, 0)
        return message, self._tensors(payload)

    def receive_fds(self, timeout: float | None) -> tuple[dict[str, Any], dict[str, torch.Tensor], list[int]]:
        """Read one frame and the file descriptors sent with it; only the worker does so, from the grader it trusts."""
        message, payload, fds = self._frame(timeout, 4)
        return message, self._tensors(payload), fds

    def close(self) -> None:
        self.sock.close()

    @staticmethod
    def _tensors(payload: bytes) -> dict[str, torch.Tensor]:
        return read_tensors(payload) if payload else {}

    def _frame(self, timeout: float | None, max_fds: int) -> tuple[dict[str, Any], bytes, list[int]]:
        deadline = None if timeout is None else time.monotonic() + timeout
        fds: list[int] = []
        if max_fds:
            self.sock.settimeout(timeout)
            try:
                head, fds, _, _ = socket.recv_fds(self.sock, HEADER.size, max_fds)
            except TimeoutError:
                raise Overdue from None
            except OSError as error:
                raise Closed(str(error)) from None
            head += self._exactly(HEADER.size - len(head), deadline, 0) if head else b""
            if not head:
                raise Closed("end of stream")
        else:
            head = self._exactly(HEADER.size, deadline)
        text_bytes, payload_bytes = HEADER.unpack(head)
        for size, limit in ((text_bytes, self.max_text), (text_bytes + payload_bytes, self.max_bytes)):
            if size > limit:
                raise TooLarge(f"an answer of {size / 2**20:.0f} MiB is larger than allowed")
        # What follows may bring descriptors, which a plain read would lose.
        body = self._exactly(text_bytes + payload_bytes, deadline, 0 if max_fds else CHUNK)
        text = body[:text_bytes]
        self.received += len(body) + VALUE_BYTES * count_values(text)
        try:
            message = read_json(text)
        except (ValueError, RecursionError):
            raise WireError("not JSON") from None
        if not isinstance(message, dict):
            raise WireError("not a message")
        return message, body[text_bytes:], fds

    def _exactly(self, count: int, deadline: float | None, ahead: int = CHUNK) -> bytes:
        buffer = self._read_ahead
        while len(buffer) < count:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise Overdue
            self.sock.settimeout(left)
            try:
                chunk = self.sock.recv(min(max(count - len(buffer), ahead), 1 << 20))
            except TimeoutError:
                raise Overdue from None
            except OSError as error:
                raise Closed(str(error)) from None
            if not chunk:
                raise Closed("end of stream")
            buffer += chunk
        with memoryview(buffer) as view:
            wanted = bytes(view[:count])
        del buffer[:count]
        return wanted
