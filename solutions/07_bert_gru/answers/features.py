"""7.3 encode_once."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch
from torch.nn.utils.rnn import pad_sequence

from autograder.answers import alternative, edited, reference

RIGHT = "test_kept_features_are_those_of_each_review"
SMALL = "test_kept_features_take_no_more_than_they_need"
TOGETHER = "test_reviews_of_like_lengths_are_read_together"


@reference("encode_once")
def sorted_by_length(bert, reviews, batch_size):
    device = next(bert.parameters()).device
    order = sorted(range(len(reviews)), key=lambda i: len(reviews[i]))
    kept = [None] * len(reviews)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        ids = pad_sequence([torch.tensor(reviews[i]) for i in chosen], batch_first=True)
        mask = pad_sequence([torch.ones(len(reviews[i]), dtype=torch.long) for i in chosen], batch_first=True)
        with torch.no_grad():
            features = bert(input_ids=ids.to(device), attention_mask=mask.to(device)).last_hidden_state
        for i, row in zip(chosen, features, strict=True):
            kept[i] = row[: len(reviews[i])].to("cpu", torch.float16, copy=True)
    return kept


@alternative("encode_once")
def longest_first(bert, reviews, batch_size):
    lengths = torch.tensor([*map(len, reviews)])
    features = {}
    for chosen in lengths.argsort(descending=True).split(batch_size):
        longest = int(lengths[chosen].max())
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        for row, i in enumerate(chosen.tolist()):
            ids[row, : lengths[i]] = torch.tensor(reviews[i])
        mask = (torch.arange(longest)[None] < lengths[chosen][:, None]).long()
        with torch.no_grad():
            states = bert(ids.to(bert.device), mask.to(bert.device))[0].half().cpu()
        for row, i in enumerate(chosen.tolist()):
            features[i] = states[row, : int(lengths[i])].clone()
    return [features[i] for i in range(len(reviews))]


@alternative("encode_once")
def pairs_put_back_in_order(bert, reviews, batch_size):
    numbered = sorted(enumerate(reviews), key=lambda pair: len(pair[1]))
    done = []
    with torch.inference_mode():
        while numbered:
            some, numbered = numbered[:batch_size], numbered[batch_size:]
            width = max(len(review) for _, review in some)
            ids = torch.tensor([review + [0] * (width - len(review)) for _, review in some], device=bert.device)
            mask = torch.tensor(
                [[1] * len(review) + [0] * (width - len(review)) for _, review in some], device=bert.device
            )
            states = bert(input_ids=ids, attention_mask=mask, return_dict=False)[0]
            for (number, review), state in zip(some, states, strict=True):
                done.append((number, torch.tensor(state[: len(review)].tolist(), dtype=torch.float16)))
    return [state for _, state in sorted(done, key=lambda pair: pair[0])]


edited(
    "encode_once",
    "in_sorted_order",
    "The features come back in the order of the lengths, and no longer belong to their reviews.",
    [("    return kept", "    return [kept[i] for i in order]")],
    caught_by=RIGHT,
)
edited(
    "encode_once",
    "mask_left_out",
    "The encoder is not told what is padding, so the features of a review depend on the others in its batch.",
    [(", attention_mask=mask.to(device)", "")],
    caught_by=RIGHT,
)
edited(
    "encode_once",
    "in_the_order_they_come",
    "Reviews share a batch as they come, long ones with short ones, so that much of what is computed is padding.",
    [("sorted(range(len(reviews)), key=lambda i: len(reviews[i]))", "list(range(len(reviews)))")],
    caught_by=TOGETHER,
)
edited(
    "encode_once",
    "one_by_one",
    "Every review is read alone. Without padding, but without the speed of a batch.",
    [
        ("range(0, len(order), batch_size)", "range(len(order))"),
        ("order[start : start + batch_size]", "order[start : start + 1]"),
    ],
    caught_by=TOGETHER,
)
edited(
    "encode_once",
    "padding_kept",
    "The features of the padding are kept as well.",
    [("row[: len(reviews[i])].to(", "row.to(")],
    caught_by=SMALL,
)
edited(
    "encode_once",
    "full_precision",
    "Four bytes are kept of every number, where two are asked for.",
    [('.to("cpu", torch.float16, copy=True)', ".cpu().clone()")],
    caught_by=SMALL,
)
edited(
    "encode_once",
    "views_of_the_batch",
    "A slice of a batch is only a view: as long as it lives, all of the batch stays in memory, padding included.",
    [
        (").last_hidden_state", ").last_hidden_state.half().cpu()"),
        ('.to("cpu", torch.float16, copy=True)', ""),
    ],
    caught_by=SMALL,
)
edited(
    "encode_once",
    "graph_kept",
    "The encoder runs while gradients are being recorded, for weights that never change.",
    [("        with torch.no_grad():", "        with torch.enable_grad():")],
    caught_by=SMALL,
)
edited(
    "encode_once",
    "last_batch_lost",
    "The last batch is left out where it is not full, and its reviews have no features.",
    [("range(0, len(order), batch_size)", "range(0, len(order) - batch_size + 1, batch_size)")],
    caught_by=RIGHT,
)
