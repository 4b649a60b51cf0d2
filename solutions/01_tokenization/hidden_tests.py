"""Hidden tests of stage 01. Texts are made of words that exist nowhere, so that each test tries one thing alone.

The pretrained tokenizer is not asked: what it makes of a few words stands here, and words do not depend on each other.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from autograder.hidden_tests import ResourceMissing, expect, points
from autograder.remote import HandedIn, Submission
from coursekit.words import STOP_WORDS
from solutions.heldout import lacks
from solutions.heldout.features import check_tokenizer, needs_tokenizer
from solutions.reading import named, number, recorded, tensor


def whole(rng: torch.Generator, low: int, high: int) -> int:
    """A whole number, low ≤ n < high."""
    return int(torch.randint(low, high, (), generator=rng))


def shuffled(rng: torch.Generator, items: Iterable[Any]) -> list[Any]:
    found = list(items)
    return [found[i] for i in torch.randperm(len(found), generator=rng).tolist()]


def new_words(rng: torch.Generator, count: int, shortest: int = 5) -> list[str]:
    """So many different words of letters a to z, none of them a stop word, and not in the order of the alphabet."""
    words: dict[str, None] = {}
    while len(words) < count:
        letters = torch.randint(26, (whole(rng, shortest, shortest + 4),), generator=rng).tolist()
        word = "".join(string.ascii_lowercase[letter] for letter in letters)
        if word not in STOP_WORDS:
            words[word] = None
    found = list(words)
    return found if count < 2 or found != sorted(found) else found[::-1]


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def strings(value: Any, what: str) -> list[str]:
    """A list of words."""
    fits = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
    expect(fits, f"{what} should be a list of words, but it is {named(value)}.")
    return list(value)


def wholes(value: Any, what: str) -> list[int]:
    """A list of whole numbers, from a list, an array or a tensor."""
    if getattr(value, "ndim", None) == 1 and hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        value = [item.item() if hasattr(item, "item") and getattr(item, "ndim", None) == 0 else item for item in value]
    fits = isinstance(value, list) and all(map(is_whole, value))
    expect(fits, f"{what} should be a list of whole numbers, but it is {named(value)}.")
    return list(value)


def listed(words: Iterable[Any], most: int = 4) -> str:
    """Some words for a sentence."""
    found = [str(word)[:24] for word in words]
    return ", ".join(found[:most]) + (" …" if len(found) > most else "")


# ----------------------------------------------------------------------------------------------------------------
# 1.1 vocabulary_facts, 1.2 tokenize_and_cut and encode

PIECES: dict[str, tuple[list[str], list[int]]] = {
    "film": (["film"], [2143]),
    "movie": (["movie"], [3185]),
    "wonderful": (["wonderful"], [6919]),
    "ending": (["ending"], [4566]),
    "terrible": (["terrible"], [6659]),
    "acting": (["acting"], [3772]),
    "scene": (["scene"], [3496]),
    "story": (["story"], [2466]),
    "never": (["never"], [2196]),
    "again": (["again"], [2153]),
    "unwatchable": (["un", "##watch", "##able"], [4895, 18866, 3085]),
    "embarrassingly": (["embarrassing", "##ly"], [16436, 2135]),
    "melodramatic": (["mel", "##od", "##rama", "##tic"], [11463, 7716, 14672, 4588]),
    "cinematography": (["cinematography"], [16434]),
    "forgettable": (["forget", "##table"], [5293, 10880]),
    "overacted": (["over", "##act", "##ed"], [2058, 18908, 2098]),
    "!": (["!"], [999]),
    "?": (["?"], [1029]),
    ",": ([","], [1010]),
}
SPECIAL = {"[CLS]": 101, "[SEP]": 102, "[PAD]": 0, "[UNK]": 100}
PLACES = 512


def sentence(rng: torch.Generator, count: int) -> tuple[str, list[str], list[int]]:
    """So many words and signs, some in capitals, with their tokens and ids."""
    known = list(PIECES)
    chosen = [known[i] for i in torch.randint(len(known), (count,), generator=rng).tolist()]
    written = [word.upper() if whole(rng, 0, 4) == 0 else word for word in chosen]
    tokens = [token for word in chosen for token in PIECES[word][0]]
    ids = [number for word in chosen for number in PIECES[word][1]]
    return " ".join(written), tokens, ids


def fact(submission: Submission, text: str, key: str) -> Any:
    facts = submission.vocabulary_facts(text)
    expect(isinstance(facts, dict), f"A dict with five entries should come back, but it was {named(facts)}.")
    expect(key in facts, f"The dict has no entry named {key!r}.")
    return facts[key]


def make_ready(handed_in: Sequence[HandedIn], class_seed: int, tell: Callable[[str], None]) -> list[ResourceMissing]:
    """What the pretrained vocabulary cannot be tested without: a tokenizer in the sandbox."""
    return lacks(check_tokenizer)


@points("vocabulary_facts", 0.25)
@needs_tokenizer
def test_size_and_longest_input(submission: Submission, rng: torch.Generator) -> None:
    """30,522 entries, 512 places."""
    text = sentence(rng, 5)[0]
    for key, due, what in (
        ("size", 30522, "The number of entries in the vocabulary"),
        ("max_length", PLACES, "The most tokens that the model can take"),
    ):
        seen = number(fact(submission, text, key), what)
        expect(seen == due, f"{what} came out as {seen:.10g}, which is not what the tokenizer says.")


@points("vocabulary_facts", 0.25)
@needs_tokenizer
def test_tokens_of_a_sentence(submission: Submission, rng: torch.Generator) -> None:
    """Pieces of lower-case words, without special tokens."""
    text, due, _ = sentence(rng, 9)
    text, due = f"{text} unwatchable", [*due, "un", "##watch", "##able"]
    tokens = strings(fact(submission, text, "tokens"), "The tokens")
    special = [token for token in tokens if token in SPECIAL]
    expect(not special, f"Among the tokens of the sentence are special ones: {listed(special)}.")
    expect(
        tokens == due,
        f"The sentence “{text[:70]} …” has the tokens {listed(due, 3)}; yours begin {listed(tokens, 3)}, and there are "
        f"{len(tokens)} instead of {len(due)}.",
    )


@points("vocabulary_facts", 0.25)
@needs_tokenizer
def test_ids_of_the_tokens(submission: Submission, rng: torch.Generator) -> None:
    """One number per piece."""
    text, _, due = sentence(rng, 9)
    ids = wholes(fact(submission, text, "ids"), "The list of ids")
    expect(len(ids) == len(due), f"The sentence has {len(due)} tokens, but there are {len(ids)} ids.")
    expect(ids == due, f"The ids begin {listed(ids)}; those of the tokens begin {listed(due)}.")


@points("vocabulary_facts", 0.25)
@needs_tokenizer
def test_ids_of_special_tokens(submission: Submission, rng: torch.Generator) -> None:
    """All four by name."""
    special = fact(submission, sentence(rng, 4)[0], "special_ids")
    expect(isinstance(special, dict), f"The special ids should be a dict from names to ids, but are {named(special)}.")
    for name, due in SPECIAL.items():
        expect(name in special, f"The special ids have no entry for {name}.")
        seen = number(special[name], f"The id of {name}")
        expect(seen == due, f"The id of {name} is not {seen:.10g}.")


@points("tokenize_and_cut", 0.25)
@needs_tokenizer
def test_short_sentences_stay_whole(submission: Submission, rng: torch.Generator) -> None:
    """All tokens, also where there are just as many as fit."""
    for count in (7, 60):
        text, due, _ = sentence(rng, count)
        tokens = strings(submission.tokenize_and_cut(text), "The tokens")
        expect(tokens[:1] == due[:1], f"The first token is {listed(tokens[:1])} and should be {due[0]}.")
        expect(tokens == due, f"Of a sentence of {len(due)} tokens, {len(tokens)} come back, or other ones.")


@points("tokenize_and_cut", 0.25)
@needs_tokenizer
def test_long_sentences_keep_their_first_510_tokens(submission: Submission, rng: torch.Generator) -> None:
    """Not words, not letters, and not the end. The first tokens are left to the other test."""
    text, due, _ = sentence(rng, 700)
    tokens = strings(submission.tokenize_and_cut(text), "The tokens")
    room = PLACES - 2
    expect(len(tokens) == room, f"Of a sentence of {len(due)} tokens, {len(tokens)} are kept instead of {room}.")
    expect(tokens[9:] == due[9:room], f"{room} tokens are kept, but they are not the first ones of the sentence.")


def encoded(submission: Submission, text: str, tokens: list[str]) -> list[int]:
    seen = submission.scenario("encoded", text, {text: tokens[: PLACES - 2]})
    return wholes(seen, "What encode returns")


@points("encode", 0.25)
@needs_tokenizer
def test_ids_are_framed_by_special_tokens(submission: Submission, rng: torch.Generator) -> None:
    """[CLS] in front, [SEP] behind, and nothing else."""
    text, tokens, due = sentence(rng, 8)
    ids = encoded(submission, text, tokens)
    expect(ids[:1] == [101], f"The first id is {listed(ids[:1])}, which is not that of [CLS].")
    expect(ids[-1:] == [102], f"The last id is {listed(ids[-1:])}, which is not that of [SEP].")
    expect(
        ids[1:-1] == due, f"Between [CLS] and [SEP] stand {len(ids) - 2} ids, but not those of the {len(due)} tokens."
    )


@points("encode", 0.25)
@needs_tokenizer
def test_long_sentences_fit_into_512(submission: Submission, rng: torch.Generator) -> None:
    """Both special tokens included, and as much of the sentence as there is room for."""
    text, tokens, due = sentence(rng, 650)
    ids = encoded(submission, text, tokens)
    expect(len(ids) <= PLACES, f"A sentence of {len(due)} tokens gives {len(ids)} ids: more than the model can take.")
    expect(len(ids) == PLACES, f"A sentence of {len(due)} tokens gives {len(ids)} ids, though there is room for more.")
    known = ids[9:-9] == due[8 : PLACES - 10]
    expect(known, "A long sentence does not keep its first tokens in their order.")


# ----------------------------------------------------------------------------------------------------------------
# 1.3 wordpiece


def pieces_of(submission: Submission, word: str, vocab: Sequence[str]) -> list[str]:
    table = {piece: place for place, piece in enumerate(vocab)}
    return strings(submission.wordpiece(word, table), "The result")


def cut_greedily(word: str, vocab: set[str]) -> list[str]:
    """What should come out."""
    found: list[str] = []
    rest = word
    while rest:
        sign = "##" if found else ""
        sizes = [size for size in range(1, len(rest) + 1) if sign + rest[:size] in vocab]
        if not sizes:
            return ["[UNK]"]
        found.append(sign + rest[: max(sizes)])
        rest = rest[max(sizes) :]
    return found


@points("wordpiece", 0.25)
def test_a_word_of_the_vocabulary_stays_whole(submission: Submission, rng: torch.Generator) -> None:
    """One piece, in a list, although its parts are there as well."""
    for word in new_words(rng, 3):
        letters = sorted({*word} | {f"##{letter}" for letter in word})
        vocab = ["[UNK]", *letters, word[:3], f"##{word[3:]}", f"##{word}", word]
        seen = pieces_of(submission, word, vocab)
        expect(seen == [word], f"The word {word} is in the vocabulary, but it comes back as {listed(seen)}.")


@points("wordpiece", 0.5)
def test_the_longest_piece_comes_first(submission: Submission, rng: torch.Generator) -> None:
    """Every piece is there with its sign and without, so that only the cuts matter, and no letter is unknown."""
    for _ in range(6):
        word = "".join("abc"[i] for i in torch.randint(3, (whole(rng, 9, 14),), generator=rng).tolist())
        starts = torch.randint(len(word) - 4, (12,), generator=rng).tolist()
        longer = {word[start : start + whole(rng, 2, 5)] for start in starts} | {word[:2], word[:4], word[4:7]}
        known = sorted({"a", "b", "c"} | longer)
        vocab = ["[UNK]", *known, *(f"##{piece}" for piece in known)]
        seen = [piece.removeprefix("##") for piece in pieces_of(submission, word, vocab)]
        due = [piece.removeprefix("##") for piece in cut_greedily(word, set(vocab))]
        expect("".join(seen) == word, f"Put together, the pieces of {word} give {''.join(seen)[:30]}.")
        expect(
            seen == due,
            f"The word {word} is cut into {listed(seen, 9)}; with the longest piece first it is {listed(due, 9)}.",
        )


@points("wordpiece", 0.25)
def test_pieces_that_continue_carry_their_sign(submission: Submission, rng: torch.Generator) -> None:
    """A piece without the sign may only begin a word, and one with it only continue."""
    for word in new_words(rng, 3, shortest=7):
        first, second, third = word[:3], word[3:5], word[5:]
        vocab = ["[UNK]", first, f"##{second}", f"##{third}", word[3:], f"##{word[:5]}"]
        seen = pieces_of(submission, word, vocab)
        due = [first, f"##{second}", f"##{third}"]
        expect(seen == due, f"With the vocabulary {listed(vocab, 9)}, the word {word} came back as {listed(seen, 9)}.")


@points("wordpiece", 0.5)
def test_what_cannot_be_cut_is_unknown(submission: Submission, rng: torch.Generator) -> None:
    """At the beginning, in the middle and at the end; and where only another way of cutting would have worked."""
    first, second, third = new_words(rng, 3)
    whole_word = first + second + third
    cases = [
        ("its middle is in no piece", [first, second, f"##{third}"]),
        ("its beginning is in no piece", [f"##{first}", second, f"##{second}", f"##{third}"]),
        ("its end is in no piece", [first, f"##{second}", third]),
        (
            "the longest piece leads to a dead end, though a shorter one would not",
            [first, first + second[0], f"##{second}", f"##{third}", f"##{second + third}"],
        ),
    ]
    for why, vocab in cases:
        seen = pieces_of(submission, whole_word, ["[UNK]", *vocab])
        expect(seen == ["[UNK]"], f"A word should be [UNK] and nothing else: {why}. It came back as {listed(seen)}.")


# ----------------------------------------------------------------------------------------------------------------
# 1.4 build_vocab

FIRST = ("[PAD]", "[UNK]")


def vocabulary(submission: Submission, texts: Sequence[str], *options: Any) -> dict[str, int]:
    vocab = submission.build_vocab(list(texts), *options)
    expect(isinstance(vocab, dict), f"A dict from words to ids should come back, but it was {named(vocab)}.")
    expect(all(isinstance(word, str) for word in vocab), "The keys of the vocabulary should be words.")
    expect(all(map(is_whole, vocab.values())), "The values of the vocabulary should be whole numbers.")
    return dict(vocab)


def in_order(vocab: dict[str, int], words: Iterable[str]) -> list[str]:
    """Those of the words that are known, by their ids."""
    return sorted(set(words) & vocab.keys(), key=lambda word: vocab[word])


def words_known(vocab: dict[str, int]) -> set[str]:
    return vocab.keys() - set(FIRST)


@points("build_vocab", 0.25)
def test_padding_and_unknown_word_come_first(submission: Submission, rng: torch.Generator) -> None:
    """0 and 1, and no number is left out or given twice; also when rare words fall out."""
    words = new_words(rng, 8)
    texts = [" ".join(words), " ".join(words[::3])]
    for min_freq in (1, 2):
        vocab = vocabulary(submission, texts, min_freq)
        for name, due in zip(FIRST, (0, 1), strict=True):
            expect(name in vocab, f"The vocabulary has no entry {name}.")
            expect(vocab[name] == due, f"The id of {name} should be {due}, but it is {vocab[name]}.")
        ids = sorted(vocab.values())
        expect(
            ids == list(range(len(ids))) and len(ids) > 2,
            f"The {len(ids)} entries should have the ids 0 to {len(ids) - 1}, each once; they go up to {ids[-1]}.",
        )


@points("build_vocab", 0.25)
def test_frequent_words_get_small_ids(submission: Submission, rng: torch.Generator) -> None:
    """All occurrences count, also several in one text. No two words are equally frequent."""
    words = new_words(rng, 6)
    crowded = max(words)  # frequent, but only in one text; the first by frequency is the last in the alphabet
    spread = [word for word in words if word != crowded]
    times = {word: 2 + place for place, word in enumerate(shuffled(rng, spread))}
    texts = [" ".join(word for word in spread if times[word] > i) for i in range(max(times.values()))]
    texts.insert(1, " ".join([crowded] * (max(times.values()) + 3)))
    due = [crowded, *sorted(spread, key=lambda word: -times[word])]
    vocab = vocabulary(submission, texts, 1)
    seen = in_order(vocab, words)
    expect(len(seen) == len(words), f"Of {len(words)} words that occur at least twice, {len(seen)} are known.")
    expect(seen != due[::-1], "The rarest words have the smallest ids.")
    expect(
        seen == due,
        f"The ids do not fall in the order of frequency: {listed(due, 3)} are the most frequent words, and the "
        f"smallest ids belong to {listed(seen, 3)}.",
    )


@points("build_vocab", 0.25)
def test_ties_go_by_first_appearance(submission: Submission, rng: torch.Generator) -> None:
    """Words that all occur three times, in an order that is neither that of the alphabet nor the same at the end."""
    words = new_words(rng, 7)
    texts = [" ".join(words[:4]), " ".join(words), " ".join(shuffled(rng, [*words, *words[4:]]))]
    vocab = vocabulary(submission, texts, 1)
    seen = in_order(vocab, words)
    expect(len(seen) == len(words), f"Of {len(words)} words that occur three times, {len(seen)} are known.")
    expect(
        seen == words,
        f"All words are equally frequent here, and {listed(words, 3)} appear first; the smallest ids belong to "
        f"{listed(seen, 3)}.",
    )


@points("build_vocab", 0.25)
def test_tags_are_no_words(submission: Submission, rng: torch.Generator) -> None:
    """What stands in a tag is no word, what stands on either side of it is, and on both sides it is two words."""
    one, two, three, four, five, inner = new_words(rng, 6)
    texts = [
        f"{one}<br /><br />{two} {three}<br>{four}",
        f'<em>{five}</em> {one} <a class="{inner}" href="{inner}">{two}</a> {three}',
    ]
    known = words_known(vocabulary(submission, texts, 1))
    inside = known & {"br", "em", "href", "class", inner}
    expect(not inside, f"The vocabulary knows {listed(sorted(inside))}, which stand only inside tags.")
    joined = known & {one + two, three + four}
    expect(not joined, f"Two words with a tag between them have become one: {listed(sorted(joined))}.")
    lost = {one, two, three, four, five} - known
    expect(not lost, f"{len(lost)} of five words outside tags are missing, for instance {listed(sorted(lost), 1)}.")


@points("build_vocab", 0.25)
def test_words_are_runs_of_letters(submission: Submission, rng: torch.Generator) -> None:
    """Lower case; everything but a to z separates."""
    words = new_words(rng, 12)
    a, b, c, d, e, f, g, h, i, j, k, m = words
    texts = [f"{a.upper()}, {b.capitalize()}! {c}7{d} ({e}) {f}'{g}", f"{h}_{i} {j}-{k} é{m} {a}... 1999 {b}?"]
    known = words_known(vocabulary(submission, texts, 1))
    capitals = sorted(word for word in known if word != word.lower())
    expect(not capitals, f"Words with capitals are in the vocabulary: {listed(capitals)}.")
    strange = sorted(word for word in known if not set(word) <= set(string.ascii_lowercase))
    expect(not strange, f"Words of the vocabulary hold more than the letters a to z: {listed(strange)}.")
    wrong = sorted(known ^ set(words))
    expect(not wrong, f"The text holds {len(words)} words between other signs; wrong or missing: {listed(wrong)}.")


@points("build_vocab", 0.25)
def test_stop_words_are_left_out(submission: Submission, rng: torch.Generator) -> None:
    """Also those in capitals, and they take no place of the others; negations are none."""
    words = new_words(rng, 4)
    stop = shuffled(rng, sorted(STOP_WORDS))[:12]
    written = [word.capitalize() if whole(rng, 0, 2) else word for word in stop]
    written[:2] = stop[0], stop[1].capitalize()
    known = words_known(vocabulary(submission, [" ".join(shuffled(rng, [*written, *words, "not", "no"]))], 1))
    left = sorted(known & set(stop))
    expect(not left, f"Stop words are in the vocabulary: {listed(left)}.")
    lost = {*words, "not", "no"} - {word.lower() for word in known}
    expect(not lost, f"Words that are no stop words are missing: {listed(sorted(lost))}.")
    known = words_known(vocabulary(submission, [" ".join([stop[0], *words, stop[0], *words, stop[0]])], 1, 3))
    expect(len(known) == 3, f"With one frequent stop word and max_size = 3, {len(known)} words are kept.")


@points("build_vocab", 0.25)
def test_min_freq_is_the_least_that_stays(submission: Submission, rng: torch.Generator) -> None:
    """At least so often; five times if nothing is said."""
    words = new_words(rng, 9)
    times = {word: place + 1 for place, word in enumerate(shuffled(rng, words))}
    texts = [" ".join(shuffled(rng, (word for word in words if times[word] > i))) for i in range(len(words))]
    for given in (whole(rng, 2, 4), whole(rng, 6, 9), None):
        options, least = ([], 5) if given is None else ([given], given)
        known = words_known(vocabulary(submission, texts, *options))
        said = f"With min_freq = {least}" if options else "When min_freq is not given, it is 5:"
        for word in words:
            kept, due = word in known, times[word] >= least
            what = f"a word that occurs {times[word]} times is {'kept' if kept else 'left out'}"
            expect(kept == due, f"{said} {what}." if options else f"{said} then {what}, which is wrong.")


@points("build_vocab", 0.25)
def test_max_size_counts_words_only(submission: Submission, rng: torch.Generator) -> None:
    """The most frequent ones stay, and the two special entries come on top. The first word is the rarest."""
    words = new_words(rng, 9)
    times = {word: 2 + place for place, word in enumerate([words[0], *shuffled(rng, words[1:])])}
    texts = [" ".join(word for word in words if times[word] > i) for i in range(max(times.values()))]
    for size in (4, 6, 30):
        known = words_known(vocabulary(submission, texts, 1, size))
        due = min(size, len(words))
        expect(len(known) == due, f"With max_size = {size}, {len(known)} of {len(words)} words are kept, not {due}.")
        best = set(sorted(words, key=lambda word: -times[word])[:due])
        expect(known == best, f"With max_size = {size} it is not the most frequent words that are kept.")


# ----------------------------------------------------------------------------------------------------------------
# 1.5 tokenize


def numbered(rng: torch.Generator, words: Iterable[str]) -> dict[str, int]:
    """A vocabulary of these words in random order."""
    return {word: place for place, word in enumerate([*FIRST, *shuffled(rng, words)])}


def ids_of(submission: Submission, text: str, vocab: dict[str, int]) -> list[int]:
    return wholes(submission.tokenize(text, vocab), "What tokenize returns")


@points("tokenize", 0.25)
def test_known_words_get_their_ids(submission: Submission, rng: torch.Generator) -> None:
    """In the order of the text, each as often as it stands there."""
    words = new_words(rng, 9)
    vocab = numbered(rng, words)
    chosen = shuffled(rng, [*words, *words[:4]])
    seen = ids_of(submission, " ".join(chosen), vocab)
    due = [vocab[word] for word in chosen]
    expect(len(seen) == len(due), f"A text of {len(due)} words, all known, gives {len(seen)} ids.")
    expect(sorted(seen) == sorted(due), f"The ids {listed(seen)} are not those of the words: {listed(due)}.")
    expect(seen == due, "The ids are those of the words, but not in the order of the text.")


@points("tokenize", 0.25)
def test_unknown_words_get_the_unknown_id(submission: Submission, rng: torch.Generator) -> None:
    """1, each of them."""
    words = new_words(rng, 10)
    known = set(words[::2])
    vocab = numbered(rng, sorted(known))
    for text in (shuffled(rng, words), words[1::2]):
        seen = ids_of(submission, " ".join(text), dict(vocab))
        strangers = sum(word not in known for word in text)
        expect(
            seen.count(1) == strangers,
            f"A text has {strangers} words that the vocabulary does not know, and the id of [UNK] comes back "
            f"{seen.count(1)} times.",
        )
        expect(len(seen) == len(text), f"A text of {len(text)} words gives {len(seen)} ids.")


@points("tokenize", 0.25)
def test_stop_words_are_dropped(submission: Submission, rng: torch.Generator) -> None:
    """They leave nothing behind; a negation is none."""
    words = [*new_words(rng, 4), "not"]
    vocab = numbered(rng, words)
    stop = shuffled(rng, sorted(STOP_WORDS))[:5]
    written = [stop[0], stop[1].capitalize(), *stop[2:]]
    text = shuffled(rng, [*words, *written])
    seen = ids_of(submission, " ".join(text), vocab)
    expect(
        len(seen) == len(words),
        f"A text of {len(words)} known words and {len(stop)} stop words gives {len(seen)} ids instead of {len(words)}.",
    )
    expect(set(seen) >= {vocab[word] for word in words}, "Words are lost that are no stop words.")


@points("tokenize", 0.25)
def test_texts_are_read_as_for_the_vocabulary(submission: Submission, rng: torch.Generator) -> None:
    """Tags, capitals, digits and signs as in exercise 1.4. All words are known."""
    words = new_words(rng, 9)
    vocab = numbered(rng, words)
    a, b, c, d, e, f, g, h, i = words
    for text, due in (
        (f"{a}<br /><br />{b} <em>{c}</em> {d}", (a, b, c, d)),
        (f"{e.upper()} {f.capitalize()} {a}", (e, f, a)),
        (f"{g}7{h} {b}, {c}! ({d})'{i}' 1999", (g, h, b, c, d, i)),
        (f"{h}_{a} é{e}", (h, a, e)),
    ):
        seen = ids_of(submission, text, vocab)
        expect(
            seen == [vocab[word] for word in due],
            f"The text “{text}” has {len(due)} words, all known; {sum(number > 1 for number in seen)} are found, and "
            f"{len(seen)} ids come back.",
        )


# ----------------------------------------------------------------------------------------------------------------
# 1.6 ReviewDataset


def dataset(
    submission: Submission, texts: list[list[str]], labels: list[int], vocab: dict[str, int], max_length: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many items a data set says it has, and the items; each is a dict with the three keys."""
    written = [" ".join(text) for text in texts]
    ids = {text: [vocab[word] for word in words] for text, words in zip(written, texts, strict=True)}
    seen = submission.scenario("items_of_dataset", written, labels, vocab, max_length, ids)
    seen = recorded(seen, count=int, items=list)
    for item in seen["items"]:
        whole_item = isinstance(item, dict) and {"ids", "length", "label"} <= item.keys()
        expect(whole_item, f"An item should be a dict with ids, length and label, but it is {named(item)}.")
    expect(len(seen["items"]) == len(texts), "What was recorded of this data set did not come back whole.")
    return seen["count"], seen["items"]


