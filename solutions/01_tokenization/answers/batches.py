"""1.8 collate and bucket_batches."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import random

import torch
from torch.nn.utils.rnn import pad_sequence

from autograder.answers import alternative, edited, edited_alternative, misconception, reference

PADDED = "test_ids_are_padded_to_the_longest"
ALONG = "test_lengths_and_labels_go_along"
EVERY = "test_every_review_is_in_one_batch"
LIKE = "test_batches_hold_like_lengths"
ORDER = "test_batches_come_in_random_order"


@reference("collate")
def with_pad_sequence(batch):
    ids = pad_sequence([item["ids"] for item in batch], batch_first=True, padding_value=0)
    lengths = torch.tensor([item["length"] for item in batch])
    labels = torch.tensor([item["label"] for item in batch], dtype=torch.float32)
    return {"ids": ids, "length": lengths, "label": labels}


@alternative("collate")
def row_by_row(batch):
    longest = max(item["length"] for item in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    for row, item in enumerate(batch):
        ids[row, : item["length"]] = item["ids"]
    return {
        "ids": ids,
        "length": torch.LongTensor([item["length"] for item in batch]),
        "label": torch.FloatTensor([item["label"] for item in batch]),
    }


@alternative("collate")
def with_lists(batch):
    longest = max(len(item["ids"]) for item in batch)
    rows = [item["ids"].tolist() + [0] * (longest - len(item["ids"])) for item in batch]
    lengths = [len(item["ids"]) for item in batch]
    labels = [float(item["label"]) for item in batch]
    return {"ids": torch.tensor(rows), "length": torch.tensor(lengths), "label": torch.tensor(labels)}


@alternative("collate")
def with_pad(batch):
    longest = max(len(item["ids"]) for item in batch)
    rows = [torch.nn.functional.pad(item["ids"], (0, longest - len(item["ids"]))) for item in batch]
    columns = {key: torch.tensor([item[key] for item in batch]) for key in ("length", "label")}
    return {"ids": torch.stack(rows), "length": columns["length"], "label": columns["label"].float()}


edited(
    "collate", "padded_to_512",
    "Every batch is as wide as the longest that could come. Pad to the longest review of this batch.",
    [("ids = pad_sequence([item[\"ids\"] for item in batch], batch_first=True, padding_value=0)",
      "ids = torch.stack([torch.nn.functional.pad(item['ids'], (0, 512 - len(item['ids']))) for item in batch])")],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "batch_second",
    "The reviews stand in columns. Each should be a row: the batch is the first dimension.",
    [("batch_first=True, ", "")],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "padded_with_unknown",
    "The rows are filled up with 1, which means an unknown word. Padding is 0.",
    [("padding_value=0", "padding_value=1")],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "padded_in_front",
    "The padding stands in front of the words. It should stand behind them: a row begins with its review.",
    [("padding_value=0)", 'padding_value=0, padding_side="left")')],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "cut_to_the_shortest",
    "All reviews are cut to the shortest of the batch. Fill up the others instead.",
    [("    lengths =", '    ids = ids[:, : min(item["length"] for item in batch)]\n    lengths =')],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "ids_as_fractions",
    "The ids are floating-point numbers. They are numbers of rows, and must be whole.",
    [("padding_value=0)", "padding_value=0).float()")],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "sorted_alone",
    "The ids are sorted by length and the lengths and labels are not, so each review has the label of another one.",
    [('[item["ids"] for item in batch]', '[item["ids"] for item in sorted(batch, key=lambda item: -item["length"])]')],
    caught_by=ALONG,
)  # fmt: skip
edited(
    "collate", "order_changed",
    "The reviews are sorted by length. They should stay in the order of the items.",
    [("    ids =", '    batch = sorted(batch, key=lambda item: -item["length"])\n    ids =')],
    caught_by=PADDED,
)  # fmt: skip
edited(
    "collate", "lengths_after_padding",
    "All lengths are that of the longest review: they are measured after padding.",
    [('torch.tensor([item["length"] for item in batch])', "torch.full((len(batch),), ids.shape[1])")],
    caught_by=ALONG,
)  # fmt: skip
edited(
    "collate", "lengths_forgotten",
    "The lengths are missing. Nobody will know where a review ends.",
    [('"length": lengths, ', "")],
    caught_by=ALONG,
)  # fmt: skip
edited(
    "collate", "labels_as_column",
    "The labels are a column instead of a row of numbers. Against the outputs of a model they would be compared each "
    "with each.",
    [("dtype=torch.float32)", "dtype=torch.float32).unsqueeze(1)")],
    caught_by=ALONG,
)  # fmt: skip


@reference("bucket_batches")
def sorted_cut_shuffled(lengths, batch_size):
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    random.shuffle(batches)
    return batches


@alternative("bucket_batches")
def with_torch(lengths, batch_size):
    batches = torch.tensor(lengths).argsort(descending=True).split(batch_size)
    return [batches[i].tolist() for i in torch.randperm(len(batches)).tolist()]


@alternative("bucket_batches")
def with_numpy(lengths, batch_size):
    import numpy as np

    order = np.argsort(lengths, kind="stable")
    batches = np.split(order, range(batch_size, len(order), batch_size))
    random.shuffle(batches)
    return [batch.tolist() for batch in batches]


@alternative("bucket_batches")
def ties_at_random(lengths, batch_size):
    numbers = list(range(len(lengths)))
    random.shuffle(numbers)
    numbers.sort(key=lambda index: -lengths[index])
    batches = []
    while numbers:
        batches.append(numbers[:batch_size])
        del numbers[:batch_size]
    return random.sample(batches, len(batches))


@alternative("bucket_batches")
def mixed_within_batches(lengths, batch_size):
    pairs = sorted((length, index) for index, length in enumerate(lengths))
    batches = []
    for start in range(0, len(pairs), batch_size):
        batch = [index for _, index in pairs[start : start + batch_size]]
        random.shuffle(batch)
        batches.insert(random.randint(0, len(batches)), batch)
    return batches


edited_alternative("bucket_batches", "shuffled_by_key", [
    ("    random.shuffle(batches)\n    return batches", "    return sorted(batches, key=lambda _: random.random())"),
])  # fmt: skip

edited(
    "bucket_batches", "not_shuffled",
    "The batches come from the shortest to the longest. Shuffle them: not the reviews, the batches.",
    [("    random.shuffle(batches)\n", "")],
    caught_by=ORDER,
)  # fmt: skip
edited(
    "bucket_batches", "longest_first",
    "The batches come from the longest to the shortest. Shuffle them: not the reviews, the batches.",
    [("key=lambda index: lengths[index]", "key=lambda index: -lengths[index]"), ("    random.shuffle(batches)\n", "")],
    caught_by=ORDER,
)  # fmt: skip
edited(
    "bucket_batches", "same_order_every_time",
    "Every call gives the batches in the same order: the dice are set back each time.",
    [("random.shuffle(batches)", "random.Random(0).shuffle(batches)")],
    caught_by=ORDER,
)  # fmt: skip
edited(
    "bucket_batches", "reviews_shuffled",
    "The reviews are shuffled before they are cut into batches, which undoes the sorting.",
    [("    batches = [", "    random.shuffle(order)\n    batches = [")],
    caught_by=LIKE,
)  # fmt: skip
edited(
    "bucket_batches", "never_sorted",
    "The reviews are taken as they come. Sort them by length first.",
    [("sorted(range(len(lengths)), key=lambda index: lengths[index])", "list(range(len(lengths)))")],
    caught_by=LIKE,
)  # fmt: skip
edited(
    "bucket_batches", "dealt_like_cards",
    "The sorted reviews are dealt out one by one, so every batch has short and long ones. Cut the row instead.",
    [("[order[start : start + batch_size] for start in range(0, len(order), batch_size)]",
      "[order[start :: -(-len(order) // batch_size)] for start in range(-(-len(order) // batch_size))]")],
    caught_by=LIKE,
)  # fmt: skip
edited(
    "bucket_batches", "lengths_instead_of_numbers",
    "The batches hold lengths. Asked for are the numbers of the reviews.",
    [("sorted(range(len(lengths)), key=lambda index: lengths[index])", "sorted(lengths)")],
    caught_by=EVERY,
)  # fmt: skip
edited(
    "bucket_batches", "last_batch_dropped",
    "Reviews that do not fill a batch are dropped. Each must be in one batch: the last may be smaller.",
    [("range(0, len(order), batch_size)", "range(0, len(order) - batch_size + 1, batch_size)")],
    caught_by=EVERY,
)  # fmt: skip
edited(
    "bucket_batches", "one_too_many",
    "Each batch has one review too many, which is in the next batch again.",
    [("order[start : start + batch_size]", "order[start : start + batch_size + 1]")],
    caught_by=EVERY,
)  # fmt: skip


@misconception(
    "bucket_batches",
    "Only reviews of exactly the same length share a batch, so most batches are nearly empty. Like lengths are enough.",
    caught_by=EVERY,
)
def one_length_per_batch(lengths, batch_size):
    same = {}
    for index, length in enumerate(lengths):
        same.setdefault(length, []).append(index)
    batches = [group[i : i + batch_size] for group in same.values() for i in range(0, len(group), batch_size)]
    random.shuffle(batches)
    return batches
