"""Values survive the way through the wall, and nothing else gets through."""

from __future__ import annotations

import itertools
import json
import math
import os
import socket
import tempfile
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load

from autograder.sandbox.wire import (
    HEADER,
    MAX_JSON_DEPTH,
    MAX_JSON_MARKS,
    SAFETENSORS,
    Channel,
    Closed,
    Overdue,
    Ref,
    TooLarge,
    WireError,
    count_values,
    decode,
    encode,
    read_json,
    read_tensors,
    save,
)


def refuse(value: object) -> Ref:
    raise AssertionError(f"{value!r} should have crossed as a value")


def there_and_back(value: object) -> object:
    tree, tensors = encode(value, refuse)
    return decode(json.loads(json.dumps(tree)), tensors, lambda ref: ref)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers()), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=200)
@given(plain)
def test_plain_values_come_back_equal(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0,), (3, 2, 5)])
def test_tensors_keep_shape_dtype_and_values(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(dtype)
    back = there_and_back((tensor, {"same": tensor}))
    assert isinstance(back, tuple)
    assert back[0].dtype == dtype
    assert torch.equal(back[0], tensor)
    assert torch.equal(back[1]["same"], tensor)


def test_what_is_sent_is_what_the_library_reads_and_writes() -> None:
    tensors = {
        str(number): torch.arange(math.prod(shape)).reshape(shape).to(dtype)
        for number, (dtype, shape) in enumerate(itertools.product(SAFETENSORS, [(), (0, 4), (5,), (2, 3)]))
    }
    back = load(save(tensors))
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(back[name], tensor)


def test_what_torch_has_put_off_is_done_before_it_is_sent() -> None:
    numbers = torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex64)
    for tensor in (numbers.conj(), numbers.conj().imag, torch.eye(3).to_sparse()):
        _, sent = encode(tensor, refuse)
        (back,) = load(save(sent)).values()
        assert torch.equal(back, tensor.to_dense().resolve_conj().resolve_neg())


@pytest.mark.parametrize("value", [torch.zeros(2, dtype=torch.complex128), np.zeros(2, dtype=complex)])
def test_a_dtype_that_safetensors_lacks_is_named(value: object) -> None:
    with pytest.raises(TypeError, match="complex128"):
        encode(value, refuse)


def test_views_and_graphs_are_cut() -> None:
    base = torch.randn(4, 6, requires_grad=True)
    back = there_and_back((base * 2).T[1:])
    assert isinstance(back, torch.Tensor)
    assert back.requires_grad
    assert back.is_leaf
    assert torch.equal(back, (base * 2).T[1:])


def test_not_a_number_and_infinities_cross() -> None:
    back = there_and_back([math.inf, -math.inf, math.nan])
    assert isinstance(back, list)
    assert back[:2] == [math.inf, -math.inf]
    assert math.isnan(back[2])


def test_numpy_crosses_as_numpy() -> None:
    back = there_and_back([np.arange(6.0).reshape(2, 3), np.float32(0.5)])
    assert isinstance(back, list)
    assert isinstance(back[0], np.ndarray)
    assert back[0].shape == (2, 3)
    assert back[1] == np.float32(0.5)


class Liar(torch.Tensor):
    """A tensor subclass that lies about everything it can."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if func is torch.allclose or func is torch.equal:
            return True
        return super().__torch_function__(func, types, args, kwargs or {})

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return True


def test_a_lying_tensor_arrives_as_what_it_is() -> None:
    back = there_and_back(torch.zeros(2, 3).as_subclass(Liar))
    assert type(back) is torch.Tensor
    assert not torch.allclose(back, torch.ones(2, 3))


class AlwaysEqual(float):
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = float.__hash__


def test_a_lying_number_arrives_as_what_it_is() -> None:
    back = there_and_back(AlwaysEqual(2.0))
    assert type(back) is float
    assert back != 3.0


def test_what_has_no_plain_form_stays_behind() -> None:
    kept: list[object] = []

    def keep(value: object) -> Ref:
        kept.append(value)
        return Ref(len(kept) - 1, type(value).__name__)

    tree, _ = encode([print, torch.nn.Linear(1, 1)], keep)
    back = decode(tree, {}, lambda ref: ref)
    assert back == [Ref(0, "builtin_function_or_method"), Ref(1, "Linear")]


def test_a_value_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(WireError, match="too deeply"):
        encode(endless, refuse)
    with pytest.raises(WireError, match="too many"):
        encode([0] * 300_000, refuse)


@pytest.mark.parametrize(
    "tree",
    [{"$tensor": "t9"}, {"$tensor": []}, {"$dict": [[1]]}, {"$dict": 3}, {"$float": "1"}, {"$dtype": "save"}, {"a": 1}],
)
def test_a_tree_that_nobody_encoded_is_refused(tree: object) -> None:
    with pytest.raises(WireError):
        decode(tree, {}, lambda ref: ref)


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
    monkeypatch.setattr("autograder.sandbox.wire.read_json", lambda text: pytest.fail("it was read"))
    theirs, ours = pair(64 << 20)
    writer = threading.Thread(target=theirs.sendall, args=[HEADER.pack(len(text), 0) + text])
    writer.start()
    with pytest.raises(TooLarge, match=r"values|deeper"):
        ours.receive(20)
    writer.join()


@settings(deadline=None, max_examples=300)
@given(plain | st.lists(st.text(alphabet='"\\[]{},: a'), min_size=40, max_size=60))
def test_no_value_goes_uncounted(value: object) -> None:
    tree, _ = encode(value, refuse)

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
        tree, tensors = encode(value, refuse)
        text = json.dumps({"value": tree}).encode()
        assert count_values(text) <= MAX_JSON_MARKS
        assert decode(read_json(text)["value"], tensors, lambda ref: ref) == value


def test_the_text_of_a_frame_has_a_bound_of_its_own_and_all_is_counted() -> None:
    theirs, ours = socket.socketpair()
    channel = Channel(ours, 1 << 20, 1000)
    sender = Channel(theirs, 1 << 20)
    sender.send({"value": [0] * 50}, {"t0": torch.zeros(10_000)})
    channel.receive(5)
    assert 40_000 + 51 * 64 < channel.received < 50_000
    sender.send({"value": "x" * 1000})
    with pytest.raises(TooLarge):
        channel.receive(5)


def test_an_endless_header_of_tensors_is_refused() -> None:
    header = b"{" + b" " * (2 << 20) + b"}"
    with pytest.raises(WireError, match="header"):
        read_tensors(len(header).to_bytes(8, "little") + header)
    many = {f"t{number}": torch.zeros(1) for number in range(5000)}
    assert len(read_tensors(save(many))) == 5000


def test_half_a_frame_does_not_hold_the_reader_up() -> None:
    theirs, ours = pair()
    with theirs:
        theirs.sendall(HEADER.pack(50, 0) + b"{")
        with pytest.raises(Overdue):
            ours.receive(0.05)


def test_frames_that_arrive_at_once_are_read_one_by_one() -> None:
    theirs, ours = pair(1 << 22)
    sender = Channel(theirs, 1 << 22)
    tensors = {"t0": torch.arange(30_000.0)}  # more than is read at a time
    messages = [({"number": 1}, {}), ({"number": 2}, tensors), ({"number": 3}, {})]
    writer = threading.Thread(target=lambda: [sender.send(*message) for message in messages])
    writer.start()
    for message, sent in messages:
        received, arrived = ours.receive(5)
        assert received == message
        assert arrived.keys() == sent.keys()
        assert all(torch.equal(arrived[name], sent[name]) for name in sent)
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
