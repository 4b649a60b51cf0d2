"""Public cases of stage 05, the Transformer block."""

from __future__ import annotations

from typing import Any

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise
from solutions.draws import tensor

ALL_BUT_SURELY_DROPPED = 1 - 1e-7
"""A rate at which everything is dropped: with so few numbers as here, one is kept in one case of a thousand."""

NEAR = 4e-3  # GELU and its approximation by a hyperbolic tangent differ by less


def _parts(seed: int, embed_dim: int, n_heads: int) -> dict[str, torch.Tensor]:
    """What the parameters of a block hold; attention reads one feature of each head, see the hidden tests."""
    reads = torch.zeros(n_heads, embed_dim // n_heads)
    reads[:, 0] = 0.5 + tensor(seed, n_heads).abs() / 4
    writes = tensor(seed + 1, n_heads, embed_dim // n_heads)
    writes[:, 0] = 0
    writes = writes / writes.norm(dim=1, keepdim=True) * (embed_dim // n_heads - 1) ** 0.5
    writes[:, 0] = 1
    return {
        "into": reads.flatten(),
        "back": writes.flatten(),
        "wide": tensor(seed + 2, 4 * embed_dim, embed_dim) / embed_dim**0.5,
        "shift": tensor(seed + 3, 4 * embed_dim),
    }


def _block(
    tried: str,
    seed: int,
    sizes: tuple[int, int],
    embedding: torch.Tensor,
    mask: torch.Tensor | None = None,
    rates: tuple[float, float] = (0.0, 0.0),
    training: bool = False,
    n_blocks: int = 1,
) -> PublicCase:
    arguments: dict[str, Any] = {
        "embed_dim": sizes[0],
        "n_heads": sizes[1],
        "rates": list(rates),
        "training": training,
        "n_blocks": n_blocks,
        "parts": _parts(seed, *sizes),
        "embedding": embedding,
        "mask": mask,
    }
    return PublicCase(tried, arguments, rtol=NEAR, atol=NEAR, probe="transformer_block")


def _positions(tried: str, embed_dim: int, max_len: int | None, embedding: torch.Tensor) -> PublicCase:
    arguments = {"embed_dim": embed_dim, "max_len": max_len, "embedding": embedding}
    return PublicCase(tried, arguments, atol=1e-4, probe="positional_encoding")


def _shift(k: int, embed_dim: int) -> PublicCase:
    arguments = {"k": k, "embed_dim": embed_dim}
    return PublicCase(f"k = {k}, embed_dim = {embed_dim}", arguments, probe="shift_matrix")


def _norms(tried: str, seed: int, depth: int, embedding: torch.Tensor, old: float = 0.0) -> PublicCase:
    width = embedding.shape[-1]
    arguments = {
        "weights": [tensor(seed + i, width, width) for i in range(depth)],
        "old": old,
        "embedding": embedding,
    }
    return PublicCase(tried, arguments, probe="norms_over_depth")


EXERCISES = {
    "TransformerBlock": PublicExercise(
        number="5.1",
        beyond="Grading also tries each half alone, other masks, and what dropout falls on.",
        parts=(
            Part("embedding that comes back", ("review", "token"), explains=True),
            Part("count of trainable parameters of a block"),
            Part("mask that comes back", ("review",)),
        ),
        hints=(
            "Go through the ten steps one by one with a finger on your code. Which variable goes into each, and is it "
            "still the right one when the residual needs it?",
            "Each half is: keep what came in, work on it, drop, add what was kept, normalise.",
        ),
        cases=(
            _block("2 reviews, 5 tokens, embed_dim = 6, 3 heads, no mask", 500, (6, 3), 2 * tensor(504, 2, 5, 6) + 1),
            _block(
                "2 reviews of 4 tokens, of which 1 and 2 are padding, embed_dim = 8, 2 heads",
                510,
                (8, 2),
                3 * tensor(514, 2, 4, 8),
                torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]]),
            ),
            _block(
                "two blocks in nn.Sequential, a bool mask, 3 reviews of 3 tokens, embed_dim = 4, 2 heads",
                520,
                (4, 2),
                3 * tensor(524, 3, 3, 4),
                torch.tensor([[False, False, True], [False, False, False], [False, True, True]]),
                n_blocks=2,
            ),
            _block(
                "rates 0.5 and 0.5 in eval mode: nothing may be dropped",
                530,
                (6, 2),
                tensor(534, 1, 3, 6),
                rates=(0.5, 0.5),
            ),
            _block(
                "train mode, attn_drop_rate 0, layer_drop_rate all but 1: what both halves add is dropped",
                540,
                (6, 2),
                tensor(544, 2, 3, 6),
                rates=(0.0, ALL_BUT_SURELY_DROPPED),
                training=True,
            ),
            _block(
                "train mode, attn_drop_rate all but 1, layer_drop_rate 0: attention weights are dropped, nothing else",
                550,
                (6, 2),
                tensor(554, 2, 3, 6),
                rates=(ALL_BUT_SURELY_DROPPED, 0.0),
                training=True,
            ),
        ),
    ),
    "PositionalEncoding": PublicExercise(
        number="5.2a",
        beyond="Grading also tries other sizes, and moves your module to another device.",
        parts=(Part("embedding with positions", ("review", "token")), Part("number of parameters")),
        hints=(
            "Make a column of positions and a row of paces; what shape has their product? Then every second column of "
            "the table is a sine.",
            "With an odd size there is one cosine less than there are sines.",
        ),
        cases=(
            _positions("a review of 4 zeros, embed_dim = 6", 6, None, torch.zeros(1, 4, 6)),
            _positions("2 reviews of 9 tokens, embed_dim = 10", 10, None, tensor(560, 2, 9, 10)),
            _positions("max_len = 3 and as many tokens, embed_dim = 4", 4, 3, tensor(561, 2, 3, 4)),
            _positions("3 reviews of 5 tokens, embed_dim = 5", 5, None, tensor(562, 3, 5, 5)),
        ),
    ),
    "shift_matrix": PublicExercise(
        number="5.2b",
        beyond="Grading also tries other sizes and longer shifts.",
        parts=(Part("matrix", ("row",)),),
        hints=(
            "Take one pair of features, (sin a, cos a), and write out sin(a + b) and cos(a + b). What are the four "
            "numbers of the matrix that makes the second pair from the first?",
            "By which angle b does pair i turn when the position grows by k?",
        ),
        cases=(_shift(1, 2), _shift(3, 6), _shift(-2, 4)),
    ),
    "gradient_norms": PublicExercise(
        number="5.3a",
        beyond="Grading also tries other blocks and depths.",
        parts=(Part("norms of the blocks"),),
        hints=(
            "Three steps: forget old gradients, send the loss back, then go through the blocks.",
            "A block's gradients are one long vector, cut into the shapes of its parameters. Its squared norm is the "
            "sum of all squares.",
        ),
        cases=(
            _norms("2 small blocks, 1 review of 3 tokens of size 2", 570, 2, tensor(575, 1, 3, 2)),
            _norms("4 small blocks, 3 reviews of 2 tokens of size 3", 580, 4, tensor(585, 3, 2, 3)),
            _norms("3 small blocks in whose gradients something stands", 590, 3, tensor(595, 2, 2, 2), old=1.0),
        ),
    ),
    "statements_block": PublicExercise(
        number="5.4a",
        beyond="This looks at the form only; whether the answers are right is seen in grading.",
        parts=(Part("form of your answers"),),
        hints=("Write True or False for each of the three statements.",),
        cases=(PublicCase("the keys and the values", {}, probe="form_of_statements_block"),),
    ),
}
