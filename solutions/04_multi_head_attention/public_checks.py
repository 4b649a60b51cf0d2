"""Public cases of stage 04, multi-head attention."""

from __future__ import annotations

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise
from solutions.draws import tensor

NO_MASK = None


def _torchs_weights(seed: int, embed_dim: int) -> dict[str, torch.Tensor]:
    return {
        "in_proj_weight": tensor(seed, 3 * embed_dim, embed_dim) / 2,
        "in_proj_bias": tensor(seed + 1, 3 * embed_dim) / 2,
        "out_proj.weight": tensor(seed + 2, embed_dim, embed_dim) / 2,
        "out_proj.bias": tensor(seed + 3, embed_dim),
    }


EXERCISES = {
    "MultiHeadAttention": PublicExercise(
        number="4.1",
        beyond="Grading also tries other sizes and masks, each head, and how weights are drawn.",
        parts=(Part("module", explains=True), Part("result", ("review", "token"))),
        hints=(
            "Write the shape behind every line. Which line moves the heads before the tokens, and which one moves them "
            "back?",
            "Your function of stage 03 scales, masks and drops. What does it need to be told, and in which mode?",
        ),
        cases=(
            PublicCase(
                tried="embed_dim 12, 3 heads, 2 reviews of 5 tokens, all weights of q, k and v alike, eval mode",
                arguments={"embed_dim": 12, "n_heads": 3, "embedding": tensor(410, 2, 5, 12) / 2, "mask": NO_MASK},
                probe="module_at_work",
            ),
            PublicCase(
                tried="embed_dim 10, 2 heads, 3 reviews of 4 tokens of which 0, 1 and 2 are padding",
                arguments={
                    "embed_dim": 10,
                    "n_heads": 2,
                    "embedding": tensor(411, 3, 4, 10) / 2,
                    "mask": torch.tensor([[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]]),
                },
                probe="module_at_work",
            ),
            PublicCase(
                tried="embed_dim 6, 6 heads, 2 reviews of 3 tokens of which 1 and 2 are padding, a bool mask",
                arguments={
                    "embed_dim": 6,
                    "n_heads": 6,
                    "embedding": tensor(412, 2, 3, 6) / 2,
                    "mask": torch.tensor([[True, False, False], [False, True, True]]),
                },
                probe="module_at_work",
            ),
            PublicCase(
                tried="heads that fit and heads that do not",
                arguments={"sizes": [[12, 3], [10, 3], [7, 2]]},
                probe="heads_that_fit",
            ),
            PublicCase(
                tried="the weights of a new module, embed_dim 200, 4 heads",
                arguments={"embed_dim": 200, "n_heads": 4},
                probe="new_module",
            ),
            PublicCase(
                tried="1,500 reviews of 2 tokens, embed_dim 12, 4 heads, rate 0.3",
                arguments={"embed_dim": 12, "n_heads": 4, "rate": 0.3, "reviews": 1500},
                probe="share_dropped",
            ),
            PublicCase(
                tried="copy_from an nn.MultiheadAttention, embed_dim 12, 3 heads",
                arguments={"n_heads": 3, "weights": _torchs_weights(420, 12), "embedding": tensor(425, 2, 4, 12)},
                probe="copied_module",
            ),
        ),
    ),
    "equivariance_gap": PublicExercise(
        number="4.3",
        beyond="Grading also tries other modules and permutations.",
        parts=(Part("gap"),),
        hints=(
            "Follow one token by hand: where does it stand after the permutation, and where does its output stand?",
        ),
        cases=(
            PublicCase(
                tried="a module that squares each entry; tokens 2 and 5 change places",
                arguments={
                    "x": tensor(430, 2, 5, 3),
                    "perm": torch.tensor([0, 4, 2, 3, 1]),
                    "places": torch.zeros(5, 3),
                    "drop": 0.0,
                },
                probe="gap_of_a_module",
            ),
            PublicCase(
                tried="the same module; three tokens go round in a circle",
                arguments={
                    "x": tensor(431, 1, 4, 6),
                    "perm": torch.tensor([1, 2, 0, 3]),
                    "places": torch.zeros(4, 6),
                    "drop": 0.0,
                },
                probe="gap_of_a_module",
            ),
            PublicCase(
                tried="a module that adds a number by place; three tokens go round in a circle",
                arguments={
                    "x": tensor(432, 2, 4, 4),
                    "perm": torch.tensor([1, 2, 0, 3]),
                    "places": torch.tensor([[3.0], [0.0], [1.0], [5.0]]).expand(4, 4).contiguous(),
                    "drop": 0.0,
                },
                probe="gap_of_a_module",
            ),
            PublicCase(
                tried="a module with dropout, in training mode when it comes",
                arguments={
                    "x": tensor(433, 2, 6, 5),
                    "perm": torch.tensor([1, 0, 2, 3, 4, 5]),
                    "places": torch.zeros(6, 5),
                    "drop": 0.5,
                },
                probe="gap_of_a_module",
            ),
        ),
    ),
    "head_profile": PublicExercise(
        number="4.4a",
        beyond="Grading also tries other heads.",
        parts=(Part("entropy"), Part("distance")),
        hints=("Take one row of one head first: two numbers come out of it. Then all rows at once, then their mean.",),
        cases=(
            PublicCase(tried="2 heads, 4 tokens", arguments={"attention": (2 * tensor(440, 2, 4, 4)).softmax(-1)}),
            PublicCase(
                tried="a head that looks at the token before, and one that looks everywhere alike; 5 tokens",
                arguments={
                    "attention": torch.stack([torch.eye(5)[[0, 0, 1, 2, 3]], torch.full((5, 5), 0.2)]),
                },
            ),
        ),
    ),
    "statements_attention": PublicExercise(
        number="4.5a",
        beyond="This check looks at the form only; whether they are right is seen in grading.",
        parts=(Part("list of the statements that you judged"), Part("list of the types of your answers")),
        hints=("One entry per statement: its number, and True or False.",),
        cases=(PublicCase(tried="your answers, their form only", arguments={}, probe="form_of_statements_attention"),),
    ),
}