@points("ReviewDataset", 0.25)
def test_items_hold_ids_length_and_label(submission: Submission, rng: torch.Generator) -> None:
    """Of each review its own; none of them is cut here."""
    words = new_words(rng, 12)
    vocab = numbered(rng, words)
    texts = [shuffled(rng, words)[: 3 + i] for i in range(5)]
    labels = shuffled(rng, [0, 1, 1, 0, 1])
    count, items = dataset(submission, texts, labels, vocab, 40)
    expect(count == len(texts), f"A data set of {len(texts)} reviews says that it has {count}.")
    for place, (item, text, label) in enumerate(zip(items, texts, labels, strict=True)):
        due = [vocab[word] for word in text]
        seen = wholes(item["ids"], "The ids of an item")
        expect(seen == due, f"The ids of review {place} are {listed(seen)}, and there are {len(seen)}, not {len(due)}.")
        length = number(item["length"], "The length of an item")
        expect(length == len(due), f"The length of review {place} is given as {length:g}; it has {len(due)} ids.")
        mark = number(item["label"], "The label of an item")
        expect(mark == label, f"The label of review {place} is given as {mark:g} instead of {label}.")


@points("ReviewDataset", 0.25)
def test_long_reviews_are_cut(submission: Submission, rng: torch.Generator) -> None:
    """The beginning is kept, and the length is that of what is kept. A review of just that length stays whole."""
    words = new_words(rng, 12)
    vocab = numbered(rng, words)
    most = whole(rng, 5, 8)
    texts = [shuffled(rng, words), shuffled(rng, words)[:most], shuffled(rng, words)[: most + 1]]
    _, items = dataset(submission, texts, [1, 0, 1], vocab, most)
    for item, text in zip(items, texts, strict=True):
        due = [vocab[word] for word in text][:most]
        seen = wholes(item["ids"], "The ids of an item")
        expect(
            len(seen) == len(due),
            f"With a longest length of {most}, a review of {len(text)} words has {len(seen)} ids.",
        )
        expect(seen == due, f"With a longest length of {most}, the first {most} ids are not the ones that are kept.")
        length = number(item["length"], "The length of an item")
        expect(length == len(seen), f"An item holds {len(seen)} ids, but its length is given as {length:g}.")


