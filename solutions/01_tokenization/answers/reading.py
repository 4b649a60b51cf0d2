"""1.5 tokenize: from a text to the ids of its words."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import re

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit.words import STOP_WORDS

KNOWN = "test_known_words_get_their_ids"
UNKNOWN = "test_unknown_words_get_the_unknown_id"
STOP = "test_stop_words_are_dropped"
READ = "test_texts_are_read_as_for_the_vocabulary"


@reference("tokenize")
def in_a_loop(text, vocab):
    text = re.sub(r"<[^>]*>", " ", text)
    ids = []
    for word in re.findall(r"[a-z]+", text.lower()):
        if word not in STOP_WORDS:
            ids.append(vocab.get(word, vocab["[UNK]"]))
    return ids


@alternative("tokenize")
def as_a_comprehension(text, vocab):
    words = re.split("[^a-z]+", re.sub("<.*?>", " ", text).lower())
    return [vocab.get(word, 1) for word in words if word and word not in STOP_WORDS]


@alternative("tokenize")
def with_two_branches(text, vocab):
    found = []
    for word in re.sub("[^a-z]", " ", re.sub("<[^>]+>", " ", text.lower())).split():
        if word in vocab:
            found.append(vocab[word])
        elif word not in STOP_WORDS:
            found.append(vocab["[UNK]"])
    return found


@alternative("tokenize")
def piece_by_piece(text, vocab):
    ids = []
    for piece in re.split("<[^>]*>", text):
        for match in re.finditer("[A-Za-z]+", piece):
            word = match.group().lower()
            if word in STOP_WORDS:
                continue
            try:
                ids.append(vocab[word])
            except KeyError:
                ids.append(vocab["[UNK]"])
    return ids


@alternative("tokenize")
def with_a_filter(text, vocab):
    words = filter(lambda word: word not in STOP_WORDS, re.findall("[a-z]+", re.sub("<[^>]*>", "\n", text).lower()))
    return [vocab.get(word, 1) for word in words]


@alternative("tokenize")
def by_character(text, vocab):
    ids, word, in_tag = [], "", False
    for character in text.lower() + "\n":
        if not in_tag and character in "abcdefghijklmnopqrstuvwxyz":
            word += character
        else:
            if word and word not in STOP_WORDS:
                ids.append(vocab.get(word, vocab["[UNK]"]))
            word = ""
            in_tag = character == "<" or (in_tag and character != ">")
    return ids


edited_alternative("tokenize", "unknown_looked_up_first", [
    ("    ids = []\n", '    ids, unknown = [], vocab["[UNK]"]\n'),
    ('vocab.get(word, vocab["[UNK]"])', "vocab.get(word, unknown)"),
])  # fmt: skip

edited(
    "tokenize", "each_word_once",
    "A word that stands in the text several times comes back once. A text is a sequence, not a set.",
    [('re.findall(r"[a-z]+", text.lower())', 'dict.fromkeys(re.findall(r"[a-z]+", text.lower()))')],
    caught_by=KNOWN,
)  # fmt: skip
edited(
    "tokenize", "ids_sorted",
    "The ids are sorted. The order of the words is what the networks of stage 02 read.",
    [("return ids", "return sorted(ids)")],
    caught_by=KNOWN,
)  # fmt: skip
edited(
    "tokenize", "words_instead_of_ids",
    "Words come back. A network reads numbers: look them up.",
    [('vocab.get(word, vocab["[UNK]"])', 'word if word in vocab else "[UNK]"')],
    caught_by=KNOWN,
)  # fmt: skip
edited(
    "tokenize", "ids_of_a_list",
    "The ids are the places of the words among the words alone. Two entries come before them.",
    [('vocab.get(word, vocab["[UNK]"])', 'vocab[word] - 2 if word in vocab else vocab["[UNK]"]')],
    caught_by=KNOWN,
)  # fmt: skip
edited(
    "tokenize", "framed",
    "Something is put in front of the words and behind them. Only BERT wants a frame.",
    [("return ids", "return [2, *ids, 3]")],
    caught_by=KNOWN,
)  # fmt: skip
edited(
    "tokenize", "unknown_words_dropped",
    "Words that the vocabulary does not know leave no trace. Where a word is missing, the network should see that.",
    [("if word not in STOP_WORDS", "if word in vocab")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "tokenize", "unknown_is_padding",
    "Unknown words get the id of padding. The network will skip them or take them for the end.",
    [('vocab["[UNK]"]', 'vocab["[PAD]"]')],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "tokenize", "unknown_words_stop_everything",
    "A word that the vocabulary does not know stops the function. What should it get instead?",
    [('vocab.get(word, vocab["[UNK]"])', "vocab[word]")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "tokenize", "unknown_words_are_added",
    "Unknown words get new ids. The vocabulary is fixed: the embedding has no rows for others.",
    [('vocab.get(word, vocab["[UNK]"])', "vocab.setdefault(word, len(vocab))")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "tokenize", "unknown_is_minus_one",
    "Unknown words get −1. No row of an embedding has that number.",
    [('vocab["[UNK]"]', "-1")],
    caught_by=UNKNOWN,
)  # fmt: skip
edited(
    "tokenize", "stop_words_are_unknown",
    "Stop words come back as unknown words. They say little, and should leave nothing behind.",
    [("        if word not in STOP_WORDS:\n            ids", "        ids")],
    caught_by=STOP,
)  # fmt: skip
edited(
    "tokenize", "stop_words_are_padding",
    "Stop words come back as padding. They should leave nothing behind.",
    [("        if word not in STOP_WORDS:\n            ids.append(vocab.get(word, vocab[\"[UNK]\"]))",
      "        ids.append(0 if word in STOP_WORDS else vocab.get(word, vocab[\"[UNK]\"]))")],
    caught_by=STOP,
)  # fmt: skip


@misconception(
    "tokenize",
    "Stop words at the beginning of a sentence stay in, as unknown words: they are compared before they are made lower "
    "case.",
    caught_by=STOP,
)
def stop_words_before_lower_case(text, vocab):
    words = re.findall(r"[A-Za-z]+", re.sub(r"<[^>]*>", " ", text))
    return [vocab.get(word.lower(), vocab["[UNK]"]) for word in words if word not in STOP_WORDS]


edited(
    "tokenize", "short_words_out",
    "Short words are dropped along with the stop words. Not and no are short, and turn a review round.",
    [("if word not in STOP_WORDS", "if word not in STOP_WORDS and len(word) > 3")],
    caught_by=STOP,
)  # fmt: skip
edited(
    "tokenize", "tags_are_words",
    "Tags are read as words. The vocabulary was built without them.",
    [('    text = re.sub(r"<[^>]*>", " ", text)\n', "")],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "tags_leave_nothing",
    "Where a tag is taken out, the words on both sides grow together, and the vocabulary does not know the result.",
    [('re.sub(r"<[^>]*>", " ", text)', 're.sub(r"<[^>]*>", "", text)')],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "tags_take_all",
    "From the first < to the last > everything is gone, words and all. Where does a tag end?",
    [('r"<[^>]*>"', 'r"<.*>"')],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "capitals_stay",
    "Words with capital letters are not found. The vocabulary is in lower case.",
    [('r"[a-z]+", text.lower()', 'r"[A-Za-z]+", text')],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "cut_at_spaces",
    "Words with a comma or a full stop behind them are not found: the text is cut at spaces only.",
    [('re.findall(r"[a-z]+", text.lower())', "text.lower().split()")],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "digits_are_letters",
    "Digits and underscores are taken for letters. In the vocabulary, words are runs of a to z.",
    [('r"[a-z]+"', 'r"[a-z0-9_]+"')],
    caught_by=READ,
)  # fmt: skip
edited(
    "tokenize", "letters_of_all_languages",
    "Letters like é are taken as part of a word. The vocabulary was built from a to z only.",
    [('r"[a-z]+"', 'r"[^\\W\\d_]+"')],
    caught_by=READ,
)  # fmt: skip
