"""Public cases of stage 01, tokenization."""

from __future__ import annotations

from typing import Any

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise

TOY = ["[UNK]", "un", "watch", "able", "##watch", "##wat", "##able", "##ab", "##le", "##ch", "so", "##so", "##s"]
LONG = "An unwatchable film , embarrassingly overacted . " * 60


def _numbered(words: list[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(words)}


def _wordpiece(word: str, tried: str, more: tuple[str, ...] = ()) -> PublicCase:
    return PublicCase(tried=tried, arguments={"word": word, "vocab": _numbered([*TOY, *more])})


TEXTS = [
    "A great film. The cast was great, and not the plot!",
    "Not a film for me: dull plot, dull cast.<br /><br />Plot holes everywhere",
]
VOCAB = _numbered(["[PAD]", "[UNK]", "film", "not", "great", "cast", "plot", "dull", "t"])


def _build(tried: str, *texts: str, min_freq: int = 1, max_size: int | None = None) -> PublicCase:
    return PublicCase(tried=tried, arguments={"texts": list(texts), "min_freq": min_freq, "max_size": max_size})


def _tokenize(text: str) -> PublicCase:
    return PublicCase(tried=f"“{text}”", arguments={"text": text, "vocab": VOCAB})


def _dataset(tried: str, max_length: int) -> PublicCase:
    texts = ["great film great cast", "dull plot dull dull film not great cast", "plot not dull"]
    arguments = {"texts": texts, "labels": [1, 0, 1], "vocab": VOCAB, "max_length": max_length}
    return PublicCase(tried=tried, arguments=arguments, probe="reviews_of_dataset")


def _split(tried: str, n: int, shares: tuple[int, ...]) -> PublicCase:
    return PublicCase(tried=tried, arguments={"n": n, "shares": shares, "seed": 3}, probe="parts_of_split")


def _batch(tried: str, *reviews: tuple[list[int], int]) -> PublicCase:
    items: list[dict[str, Any]] = [
        {"ids": torch.tensor(ids), "length": len(ids), "label": label} for ids, label in reviews
    ]
    return PublicCase(tried=tried, arguments={"batch": items}, probe="entries_of_batch")


def _buckets(tried: str, count: int, batch_size: int) -> PublicCase:
    lengths = [10 + 37 * place % 101 for place in range(count)]  # all different, in no order
    return PublicCase(tried=tried, arguments={"lengths": lengths, "batch_size": batch_size}, probe="order_of_batches")


EXERCISES = {
    "vocabulary_facts": PublicExercise(
        number="1.1",
        beyond="Grading also tries other sentences.",
        parts=(Part("dict of facts"),),
        hints=(
            "Everything is an attribute or a method of the tokenizer: type its name and a dot, and press Tab.",
            "The ids belong to the tokens of the sentence, one to one. Which call adds others in front and behind?",
        ),
        cases=(
            PublicCase(tried="“Hello WORLD how ARE yoU?”", arguments={"sentence": "Hello WORLD how ARE yoU?"}),
            PublicCase(
                tried="“An unwatchable film, embarrassingly overacted.”",
                arguments={"sentence": "An unwatchable film, embarrassingly overacted."},
            ),
        ),
    ),
    "tokenize_and_cut": PublicExercise(
        number="1.2a",
        beyond="Grading also tries other sentences.",
        parts=(Part("number of tokens"), Part("list of the first tokens"), Part("list of the last tokens")),
        hints=("First the tokens, then the cut. How many places of the 512 are taken before the sentence begins?",),
        cases=(
            PublicCase(
                tried="“This film is great!”", arguments={"sentence": "This film is great!"}, probe="ends_of_list"
            ),
            PublicCase(tried="a sentence of 720 tokens", arguments={"sentence": LONG}, probe="ends_of_list"),
        ),
    ),
    "encode": PublicExercise(
        number="1.2b",
        beyond="Grading also tries other sentences.",
        parts=(Part("number of ids"), Part("list of the first ids"), Part("list of the last ids")),
        hints=("The tokenizer knows the ids of [CLS] and [SEP] by name. Cut first, frame afterwards.",),
        cases=(
            PublicCase(
                tried="“This film is great!”", arguments={"sentence": "This film is great!"}, probe="ends_of_list"
            ),
            PublicCase(tried="a sentence of 720 tokens", arguments={"sentence": LONG}, probe="ends_of_list"),
        ),
    ),
    "wordpiece": PublicExercise(
        number="1.3",
        beyond="Grading also tries other words and vocabularies.",
        parts=(Part("list of pieces"),),
        hints=(
            "Write the word on paper and cover it from the right, letter by letter, until what you see is a piece.",
            "What do you look up once the first piece is found: the bare letters, or something in front of them too?",
        ),
        cases=(
            _wordpiece("watch", "watch, which is in the vocabulary"),
            _wordpiece("unwatchable", "unwatchable, with un, ##watch, ##wat, ##able, ##ab, ##le and others"),
            _wordpiece("soso", "soso, with so and ##so"),
            _wordpiece("sofa", "sofa, with so, and nothing for the rest"),
            _wordpiece("xylon", "xylon, with nothing that begins like it"),
            _wordpiece("unwatchable", "unwatchable again, with unwatc besides, behind which nothing fits", ("unwatc",)),
        ),
    ),
    "build_vocab": PublicExercise(
        number="1.4a",
        beyond="Grading also tries other texts, sizes and least frequencies.",
        parts=(Part("vocabulary"),),
        hints=(
            "Do it in four steps and look at each: the text without tags, its words, the counts, the order.",
            "Two limits say who stays: one looks at the count of a word, the other at its rank. Apply them in that "
            "order, and number what is left.",
        ),
        cases=(
            _build("two short reviews, min_freq = 1", *TEXTS),
            _build("the same reviews, min_freq = 2", *TEXTS, min_freq=2),
            _build("the same reviews, min_freq = 1, max_size = 3", *TEXTS, max_size=3),
            PublicCase(
                tried="a word five times and one four times, without min_freq and max_size",
                arguments={"texts": ["plot film " * 4, "film again"]},
            ),
            _build(
                "“Café 2day: the ACTORS' art_work isn't <i>that</i> bad<br>Bad!”",
                "Café 2day: the ACTORS' art_work isn't <i>that</i> bad<br>Bad!",
            ),
            _build("five reviews of a word or two", "zebra", "The zebra", "apple", "mango mango mango", "apple"),
        ),
    ),
    "tokenize": PublicExercise(
        number="1.5",
        beyond="Grading also tries other texts and vocabularies.",
        parts=(Part("list of ids"),),
        hints=(
            "Read the text as in exercise 1.4, then ask for each word: is it a stop word, is it known, is it neither?",
        ),
        cases=(
            _tokenize("great film great plot"),
            _tokenize("Not a GREAT film, and the plot isn't great!"),
            _tokenize("dull<br /><br />plot <i>dull</i> cast"),
            _tokenize("film2film café film_plot"),
            _tokenize("a zebra"),
        ),
    ),
    "ReviewDataset": PublicExercise(
        number="1.6",
        beyond="Grading also tries other reviews and lengths.",
        parts=(
            Part("number of reviews"),
            Part("tensor of ids of the first review"),
            Part("list of lengths"),
            Part("list of labels"),
        ),
        hints=("Tokenize, cut, measure, in this order. Which of the three does the length come from?",),
        cases=(
            _dataset("three reviews of 4, 8 and 3 words, max_length = 20", 20),
            _dataset("the same, max_length = 3", 3),
        ),
    ),
    "split_indices": PublicExercise(
        number="1.7",
        beyond="Grading also tries other sizes, shares and seeds.",
        parts=(
            Part("list of sizes"),
            Part("count of numbers in no part"),
            Part("count of numbers in two parts"),
            Part("answer to “does every part hold numbers from both halves?”"),
            Part("answer to “does the same seed give the same parts?”"),
            Part("answer to “does another seed give others?”"),
        ),
        hints=(
            "Shuffle all numbers first, then cut the row. Each part begins where the one before it ended.",
            "Do the sizes by whole numbers. The last part needs no size: it takes what is there.",
        ),
        cases=(
            _split("n = 200, shares (7, 3)", 200, (7, 3)),
            _split("n = 503, shares (7, 1, 2)", 503, (7, 1, 2)),
            _split("n = 302, shares (1, 1, 1)", 302, (1, 1, 1)),
        ),
    ),
    "collate": PublicExercise(
        number="1.8a",
        beyond="Grading also tries other batches.",
        parts=(Part("tensor of ids", ("review",)), Part("tensor of lengths"), Part("tensor of labels")),
        hints=("What is the longest in this batch? Every row gets zeros behind it until it is as long.",),
        cases=(
            _batch("reviews of 3, 5 and 1 ids", ([7, 8, 9], 1), ([2, 3, 4, 5, 6], 0), ([11], 1)),
            _batch("two reviews of 2 ids", ([5, 3], 0), ([4, 9], 1)),
        ),
    ),
    "bucket_batches": PublicExercise(
        number="1.8b",
        beyond="Grading also tries other lengths and sizes.",
        parts=(
            Part("list of batch sizes"),
            Part("count of reviews in no batch"),
            Part("count of reviews in two batches"),
            Part("count of batches with lengths that the next one has too"),
            Part("answer to “is the order of the batches another one in the next call?”"),
        ),
        hints=("Three steps: sort, cut, shuffle. What exactly is it that each of them sorts, cuts and shuffles?",),
        cases=(
            _buckets("60 reviews in batches of 3", 60, 3),
            _buckets("85 reviews in batches of 4", 85, 4),
        ),
    ),
}
