"""3.1 Wrong answers to scaled_dot_product: the dropout."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import misconception

DROPOUT = "test_dropout_falls_on_the_weights"


@misconception(
    "scaled_dot_product",
    "The dropout never drops anything. What is attn_drop_rate for?",
    caught_by=DROPOUT,
)
def no_dropout(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Half of the weights are dropped whatever the rate is, even at rate 0. Does the dropout get to know "
    "attn_drop_rate?",
    caught_by=DROPOUT,
)
def dropout_of_one_half(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1))
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "A tenth of the weights is dropped whatever the rate is, even at rate 0. Is the rate of the call used, or "
    "its default?",
    caught_by=DROPOUT,
)
def dropout_of_one_tenth(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), 0.1)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The rate is taken for the share that stays. At rate 0, what should be dropped?",
    caught_by=DROPOUT,
)
def drops_what_should_stay(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), 1 - attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The dropout falls on the values that come out. Which tensor decides who listens to whom?",
    caught_by=DROPOUT,
)
def drops_values(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    return F.dropout(attention @ v, attn_drop_rate), attention


@misconception(
    "scaled_dot_product",
    "The dropout falls on the values before they are mixed. Which tensor decides who listens to whom?",
    caught_by=DROPOUT,
)
def drops_values_before_mixing(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    return attention @ F.dropout(v, attn_drop_rate), attention


@misconception(
    "scaled_dot_product",
    "The values are mixed before the dropout falls, so it has no effect on them. In which order do the three "
    "steps come?",
    caught_by=DROPOUT,
)
def values_before_dropout(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    values = attention @ v
    return values, F.dropout(attention, attn_drop_rate)


@misconception(
    "scaled_dot_product",
    "The attention that comes back is the one before dropout. Which weights were the values mixed with?",
    caught_by=DROPOUT,
)
def returns_weights_before_dropout(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    return F.dropout(attention, attn_drop_rate) @ v, attention


@misconception(
    "scaled_dot_product",
    "The dropout falls on the scores, and a score of 0 still gets a weight. Which tensor should hold the zeros?",
    caught_by=DROPOUT,
)
def drops_scores(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(F.dropout(scores, attn_drop_rate), dim=-1)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "More weights are dropped than the rate says: the dropout seems to be applied twice.",
    caught_by=DROPOUT,
)
def drops_twice(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The attention that comes back was dropped a second time, apart from the one that mixed the values. How "
    "often should the dice be thrown?",
    caught_by=DROPOUT,
)
def drops_twice_apart(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    values = F.dropout(attention, attn_drop_rate) @ v
    return values, F.dropout(attention, attn_drop_rate)


@misconception(
    "scaled_dot_product",
    "The weights that stay are not made larger, so with dropout every output shrinks. What keeps the mean of a "
    "weight the same?",
    caught_by=DROPOUT,
)
def drops_without_rescaling(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    attention = attention * (torch.rand_like(attention) >= attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "After the dropout the weights are made to sum to one again, so how much a weight grows depends on the "
    "others that fell. By what factor does dropout enlarge what stays?",
    caught_by=DROPOUT,
)
def renormalises_after_dropout(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    attention = attention / attention.sum(dim=-1, keepdim=True).clamp(min=1e-9)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "All queries lose the same keys. Should each weight be dropped on its own?",
    caught_by=DROPOUT,
)
def drops_whole_keys(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1)
    kept = F.dropout(torch.ones_like(attention[:, :, :1]), attn_drop_rate)
    attention = attention * kept
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Whole heads are dropped at once. Should each weight be dropped on its own?",
    caught_by=DROPOUT,
)
def drops_whole_heads(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout2d(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Each call drops the same weights, as if the dice were reset. What would a network learn if the same "
    "weights were missing every time?",
    caught_by=DROPOUT,
)
def same_dropout_each_time(q, k, v, attn_drop_rate=0.1, mask=None):
    torch.manual_seed(0)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention
