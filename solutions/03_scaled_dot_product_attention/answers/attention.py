"""3.1 Right answers to scaled_dot_product, in as many hands as possible."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import alternative, reference


@reference("scaled_dot_product")
def with_matmul(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@alternative("scaled_dot_product")
def with_einsum(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = torch.einsum("bhqd,bhkd->bhqk", q, k) / k.size(-1) ** 0.5
    if mask is not None:
        scores = torch.where(mask[:, None, None, :] == 1, torch.full_like(scores, -math.inf), scores)
    attention = torch.nn.Dropout(attn_drop_rate)(scores.softmax(-1))
    return torch.einsum("bhqk,bhkd->bhqd", attention, v), attention


@alternative("scaled_dot_product")
def with_bmm(q, k, v, attn_drop_rate=0.1, mask=None):
    batch, heads, seq, d_k = q.shape
    scores = torch.bmm(q.reshape(-1, seq, d_k), k.reshape(-1, seq, d_k).mT).div(d_k**0.5)
    if mask is not None:
        hidden = mask.bool().repeat_interleave(heads, dim=0).unsqueeze(1)
        scores.masked_fill_(hidden, -1e9)
    attention = F.dropout(torch.softmax(scores, 2), p=attn_drop_rate)
    values = torch.bmm(attention, v.reshape(-1, seq, v.shape[-1]))
    return values.view(batch, heads, seq, -1), attention.view(batch, heads, seq, seq)


@alternative("scaled_dot_product")
def with_baddbmm(q, k, v, attn_drop_rate=0.1, mask=None):
    batch, heads, seq, d_k = q.shape
    added = torch.zeros(batch, heads, seq, seq, dtype=q.dtype, device=q.device)
    if mask is not None:
        added = added.masked_fill(mask.view(batch, 1, 1, seq) > 0, -1e9)
    scores = torch.baddbmm(
        added.flatten(0, 1), q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2), alpha=1 / math.sqrt(d_k)
    )
    attention = F.dropout(F.softmax(scores, -1), attn_drop_rate).unflatten(0, (batch, heads))
    return torch.matmul(attention, v), attention


@alternative("scaled_dot_product")
def additive_mask(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = (q / math.sqrt(q.size(-1))) @ k.transpose(2, 3)
    if mask is not None:
        added = torch.zeros_like(mask, dtype=q.dtype)
        added[mask.bool()] = float("-inf")
        scores = scores + added.unsqueeze(1).unsqueeze(2)
    attention = F.dropout(scores.softmax(dim=3), attn_drop_rate)
    return attention.matmul(v), attention


@alternative("scaled_dot_product")
def mask_times_a_billion(q, k, v, attn_drop_rate=0.1, mask=None):
    scale = q.shape[-1] ** -0.25
    scores = torch.matmul(q * scale, (k * scale).permute(0, 1, 3, 2))
    if mask is not None:
        scores = scores - 1e9 * mask[:, None, None].to(scores.dtype)
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return torch.matmul(attention, v), attention


@alternative("scaled_dot_product")
def softmax_by_hand(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill((mask != 0)[:, None, None, :], torch.finfo(scores.dtype).min)
    powers = torch.exp(scores - scores.max(dim=-1, keepdim=True).values)
    attention = F.dropout(powers / powers.sum(dim=-1, keepdim=True), attn_drop_rate)
    return attention @ v, attention


@alternative("scaled_dot_product")
def powers_without_the_padding(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.mT / math.sqrt(k.shape[-1])
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    if mask is not None:
        powers = powers * (mask == 0)[:, None, None, :]
    attention = F.dropout(powers / powers.sum(-1, keepdim=True), attn_drop_rate)
    return attention @ v, attention


@alternative("scaled_dot_product")
def head_by_head(q, k, v, attn_drop_rate=0.1, mask=None):
    values, attention = [], []
    for head in range(q.shape[1]):
        scores = q[:, head] @ k[:, head].transpose(1, 2) / math.sqrt(q.shape[3])
        if mask is not None:
            scores = scores.masked_fill(mask.unsqueeze(1).bool(), float("-inf"))
        weights = F.dropout(F.softmax(scores, dim=2), attn_drop_rate)
        values.append(weights @ v[:, head])
        attention.append(weights)
    return torch.stack(values, dim=1), torch.stack(attention, dim=1)


@alternative("scaled_dot_product")
def review_by_review(q, k, v, attn_drop_rate=0.1, mask=None):
    batch, heads, seq, d_k = q.shape
    attention = q.new_zeros(batch, heads, seq, seq)
    for i in range(batch):
        real = torch.arange(seq) if mask is None else torch.nonzero(mask[i] == 0).flatten()
        scores = q[i] @ k[i][:, real].transpose(1, 2) / d_k**0.5
        attention[i, :, :, real] = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@alternative("scaled_dot_product")
def softmax_in_double_precision(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores.masked_fill(mask.to(torch.bool)[:, None, None, :], -1e30)
    attention = F.softmax(scores, dim=-1, dtype=torch.float64).type_as(q)
    attention = F.dropout(attention, p=attn_drop_rate, training=attn_drop_rate > 0)
    return attention @ v, attention


@alternative("scaled_dot_product")
def from_logsumexp(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = (q.unsqueeze(3) * k.unsqueeze(2)).sum(-1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :].bool(), float("-inf"))
    attention = torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))
    attention = F.dropout(attention, attn_drop_rate)
    return (attention.unsqueeze(-1) * v.unsqueeze(2)).sum(3), attention


@alternative("scaled_dot_product")
def own_dropout(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :].bool(), float("-inf"))
    attention = scores.softmax(dim=-1)
    if attn_drop_rate > 0:
        kept = torch.bernoulli(torch.full_like(attention, 1 - attn_drop_rate))
        attention = attention * kept / (1 - attn_drop_rate)
    return attention @ v, attention


@alternative("scaled_dot_product")
def keys_beside_queries(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = k @ q.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, :, None], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-2).transpose(-2, -1), attn_drop_rate)
    return attention @ v, attention
