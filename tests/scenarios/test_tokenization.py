"""Scenarios of stage 01: they put right parts in the place of earlier exercises, and leave out what is random."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from whole_course import stage_module

from coursekit import load_tokenizer, stand_ins
from coursekit.words import STOP_WORDS

scenarios = stage_module("01_tokenization", "scenarios")
hidden_tests = stage_module("01_tokenization", "hidden_tests")
batches_dealt = scenarios.batches_dealt
encoded = scenarios.encoded
items_of_dataset = scenarios.items_of_dataset
numbers_dealt = scenarios.numbers_dealt
sizes_of_parts = scenarios.sizes_of_parts
PIECES = hidden_tests.PIECES


def notebook(source: str, **given: Any) -> SimpleNamespace:
    """The names that a cell defines."""
    names: dict[str, Any] = dict(given)
    exec(source, names)
    return SimpleNamespace(**names)


WRONG_CUT = """
def tokenize_and_cut(sentence):
    return [sentence.upper()]

def encode(sentence):
    return tokenize_and_cut(sentence) + tokenize_and_cut("other")
"""


def test_encode_gets_the_right_tokens_for_the_sentences_of_the_test_only() -> None:
    names = notebook(WRONG_CUT)
    assert encoded(names, "a film", {"a film": ["a", "film"]}) == ["a", "film", "OTHER"]
    assert names.encode("a film") == ["A FILM", "OTHER"], "afterwards all is as it was"


def test_encode_may_do_without_the_earlier_exercise() -> None:
    names = notebook("def encode(sentence):\n    return [101, len(sentence), 102]")
    assert encoded(names, "film", {"film": ["film"]}) == [101, 4, 102]


DATASETS = {
    "at once": "self.items = [tokenize(text=text, vocab=vocab)[:most] for text in texts]",
    "when asked for": "self.texts, self.vocab, self.most = texts, vocab, most",
}


@pytest.mark.parametrize("when", DATASETS)
def test_a_data_set_gets_the_right_ids_whenever_it_tokenizes(when: str) -> None:
    source = f"""
def tokenize(text, vocab):
    return [-1]

class ReviewDataset:
    def __init__(self, texts, labels, vocab, most):
        {DATASETS[when]}

    def __len__(self):
        return 7

    def __getitem__(self, index):
        items = getattr(self, "items", None)
        return items[index] if items else tokenize(self.texts[index], self.vocab)[:self.most]
"""
    names = notebook(source)
    seen = items_of_dataset(names, ["one two", "three"], [0, 1], {}, 1, {"one two": [5, 6], "three": [7]})
    assert seen == {"count": 7, "items": [[5], [7]]}
    assert names.tokenize("three", {}) == [-1]


def test_parts_are_counted_where_there_are_too_many_numbers_to_send() -> None:
    names = SimpleNamespace(split_indices=lambda n, shares, seed: [range(n // 2), range(n // 2, n), [0, 1]])
    assert sizes_of_parts(names, 10, (1, 1), 3) == {"sizes": [5, 5, 2], "together": 10}


def test_batches_lose_the_order_in_which_they_were_dealt() -> None:
    names = SimpleNamespace(bucket_batches=lambda lengths, batch_size: ([4, 3], (0, 2), [1]))
    assert batches_dealt(names, [1] * 5, 2) == [[0, 2], [1], [3, 4]]
    assert numbers_dealt(names, [1] * 5, 2) == {"numbers": [0, 1, 2, 3, 4], "sizes": [1, 2, 2]}


@pytest.mark.parametrize("value", [None, 7, "text", [1, 2], [["a"]]])
def test_what_are_no_batches_comes_back_as_it_is(value: Any) -> None:
    names = SimpleNamespace(bucket_batches=lambda lengths, batch_size: value)
    assert batches_dealt(names, [1], 2) == value
    assert numbers_dealt(names, [1], 2) == value


def test_the_pieces_that_hidden_tests_expect_are_those_of_the_tokenizer() -> None:
    tokenizer = load_tokenizer()
    for word, (tokens, ids) in PIECES.items():
        assert tokenizer.tokenize(word) == tokenizer.tokenize(word.upper()) == tokens
        assert tokenizer.convert_tokens_to_ids(tokens) == ids


def test_negations_are_no_stop_words() -> None:
    assert not {"not", "no", "nor", "never", "t"} & STOP_WORDS
    assert all(word.isascii() and word.isalpha() and word.islower() for word in STOP_WORDS)


def test_the_stand_ins_read_texts_as_the_exercise_says() -> None:
    text = "Café 2day: the ACTORS' art_work isn't <i>that</i> bad<br>Bad!"
    vocab = stand_ins.build_vocab([text], min_freq=1)
    assert list(vocab) == ["[PAD]", "[UNK]", "bad", "caf", "day", "actors", "art", "work", "isn", "t"]
    assert stand_ins.tokenize("The café isn't a zebra", vocab) == [3, 8, 9, 1]
