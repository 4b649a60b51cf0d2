"""3.1 Wrong answers to scaled_dot_product: the scale, the softmax and what is mixed."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import misconception

SUMS = "test_weights_of_each_query_sum_to_one"
PRODUCTS = "test_weights_follow_the_scaled_products"
VALUES = "test_values_are_mixed_by_the_weights"


@misconception(
    "scaled_dot_product",
    "It looks as if the scores go into the softmax unscaled. What is the variance of q·k when d_k grows?",
    caught_by=PRODUCTS,
)
def no_scale(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scores are divided by d_k itself, which makes the weights too even. The variance of q·k is d_k: what "
    "is its standard deviation?",
    caught_by=PRODUCTS,
)
def scales_by_d_k(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / q.shape[-1]
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scores are scaled by the size of the whole model, all heads together. Over how many products does one "
    "head sum?",
    caught_by=PRODUCTS,
)
def scales_by_model_dimension(q, k, v, attn_drop_rate=0.1, mask=None):
    d_model = q.shape[1] * q.shape[-1]
    scores = q @ k.transpose(-2, -1) / math.sqrt(d_model)
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scale comes from the number of tokens. Does a single score q·k know how many tokens there are?",
    caught_by=PRODUCTS,
)
def scales_by_sequence_length(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[2])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scale comes from the width of the values. Which two vectors are multiplied in a score?",
    caught_by=PRODUCTS,
)
def scales_by_value_dimension(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(v.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scores are multiplied by √d_k, so the softmax becomes sharper with every dimension. Which way should "
    "the scale push?",
    caught_by=PRODUCTS,
)
def multiplies_by_the_root(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) * math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scale is applied to the weights after the softmax, so they no longer sum to one. Where in the formula "
    "does √d_k stand?",
    caught_by=SUMS,
)
def scales_after_softmax(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1) / math.sqrt(q.shape[-1])
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The softmax runs over the queries, so that each column sums to one. Who shares out its attention, the "
    "token that asks or the one that is asked?",
    caught_by=SUMS,
)
def softmax_over_queries(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-2), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The softmax runs over the heads, which then compete with each other. Along which axis should the weights "
    "of one query sum to one?",
    caught_by=SUMS,
)
def softmax_over_heads(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The softmax runs over the batch, so reviews compete with each other. Should a review's attention depend "
    "on what else is in the batch?",
    caught_by=SUMS,
)
def softmax_over_reviews(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=0), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The softmax seems to be taken twice: the weights are almost all alike. What range of values goes into the "
    "second one?",
    caught_by=PRODUCTS,
)
def softmax_twice(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(F.softmax(scores, dim=-1), dim=-1)
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Each score is squashed by itself, so the weights of a query do not sum to one. What makes the keys share "
    "one query's attention?",
    caught_by=SUMS,
)
def sigmoid_of_scores(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(torch.sigmoid(scores), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The scores are divided by their sum without the exponential, so weights can be negative. What does a "
    "softmax do first?",
    caught_by=SUMS,
)
def divides_by_the_sum_of_scores(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = scores / scores.sum(dim=-1, keepdim=True)
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "What comes back as attention are the scores before the softmax. Could anyone read shares from numbers below zero?",
    caught_by=SUMS,
)
def returns_the_scores(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, scores


@misconception(
    "scaled_dot_product",
    "The keys look reshaped where they should be transposed: the numbers of different tokens are mixed. Does a "
    "view move any number to another place?",
    caught_by=PRODUCTS,
)
def reshapes_the_keys(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.reshape(k.shape[0], k.shape[1], k.shape[3], k.shape[2]) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "No query looks at later tokens. That belongs to a model which writes text; which tokens may a review's "
    "reader look at?",
    caught_by=PRODUCTS,
)
def hides_later_tokens(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    scores = scores.masked_fill(later, float("-inf"))
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The keys have no influence on the weights: the queries are compared with each other. Who asks and who answers?",
    caught_by=PRODUCTS,
)
def compares_queries_with_queries(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ q.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The weights are transposed before they meet the values. In row i, column j of the attention: which token "
    "asks, and whose value is fetched?",
    caught_by=VALUES,
)
def mixes_with_the_transpose(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention.transpose(-2, -1) @ v, attention


@misconception(
    "scaled_dot_product",
    "The values are mixed with the raw scores, although the attention that comes back is right. Which of the "
    "two sums to one?",
    caught_by=VALUES,
)
def mixes_with_the_scores(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return scores.nan_to_num(neginf=0.0) @ v, attention


@misconception(
    "scaled_dot_product",
    "Every token gets the plain mean of the values, whatever its weights are. Where do the weights come in?",
    caught_by=VALUES,
)
def averages_the_values(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return v.mean(dim=2, keepdim=True).expand_as(v).clone(), attention
