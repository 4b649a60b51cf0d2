"""What crosses the wall between grader and student: JSON with blocks of numbers as safetensors, and nothing else.

Both sides use this module. Nothing is pickled; what the JSON and the blocks mean is `autograder.codecs`' business.
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

from autograder.codecs import MAX_DEPTH, MAX_NODES, Block, blocks

HEADER = struct.Struct(">IQ")
CHUNK = 1 << 16
VALUE_BYTES = 64  # what a value takes in Python's memory, on average
# A part of a value takes at most three brackets and commas of JSON, and a level of nesting as many brackets.
MAX_JSON_MARKS = 3 * MAX_NODES
MAX_JSON_DEPTH = 3 * (MAX_DEPTH + 2)
MAX_BLOCKS_HEADER = 1 << 20  # bytes: some 15,000 blocks


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


def read_blocks(raw: bytes) -> dict[str, Block]:
    """The blocks of safetensors. Raises WireError, also for a header larger than allowed."""
    if int.from_bytes(raw[:8], "little") > MAX_BLOCKS_HEADER:
        raise WireError("safetensors with too large a header")
    try:
        return blocks.read_blocks(raw)
    except Exception as error:  # the library has errors of its own
        raise WireError(f"not safetensors: {type(error).__name__}") from None


class Channel:
    """Frames over a Unix socket, with a deadline and a size limit on what is read.

    max_bytes   of a frame; of its JSON max_text, where that is given
    received    bytes of memory that the frames so far took, nearly: of blocks, of text, and of the values in it
    """

    def __init__(self, sock: socket.socket, max_bytes: int, max_text: int | None = None) -> None:
        self.sock = sock
        self.max_bytes = max_bytes
        self.max_text = max_bytes if max_text is None else max_text
        self.received = 0
        self._read_ahead = bytearray()

    def send(
        self, message: dict[str, Any], numbers: Mapping[str, Block] | None = None, fds: Sequence[int] = ()
    ) -> None:
        """Send one frame, and open file descriptors along with it. Raises Closed."""
        text = json.dumps(message).encode()
        payload = blocks.write_blocks(numbers) if numbers else b""
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

    def receive(self, timeout: float | None) -> tuple[dict[str, Any], dict[str, Block]]:
        """Read one frame. Raises Overdue, Closed or WireError."""
        message, payload, _ = self._frame(timeout, 0)
        return message, self._blocks(payload)

    def receive_fds(self, timeout: float | None) -> tuple[dict[str, Any], dict[str, Block], list[int]]:
        """Read one frame and the file descriptors sent with it; only the worker does so, from the grader it trusts."""
        message, payload, fds = self._frame(timeout, 4)
        return message, self._blocks(payload), fds

    def close(self) -> None:
        self.sock.close()

    @staticmethod
    def _blocks(payload: bytes) -> dict[str, Block]:
        return read_blocks(payload) if payload else {}

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
