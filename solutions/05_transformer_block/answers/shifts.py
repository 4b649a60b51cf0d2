"""5.2b Answers to shift_matrix."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch

from autograder.answers import alternative, edited, misconception, reference

SHIFT = "shift_matrix"
SHIFTS = "test_the_matrix_shifts_any_position"
UNDOES = "test_shifts_add_up"


@reference("shift_matrix")
def blocks_of_rotations(k, embed_dim):
    matrix = torch.zeros(embed_dim, embed_dim)
    for i in range(0, embed_dim, 2):
        angle = k / 10_000 ** (i / embed_dim)
        matrix[i, i], matrix[i, i + 1] = math.cos(angle), math.sin(angle)
        matrix[i + 1, i], matrix[i + 1, i + 1] = -math.sin(angle), math.cos(angle)
    return matrix


@alternative("shift_matrix")
def shift_from_block_diag(k, embed_dim):
    angles = k * 10_000 ** (-torch.arange(0, embed_dim, 2, dtype=torch.float64) / embed_dim)
    c, s = torch.cos(angles), torch.sin(angles)
    rotations = torch.stack([torch.stack([c, s], dim=-1), torch.stack([-s, c], dim=-1)], dim=-2)
    return torch.block_diag(*rotations)


@alternative("shift_matrix")
def shift_from_diagonals(k, embed_dim):
    angle = torch.arange(0, embed_dim, 2).div(embed_dim).mul(-math.log(10_000)).exp() * k
    across = torch.zeros(embed_dim - 1)
    across[::2] = angle.sin()
    return torch.diag(angle.cos().repeat_interleave(2)) + torch.diag(across, 1) - torch.diag(across, -1)


@alternative("shift_matrix")
def shift_from_matrix_exponential(k, embed_dim):
    generator = torch.zeros(embed_dim, embed_dim, dtype=torch.float64)
    for pair in range(embed_dim // 2):
        pace = 10_000 ** (-2 * pair / embed_dim)
        generator[2 * pair, 2 * pair + 1] = pace
        generator[2 * pair + 1, 2 * pair] = -pace
    return torch.linalg.matrix_exp(k * generator)


edited(
    SHIFT,
    "shift_backwards",
    "The rotations turn the wrong way, so this matrix shifts back by k. Write out the sine of a sum: which sign has "
    "its second term?",
    [
        ("= math.cos(angle), math.sin(angle)", "= math.cos(angle), -math.sin(angle)"),
        ("= -math.sin(angle), math", "= math.sin(angle), math"),
    ],
    caught_by=SHIFTS,
)
edited(
    SHIFT,
    "no_minus",
    "Both sines have the same sign. Write out the cosine of a sum: what stands between its two products?",
    [("= -math.sin(angle)", "= math.sin(angle)")],
    caught_by=SHIFTS,
)
edited(
    SHIFT,
    "shift_by_one_always",
    "The matrix does not depend on k. By how much does it turn when the shift is twice as far?",
    [("angle = k /", "angle = 1 /")],
    caught_by=SHIFTS,
)
edited(
    SHIFT,
    "all_pairs_turn_alike",
    "All pairs turn by the same angle. Which of them turns slowest, and by what factor?",
    [("angle = k / 10_000 ** (i / embed_dim)", "angle = k")],
    caught_by=SHIFTS,
)
edited(
    SHIFT,
    "twice_the_exponent_in_the_shift",
    "The pairs slow down too fast: i already counts in steps of two. Which angle has this pair in the encoding?",
    [("(i / embed_dim)", "(2 * i / embed_dim)")],
    caught_by=SHIFTS,
)
edited(
    SHIFT,
    "pairs_in_two_halves",
    "The matrix takes all sines to stand in the first half and all cosines in the second. Which features make a pair?",
    [
        ("matrix[i, i], matrix[i, i + 1] =", "matrix[i // 2, i // 2], matrix[i // 2, (i + embed_dim) // 2] ="),
        (
            "matrix[i + 1, i], matrix[i + 1, i + 1] =",
            "matrix[(i + embed_dim) // 2, i // 2], matrix[(i + embed_dim) // 2, (i + embed_dim) // 2] =",
        ),
    ],
    caught_by=SHIFTS,
)


@misconception(
    SHIFT,
    "This matrix moves features along, not positions. Which two features of a position does the shifted one mix?",
    caught_by=SHIFTS,
)
def rolls_the_features(k, embed_dim):
    return torch.eye(embed_dim).roll(k, dims=0)


@misconception(
    SHIFT,
    "The matrix fits the first positions and fails further out. It should fit every position: what does it look like "
    "for one pair of features, worked out on paper?",
    caught_by=SHIFTS,
)
def fitted_to_a_single_position(k, embed_dim):
    def encode(t):
        angles = t / 10_000 ** (torch.arange(0, embed_dim, 2) / embed_dim)
        return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()

    return torch.outer(encode(k), encode(0)) / encode(0).square().sum()


@misconception(
    SHIFT,
    "Only shifts to the right come out right. What do sine and cosine do when their angle is negative?",
    caught_by=UNDOES,
)
def shift_by_the_size_of_k(k, embed_dim):
    matrix = torch.zeros(embed_dim, embed_dim)
    for i in range(0, embed_dim, 2):
        angle = abs(k) / 10_000 ** (i / embed_dim)
        matrix[i, i], matrix[i, i + 1] = math.cos(angle), math.sin(angle)
        matrix[i + 1, i], matrix[i + 1, i + 1] = -math.sin(angle), math.cos(angle)
    return matrix
