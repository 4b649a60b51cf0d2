"""1.1 vocabulary_facts, 1.2 tokenize_and_cut and encode: what the pretrained tokenizer does."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from functools import cache
from typing import Any

from autograder.answers import alternative, edited, edited_alternative, misconception, reference
from coursekit import load_tokenizer

SIZE = "test_size_and_longest_input"
TOKENS = "test_tokens_of_a_sentence"
IDS = "test_ids_of_the_tokens"
SPECIAL = "test_ids_of_special_tokens"
SHORT = "test_short_sentences_stay_whole"
LONG = "test_long_sentences_keep_their_first_510_tokens"
FRAME = "test_ids_are_framed_by_special_tokens"
FITS = "test_long_sentences_fit_into_512"


class _WhenUsed:
    """The notebook's tokenizer. It takes a second to load, and few who import the bank need it."""

    @staticmethod
    @cache
    def _loaded() -> Any:
        import transformers

        transformers.logging.set_verbosity_error()  # as the notebook does
        return load_tokenizer()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def __len__(self) -> int:
        return len(self._loaded())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._loaded()(*args, **kwargs)


tokenizer = _WhenUsed()


# 1.1 --------------------------------------------------------------------------------------------------------------


@reference("vocabulary_facts")
def by_methods(sentence):
    tokens = tokenizer.tokenize(sentence)
    special = ["[CLS]", "[SEP]", "[PAD]", "[UNK]"]
    return {
        "size": tokenizer.vocab_size,
        "tokens": tokens,
        "ids": tokenizer.convert_tokens_to_ids(tokens),
        "special_ids": {name: tokenizer.convert_tokens_to_ids(name) for name in special},
        "max_length": tokenizer.model_max_length,
    }


@alternative("vocabulary_facts")
def by_attributes(sentence):
    facts = {"size": len(tokenizer), "max_length": tokenizer.max_len_single_sentence + 2}
    facts["ids"] = tokenizer(sentence, add_special_tokens=False)["input_ids"]
    facts["tokens"] = tokenizer.convert_ids_to_tokens(facts["ids"])
    facts["special_ids"] = {
        "[CLS]": tokenizer.cls_token_id,
        "[SEP]": tokenizer.sep_token_id,
        "[PAD]": tokenizer.pad_token_id,
        "[UNK]": tokenizer.unk_token_id,
    }
    return facts


@alternative("vocabulary_facts")
def by_the_vocabulary_itself(sentence):
    vocab = tokenizer.get_vocab()
    tokens = tokenizer.convert_ids_to_tokens(tokenizer.encode(sentence)[1:-1])
    return {
        "size": len(vocab),
        "tokens": tokens,
        "ids": [vocab[token] for token in tokens],
        "special_ids": {name: vocab[name] for name in ("[UNK]", "[PAD]", "[SEP]", "[CLS]")},
        "max_length": 512,
    }


edited_alternative("vocabulary_facts", "encoded_without_frame", [
    ("tokenizer.convert_tokens_to_ids(tokens)", "tokenizer.encode(sentence, add_special_tokens=False)"),
])  # fmt: skip

edited(
    "vocabulary_facts", "ids_with_frame",
    "The ids come with those of [CLS] and [SEP], which are not among the tokens. How many ids should five tokens have?",
    [("tokenizer.convert_tokens_to_ids(tokens)", "tokenizer.encode(sentence)")],
    caught_by=IDS,
)  # fmt: skip
edited(
    "vocabulary_facts", "tokens_with_frame",
    "The tokens come with [CLS] and [SEP]. Only the pieces of the sentence itself are asked for here.",
    [("tokens = tokenizer.tokenize(sentence)", "tokens = ['[CLS]', *tokenizer.tokenize(sentence), '[SEP]']")],
    caught_by=TOKENS,
)  # fmt: skip
edited(
    "vocabulary_facts", "words_as_tokens",
    "The sentence is cut at its spaces. The tokenizer cuts otherwise: let it do so.",
    [("tokens = tokenizer.tokenize(sentence)", "tokens = sentence.lower().split()")],
    caught_by=TOKENS,
)  # fmt: skip
edited(
    "vocabulary_facts", "special_names_instead_of_ids",
    "The special tokens are given by name. Asked for are their numbers.",
    [("{name: tokenizer.convert_tokens_to_ids(name) for name in special}",
      "{'[CLS]': tokenizer.cls_token, '[SEP]': tokenizer.sep_token, '[PAD]': tokenizer.pad_token, "
      "'[UNK]': tokenizer.unk_token}")],
    caught_by=SPECIAL,
)  # fmt: skip
edited(
    "vocabulary_facts", "first_four_entries",
    "The special ids are those of the first places of the vocabulary. Three of the four stand elsewhere.",
    [("{name: tokenizer.convert_tokens_to_ids(name) for name in special}",
      "{name: place for place, name in enumerate(['[PAD]', '[UNK]', '[CLS]', '[SEP]'])}")],
    caught_by=SPECIAL,
)  # fmt: skip
edited(
    "vocabulary_facts", "room_without_frame",
    "The length given is what is left for the sentence. How many places do [CLS] and [SEP] take besides?",
    [("tokenizer.model_max_length", "tokenizer.max_len_single_sentence")],
    caught_by=SIZE,
)  # fmt: skip
edited(
    "vocabulary_facts", "size_without_special_tokens",
    "The special tokens are left out of the size. They are entries of the vocabulary like all others.",
    [("tokenizer.vocab_size", "tokenizer.vocab_size - len(tokenizer.all_special_tokens)")],
    caught_by=SIZE,
)  # fmt: skip


