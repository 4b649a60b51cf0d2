"""3.5 Answers to low_rank_attention and linear_attention."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import alternative, misconception, reference

LOW_RANK = "test_low_rank_attention_mixes_projected_values"
OWN = "test_keys_and_values_have_their_own_projection"
LOW_RANK_SIZE = "test_low_rank_attention_compares_no_pair_of_tokens"
FEATURES = "test_linear_attention_follows_the_elu_features"
WEIGHTED_MEAN = "test_linear_attention_is_a_weighted_mean"
LINEAR_SIZE = "test_linear_attention_compares_no_pair_of_tokens"


@reference("low_rank_attention")
def projected_keys_and_values(q, k, v, e, f):
    scores = q @ (e @ k).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ (f @ v)


@alternative("low_rank_attention")
def low_rank_with_einsum(q, k, v, e, f):
    keys = torch.einsum("rt,bhtd->bhrd", e, k)
    values = torch.einsum("rt,bhtd->bhrd", f, v)
    weights = torch.einsum("bhqd,bhrd->bhqr", q, keys).div(q.size(-1) ** 0.5).softmax(-1)
    return torch.einsum("bhqr,bhrd->bhqd", weights, values)


@alternative("low_rank_attention")
def low_rank_with_library_attention(q, k, v, e, f):
    return F.scaled_dot_product_attention(q, torch.matmul(e, k), torch.matmul(f, v))


@alternative("low_rank_attention")
def low_rank_from_transposes(q, k, v, e, f):
    keys = k.transpose(2, 3) @ e.T
    values = v.transpose(2, 3) @ f.T
    scores = (q / math.sqrt(q.shape[3])) @ keys
    return (values @ F.softmax(scores, dim=3).transpose(2, 3)).transpose(2, 3)


@misconception(
    "low_rank_attention",
    "Keys and values go through the same projection. What are e and f each for?",
    caught_by=OWN,
)
def projects_both_with_e(q, k, v, e, f):
    scores = q @ (e @ k).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ (e @ v)


@misconception(
    "low_rank_attention",
    "The two projections are exchanged: which of them belongs to the keys?",
    caught_by=OWN,
)
def exchanges_the_projections(q, k, v, e, f):
    scores = q @ (f @ k).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ (e @ v)


@misconception(
    "low_rank_attention",
    "The scores go into the softmax unscaled. Has the variance of q·k become smaller by the projection?",
    caught_by=LOW_RANK,
)
def low_rank_without_scale(q, k, v, e, f):
    return F.softmax(q @ (e @ k).transpose(-2, -1), dim=-1) @ (f @ v)


@misconception(
    "low_rank_attention",
    "The scale comes from the number of rows that keys are projected to. Over how many products does a score sum?",
    caught_by=LOW_RANK,
)
def low_rank_scales_by_rank(q, k, v, e, f):
    scores = q @ (e @ k).transpose(-2, -1) / math.sqrt(e.shape[0])
    return F.softmax(scores, dim=-1) @ (f @ v)


@misconception(
    "low_rank_attention",
    "The softmax runs over the queries. Along which axis do the weights of one query lie?",
    caught_by=LOW_RANK,
)
def low_rank_softmax_over_queries(q, k, v, e, f):
    scores = q @ (e @ k).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-2) @ (f @ v)


@misconception(
    "low_rank_attention",
    "The result is right, but all pairs of tokens are compared first and projected afterwards, so nothing is saved. In "
    "which order should the three matrices be multiplied?",
    caught_by=LOW_RANK_SIZE,
)
def projects_the_scores(q, k, v, e, f):
    scores = (q @ k.transpose(-2, -1)) @ e.T / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ (f @ v)


@misconception(
    "low_rank_attention",
    "This is full attention: neither projection is used. How many keys should a query see?",
    caught_by=LOW_RANK,
)
def projects_nothing(q, k, v, e, f):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ v


@reference("linear_attention")
def summary_of_keys_and_values(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    summary = k.transpose(-2, -1) @ v
    normaliser = q @ k.sum(dim=-2).unsqueeze(-1)
    return (q @ summary) / normaliser


@alternative("linear_attention")
def linear_with_einsum(q, k, v):
    q = torch.nn.functional.elu(q) + 1
    k = torch.nn.functional.elu(k) + 1
    summary = torch.einsum("bhtd,bhtm->bhdm", k, v)
    shares = 1 / torch.einsum("bhtd,bhd->bht", q, k.sum(dim=2))
    return torch.einsum("bhtd,bhdm,bht->bhtm", q, summary, shares)


@alternative("linear_attention")
def linear_with_a_column_of_ones(q, k, v):
    q = torch.where(q > 0, q + 1, q.exp())
    k = torch.where(k > 0, k + 1, k.exp())
    ones = torch.ones_like(v[..., :1])
    mixed = q @ (k.mT @ torch.cat([v, ones], dim=-1))
    return mixed[..., :-1] / mixed[..., -1:]


@alternative("linear_attention")
def linear_token_by_token(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    summary = torch.zeros(*q.shape[:2], q.shape[3], v.shape[3], dtype=q.dtype)
    total = torch.zeros(*q.shape[:2], q.shape[3], 1, dtype=q.dtype)
    for t in range(k.shape[2]):
        summary = summary + k[:, :, t, :, None] * v[:, :, t, None, :]
        total = total + k[:, :, t, :, None]
    return (q @ summary) / (q @ total)


@alternative("linear_attention")
def linear_from_outer_products(q, k, v):
    q, k = 1 + F.elu(q), 1 + F.elu(k)
    summary = (k.unsqueeze(-1) * v.unsqueeze(-2)).sum(dim=2)
    normaliser = (q * k.sum(dim=2, keepdim=True)).sum(dim=-1, keepdim=True)
    return (q / normaliser) @ summary


@misconception(
    "linear_attention",
    "The normaliser is missing, so the values grow with the number of tokens. What must the weights of a query sum to?",
    caught_by=WEIGHTED_MEAN,
)
def linear_without_normaliser(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    return q @ (k.transpose(-2, -1) @ v)


@misconception(
    "linear_attention",
    "The sums are divided by the number of tokens instead of each query's own total. Is every query's total the same?",
    caught_by=WEIGHTED_MEAN,
)
def linear_divided_by_tokens(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    return q @ (k.transpose(-2, -1) @ v) / k.shape[2]


@misconception(
    "linear_attention",
    "The result is right, but every pair of tokens is compared, so the cost still grows with the square of the length. "
    "Which two of the three matrices can be multiplied first?",
    caught_by=LINEAR_SIZE,
)
def linear_with_all_pairs(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    weights = q @ k.transpose(-2, -1)
    return weights / weights.sum(dim=-1, keepdim=True) @ v


@misconception(
    "linear_attention",
    "The result is right, but the weights of all pairs of tokens are computed, one query after another, so the time "
    "still grows with the square of the length. What do all queries have in common?",
    caught_by=LINEAR_SIZE,
)
def linear_query_by_query(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    values = []
    for t in range(q.shape[2]):
        weights = (k * q[:, :, t : t + 1]).sum(dim=-1, keepdim=True)
        values.append((weights * v).sum(dim=2) / weights.sum(dim=2))
    return torch.stack(values, dim=2)


@misconception(
    "linear_attention",
    "The feature map is elu without the 1 added, so weights can be negative. What does the 1 make sure of?",
    caught_by=FEATURES,
)
def elu_without_one(q, k, v):
    q, k = F.elu(q), F.elu(k)
    normaliser = q @ k.sum(dim=-2).unsqueeze(-1)
    return q @ (k.transpose(-2, -1) @ v) / normaliser


@misconception(
    "linear_attention",
    "The feature map looks like relu + 1. How do the two differ below zero?",
    caught_by=FEATURES,
)
def relu_plus_one(q, k, v):
    q, k = F.relu(q) + 1, F.relu(k) + 1
    normaliser = q @ k.sum(dim=-2).unsqueeze(-1)
    return q @ (k.transpose(-2, -1) @ v) / normaliser


@misconception(
    "linear_attention",
    "Only the keys go through the feature map. To which two vectors does the kernel belong?",
    caught_by=FEATURES,
)
def features_of_keys_only(q, k, v):
    k = F.elu(k) + 1
    normaliser = q @ k.sum(dim=-2).unsqueeze(-1)
    return q @ (k.transpose(-2, -1) @ v) / normaliser


@misconception(
    "linear_attention",
    "This is softmax attention. Which function of q and k replaces the exponential of their product?",
    caught_by=FEATURES,
)
def softmax_as_before(q, k, v):
    return F.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1) @ v


@misconception(
    "linear_attention",
    "Each query only sees the tokens before it. Is this a model that writes text?",
    caught_by=FEATURES,
)
def linear_and_causal(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    summary = (k.unsqueeze(-1) * v.unsqueeze(-2)).cumsum(dim=2)
    normaliser = (q * k.cumsum(dim=2)).sum(dim=-1, keepdim=True)
    return (q.unsqueeze(-2) @ summary).squeeze(-2) / normaliser
