"""Frames get through the wall whole, and nothing else does."""

from __future__ import annotations

import itertools
import json
import math
import os
import socket
import tempfile
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_values import plain, refuse
from safetensors import deserialize

from autograder.codecs import PLAIN, Block
from autograder.codecs.blocks import DTYPES, write_blocks
from autograder.remote.wire import (
    HEADER,
    MAX_JSON_DEPTH,
    MAX_JSON_MARKS,
    Channel,
    Closed,
    Overdue,
    TooLarge,
    WireError,
    count_values,
    read_blocks,
    read_json,
)


def zeros(count: int) -> Block:
    return Block("float32", (count,), bytes(4 * count))


BYTES = {"bool": 1, "bfloat16": 2, "complex64": 8}


def test_what_is_sent_is_what_the_library_reads() -> None:
    blocks = {}
    for number, (dtype, shape) in enumerate(itertools.product(DTYPES.values(), [(), (0, 4), (5,), (2, 3)])):
        size = BYTES.get(dtype) or int(dtype.lstrip("uintfloa")) // 8
        data = bytes(range(1, 1 + math.prod(shape) * size))
        blocks[str(number)] = Block(dtype, shape, bytearray(data) if number % 2 else data)
    raw = write_blocks(blocks)
    read = {
        name: Block(DTYPES[found["dtype"]], tuple(found["shape"]), found["data"]) for name, found in deserialize(raw)
    }
    assert read == blocks
    assert read_blocks(raw) == blocks


def pair(max_bytes: int = 1000) -> tuple[socket.socket, Channel]:
    theirs, ours = socket.socketpair()
    return theirs, Channel(ours, max_bytes)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (HEADER.pack(10_000, 0), WireError),
        (HEADER.pack(2, 1 << 60), WireError),
        (HEADER.pack(2, 0) + b"[]", WireError),
        (HEADER.pack(4, 0) + b"nope", WireError),
        (HEADER.pack(2, 5) + b"{}wrong", WireError),
        (HEADER.pack(11, 0) + b'{"a": -NaN}', WireError),
        (HEADER.pack(10, 0) + b'{"a": NaN}', WireError),
        (HEADER.pack(50, 0) + b"{", Closed),
        (b"\0", Closed),
    ],
)
def test_a_broken_frame_is_refused_before_it_is_believed(sent: bytes, error: type[Exception]) -> None:
    theirs, ours = pair()
    with theirs:
        theirs.sendall(sent)
    with pytest.raises(error):
        ours.receive(1)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"[]," * MAX_JSON_MARKS + b"[]]",
        b"[" + b'{"a":""},' * MAX_JSON_MARKS + b"0]",
        b"[" + b'"\\"",' * (5 * MAX_JSON_MARKS) + b"0]",
        b'{"value":' + b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1) + b"}",
        b'{"a\\\\":' + b'{"b":' * (MAX_JSON_DEPTH + 1) + b"0" + b"}" * (MAX_JSON_DEPTH + 2),
    ],
    ids=["lists", "objects", "strings", "deep lists", "deep objects"],
)
def test_json_of_too_many_values_is_refused_before_it_is_read(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.remote.wire.read_json", lambda text: pytest.fail("it was read"))
    theirs, ours = pair(64 << 20)
    writer = threading.Thread(target=theirs.sendall, args=[HEADER.pack(len(text), 0) + text])
    writer.start()
    with pytest.raises(TooLarge, match=r"values|deeper"):
        ours.receive(20)
    writer.join()


@settings(deadline=None, max_examples=300)
@given(plain | st.lists(st.text(alphabet='"\\[]{},: a'), min_size=40, max_size=60))
def test_no_value_goes_uncounted(value: object) -> None:
    tree, _ = PLAIN.encode(value, refuse)

    def parts(item: object) -> int:
        if isinstance(item, dict):
            return 1 + sum(parts(each) for each in item.values())
        return 1 + sum(parts(each) for each in item) if isinstance(item, list) else 1

    assert parts(tree) <= 1 + count_values(json.dumps(tree).encode())


def test_the_largest_value_that_is_sent_is_also_read() -> None:
    deep: object = 1
    for level in range(40):
        deep = {"a": deep} if level % 2 else (deep,)
    words = {f'[{{,"{number}\\': number for number in range(99_000)}
    for value in (deep, words, [(i, [i]) for i in range(49_000)]):
        tree, blocks = PLAIN.encode(value, refuse)
        text = json.dumps({"value": tree}).encode()
        assert count_values(text) <= MAX_JSON_MARKS
        assert PLAIN.decode(read_json(text)["value"], blocks, lambda ref: ref) == value


def test_the_text_of_a_frame_has_a_bound_of_its_own_and_all_is_counted() -> None:
    theirs, ours = socket.socketpair()
    channel = Channel(ours, 1 << 20, 1000)
    sender = Channel(theirs, 1 << 20)
    sender.send({"value": [0] * 50}, {"t0": zeros(10_000)})
    channel.receive(5)
    assert 40_000 + 51 * 64 < channel.received < 50_000
    sender.send({"value": "x" * 1000})
    with pytest.raises(TooLarge):
        channel.receive(5)


def test_an_endless_header_of_blocks_is_refused() -> None:
    header = b"{" + b" " * (2 << 20) + b"}"
    with pytest.raises(WireError, match="header"):
        read_blocks(len(header).to_bytes(8, "little") + header)
    many = {f"t{number}": zeros(1) for number in range(5000)}
    assert len(read_blocks(write_blocks(many))) == 5000


def test_half_a_frame_does_not_hold_the_reader_up() -> None:
    theirs, ours = pair()
    with theirs:
        theirs.sendall(HEADER.pack(50, 0) + b"{")
        with pytest.raises(Overdue):
            ours.receive(0.05)


def test_frames_that_arrive_at_once_are_read_one_by_one() -> None:
    theirs, ours = pair(1 << 22)
    sender = Channel(theirs, 1 << 22)
    blocks = {"t0": Block("int8", (120_000,), bytes(range(120)) * 1000)}  # more than is read at a time
    messages = [({"number": 1}, {}), ({"number": 2}, blocks), ({"number": 3}, {})]
    writer = threading.Thread(target=lambda: [sender.send(*message) for message in messages])
    writer.start()
    for message, sent in messages:
        received, arrived = ours.receive(5)
        assert received == message
        assert arrived == sent
    writer.join()


def test_descriptors_stay_with_their_frames() -> None:
    theirs, ours = pair()
    sender = Channel(theirs, 1000)
    with tempfile.TemporaryFile() as one, tempfile.TemporaryFile() as other:
        for number, file in enumerate((one, other)):
            sender.send({"number": number}, fds=[file.fileno()])
        for number, file in enumerate((one, other)):
            message, _, (received,) = ours.receive_fds(5)
            assert message == {"number": number}
            assert os.path.sameopenfile(received, file.fileno())
            os.close(received)


def test_what_arrives_can_be_written() -> None:
    theirs, ours = pair()
    with theirs:
        for text in (b'{"a": "\\ud800 \\ud83d\\ude00", "\\uDCFF": ["\\\\ud800"]}', b'{"a": "\xed\xa0\x80 \xff"}'):
            theirs.sendall(HEADER.pack(len(text), 0) + text)
        message, _ = ours.receive(1)
        assert message == {"a": "? \N{GRINNING FACE}", "?": ["\\ud800"]}
        message, _ = ours.receive(1)
        assert message["a"].encode()
