"""Public cases of stage 03, scaled dot-product attention."""

from __future__ import annotations

import math

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise
from solutions.draws import tensor

ROW = ("review", "head", "token")
VALUES = Part("values", ROW)
ATTENTION = Part("attention", ROW, explains=True)


def _qkv(
    seed: int, *lead: int, seq: int, d_k: int, d_v: int, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    return {
        "q": tensor(seed, *lead, seq, d_k, dtype=dtype),
        "k": tensor(seed + 1, *lead, seq, d_k, dtype=dtype),
        "v": tensor(seed + 2, *lead, seq, d_v, dtype=dtype),
    }


def _long(qkv: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Queries and keys so long that scores reach hundreds: whatever a mask subtracts must be more."""
    return {"q": 10 * qkv["q"], "k": 10 * qkv["k"], "v": qkv["v"]}


def _within_5_sigma(d_k: int, n: int) -> float:
    """Relative tolerance of a sample variance: a product of two normals has excess kurtosis 6, a sum of d_k 6/d_k."""
    return 5 * math.sqrt((2 + 6 / d_k) / n)


def _variance_case(d_k: int, n: int) -> PublicCase:
    return PublicCase(
        tried=f"d_k = {d_k}, n = {n:,}",
        arguments={"d_k": d_k, "n": n},
        rtol=_within_5_sigma(d_k, n),
        atol=0.0,
        answer=(float(d_k),),
    )


EXERCISES = {
    "scaled_dot_product": PublicExercise(
        number="3.1",
        beyond="Grading also tries other sizes, masks and dropout.",
        parts=(VALUES, ATTENTION),
        hints=(
            "Write down the shape after each step. Which two dimensions of q and k does the product join, and which "
            "one does the softmax sum over?",
            "Padding may be looked at by nobody. What must a score be so that its softmax is exactly 0?",
        ),
        cases=(
            PublicCase(
                tried="2 reviews, 3 heads, 5 tokens, d_k = 4, d_v = 6, no mask, rate 0",
                arguments={**_qkv(310, 2, 3, seq=5, d_k=4, d_v=6), "attn_drop_rate": 0.0, "mask": None},
            ),
            PublicCase(
                tried="3 reviews, 2 heads, 6 tokens of which 0, 2 and 3 are padding, d_k = 5, rate 0",
                arguments={
                    **_qkv(320, 3, 2, seq=6, d_k=5, d_v=4),
                    "attn_drop_rate": 0.0,
                    "mask": torch.tensor([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]]),
                },
            ),
            PublicCase(
                tried="3 reviews, 2 heads, 3 tokens of which 1, 0 and 2 are padding, d_k = 4, a bool mask, rate 0",
                arguments={
                    **_qkv(330, 3, 2, seq=3, d_k=4, d_v=3),
                    "attn_drop_rate": 0.0,
                    "mask": torch.tensor([[False, False, True], [False, False, False], [False, True, True]]),
                },
            ),
            PublicCase(
                tried="float64, 1 review, 4 heads, 3 tokens, d_k = 9, no mask, rate 0",
                arguments={
                    **_qkv(340, 1, 4, seq=3, d_k=9, d_v=2, dtype=torch.float64),
                    "attn_drop_rate": 0.0,
                    "mask": None,
                },
            ),
            PublicCase(
                tried="float64, 1 review, 2 heads, 4 tokens of which 2 are padding, d_k = 7, long q and k, rate 0",
                arguments={
                    **_long(_qkv(345, 1, 2, seq=4, d_k=7, d_v=2, dtype=torch.float64)),
                    "attn_drop_rate": 0.0,
                    "mask": torch.tensor([[0.0, 0.0, 1.0, 1.0]], dtype=torch.float64),
                },
            ),
            PublicCase(
                tried="4 reviews, 2 heads, 30 tokens, d_k = 8, rate 0 and rate 0.3",
                arguments={**_qkv(350, 4, 2, seq=30, d_k=8, d_v=5), "attn_drop_rate": 0.3, "mask": None},
                property="dropout",
            ),
            PublicCase(
                tried="the gradient of the values, rate 0",
                arguments={**_qkv(355, 1, 2, seq=4, d_k=3, d_v=2), "attn_drop_rate": 0.0, "mask": None},
                property="gradients",
            ),
        ),
    ),
    "norms": PublicExercise(
        number="3.3a",
        beyond="Grading also tries other β.",
        parts=(Part("first norm"), Part("second norm"), Part("third norm")),
        hints=("The four vectors are orthogonal. Pythagoras: what is the length of d + b?",),
        cases=(
            PublicCase(tried="β = 1", arguments={"beta": 1.0}),
            PublicCase(tried="β = 20", arguments={"beta": 20.0}),
        ),
    ),
    "self_attention": PublicExercise(
        number="3.3b",
        beyond="Grading also tries other sizes and very large tokens.",
        parts=(Part("output", ("token",)),),
        hints=("Queries, keys and values are all x itself. Which sum must be 1: that of a row or that of a column?",),
        cases=(
            PublicCase(tried="4 tokens of size 3", arguments={"x": tensor(360, 4, 3)}),
            PublicCase(tried="3 tokens of size 5, float64", arguments={"x": tensor(361, 3, 5, dtype=torch.float64)}),
            PublicCase(tried="3 tokens of size 2, numbers near 30", arguments={"x": 30 * tensor(362, 3, 2)}),
        ),
    ),
    "mean_of_two": PublicExercise(
        number="3.3c",
        beyond="Grading also tries other β.",
        parts=(Part("tokens", ("token",)),),
        hints=(
            "The first output is a mean of tokens, weighted by how well each fits the first one. When are two of "
            "three weights near ½?",
            "The first token must fit the other two better than itself, and both equally well. Draw it in the plane.",
        ),
        cases=(
            PublicCase(tried="β = 5", arguments={"beta": 5.0}, property="mean_of_two"),
            PublicCase(tried="β = 30", arguments={"beta": 30.0}, property="mean_of_two"),
        ),
    ),
    "dot_product_variance": PublicExercise(
        number="3.4a",
        beyond="Grading also tries other d_k and n.",
        parts=(Part("variance"),),
        hints=("One sample is one number: a query times a key, summed over d_k. Draw n pairs, take the variance.",),
        cases=(
            _variance_case(4, 10_000),
            _variance_case(64, 10_000),
            PublicCase(
                tried="d_k = 16, n = 200, many calls", arguments={"d_k": 16, "n": 200}, property="fresh_samples"
            ),
        ),
    ),
    "saturation": PublicExercise(
        number="3.4b",
        beyond="Grading also tries other lengths and larger scores.",
        parts=(Part("entropy"), Part("norm of the Jacobian")),
        hints=(
            "Entropy is the mean of −log p under p itself, with the natural logarithm.",
            "The Jacobian of the softmax has pᵢ(1 − pᵢ) on its diagonal. What stands beside it?",
        ),
        cases=(
            PublicCase(tried="five scores near 0", arguments={"scores": tensor(370, 5)}),
            PublicCase(tried="four equal scores", arguments={"scores": torch.full((4,), 2.0)}),
            PublicCase(tried="scores 0, 200 and −50", arguments={"scores": torch.tensor([0.0, 200.0, -50.0])}),
        ),
    ),
    "low_rank_attention": PublicExercise(
        number="3.5a",
        beyond="Grading also tries other sizes and ranks.",
        parts=(VALUES,),
        hints=("e and f shorten the sequence: (k_rank, T) times (T, d) is (k_rank, d). The queries keep all T rows.",),
        cases=(
            PublicCase(
                tried="2 reviews, 3 heads, 7 tokens, d_k = 4, d_v = 5, rank 2",
                arguments={**_qkv(380, 2, 3, seq=7, d_k=4, d_v=5), "e": tensor(383, 2, 7), "f": tensor(384, 2, 7)},
            ),
            PublicCase(
                tried="float64, 1 review, 2 heads, 5 tokens, d_k = 6, d_v = 3, rank 3",
                arguments={
                    **_qkv(385, 1, 2, seq=5, d_k=6, d_v=3, dtype=torch.float64),
                    "e": tensor(388, 3, 5, dtype=torch.float64),
                    "f": tensor(389, 3, 5, dtype=torch.float64),
                },
            ),
            PublicCase(
                tried="1 review, 1 head, 400 tokens, d_k = 8, d_v = 8, rank 5",
                arguments={
                    **_qkv(400, 1, 1, seq=400, d_k=8, d_v=8),
                    "e": tensor(403, 5, 400) / 400,
                    "f": tensor(404, 5, 400) / 400,
                },
                property="linear_memory",
            ),
        ),
    ),
    "linear_attention": PublicExercise(
        number="3.5b",
        beyond="Grading also tries other sizes and long sequences.",
        parts=(VALUES,),
        hints=(
            "Once the feature map is applied, the product is associative. Which order never builds T × T?",
            "Each query's weights must still sum to 1. What do you divide by?",
        ),
        cases=(
            PublicCase(
                tried="2 reviews, 3 heads, 6 tokens, d_k = 4, d_v = 5",
                arguments=dict(_qkv(390, 2, 3, seq=6, d_k=4, d_v=5)),
            ),
            PublicCase(
                tried="float64, 1 review, 2 heads, 4 tokens, d_k = 3, d_v = 7",
                arguments=dict(_qkv(393, 1, 2, seq=4, d_k=3, d_v=7, dtype=torch.float64)),
            ),
            PublicCase(
                tried="1 review, 1 head, 400 tokens, d_k = 8, d_v = 8",
                arguments=dict(_qkv(396, 1, 1, seq=400, d_k=8, d_v=8)),
                property="linear_memory",
            ),
        ),
    ),
}