# ----------------------------------------------------------------------------------------------------------------
# 1.7 split_indices


def parts_of(submission: Submission, n: int, shares: tuple[int, ...], seed: int) -> list[list[int]]:
    parts = submission.split_indices(n, shares, seed)
    expect(
        isinstance(parts, list | tuple) and len(parts) == len(shares),
        f"For {len(shares)} shares a list of {len(shares)} parts should come back, but it was {named(parts)}.",
    )
    return [wholes(part, "Each part") for part in parts]


@points("split_indices", 0.25)
def test_parts_have_their_shares_and_lose_nothing(submission: Submission, rng: torch.Generator) -> None:
    """Sizes, and every number exactly once."""
    seed = whole(rng, 0, 1000)
    for n, shares, due in (
        (20, (7, 3), [14, 6]),
        (23, (7, 1, 2), [16, 2, 5]),
        (11, (1, 1, 1), [3, 3, 5]),
    ):
        parts = parts_of(submission, n, shares, seed)
        together = [index for part in parts for index in part]
        lost = set(range(n)) - set(together)
        expect(not lost, f"Of {n} numbers in shares {shares}, {len(lost)} are in no part.")
        expect(sorted(together) == list(range(n)), f"Of {n} numbers in shares {shares}, some are there twice or wrong.")
        sizes = [len(part) for part in parts]
        expect(
            sizes == due, f"{n} numbers in shares {shares} give parts of {listed(sizes)}; it should be {listed(due)}."
        )
    for n, shares, due in ((25_000, (7, 3), [17_500, 7_500]), (50_000, (7, 1, 2), [35_000, 5_000, 10_000])):
        seen = recorded(submission.scenario("sizes_of_parts", n, shares, seed), sizes=list, together=int)
        expect(
            seen["sizes"] == due and seen["together"] == n,
            f"{n:,} reviews in shares {shares} should be parts of {listed(due)} without a loss.",
        )


