"""1.4 build_vocab: which words there are, and which numbers they get."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import re
from collections import Counter

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit.words import STOP_WORDS

FIRST = "test_padding_and_unknown_word_come_first"
FREQUENT = "test_frequent_words_get_small_ids"
TIES = "test_ties_go_by_first_appearance"
TAGS = "test_tags_are_no_words"
LETTERS = "test_words_are_runs_of_letters"
STOP = "test_stop_words_are_left_out"
MIN_FREQ = "test_min_freq_is_the_least_that_stays"
MAX_SIZE = "test_max_size_counts_words_only"


@reference("build_vocab")
def with_a_counter(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        text = re.sub(r"<[^>]*>", " ", text)
        words = re.findall(r"[a-z]+", text.lower())
        counts.update(word for word in words if word not in STOP_WORDS)
    vocab = {"[PAD]": 0, "[UNK]": 1}
    for word, count in counts.most_common():
        if max_size is not None and len(vocab) == max_size + 2:
            break
        if count >= min_freq:
            vocab[word] = len(vocab)
    return vocab


@alternative("build_vocab")
def with_a_dict(texts, min_freq=5, max_size=None):
    frequency = {}
    for text in texts:
        for word in re.split("[^a-z]+", re.sub("<.*?>", " ", text).lower()):
            if word and word not in STOP_WORDS:
                frequency[word] = frequency.get(word, 0) + 1
    often = [word for word in frequency if frequency[word] >= min_freq]
    often.sort(key=frequency.get, reverse=True)
    return {word: i for i, word in enumerate(["[PAD]", "[UNK]", *often[:max_size]])}


@alternative("build_vocab")
def sorted_by_two_keys(texts, min_freq=5, max_size=None):
    words = []
    for text in texts:
        text = re.sub("[^a-z]", " ", re.sub("<[^>]+>", " ", text).lower())
        words += [word for word in text.split() if word not in STOP_WORDS]
    count, place = Counter(words), {}
    for i, word in enumerate(words):
        place.setdefault(word, i)
    order = sorted((word for word in count if count[word] >= min_freq), key=lambda word: (-count[word], place[word]))
    if max_size is not None:
        order = order[:max_size]
    vocab = {"[PAD]": 0, "[UNK]": 1}
    vocab.update(zip(order, range(2, len(order) + 2), strict=True))
    return vocab


@alternative("build_vocab")
def letter_by_letter(texts, min_freq=5, max_size=None):
    count, word, in_tag = Counter(), "", False
    for text in texts:
        for character in text.lower() + " ":
            if not in_tag and "a" <= character <= "z":
                word += character
                continue
            if word and word not in STOP_WORDS:
                count[word] += 1
            word = ""
            if character == "<":
                in_tag = True
            elif character == ">":
                in_tag = False
        in_tag = False
    kept = sorted((pair for pair in count.items() if pair[1] >= min_freq), key=lambda pair: pair[1], reverse=True)
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *(word for word, _ in kept[:max_size])])}


@alternative("build_vocab")
def stop_words_deleted_afterwards(texts, min_freq=5, max_size=None):
    everything = " ".join(texts)
    count = Counter(re.findall("[a-z]+", re.sub("<[^>]*>", " ", everything).lower()))
    for word in STOP_WORDS:
        del count[word]
    kept = {word: n for word, n in count.items() if n >= min_freq}
    best = [word for word, _ in Counter(kept).most_common(max_size)]
    return {"[PAD]": 0, "[UNK]": 1} | {word: 2 + rank for rank, word in enumerate(best)}


@alternative("build_vocab")
def split_at_tags(texts, min_freq=5, max_size=None):
    count = Counter()
    for text in texts:
        for piece in re.split("<[^>]*>", text):
            for found in re.finditer("[A-Za-z]+", piece):
                word = found.group().lower()
                if word not in STOP_WORDS:
                    count[word] += 1
    number = {"[PAD]": 0, "[UNK]": 1}
    for times in sorted(set(count.values()), reverse=True):
        for word in count:
            full = max_size is not None and len(number) >= max_size + 2
            if count[word] == times >= min_freq and not full:
                number[word] = len(number)
    return number


edited_alternative("build_vocab", "counter_of_all_words", [
    ("    for text in texts:\n", "    for text in list(texts):\n"),
    ('    vocab = {"[PAD]": 0, "[UNK]": 1}\n', '    vocab = dict(zip(["[PAD]", "[UNK]"], range(2)))\n'),
])  # fmt: skip

ENTRIES = 'vocab = {"[PAD]": 0, "[UNK]": 1}'

edited(
    "build_vocab", "no_special_entries",
    "The words begin with id 0. Two entries come before all words: one to pad with, one for unknown words.",
    [(ENTRIES, "vocab = {}"), ("max_size + 2", "max_size")],
    caught_by=FIRST,
)  # fmt: skip
edited(
    "build_vocab", "special_entries_exchanged",
    "[UNK] has the id 0 and [PAD] the id 1. Padding with zeros will then write unknown words.",
    [(ENTRIES, 'vocab = {"[UNK]": 0, "[PAD]": 1}')],
    caught_by=FIRST,
)  # fmt: skip
edited(
    "build_vocab", "other_names_for_special_entries",
    "The two special entries have other names than [PAD] and [UNK]. Who looks them up will not find them.",
    [(ENTRIES, 'vocab = {"<pad>": 0, "<unk>": 1}')],
    caught_by=FIRST,
)  # fmt: skip
edited(
    "build_vocab", "special_entries_behind",
    "The special entries stand behind the words, so their ids depend on the texts. Padding should always be 0.",
    [(ENTRIES, "vocab = {}"), ("max_size + 2", "max_size"),
     ("    return vocab", '    return vocab | {"[PAD]": len(vocab), "[UNK]": len(vocab) + 1}')],
    caught_by=FIRST,
)  # fmt: skip


@misconception(
    "build_vocab",
    "There are gaps between the ids: words are numbered before the rare ones are thrown out. Each gap would be a row "
    "of the embedding that nobody uses.",
    caught_by=FIRST,
)
def numbered_before_throwing_out(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        text = re.sub(r"<[^>]*>", " ", text)
        words = re.findall(r"[a-z]+", text.lower())
        counts.update(word for word in words if word not in STOP_WORDS)
    first_seen = {word: 2 + i for i, word in enumerate(counts)}
    order = [word for word, count in counts.most_common() if count >= min_freq][:max_size]
    vocab = {"[PAD]": 0, "[UNK]": 1}
    for word, number in zip(order, sorted(first_seen[word] for word in order), strict=True):
        vocab[word] = number
    return vocab


edited(
    "build_vocab", "rare_words_first",
    "The rarest words have the smallest ids. The order should fall, not rise.",
    [("counts.most_common()", "sorted(counts.items(), key=lambda pair: pair[1])")],
    caught_by=FREQUENT,
)  # fmt: skip
edited(
    "build_vocab", "in_the_order_of_the_texts",
    "The ids follow the order of the texts. The most frequent word should come first, wherever it stands.",
    [("counts.most_common()", "counts.items()")],
    caught_by=FREQUENT,
)  # fmt: skip
edited(
    "build_vocab", "alphabetical",
    "The ids follow the alphabet. The most frequent word should come first.",
    [("counts.most_common()", "sorted(counts.items())")],
    caught_by=FREQUENT,
)  # fmt: skip
edited(
    "build_vocab", "counts_texts",
    "A word counts only once for each text that it stands in. All of its occurrences count.",
    [("counts.update(word for word in words if word not in STOP_WORDS)",
      "counts.update(dict.fromkeys(word for word in words if word not in STOP_WORDS))")],
    caught_by=FREQUENT,
)  # fmt: skip
edited(
    "build_vocab", "ties_alphabetical",
    "Words that are equally frequent come in the order of the alphabet. The first one in the texts should come first.",
    [("counts.most_common()", "sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))")],
    caught_by=TIES,
)  # fmt: skip
edited(
    "build_vocab", "ties_backwards",
    "Of words that are equally frequent, the last one comes first. That happens when a list is sorted upwards and then "
    "turned round.",
    [("counts.most_common()", "sorted(counts.items(), key=lambda pair: pair[1])[::-1]")],
    caught_by=TIES,
)  # fmt: skip
edited(
    "build_vocab", "tags_stay",
    "Tags are read as words. What stands between < and > belongs to the web page, not to the review.",
    [('        text = re.sub(r"<[^>]*>", " ", text)\n', "")],
    caught_by=TAGS,
)  # fmt: skip
edited(
    "build_vocab", "tags_leave_nothing",
    "Where a tag is taken out, the words on both sides grow together. What should be left in its place?",
    [('re.sub(r"<[^>]*>", " ", text)', 're.sub(r"<[^>]*>", "", text)')],
    caught_by=TAGS,
)  # fmt: skip
edited(
    "build_vocab", "tags_take_all",
    "From the first < to the last > of a text everything is gone, words and all. Where does a tag end?",
    [('r"<[^>]*>"', 'r"<.*>"')],
    caught_by=TAGS,
)  # fmt: skip
edited(
    "build_vocab", "one_tag_only",
    "Only the tag for a new line is taken out. Reviews hold others: look for whatever stands between < and >.",
    [('re.sub(r"<[^>]*>", " ", text)', 'text.replace("<br />", " ").replace("<br>", " ")')],
    caught_by=TAGS,
)  # fmt: skip
edited(
    "build_vocab", "capitals_are_lost",
    "Capital letters are treated as no letters, so words lose their beginnings. Make the text lower case first.",
    [("text.lower()", "text")],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "capitals_stay",
    "The same word has two entries, one of them with a capital letter. Make the text lower case.",
    [('r"[a-z]+", text.lower()', 'r"[A-Za-z]+", text')],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "cut_at_spaces",
    "The text is cut at spaces only, so commas and full stops stick to the words. What is a run of letters?",
    [('re.findall(r"[a-z]+", text.lower())', "text.lower().split()")],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "digits_are_letters",
    "Digits and underscores are taken for letters. Words are runs of a to z.",
    [('r"[a-z]+"', 'r"[a-z0-9_]+"')],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "apostrophes_inside_words",
    "An apostrophe is kept inside words. It separates like any other sign.",
    [('r"[a-z]+"', "r\"[a-z]+(?:'[a-z]+)*\"")],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "letters_of_all_languages",
    "Letters like é are taken as part of a word. Here, only a to z are letters.",
    [('r"[a-z]+"', 'r"[^\\W\\d_]+"')],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "signs_deleted",
    "Signs and digits are deleted, so the words on both sides grow together. They should separate words.",
    [('re.findall(r"[a-z]+", text.lower())', 're.sub(r"[^a-z ]", "", text.lower()).split()')],
    caught_by=LETTERS,
)  # fmt: skip
edited(
    "build_vocab", "stop_words_stay",
    "Stop words are in the vocabulary. They should be left out before anything is counted.",
    [(" if word not in STOP_WORDS", "")],
    caught_by=STOP,
)  # fmt: skip


@misconception(
    "build_vocab",
    "Stop words take places of max_size and are thrown out afterwards, so too few words are left. Which comes first?",
    caught_by=STOP,
)
def stop_words_out_too_late(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        text = re.sub(r"<[^>]*>", " ", text)
        counts.update(re.findall(r"[a-z]+", text.lower()))
    kept = [word for word, count in counts.most_common() if count >= min_freq][:max_size]
    vocab = {"[PAD]": 0, "[UNK]": 1}
    for word in kept:
        if word not in STOP_WORDS:
            vocab[word] = len(vocab)
    return vocab


@misconception(
    "build_vocab",
    "Stop words at the beginning of a sentence stay in: they are compared before they are made lower case.",
    caught_by=STOP,
)
def stop_words_before_lower_case(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        words = re.findall(r"[A-Za-z]+", re.sub(r"<[^>]*>", " ", text))
        counts.update(word.lower() for word in words if word not in STOP_WORDS)
    kept = [word for word, count in counts.most_common() if count >= min_freq][:max_size]
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *kept])}


@misconception(
    "build_vocab",
    "Short words are left out along with the stop words. Not and no are short, and turn a review round.",
    caught_by=STOP,
)
def short_words_out(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        words = re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", text).lower())
        counts.update(word for word in words if word not in STOP_WORDS and len(word) > 3)
    kept = [word for word, count in counts.most_common() if count >= min_freq][:max_size]
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *kept])}


edited(
    "build_vocab", "more_often_than_min_freq",
    "Words that occur exactly min_freq times are left out. It is the least that is enough.",
    [("count >= min_freq", "count > min_freq")],
    caught_by=MIN_FREQ,
)  # fmt: skip
edited(
    "build_vocab", "min_freq_forgotten",
    "Rare words are kept, whatever min_freq is.",
    [("count >= min_freq", "count > 0")],
    caught_by=MIN_FREQ,
)  # fmt: skip
edited(
    "build_vocab", "always_five",
    "A word must always occur five times. That is only the default: use the argument.",
    [("count >= min_freq", "count >= 5")],
    caught_by=MIN_FREQ,
)  # fmt: skip
edited(
    "build_vocab", "special_entries_counted",
    "The two special entries are counted in max_size. They come on top: 25,000 words make 25,002 entries.",
    [("max_size + 2", "max(max_size, 2)")],
    caught_by=MAX_SIZE,
)  # fmt: skip
edited(
    "build_vocab", "max_size_forgotten",
    "The vocabulary has more words than max_size allows.",
    [("max_size is not None and len(vocab) == max_size + 2", "False")],
    caught_by=MAX_SIZE,
)  # fmt: skip


@misconception(
    "build_vocab",
    "With max_size the words that come first in the texts are kept. It should be the most frequent ones.",
    caught_by=MAX_SIZE,
)
def first_words_kept(texts, min_freq=5, max_size=None):
    counts = Counter()
    for text in texts:
        words = re.findall(r"[a-z]+", re.sub(r"<[^>]*>", " ", text).lower())
        counts.update(word for word in words if word not in STOP_WORDS)
    early = [word for word in counts if counts[word] >= min_freq][:max_size]
    early.sort(key=lambda word: -counts[word])
    return {word: number for number, word in enumerate(["[PAD]", "[UNK]", *early])}
