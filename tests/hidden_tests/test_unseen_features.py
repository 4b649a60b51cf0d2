"""Features of unseen reviews are computed once, and by nobody a second time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from autograder import reviews
from autograder.hidden_tests import Told
from autograder.reviews import features as module
from autograder.reviews.features import READERS, Reader, Unseen, folder_of, reader_of, unseen_features
from coursekit.data import SAMPLE, VARIABLE

MINILM = READERS["all-MiniLM-L6-v2"]
SHORT = Reader(MINILM.name, 1, MINILM.d_model, 12, MINILM.full)
SAVED = {"encoder": MINILM.name, "encoder_layers": "5", "max_length": "256"}

pytestmark = pytest.mark.skipif(folder_of(MINILM.name) is None, reason="MiniLM is not installed")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path))
    reviews.unseen.cache_clear()
    yield
    reviews.unseen.cache_clear()


def computed(count: int = 5) -> Unseen:
    return unseen_features.__wrapped__(SHORT, count, 0)


def test_features_belong_to_the_reviews_drawn() -> None:
    found = computed()
    assert len(found) == 5
    labels = [label for _, label in reviews.unseen(5, 0)]
    assert found.features.labels.tolist() == labels
    parts = list(found.chunks(2))
    assert [len(lengths) for _, lengths, _ in parts] == [2, 2, 1]
    for values, lengths, _ in parts:
        assert values.shape == (lengths.sum(), SHORT.d_model)
        assert values.dtype == torch.float16
    assert sum(labels) == sum(part.sum() for _, _, part in parts)


def test_features_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = computed()

    class Never:
        function = staticmethod(lambda *args: pytest.fail("encoded twice"))

    monkeypatch.setattr(module, "right_answer", lambda exercise: Never)
    assert torch.equal(computed().features.values, first.features.values)


def test_damaged_features_are_computed_again(tmp_path: Path) -> None:
    first = computed().features.values.clone()
    (file,) = tmp_path.rglob("features.npy")
    file.write_bytes(b"not an array")
    assert torch.equal(computed().features.values, first)


def test_other_reviews_have_another_place(tmp_path: Path) -> None:
    computed(3)
    computed(4)
    assert len(list(tmp_path.rglob("features.npy"))) == 2


def test_a_head_says_what_it_was_trained_on() -> None:
    assert reader_of(SAVED) is MINILM


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"encoder": "my-own"}, "does not say"),
        ({"encoder_layers": "6"}, "encoder layers than 5"),
        ({"max_length": "512"}, "max length than 256"),
        ({"max_length": "x" * 99}, "max length than 256"),
    ],
)
def test_a_head_on_something_else_is_told(changed: dict[str, str], told: str) -> None:
    with pytest.raises(Told, match=told) as caught:
        reader_of({**SAVED, **changed})
    assert len(str(caught.value)) < 320
    with pytest.raises(Told):
        reader_of({})


def test_an_encoder_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "folder_of", lambda name: None)
    with pytest.raises(Told, match="not to be had"):
        reader_of(SAVED)


def test_identity_changes_with_the_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    with_encoder = reviews.identity()
    monkeypatch.setattr(module, "folder_of", lambda name: None)
    assert reviews.identity() != with_encoder
