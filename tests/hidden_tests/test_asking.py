"""What is asked of trained models, and how: nobody can know it beforehand, and honest models do not notice."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from whole_course import LocalSubmission

from autograder.codecs import PLAIN
from autograder.hidden_tests import ResourceMissing
from autograder.remote.perform import Performer, Scenarios
from autograder.remote.proxy import Submission
from coursekit.data import SAMPLE, VARIABLE
from solutions import heldout
from solutions.heldout import doubts, questions, sample
from solutions.heldout.asking import Measured, batches, measure
from solutions.heldout.changes import FEWEST, changed, sentences
from solutions.recording import weights_without_gradient

PUBLIC = [(sample.review(number % 2, random.Random(number)), number % 2) for number in range(400)]
REVIEW = 'It began. "Was it good?" It was!<br /><br />The end (of it all.) came late. I wept... Nobody laughed. Go.'


@pytest.fixture
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in PUBLIC)
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text(rows, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(tmp_path))


def test_sentences_are_whole_and_nothing_is_lost() -> None:
    found = sentences(REVIEW)
    assert "".join(found).strip() == REVIEW
    assert all(sentence.endswith((" ", "<br />")) for sentence in found)
    assert [sentence.strip() for sentence in found] == [
        "It began.",
        '"Was it good?"',
        "It was!<br /><br />",
        "The end (of it all.)",
        "came late.",
        "I wept...",
        "Nobody laughed.",
        "Go.",
    ]


def test_no_hash_of_a_changed_review_is_that_of_the_public_one() -> None:
    for number, (text, _) in enumerate(PUBLIC):
        donor = sentences(PUBLIC[(number + 2) % len(PUBLIC)][0])
        new = changed(sentences(text), donor, random.Random(number))
        assert new is not None
        old_words, new_words = text.split(), new.split()
        for key in (tuple, frozenset, sorted):
            assert key(new_words) != key(old_words)
        assert new_words[:6] != old_words[:6]
        assert new_words[-6:] != old_words[-6:]


def test_what_comes_into_a_review_is_of_its_donor_and_little() -> None:
    review, donor = [f"Own {n}. " for n in range(20)], [f"Other {n}. " for n in range(9)]
    new = changed(review, donor, random.Random(1))
    assert new is not None
    assert "Own 0." not in new
    assert "Other 0." not in new
    assert (new.count("Own"), new.count("Other")) == (17, 2)
    own = [int(number) for number in re.findall(r"Own (\d+)", new)]
    assert sum(later < earlier for earlier, later in pairwise(own)) == 1


@pytest.mark.parametrize("text", ["One. Two. Three.", "", "<br /><br />", "no end at all " * 50])
def test_a_review_of_few_sentences_is_not_asked(text: str) -> None:
    assert len(sentences(text)) < FEWEST
    assert changed(sentences(text), ["One. ", "Two. "], random.Random(0)) is None


def test_questions_hang_on_the_seed_alone(public: None) -> None:
    assert questions(60, 5) == questions(60, 5)
    texts = {text for text, _ in questions(60, 5)}
    assert len(texts) == 60
    assert not texts & {text for text, _ in questions(60, 6)}


def test_as_many_of_either_label_and_no_public_review(public: None) -> None:
    asked = questions(60, 1)
    assert Counter(label for _, label in asked) == {0: 30, 1: 30}
    assert not {text for text, _ in asked} & {text for text, _ in PUBLIC}
    labels = [label for _, label in asked]
    assert labels not in (sorted(labels), sorted(labels, reverse=True))


def test_labels_are_those_of_the_review(public: None) -> None:
    """The public reviews' own sentences tell which of them it was."""
    by_sentence = {sentence.strip(): label for text, label in PUBLIC for sentence in sentences(text)}
    for text, label in questions(40, 3):
        told = Counter(by_sentence[part.strip()] for part in sentences(text) if part.strip() in by_sentence)
        assert told[label] > 0


def test_in_place_of_the_sample_new_reviews_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
    bundled = {json.loads(line)["text"] for file in SAMPLE.glob("*.jsonl") for line in file.open(encoding="utf-8")}
    asked = questions(2000, 1)
    assert len(asked) == heldout.SAMPLE_QUESTIONS
    assert not {text for text, _ in asked} & bundled
    assert Counter(label for _, label in asked) == {0: 150, 1: 150}


def test_reviews_that_cannot_be_read_are_no_students_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(ResourceMissing, match="has no reviews that can be read") as caught:
        questions(10, 0)
    assert "holds no train split" in caught.value.remedy
    (missing,) = heldout.lacks(lambda: questions(10, 0))
    assert missing.what == "reviews that can be read"


LENGTHS = [random.Random(n).randint(1, 300) for n in range(500)]


