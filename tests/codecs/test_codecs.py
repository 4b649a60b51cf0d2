"""Values survive the way through the wall, and are compared, copied, described and drawn by one rule."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from plain_values import plain, refuse

from autograder import codecs
from autograder.codecs import CodecError, CodecMissing, Codecs, Ref, Tolerance, codecs_for

BOTH = codecs_for(("torch", "numpy"))


def there_and_back(value: object, codecs: Codecs = BOTH) -> object:
    tree, blocks = codecs.encode(value, refuse)
    return codecs.decode(json.loads(json.dumps(tree)), blocks, lambda ref: ref)


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


def test_what_torch_has_put_off_is_done_before_it_is_sent() -> None:
    numbers = torch.tensor([1 + 2j, 3 - 4j], dtype=torch.complex64)
    for tensor in (numbers.conj(), numbers.conj().imag, torch.eye(3).to_sparse()):
        back = there_and_back(tensor)
        assert isinstance(back, torch.Tensor)
        assert torch.equal(back, tensor.to_dense().resolve_conj().resolve_neg())


@pytest.mark.parametrize("value", [torch.zeros(2, dtype=torch.complex128), np.zeros(2, dtype=np.longdouble)])
def test_a_dtype_that_cannot_cross_is_named(value: object) -> None:
    with pytest.raises(TypeError, match=r"complex128|longdouble|float128"):
        BOTH.encode(value, refuse)


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

    tree, _ = BOTH.encode([print, torch.nn.Linear(1, 1)], keep)
    back = BOTH.decode(tree, {}, lambda ref: ref)
    assert back == [Ref(0, "builtin_function_or_method"), Ref(1, "Linear")]


def test_a_value_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(CodecError, match="too deeply"):
        BOTH.encode(endless, refuse)
    with pytest.raises(CodecError, match="too many"):
        BOTH.encode([0] * 300_000, refuse)


@pytest.mark.parametrize(
    "tree",
    [
        {"$torch": {"block": "t9"}},
        {"$torch": {"block": []}},
        {"$torch": 3},
        {"$torch": {"dtype": "save"}},
        {"$numpy": 1},
        {"$numpy": {"objects": "O", "shape": [3], "values": [1]}},
        {"$numpy": {"objects": "V", "shape": [], "values": [1]}},
        {"$pandas": {"labels": []}},
        {"$dict": [[1]]},
        {"$dict": 3},
        {"$float": "1"},
        {"$int": "x"},
        {"$bytes": "?"},
        {"$complex": [1]},
        {"$tuple": 1},
        {"$set": None},
        {"a": 1},
        {},
    ],
)
def test_a_tree_that_nobody_encoded_is_refused(tree: object) -> None:
    with pytest.raises(CodecError):
        BOTH.decode(tree, {}, lambda ref: ref)


ALL = codecs_for(("torch", "pandas"))
CLOSE = Tolerance(1e-6, 1e-9, single=Tolerance(1e-4, 1e-5))
FRAME = pd.DataFrame(
    {
        "whole": [1, 2],
        "real": [1.5, np.nan],
        "text": ["x", None],
        "kind": pd.Categorical(["u", "v"], categories=["v", "u", "w"], ordered=True),
        "maybe": pd.array([1, None], dtype="Int64"),
        "day": pd.to_datetime(["2020-01-01", "2021-01-01"]),
        "moment": pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Berlin"),
        "anything": [[1], {2: 3}],
    }
)
VALUES = [
    {1.5, 2},
    frozenset({1, "a", (2,)}),
    b"\0\xff",
    1 + 2j,
    2**70,
    [math.nan, math.inf],
    torch.float32,
    torch.tensor(True),
    torch.randn(2, 3, dtype=torch.bfloat16),
    torch.tensor([1 + 2j, math.nan], dtype=torch.complex64),
    np.array(["a", "bc"]),
    np.array([None, [1, 2], "x"], dtype=object),
    np.array([1 + 1j]),
    np.array(["2020-01-01", "NaT"], dtype="M8[D]"),
    np.arange(3, dtype=">i4"),
    np.zeros((0, 2)),
    np.array([True, False]),
    np.timedelta64(3, "s"),
    FRAME,
    FRAME.set_index("text"),
    FRAME["real"],
    pd.DataFrame(),
    pd.DataFrame([[1, 2]], columns=["twice", "twice"]),
    pd.DataFrame({("a", 1): [1.0]}),
    pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", "y"]),
    pd.Timestamp("2020-01-01 10:00", tz="UTC"),
    pd.NA,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_crosses_is_the_same_and_of_the_same_type(value: object) -> None:
    back = there_and_back(value, ALL)
    assert type(back) is type(value)
    assert ALL.same(back, value, CLOSE)
    assert ALL.same(ALL.copy(value), value, CLOSE)
    others = [other for other in VALUES if other is not value]
    assert not any(ALL.same(value, other, CLOSE) for other in others)


def changed_frame(change: Callable[[pd.DataFrame], object]) -> pd.DataFrame:
    frame = FRAME.copy()
    found = change(frame)
    return found if isinstance(found, pd.DataFrame) else frame


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.__setitem__("whole", [1, 3]),
        lambda frame: frame.__setitem__("whole", [1.0, 2.0]),
        lambda frame: frame.__setitem__("real", [1.5001, np.nan]),
        lambda frame: frame.__setitem__("text", [None, "x"]),
        lambda frame: frame.__setitem__("kind", frame["kind"].cat.remove_unused_categories()),
        lambda frame: frame.__setitem__("maybe", pd.array([None, 1], dtype="Int64")),
        lambda frame: frame.__setitem__("moment", frame["moment"].dt.tz_convert("UTC")),
        lambda frame: frame.__setitem__("anything", [[1], {2: 4}]),
        lambda frame: frame.rename(columns={"real": "Real"}),
        lambda frame: frame.set_index(pd.Index([1, 0])),
        lambda frame: frame[sorted(frame.columns)],
        lambda frame: frame.iloc[:1],
    ],
)
def test_a_frame_that_differs_in_anything_is_another(change: Callable[[pd.DataFrame], object]) -> None:
    other = changed_frame(change)
    assert not ALL.same(other, FRAME, CLOSE)
    assert not ALL.same(there_and_back(other, ALL), there_and_back(FRAME, ALL), CLOSE)


def test_frames_arrive_with_their_dtypes() -> None:
    back = there_and_back(FRAME, ALL)
    assert isinstance(back, pd.DataFrame)
    pd.testing.assert_frame_equal(back, FRAME)


@pytest.mark.parametrize(
    "dtype", ["object", "Sparse[int]", "datetime64[ns, dateutil//etc/passwd]", "period[D]", "V8", ""]
)
def test_a_column_names_no_dtype_of_its_own(dtype: str) -> None:
    column = {"dtype": dtype, "values": [1], "array": [1]}
    with pytest.raises(CodecError):
        ALL.decode({"$pandas": {"labels": column, "name": None}}, {}, lambda ref: ref)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1.0 + 1e-8, True),
        (1.0, 1.0 + 1e-5, False),
        (1, 1.0, True),
        (1, True, False),
        (10**9, 10**9 + 1, False),
        (math.inf, -math.inf, False),
        (math.inf, 1e308, False),
        (10**400, 1.0, False),
        ([1], (1,), False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1.0}, {"a": 1.0 + 1e-8}, True),
        ({"a": 1}, {"b": 1}, False),
        ({1.0}, {1.0 + 1e-8}, True),
        ({1.0}, {1.1}, False),
        ({1, "a"}, {1, "b"}, False),
        (torch.ones(2), torch.ones(2) + 5e-5, True),
        (torch.ones(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64) + 5e-5, False),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), False),
        (torch.ones(2), torch.ones(1, 2), False),
        (torch.tensor([10**9]), torch.tensor([10**9 + 1]), False),
        (torch.tensor([math.nan]), torch.tensor([math.nan]), True),
        (torch.ones(2), np.ones(2, dtype=np.float32), False),
        (np.ones(2), np.ones(2) + 1e-5, False),
        (np.ones(2, dtype=np.float32), np.ones(2, dtype=np.float32) + np.float32(5e-5), True),
        (np.array([1, 2]), [1, 2], False),
        (np.float64(1), 1.0, False),
        (torch.float32, torch.float64, False),
    ],
)
def test_one_rule_says_what_is_the_same(one: object, other: object, same: bool) -> None:
    assert ALL.same(one, other, CLOSE) is same
    assert ALL.same(other, one, CLOSE) is same
    assert ALL.same([{"deep": (one,)}], [{"deep": (other,)}], CLOSE) is same


def test_where_kinds_do_not_matter_lists_are_tuples_and_numbers_are_numbers() -> None:
    for one, other in [([1], (1,)), (np.float64(2.0), 2), (torch.tensor(2.0), 2.0), (np.array([2.0]), 2)]:
        assert ALL.same(one, other, CLOSE, any_kind=True)
        assert ALL.same(other, one, CLOSE, any_kind=True)
        assert not ALL.same(one, other, CLOSE)
    assert not ALL.same(True, 1, CLOSE, any_kind=True)
    assert not ALL.same(np.array(2.0), torch.tensor(2.0), CLOSE, any_kind=True)
    assert not ALL.same(torch.tensor(True), 1, CLOSE, any_kind=True)
    assert not ALL.same([2.0], torch.tensor([2.0]), CLOSE, any_kind=True)


def test_copies_share_nothing() -> None:
    value = [torch.ones(2, requires_grad=True), {"a": np.zeros(2)}, (pd.DataFrame({"a": [1]}),), {1}]
    copied = ALL.copy(value)
    copied[0].detach()[0] = 5
    copied[1]["a"][0] = 5
    copied[2][0].loc[0, "a"] = 5
    copied[3].add(2)
    assert ALL.same(value[0], torch.ones(2), CLOSE)
    assert copied[0].requires_grad
    assert copied[0].is_leaf
    assert value[1]["a"].tolist() == [0, 0]
    assert value[2][0].loc[0, "a"] == 1
    assert value[3] == {1}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (np.zeros((2, 3)), "an array of shape (2, 3)"),
        (FRAME[["real", "text"]], "a data frame of 2 rows with the columns real, text"),
        (FRAME["real"], "a series of 2 rows"),
        (FRAME.columns, "an index of 8"),
        ((torch.zeros(1), torch.zeros(2)), "a tuple of 2 tensors"),
        ([np.zeros(1), 2], "a list of 2 values"),
        ([], "a list of 0 values"),
        (None, "nothing (None)"),
        ({1: 2}, "a value of type dict"),
        (Ref(0, "Linear"), "a value of type Linear"),
    ],
)
def test_values_are_described_in_words(value: object, words: str) -> None:
    assert ALL.describe(value) == words


def test_a_second_try_is_in_single_precision_throughout() -> None:
    value = {
        "t": torch.ones(2, dtype=torch.float64, requires_grad=True),
        "a": np.ones(2),
        "f": FRAME,
        "n": np.arange(2),
    }
    tree, blocks = ALL.encode(value, refuse)
    single = ALL.decode(tree, blocks, lambda ref: ref, single=True)
    assert single["t"].dtype == torch.float32
    assert single["t"].requires_grad
    assert single["t"].is_leaf
    assert single["a"].dtype == np.float32
    assert single["n"].dtype == np.int64
    assert single["f"]["real"].dtype == np.float32
    assert single["f"].drop(columns="real").equals(FRAME.drop(columns="real"))


def test_random_numbers_are_seeded_and_put_back() -> None:
    def drawn() -> list[object]:
        return [random.random(), np.random.rand(), torch.rand(1).item()]

    BOTH.seed(3)
    first = drawn()
    state = BOTH.state()
    second = drawn()
    BOTH.seed(3)
    assert drawn() == first
    BOTH.restore(state)
    assert drawn() == second


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (("torch", "numpy"), torch.Generator),
        (("numpy", "torch"), np.random.Generator),
        (("pandas",), np.random.Generator),
        ((), random.Random),
    ],
)
def test_the_first_codec_that_draws_makes_the_generator(names: tuple[str, ...], kind: type) -> None:
    assert type(codecs_for(names).rng_for(2**56 - 1)) is kind


def test_a_codec_that_is_not_there_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CodecMissing, match=r"no codec 'tensors': there are 'numpy', 'pandas', 'torch'\."):
        codecs_for(("tensors",))
    with pytest.raises(CodecMissing, match=r"'solutions\.mine' needs solutions"):
        codecs_for(("solutions.mine",))


def test_keys_of_one_hash_are_refused_before_they_are_compared() -> None:
    keys = [number * (2**61 - 1) for number in range(1, 20_000)]
    assert len(set(map(hash, keys[:50]))) == 1
    for tree in (
        {"$dict": [[{"$int": hex(key)}, 1] for key in keys]},
        {"$set": [{"$int": hex(key)} for key in keys]},
        {"$frozenset": [{"$int": hex(key)} for key in keys]},
    ):
        started = time.thread_time()
        with pytest.raises(CodecError, match="hash"):
            ALL.decode(tree, {}, lambda ref: ref)
        assert time.thread_time() - started < 2
    many = {f"word {number}": number for number in range(50_000)}
    assert there_and_back(many) == many


def test_the_package_works_under_another_name_without_the_engine(tmp_path: Path) -> None:
    """As students have it, and without any library until one is asked for."""
    shutil.copytree(Path(codecs.__file__).parent, tmp_path / "elsewhere" / "values", ignore=lambda *_: ["__pycache__"])
    code = (
        "import sys\n"
        "sys.modules['autograder'] = None\n"
        "from elsewhere.values import codecs_for, Tolerance\n"
        "assert not {'torch', 'numpy', 'pandas'} & set(sys.modules)\n"
        "assert codecs_for().same({'a': [1.0]}, {'a': [1.0 + 1e-9]}, Tolerance(1e-6, 0))\n"
        "sys.modules['torch'] = sys.modules['pandas'] = None\n"
        "assert codecs_for(('numpy',)).describe(__import__('numpy').ones(2)) == 'an array of shape (2,)'\n"
        "try:\n    codecs_for(('torch',))\nexcept Exception as error:\n    print(error)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stderr == ""
    assert ran.stdout.startswith("The codec 'torch' needs torch, which is not installed here: `pip install torch`")