@points("split_indices", 0.25)
def test_split_is_random_and_repeatable(submission: Submission, rng: torch.Generator) -> None:
    """The same seed, the same parts; another seed, others. Each part has numbers from everywhere.

    The mean of m numbers out of 0 … n − 1 without repetition has the variance (n + 1)(n − m)/(12 m); each mean is
    within five standard deviations but once in 1.7 million.
    """
    n, shares = 600, (7, 1, 2)
    seed = whole(rng, 0, 1000)
    first = parts_of(submission, n, shares, seed)
    for part in first:
        m = len(part)
        expect(0 < m < n, f"Of {n} numbers in shares {shares}, one part has {m}.")
        off = abs(sum(part) / m - (n - 1) / 2) / math.sqrt((n + 1) * (n - m) / (12 * m))
        expect(
            off < 5, f"The numbers of a part of {m} are not drawn from everywhere: their mean is {sum(part) / m:.0f}."
        )
    again = parts_of(submission, n, shares, seed)
    same = [set(part) for part in first] == [set(part) for part in again]
    expect(same, "The same seed gives other parts the second time.")
    other = parts_of(submission, n, shares, seed + 1)
    expect([set(part) for part in first] != [set(part) for part in other], "Another seed gives the same parts.")


# ----------------------------------------------------------------------------------------------------------------
# 1.8 collate, bucket_batches