def test_every_review_is_asked_and_some_twice_in_other_company() -> None:
    made, again = batches(LENGTHS, 40, torch.Generator().manual_seed(1))
    times = Counter(number for batch in made for number in batch)
    assert set(times) == set(range(500))
    assert {number for number, count in times.items() if count == 2} == set(again)
    assert len(again) == 25
    assert max(map(len, made)) <= 40
    assert len({len(batch) for batch in made}) > 5
    for number in again:
        one, other = (batch for batch in made if number in batch)
        assert set(one) & set(other) <= set(again)


def test_neither_order_nor_sizes_are_the_same_twice() -> None:
    first, second = (batches(LENGTHS, 40, torch.Generator().manual_seed(seed))[0] for seed in (1, 2))
    assert [len(batch) for batch in first] != [len(batch) for batch in second]
    longest = [max(LENGTHS[number] for number in batch) for batch in first]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def measured(answer: list[float], ask: list[int] | None = None) -> Measured:
    def logits(numbers: list[int]) -> Tensor:
        return torch.tensor([answer[number] for number in numbers], dtype=torch.float64)

    labels = [number % 2 for number in range(500)]
    return measure(logits, LENGTHS, labels, 40, torch.Generator().manual_seed(3))


def test_accuracy_is_the_share_of_right_answers() -> None:
    right = [2.0 * (number % 2) - 1 for number in range(500)]
    assert measured(right) == Measured(1.0, 500, 25, 0, False)
    assert measured([1.0] * 500) == Measured(0.5, 500, 25, 0, True)
    assert measured(right[:400] + [-logit for logit in right[400:]]).accuracy == 0.8


def test_who_changes_the_answer_was_not_right() -> None:
    asked: Counter[int] = Counter()

    def logits(numbers: list[int]) -> Tensor:
        asked.update(numbers)
        return torch.tensor([2.0 * (number % 2) - 1 if asked[number] == 1 else 0.0 for number in numbers])

    found = measure(logits, LENGTHS, [number % 2 for number in range(500)], 40, torch.Generator().manual_seed(3))
    positive = 500 - round(found.accuracy * 500)
    assert found.contradicted == positive
    assert 0 < positive < 25
    assert doubts.unsteady(found)


def test_doubts_are_few_and_have_reasons(public: None) -> None:
    plain = Measured(0.88, 2000, 100, 0, False)
    weights = {"weight": torch.zeros(900), "table": torch.zeros(100)}
    assert not doubts.too_good(plain, 0.89)
    assert not doubts.too_good(Measured(0.92, 2000, 100, 0, False), 0.89)
    assert doubts.too_good(Measured(0.93, 2000, 100, 0, False), 0.89)
    assert not doubts.unsteady(plain)
    assert not doubts.idle("file", weights, ["table"])
    assert doubts.idle("file", weights | {"table": torch.zeros(101)}, ["table"])
    assert not doubts.talkative("file", {"encoder": "x" * 100})
    assert doubts.talkative("file", {"encoder": "x" * 70_000})
    assert not doubts.short_sighted(250, 1000)
    assert doubts.short_sighted(249, 1000)


def test_nothing_is_too_good_for_generated_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
    assert not doubts.too_good(Measured(1.0, 300, 15, 0, False), 0.89)


def test_weights_without_a_gradient_are_told_apart() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).eval()
    module[2].bias.requires_grad_(False)
    names = weights_without_gradient(None, module, torch.randn(5, 3))
    assert names == ["1.running_mean", "1.running_var", "1.num_batches_tracked", "2.bias"]
    assert all(parameter.grad is None for parameter in module.parameters())
    look_up = nn.Embedding(4, 1).requires_grad_(False)
    assert weights_without_gradient(None, look_up, torch.tensor([1])) == ["weight"]


@pytest.mark.parametrize("seed", [0, 7, 2**31 + 5, 2**47 + 11])
def test_what_a_call_is_seeded_with_does_not_tell_the_seed_of_the_run(seed: int) -> None:
    told: list[int] = []

    class Listening(Performer):
        def perform(self, request, blocks):  # type: ignore[no-untyped-def]
            told.append(request["seed"])
            return super().perform(request, blocks)

    submission = Submission(Listening({"one": lambda: 1}, Scenarios(), PLAIN), seed)
    again = LocalSubmission({"one": lambda: 1}, seed)
    for _ in range(50):
        submission.one()
        again.one()
    assert told == [exchange.request["seed"] for exchange in again._exchanges]
    assert len(set(told)) == 50
    assert len({later - earlier for earlier, later in pairwise(told)}) == 49
    undone = {(number - count) * pow(1_000_003, -1, 2**31) % 2**31 for count, number in enumerate(told, start=1)}
    assert seed % 2**31 not in undone
