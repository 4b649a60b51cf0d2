"""3.1 Wrong answers to scaled_dot_product: the mask."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F

from autograder.answers import misconception

PADDING = "test_padded_tokens_get_no_attention"
MASK_TYPES = "test_a_mask_may_hold_booleans_or_numbers"


@misconception(
    "scaled_dot_product",
    "The mask changes nothing. Which tokens should receive no attention?",
    caught_by=PADDING,
)
def ignores_the_mask(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The padded weights are set to zero after the softmax, so those of the real tokens no longer sum to one. "
    "What should the softmax see at a padded key?",
    caught_by=PADDING,
)
def masks_after_softmax(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    attention = F.softmax(scores, dim=-1)
    if mask is not None:
        attention = attention.masked_fill(mask.bool()[:, None, None, :], 0.0)
    attention = F.dropout(attention, attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The mask is read the wrong way round: only padding receives attention. What does a 1 in the mask say "
    "about its token?",
    caught_by=PADDING,
)
def inverts_the_mask(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill((mask == 0)[:, None, None, :], -1e9)
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The mask hides the padded queries (rows). It must hide the padded keys (columns): every real token still "
    "looks at padding.",
    caught_by=PADDING,
)
def masks_query_rows(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, :, None], -1e9)
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Both the rows and the columns of padded tokens are hidden, so a padded query is left with nothing to "
    "share out. Which of the two does the task ask for?",
    caught_by=PADDING,
)
def masks_rows_and_columns(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        padding = mask.bool()
        hidden = padding[:, None, None, :] | padding[:, None, :, None]
        scores = scores.masked_fill(hidden, float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Only pairs in which both tokens are padding are hidden, so real tokens still look at padding. Which "
    "queries may attend to a padded key?",
    caught_by=PADDING,
)
def masks_pairs_of_padding(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        padding = mask.bool()
        hidden = padding[:, None, None, :] & padding[:, None, :, None]
        scores = scores.masked_fill(hidden, float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The mask does not line up with the scores: it has two axes and they have four. Which two axes of the "
    "scores does it speak about?",
    caught_by=PADDING,
)
def mask_without_its_axes(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool(), float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Every review is masked with the padding of the first one. Does the mask you use still have its batch axis?",
    caught_by=PADDING,
)
def first_review_masks_all(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask[0].bool(), float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "A token that is padding in one review is hidden in all of them. Does the mask you use still have its batch axis?",
    caught_by=PADDING,
)
def any_review_masks_all(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool().any(dim=0), -1e9)
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Padded scores become −1, which is still a fair share after the softmax. What number has an exponential of zero?",
    caught_by=PADDING,
)
def fills_with_minus_one(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask.bool()[:, None, None, :], -1.0)
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The mask lowers padded scores by a fixed amount, and a large score can still come through. How low must a "
    "score be to lose for certain?",
    caught_by=PADDING,
)
def subtracts_a_hundred(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores - 100.0 * mask[:, None, None, :]
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Padded scores are multiplied to 0, and exp(0) is 1, so padding keeps its share. What must a score be for "
    "its weight to vanish?",
    caught_by=PADDING,
)
def multiplies_by_the_mask(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores * (mask == 0)[:, None, None, :]
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "The padded values are set to zero, but their keys still take part in the softmax. What is lost to padding "
    "in each query's shares?",
    caught_by=PADDING,
)
def masks_the_values(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    if mask is not None:
        v = v.masked_fill(mask.bool()[:, None, :, None], 0.0)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "Scores turn into NaN: 0 times infinity is not a number. How else could only the padded scores become −∞?",
    caught_by=PADDING,
)
def zero_times_infinity(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + mask[:, None, None, :] * float("-inf")
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "A mask of zeros and ones raises an error here, because only booleans are accepted. How can it be turned "
    "into booleans first?",
    caught_by=MASK_TYPES,
)
def mask_of_numbers_fails(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(mask[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "A boolean mask raises an error here, because booleans cannot be subtracted. How could your code work for "
    "both kinds?",
    caught_by=MASK_TYPES,
)
def mask_of_booleans_fails(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill((1 - mask[:, None, None, :]) == 0, float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention


@misconception(
    "scaled_dot_product",
    "A boolean mask is read as in PyTorch's own attention, where True takes part. In this exercise, what does "
    "True say about a token?",
    caught_by=MASK_TYPES,
)
def booleans_the_other_way(q, k, v, attn_drop_rate=0.1, mask=None):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        hidden = ~mask if mask.dtype == torch.bool else mask == 1
        scores = scores.masked_fill(hidden[:, None, None, :], float("-inf"))
    attention = F.dropout(F.softmax(scores, dim=-1), attn_drop_rate)
    return attention @ v, attention
