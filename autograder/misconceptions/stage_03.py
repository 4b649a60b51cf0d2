"""Answers to stage 03, scaled dot-product attention: right ones, and wrong ones that students write."""

import math

import torch
import torch.nn.functional as F  # noqa: N812  the name that notebooks use

from autograder.misconceptions import alternative, misconception, reference

# ---------------------------------------------------------------------------------------------------------------
# 3.1 scaled_dot_product: right answers


@reference("scaled_dot_product")
def with_matmul(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


# ---------------------------------------------------------------------------------------------------------------
# 3.3 norms, self_attention, mean_of_two


@reference("norms")
def by_pythagoras(beta):
    return math.sqrt(2) * beta, beta, math.sqrt(2) * beta


@reference("self_attention")
def softmax_of_products(x):
    return F.softmax(x @ x.T, dim=-1) @ x


@reference("mean_of_two")
def longer_tokens_on_both_sides(beta):
    return beta * torch.tensor([[1.0, 0.0], [2.0, 1.0], [2.0, -1.0]])


# ---------------------------------------------------------------------------------------------------------------
# 3.4 dot_product_variance, saturation


@reference("dot_product_variance")
def of_sampled_products(d_k, n=10_000):
    return (torch.randn(n, d_k) * torch.randn(n, d_k)).sum(dim=-1).var().item()


@reference("saturation")
def entropy_and_jacobian(scores):
    log_weights = F.log_softmax(scores, dim=-1)
    weights = log_weights.exp()
    jacobian = torch.diag(weights) - torch.outer(weights, weights)
    return -(weights * log_weights).sum(), jacobian.norm()


# ---------------------------------------------------------------------------------------------------------------
# 3.5 low_rank_attention, linear_attention


@reference("low_rank_attention")
def projected_keys_and_values(q, k, v, e, f):
    scores = q @ (e @ k).transpose(-2, -1) / math.sqrt(q.shape[-1])
    return F.softmax(scores, dim=-1) @ (f @ v)


@reference("linear_attention")
def summary_of_keys_and_values(q, k, v):
    q, k = F.elu(q) + 1, F.elu(k) + 1
    summary = k.transpose(-2, -1) @ v
    normaliser = q @ k.sum(dim=-2).unsqueeze(-1)
    return (q @ summary) / normaliser