# 1.2 --------------------------------------------------------------------------------------------------------------


@reference("tokenize_and_cut")
def tokenize_and_cut(sentence):
    return tokenizer.tokenize(sentence)[: tokenizer.model_max_length - 2]


@alternative("tokenize_and_cut")
def cut_if_too_long(sentence):
    tokens = tokenizer.tokenize(sentence)
    if len(tokens) > 510:
        tokens = tokens[:510]
    return tokens


@alternative("tokenize_and_cut")
def cut_by_the_library(sentence):
    ids = tokenizer(sentence, truncation=True, max_length=512)["input_ids"]
    return tokenizer.convert_ids_to_tokens(ids)[1:-1]


@alternative("tokenize_and_cut")
def one_after_the_other(sentence):
    kept = []
    for token in tokenizer.tokenize(sentence):
        if len(kept) == tokenizer.max_len_single_sentence:
            break
        kept.append(token)
    return kept


@misconception(
    "tokenize_and_cut",
    "512 tokens are kept. Where do [CLS] and [SEP] go then?",
    caught_by=LONG,
)
def no_room_for_the_frame(sentence):
    return tokenizer.tokenize(sentence)[: tokenizer.model_max_length]


@misconception(
    "tokenize_and_cut",
    "511 tokens are kept: there is room for one special token, and two are needed.",
    caught_by=LONG,
)
def room_for_one(sentence):
    return tokenizer.tokenize(sentence)[: tokenizer.model_max_length - 1]


@misconception(
    "tokenize_and_cut",
    "Long sentences are not cut at all. The model has no position for what comes after the 512th token.",
    caught_by=LONG,
)
def never_cut(sentence):
    return tokenizer.tokenize(sentence)


@misconception(
    "tokenize_and_cut",
    "The sentence is cut after 510 characters. What is counted are tokens: cut when you have them.",
    caught_by=LONG,
)
def cut_after_characters(sentence):
    return tokenizer.tokenize(sentence[:510])


@misconception(
    "tokenize_and_cut",
    "The sentence is cut after 510 words, and a word can be several tokens. Cut when you have the tokens.",
    caught_by=LONG,
)
def cut_after_words(sentence):
    return tokenizer.tokenize(" ".join(sentence.split()[:510]))


@misconception(
    "tokenize_and_cut",
    "The last tokens are kept instead of the first ones. At which end does a negative start count?",
    caught_by=LONG,
)
def keeps_the_end(sentence):
    return tokenizer.tokenize(sentence)[-510:]


@misconception(
    "tokenize_and_cut",
    "The special tokens are there already. They are added later, by the function that makes the ids.",
    caught_by=SHORT,
)
def framed_too_early(sentence):
    return ["[CLS]", *tokenizer.tokenize(sentence)[:508], "[SEP]"]


@misconception(
    "tokenize_and_cut",
    "Numbers come back. Asked for are the tokens themselves, as words.",
    caught_by=SHORT,
)
def ids_instead_of_tokens(sentence):
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(sentence)[:510])


@reference("encode")
def by_cutting_first(sentence):
    ids = tokenizer.convert_tokens_to_ids(tokenize_and_cut(sentence))
    return [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]


@alternative("encode")
def framed_as_tokens(sentence):
    return tokenizer.convert_tokens_to_ids(["[CLS]", *tokenize_and_cut(sentence), "[SEP]"])


@alternative("encode")
def all_by_the_library(sentence):
    return tokenizer.encode(sentence, truncation=True, max_length=tokenizer.model_max_length)


@alternative("encode")
def called_and_cut(sentence):
    ids = tokenizer(sentence)["input_ids"]
    return ids if len(ids) <= 512 else [*ids[:511], 102]


@misconception(
    "encode",
    "The special tokens are missing. With what does BERT want its texts to begin and end?",
    caught_by=FRAME,
)
def without_frame(sentence):
    return tokenizer.convert_tokens_to_ids(tokenize_and_cut(sentence))


@misconception(
    "encode",
    "[SEP] is missing at the end.",
    caught_by=FRAME,
)
def without_sep(sentence):
    return [tokenizer.cls_token_id, *tokenizer.convert_tokens_to_ids(tokenize_and_cut(sentence))]


@misconception(
    "encode",
    "[SEP] stands in front and [CLS] at the end: they are exchanged.",
    caught_by=FRAME,
)
def frame_the_wrong_way_round(sentence):
    ids = tokenizer.convert_tokens_to_ids(tokenize_and_cut(sentence))
    return [tokenizer.sep_token_id, *ids, tokenizer.cls_token_id]


@misconception(
    "encode",
    "The special tokens are there twice. Who adds them, you or the library?",
    caught_by=FRAME,
)
def framed_twice(sentence):
    ids = tokenizer(sentence, truncation=True, max_length=510)["input_ids"]
    return [tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]


@misconception(
    "encode",
    "Long sentences are not cut. How many ids may there be in all?",
    caught_by=FITS,
)
def framed_and_not_cut(sentence):
    return tokenizer.encode(sentence)


@misconception(
    "encode",
    "Short sentences are filled up with padding. How far to fill up is decided later, batch by batch.",
    caught_by=FRAME,
)
def padded_already(sentence):
    return tokenizer(sentence, truncation=True, max_length=512, padding="max_length")["input_ids"]


@misconception(
    "encode",
    "Tokens come back. A network reads numbers: turn them into ids.",
    caught_by=FRAME,
)
def tokens_instead_of_ids(sentence):
    return ["[CLS]", *tokenize_and_cut(sentence), "[SEP]"]
