"""Features of reviews come back as they were kept, in batches that hold every review once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from coursekit import features as module
from coursekit import runtime
from coursekit.features import Features, fast_arithmetic, keep, reader_facts

WIDTH = 3


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runtime.PROFILE_VARIABLE, "cpu")


def some_reviews(lengths: list[int]) -> list[list[int]]:
    """Review i consists of i + 1, length times."""
    return [[i + 1] * length for i, length in enumerate(lengths)]


def encode(reviews: list[list[int]]) -> list[Tensor]:
    """The features of a token are its id, its place, and 1."""
    return [
        torch.tensor([[token, place, 1.0] for place, token in enumerate(review)]).reshape(-1, WIDTH).half()
        for review in reviews
    ]


LENGTHS = [5, 17, 3, 8, 9, 16, 24, 8, 1, 12]


def kept(lengths: list[int] = LENGTHS, folder: Path | None = None) -> Features:
    reviews = some_reviews(lengths)
    return keep(encode, reviews, [float(i % 2) for i in range(len(reviews))], folder=folder)


def test_each_review_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    features = kept()
    assert "10 reviews: 103 tokens of 3 numbers, 0 MiB in memory" in capsys.readouterr().out
    assert len(features) == len(LENGTHS)
    for i, review in enumerate(some_reviews(LENGTHS)):
        assert torch.equal(features[i], encode([review])[0])
    assert features.nbytes == 2 * WIDTH * sum(LENGTHS)
    with pytest.raises(IndexError):
        features[len(LENGTHS)]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("even", [None, 1, 8])
def test_batches_hold_each_review_once_with_its_label(shuffle: bool, even: int | None) -> None:
    features = kept()
    batches = features.batches(3, shuffle, even)
    for _ in range(2):
        seen = Counter[int]()
        drawn = list(batches)
        assert len(drawn) == len(batches)
        for values, mask, labels in drawn:
            assert values.dtype == torch.float32
            assert 1 <= len(values) <= 3
            for row, real, label in zip(values, mask, labels, strict=True):
                review, length = int(row[0, 0]) - 1, int(real.sum())
                seen[review] += 1
                assert label == review % 2
                assert torch.equal(row[:length], features[review][:length].float())
                assert not row[length:].any()
                lost = LENGTHS[review] - length
                assert lost == (0 if even is None or LENGTHS[review] < even else LENGTHS[review] % even)
        assert seen == Counter(range(len(LENGTHS)))


def test_even_batches_have_no_padding() -> None:
    for _, mask, _ in kept().batches(4, shuffle=True, even=8):
        assert mask.all()


def test_batches_in_order_have_little_padding() -> None:
    widths = [mask.shape[1] for _, mask, _ in kept().batches(4)]
    assert widths == [8, 16, 24]


def test_shuffled_batches_differ_and_follow_the_seed() -> None:
    lengths = [4 + i % 3 for i in range(60)]
    batches = kept(lengths).batches(5, shuffle=True)

    def order() -> list[int]:
        return [int(row[0, 0]) for values, _, _ in batches for row in values]

    runtime.set_seed(1)
    first, second = order(), order()
    runtime.set_seed(1)
    assert first != second
    assert order() == first


def test_features_on_disk_are_read_again_without_encoding(tmp_path: Path) -> None:
    first = kept(folder=tmp_path / "here")
    again = keep(
        lambda some: pytest.fail("encoded twice"),
        some_reviews(LENGTHS),
        first.labels.tolist(),
        folder=tmp_path / "here",
    )
    assert torch.equal(again.values, first.values)


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    reviews, labels, read = some_reviews(LENGTHS), [0.0] * len(LENGTHS), list[int]()

    def stops(some: list[list[int]]) -> list[Tensor]:
        if len(read) == 8:
            raise KeyboardInterrupt
        read.extend(review[0] for review in some)
        return encode(some)

    with pytest.raises(KeyboardInterrupt):
        keep(stops, reviews, labels, folder=tmp_path)
    done: list[int] = []

    def goes_on(some: list[list[int]]) -> list[Tensor]:
        done.extend(review[0] for review in some)
        return encode(some)

    features = keep(goes_on, reviews, labels, folder=tmp_path)
    assert read + done == list(range(1, 11))
    assert torch.equal(features.values, kept().values)


def test_features_of_other_reviews_are_not_taken(tmp_path: Path) -> None:
    kept(folder=tmp_path)
    with pytest.raises(ValueError, match="other reviews"):
        kept([2, 3], tmp_path)


def test_more_than_the_bound_is_refused_before_it_is_taken() -> None:
    calls: list[int] = []

    def counted(some: list[list[int]]) -> list[Tensor]:
        calls.append(len(some))
        return encode(some)

    reviews = some_reviews([10] * (module.CHUNK + 5))
    with pytest.raises(ValueError, match="at_most"):
        keep(counted, reviews, [0.0] * len(reviews), at_most=1000)
    assert calls == [module.CHUNK]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda some: encode(some)[:-1],
        lambda some: [item[:-1] for item in encode(some)],
        lambda some: [item[0] for item in encode(some)],
        lambda some: [],
    ],
    ids=["one too few", "one token short", "one token each", "nothing"],
)
def test_an_encoder_that_gives_something_else_is_told(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"shape|came back"):
        keep(wrong, some_reviews([4, 6]), [0.0, 1.0])  # type: ignore[arg-type]


@pytest.mark.parametrize(("lengths", "labels"), [([], []), ([3], []), ([3, 0], [1.0, 0.0])])
def test_reviews_without_labels_or_tokens_are_told(lengths: list[int], labels: list[float]) -> None:
    with pytest.raises(ValueError, match="label"):
        keep(encode, some_reviews(lengths), labels)


def test_first_reviews_share_the_memory() -> None:
    features = kept()
    few = features.first(3)
    assert len(few) == 3
    assert few.values.data_ptr() == features.values.data_ptr()
    assert torch.equal(few[2], features[2])
    assert len(features.first(99)) == len(LENGTHS)


def test_training_in_one_block_of_fast_arithmetic_sees_its_own_steps() -> None:
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad(), fast_arithmetic(torch.device("cpu")):
        ones = torch.ones(1, 4)
    with fast_arithmetic(torch.device("cpu")):
        before = layer(ones).item()
        with torch.no_grad():
            layer.weight += 1
        assert layer(ones).item() == pytest.approx(before + 4, abs=0.1)


def test_reader_facts_name_the_encoder() -> None:
    from transformers import BertConfig, BertModel

    with torch.device("meta"):
        minilm = BertModel(BertConfig(hidden_size=384, num_hidden_layers=5, num_attention_heads=12))
        own = BertModel(BertConfig(hidden_size=24, num_hidden_layers=1, num_attention_heads=2))
    assert reader_facts(minilm) == {"encoder": "all-MiniLM-L6-v2", "encoder_layers": 5}
    assert reader_facts(own)["encoder"] == "another encoder"
