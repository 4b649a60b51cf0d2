"""Features of the reviews of a class are computed once, and by nobody a second time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from whole_course import LocalSubmission, stage_module

from autograder.hidden_tests import ResourceMissing, Told
from autograder.remote.artefacts import find
from coursekit.data import SAMPLE, VARIABLE
from coursekit.features import Features
from solutions import heldout
from solutions.heldout import features as module
from solutions.heldout.asking import Measured, measure
from solutions.heldout.features import READERS, Reader, folder_of, graded_features, reader_of

MINILM = READERS["all-MiniLM-L6-v2"]
SHORT = Reader(MINILM.name, 1, MINILM.d_model, 12, MINILM.full, MINILM.best)
SAVED = {"encoder": MINILM.name, "encoder_layers": "5", "max_length": "256"}

pytestmark = pytest.mark.skipif(folder_of(MINILM.name) is None, reason="MiniLM is not installed")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path))


def computed(count: int = 5, seed: int = 0, tell: Callable[[str], None] = print) -> Features:
    return graded_features.__wrapped__(SHORT, count, seed, tell)


def test_features_belong_to_the_reviews_drawn() -> None:
    found = computed()
    assert len(found) == 5
    assert found.labels.tolist() == [label for _, label in heldout.questions(5, 0)]
    assert found.values.shape == (found.lengths.sum(), SHORT.d_model)
    assert found.values.dtype == torch.float16


def test_features_are_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = computed()

    class Never:
        function = staticmethod(lambda *args: pytest.fail("encoded twice"))

    monkeypatch.setattr(module, "bank_of", lambda stage: SimpleNamespace(right=lambda exercise: Never))
    assert torch.equal(computed().values, first.values)


def test_damaged_features_are_computed_again(tmp_path: Path) -> None:
    first = computed().values.clone()
    (file,) = tmp_path.rglob("features.npy")
    file.write_bytes(b"not an array")
    assert torch.equal(computed().values, first)


def test_another_class_has_other_reviews_in_another_place(tmp_path: Path) -> None:
    computed(3)
    computed(4)
    assert not torch.equal(computed(3, 1).values, computed(3).values)
    assert len(list(tmp_path.rglob("features.npy"))) == 3


def test_whoever_waits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLD_AFTER", 2)
    told: list[str] = []
    computed(5, tell=told.append)
    assert [sentence.partition(": ")[2] for sentence in told] == [
        "0 of 5 so far.",
        "2 of 5 so far.",
        "4 of 5 so far.",
    ]


def test_no_room_for_features_is_no_students_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(ResourceMissing, match="takes no points") as caught:
        computed()
    assert "NotADirectoryError" in caught.value.remedy or "FileExistsError" in caught.value.remedy


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


@pytest.mark.parametrize("name", READERS)
def test_an_encoder_that_is_not_there_is_no_students_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "folder_of", lambda name: None)
    saved = {"encoder": name, "encoder_layers": str(READERS[name].layers), "max_length": "256"}
    with pytest.raises(ResourceMissing, match=f"has no {name}. It takes no points; your instructor") as caught:
        reader_of(saved)
    assert caught.value.remedy


def test_identity_changes_with_the_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    with_encoder = heldout.identity()
    monkeypatch.setattr(module, "folder_of", lambda name: None)
    assert heldout.identity() != with_encoder


class Playing(nn.Module):
    """Gives logits in an order that it was told, whatever it is asked."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.logits = iter(logits)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        return torch.tensor([[next(self.logits, 0.0)] for _ in features])


@pytest.mark.parametrize(("seed", "knows"), [(1, True), (2, False)], ids=["the same seed", "another seed"])
def test_the_order_of_an_earlier_grading_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, knows: bool
) -> None:
    """Who knew the seed would get everything, which shows that the attack works; nobody does."""
    hidden = stage_module("07_bert_gru", "hidden_tests")
    save_file({"weight": torch.zeros(3)}, tmp_path / hidden.ARTEFACT, SAVED)
    asked: list[float] = []
    found: list[float] = []

    def listening(ask: Callable[[list[int]], Tensor], lengths: list[int], labels: list[float], *rest: Any) -> Measured:
        def noting(numbers: list[int]) -> Tensor:
            asked.extend(labels[number] for number in numbers)
            return ask(numbers)

        measured = measure(noting, lengths, labels, *rest)
        found.append(measured.accuracy)
        return measured

    def grade(seed: int, logits: list[float]) -> None:
        submission = LocalSubmission({"sentiment_model": lambda bert: Playing(logits)}, seed, find(tmp_path))
        numbers = torch.Generator().manual_seed(seed)
        with contextlib.suppress(Told):
            hidden.test_saved_head_reads_unseen_reviews(submission, numbers, 0)

    monkeypatch.setattr(hidden, "measure", listening)
    grade(1, [])
    learned = [2 * label - 1 for label in asked]
    grade(seed, learned)
    chance = 0.5 + 5 * (0.25 / heldout.SAMPLE_QUESTIONS) ** 0.5
    assert found[1] == 1 if knows else found[1] < chance
