"""1.6 ReviewDataset."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import torch
from torch.utils.data import Dataset

from autograder.answers import alternative, edited, reference
from coursekit.stand_ins import tokenize

ITEMS = "test_items_hold_ids_length_and_label"
CUT = "test_long_reviews_are_cut"


@reference("ReviewDataset")
class ReviewDataset(Dataset):
    def __init__(self, texts, labels, vocab, max_length):
        self.texts = texts
        self.labels = labels
        self.vocab = vocab
        self.max_length = max_length

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, index):
        ids = tokenize(self.texts[index], self.vocab)
        ids = torch.tensor(ids[: self.max_length], dtype=torch.int64)
        return {"ids": ids, "length": len(ids), "label": self.labels[index]}


@alternative("ReviewDataset")
class TokenizedAtOnce(Dataset):
    def __init__(self, texts, labels, vocab, max_length):
        self.ids = [tokenize(text, vocab)[:max_length] for text in texts]
        self.labels = list(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        ids = self.ids[index]
        return {"ids": torch.LongTensor(ids), "length": len(ids), "label": int(self.labels[index])}


@alternative("ReviewDataset")
class ItemsMadeAtOnce:
    def __init__(self, texts, labels, vocab, max_length):
        self.items = []
        for text, label in zip(texts, labels, strict=True):
            ids = torch.as_tensor(tokenize(text, vocab)[:max_length])
            self.items.append({"ids": ids, "length": ids.shape[0], "label": label})

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@alternative("ReviewDataset")
class WithMin(Dataset):
    def __init__(self, texts, labels, vocab, max_length):
        super().__init__()
        self.pairs = list(zip(texts, labels, strict=True))
        self.vocab, self.max_length = vocab, max_length

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        text, label = self.pairs[index]
        ids = torch.tensor(tokenize(text, self.vocab))
        length = min(len(ids), self.max_length)
        return {"label": label, "length": length, "ids": ids[:length]}


edited(
    "ReviewDataset", "length_before_the_cut",
    "The length is that of the whole review, but the ids are cut. A network would read on behind the end.",
    [('"length": len(ids)', '"length": len(tokenize(self.texts[index], self.vocab))')],
    caught_by=CUT,
)  # fmt: skip
edited(
    "ReviewDataset", "never_cut",
    "Long reviews are not cut.",
    [("ids[: self.max_length]", "ids")],
    caught_by=CUT,
)  # fmt: skip
edited(
    "ReviewDataset", "end_kept",
    "Of long reviews the end is kept. Keep the beginning.",
    [("ids[: self.max_length]", "ids[-self.max_length :]")],
    caught_by=CUT,
)  # fmt: skip
edited(
    "ReviewDataset", "characters_cut",
    "The text is cut after so many characters. What is counted are ids.",
    [("tokenize(self.texts[index], self.vocab)", "tokenize(self.texts[index][: self.max_length], self.vocab)")],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "one_too_few",
    "Of long reviews one id less is kept than max_length allows.",
    [("ids[: self.max_length]", "ids[: self.max_length - 1]")],
    caught_by=CUT,
)  # fmt: skip
edited(
    "ReviewDataset", "room_for_a_frame",
    "Two ids are left out, as if [CLS] and [SEP] were to come. Only BERT wants these.",
    [("ids[: self.max_length]", "ids[: self.max_length - 2]")],
    caught_by=CUT,
)  # fmt: skip
edited(
    "ReviewDataset", "padded_already",
    "Every review is filled up to max_length already here. How far to fill up is decided batch by batch.",
    [("ids[: self.max_length]", "(ids + [0] * self.max_length)[: self.max_length]")],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "length_of_the_text",
    "The length counts characters of the text. How many ids are there?",
    [('"length": len(ids)', '"length": len(self.texts[index])')],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "length_is_the_longest",
    "All reviews are said to be as long as the longest may be. Each has a length of its own.",
    [('"length": len(ids)', '"length": self.max_length')],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "label_of_the_first",
    "All reviews have the label of the first one. Use the index for the labels too.",
    [("self.labels[index]", "self.labels[0]")],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "size_of_the_vocabulary",
    "The data set says that it has as many items as the vocabulary has words. How many reviews are there?",
    [("return len(self.texts)", "return len(self.vocab)")],
    caught_by=ITEMS,
)  # fmt: skip
edited(
    "ReviewDataset", "tuple_instead_of_dict",
    "An item is a tuple. A dict with names is asked for, so that nobody has to remember an order.",
    [('{"ids": ids, "length": len(ids), "label": self.labels[index]}', "(ids, len(ids), self.labels[index])")],
    caught_by=ITEMS,
)  # fmt: skip
