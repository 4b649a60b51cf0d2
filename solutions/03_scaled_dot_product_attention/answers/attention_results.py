"""3.1 Wrong answers to scaled_dot_product: what comes back, and what is left behind."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import misconception

SHAPES = "test_values_and_attention_have_the_right_shapes"
DTYPE = "test_values_and_attention_have_the_dtype_of_the_inputs"
INPUTS = "test_inputs_stay_as_they_were"
GRADIENTS = "test_gradients_reach_queries_keys_and_values"


@misconception(
    "scaled_dot_product",
    "The two results come back in the wrong order. Which does the docstring name first?",
    caught_by=SHAPES,
)
def returns_attention_first(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention, attention @ v


@misconception(
    "scaled_dot_product",
    "Only the values come back. The attention is asked for too, to look at it later.",
    caught_by=SHAPES,
)
def returns_values_only(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v


@misconception(
    "scaled_dot_product",
    "The attention that comes back is averaged over the heads. Each head's own is asked for.",
    caught_by=SHAPES,
)
def averages_the_heads(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention.mean(dim=1)


@misconception(
    "scaled_dot_product",
    "The heads of the values come back side by side in one long vector. That step belongs to the next stage: "
    "which shape does the docstring give?",
    caught_by=SHAPES,
)
def joins_the_heads(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    values = (attention @ v).transpose(1, 2).flatten(2)
    return values, attention


@misconception(
    "scaled_dot_product",
    "The attention mixes the keys instead of the values. What does a token offer once it has been chosen?",
    caught_by=SHAPES,
)
def mixes_the_keys(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ k, attention


@misconception(
    "scaled_dot_product",
    "float64 goes in and float32 comes out. Which step sets its own precision instead of keeping that of its input?",
    caught_by=DTYPE,
)
def casts_to_single_precision(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.softmax(scores, dim=-1, dtype=torch.float32)
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v.float(), attention


@misconception(
    "scaled_dot_product",
    "The caller's queries are changed: they come back scaled. Which step writes into the tensor that was handed in?",
    caught_by=INPUTS,
)
def scales_queries_in_place(q, k, v, attn_drop_rate=0.1, mask=None):
    q /= math.sqrt(q.shape[-1])
    scores = q @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The caller's keys come back transposed. Which step changes the tensor that was handed in?",
    caught_by=INPUTS,
)
def transposes_keys_in_place(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose_(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The caller's values are zero at the padding afterwards. Which step writes into the tensor that was handed in?",
    caught_by=INPUTS,
)
def clears_padded_values_in_place(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    if mask is not None:
        v.masked_fill_(mask.bool()[:, None, :, None], 0.0)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "No gradient reaches queries and keys: the weights are cut off from what they were computed from. Which "
    "step takes them out of autograd?",
    caught_by=GRADIENTS,
)
def detaches_the_weights(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate).detach()
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Nothing can be learned through this function: no gradient reaches its inputs. Is some part of it run "
    "without autograd?",
    caught_by=GRADIENTS,
)
def works_without_gradients(q, k, v, attn_drop_rate=0.1, mask=None):
    with torch.no_grad():
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask.bool()[:, None, None, :], float("-inf"))
        attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
        return attention @ v, attention