def some_items(rng: torch.Generator, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Items of these lengths, as a ReviewDataset gives them. Id 0 is in none of them."""
    return [
        {"ids": torch.randint(1, 90, (size,), generator=rng), "length": size, "label": whole(rng, 0, 2)}
        for size in sizes
    ]


def batch_of(submission: Submission, items: list[dict[str, Any]], *keys: str) -> list[Any]:
    """These entries of a batch."""
    batch = submission.collate(items)
    expect(isinstance(batch, dict), f"A dict with ids, length and label should come back, but it was {named(batch)}.")
    for key in keys:
        expect(key in batch, f"The batch has no entry named {key!r}.")
    return [batch[key] for key in keys]


@points("collate", 0.25)
def test_ids_are_padded_to_the_longest(submission: Submission, rng: torch.Generator) -> None:
    """Zeros behind each review, as many as needed and no more, in the order of the items."""
    for sizes in ((4, 9, 2, 6, 5), (3, 3), (7,)):
        items = some_items(rng, shuffled(rng, sizes))
        due = torch.zeros(len(sizes), max(sizes), dtype=torch.float64)
        for row, item in zip(due, items, strict=True):
            row[: item["length"]] = item["ids"]
        (value,) = batch_of(submission, items, "ids")
        longest = f"The ids of {len(sizes)} reviews, the longest with {max(sizes)} words,"
        seen = tensor(value, due.shape, longest)
        expect(not value.is_floating_point(), "The ids of a batch are not whole numbers.")
        rows = {tuple(row) for row in seen.tolist()}
        if seen.equal(due):
            continue
        expect(
            rows != {tuple(row) for row in due.tolist()}, "The reviews of a batch are not in the order of the items."
        )
        behind = [seen[i, item["length"] :].tolist() for i, item in enumerate(items)]
        filled = all(number == 0 for row in behind for number in row)
        expect(filled, "Behind the end of a review stands something else than the id of [PAD].")
        expect(False, "A review of the batch does not hold its own ids.")


@points("collate", 0.25)
def test_lengths_and_labels_go_along(submission: Submission, rng: torch.Generator) -> None:
    """Before padding; in the order of the items, or in that of the ids if these are ordered otherwise."""
    items = some_items(rng, (3, 8, 5, 2, 6, 7))
    for place, item in enumerate(items):
        item["label"] = place % 3 % 2
        item["ids"][0] = 90 + place
    starts = [float(item["ids"][0]) for item in items]
    ids, lengths, labels = batch_of(submission, items, "ids", "length", "label")
    if isinstance(ids, Tensor) and ids.ndim == 2 and ids.shape[1] and not ids.is_complex():
        rows = ids[:, 0].tolist()
        if sorted(rows) == starts:
            items = [items[starts.index(row)] for row in rows]
    lengths = tensor(lengths, (len(items),), "The lengths of a batch")
    due = torch.tensor([float(item["length"]) for item in items], dtype=torch.float64)
    expect(not lengths.eq(due.max()).all(), "All reviews of the batch are said to be as long as the longest.")
    expect(lengths.equal(due), f"The lengths of a batch are not those of its reviews: {listed(lengths.tolist(), 6)}.")
    labels = tensor(labels, (len(items),), "The labels of a batch")
    due = torch.tensor([float(item["label"]) for item in items], dtype=torch.float64)
    expect(labels.equal(due), "The labels of a batch are not those of its reviews.")


def some_lengths(rng: torch.Generator, count: int) -> list[int]:
    """Different lengths in random order, none of them the number of a review."""
    return [3 * count + 7 * place for place in torch.randperm(count, generator=rng).tolist()]


@points("bucket_batches", 0.25)
def test_every_review_is_in_one_batch(submission: Submission, rng: torch.Generator) -> None:
    """Also those that do not fill a batch."""
    for count, batch_size in ((24, 4), (23, 5), (7, 10), (9, 1)):
        seen = submission.scenario("numbers_dealt", some_lengths(rng, count), batch_size)
        fits = isinstance(seen, dict) and {"numbers", "sizes"} <= seen.keys()
        expect(fits, f"A list of batches, each a list of whole numbers, should come back, but it was {named(seen)}.")
        together = wholes(seen["numbers"], "What the batches hold together")
        lost = set(range(count)) - set(together)
        expect(not lost, f"Of {count} reviews in batches of {batch_size}, {len(lost)} are in no batch.")
        once = sorted(together) == list(range(count))
        expect(once, f"In batches of {batch_size}, some reviews are there twice or do not exist.")
        sizes = wholes(seen["sizes"], "The sizes of the batches")
        due = [count % batch_size] * (count % batch_size > 0) + [batch_size] * (count // batch_size)
        expect(sizes == due, f"{count} reviews give batches of {listed(sizes, 6)}; it should be {listed(due, 6)}.")


def known_batches(value: Any, count: int) -> list[list[int]]:
    """Batches that hold numbers of reviews."""
    listing = isinstance(value, list | tuple)
    expect(listing, f"A list of batches, each a list of whole numbers, should come back, but it was {named(value)}.")
    batches = [wholes(batch, "Each batch") for batch in value]
    known = all(batch and all(0 <= index < count for index in batch) for batch in batches)
    numbers = {index for batch in batches for index in batch}
    expect(known and len(numbers) > count / 2, f"The batches do not hold the numbers of the {count} reviews.")
    return batches


@points("bucket_batches", 0.5)
def test_batches_hold_like_lengths(submission: Submission, rng: torch.Generator) -> None:
    """From the shortest to the longest, batch after batch, nothing overlaps. The batches come out even."""
    for count, batch_size in ((60, 5), (36, 4)):
        lengths = some_lengths(rng, count)
        batches = known_batches(submission.scenario("batches_dealt", lengths, batch_size), count)
        spans = sorted((min(lengths[i] for i in batch), max(lengths[i] for i in batch)) for batch in batches)
        overlaps = sum(before[1] > after[0] for before, after in pairwise(spans))
        expect(
            overlaps == 0,
            f"Lengths are mixed: of {len(spans)} batches, {overlaps} hold a review that is longer than the shortest of "
            "the next batch.",
        )


@points("bucket_batches", 0.25)
def test_batches_come_in_random_order(submission: Submission, rng: torch.Generator) -> None:
    """20 batches come in one order or its opposite by chance once in 10¹⁸ times, and twice in the same as rarely."""
    lengths = some_lengths(rng, 60)
    seen = []
    for _ in range(2):
        batches = known_batches(submission.bucket_batches(lengths, 3), len(lengths))
        seen.append([sum(lengths[i] for i in batch) / len(batch) for batch in batches])
    ordered = [means in (sorted(means), sorted(means, reverse=True)) for means in seen]
    expect(not any(ordered), "The batches come in the order of their lengths.")
    expect(seen[0] != seen[1], "Two calls give the batches in the same order.")
