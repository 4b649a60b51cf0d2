"""5.2a Answers to PositionalEncoding."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import math

import torch
from torch import nn

from autograder.answers import alternative, edited, edited_alternative, misconception, reference

ENCODING = "PositionalEncoding"
ADDS = "test_positions_are_added_alike_to_every_review"
WAVES = "test_pairs_of_features_are_sine_and_cosine"
ODD = "test_an_odd_size_leaves_the_last_cosine_out"
STAYS = "test_positions_move_with_the_model_and_are_not_learned"


@reference("PositionalEncoding")
class TableOfWaves(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        position = torch.arange(max_len)[:, None]
        angle = position / 10_000 ** (torch.arange(0, embed_dim, 2) / embed_dim)
        table = torch.zeros(max_len, embed_dim)
        table[:, 0::2] = torch.sin(angle)
        table[:, 1::2] = torch.cos(angle)[:, : embed_dim // 2]
        self.register_buffer("table", table)

    def forward(self, embedding):
        return embedding + self.table[: embedding.shape[1]]


edited_alternative(
    ENCODING,
    "buffer_that_is_not_saved",
    [('"table", table)', '"table", table, persistent=False)')],
)
edited_alternative(
    ENCODING,
    "table_with_a_batch_axis",
    [
        ('self.register_buffer("table", table)', 'self.register_buffer("pe", table[None])'),
        ("self.table[: embedding.shape[1]]", "self.pe[:, : embedding.size(1), :]"),
    ],
)


@alternative("PositionalEncoding")
class WithExponential(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        pe = torch.zeros(max_len, embed_dim + 1)
        position = torch.arange(0, max_len, dtype=torch.float).unsqueeze(1)
        half = torch.arange(0, embed_dim, 2).float()
        div_term = torch.exp(half * (-math.log(10000.0) / embed_dim))
        pe[:, 0 : 2 * len(half) : 2] = torch.sin(position * div_term)
        pe[:, 1 : 2 * len(half) : 2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe[:, :embed_dim].unsqueeze(0))

    def forward(self, x):
        x = x + self.pe[:, : x.size(1)]
        return x


@alternative("PositionalEncoding")
class NumberByNumber(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        waves = []
        for j in range(embed_dim):
            wave = math.sin if j % 2 == 0 else math.cos
            pace = 10_000 ** ((j - j % 2) / embed_dim)
            waves.append([wave(t / pace) for t in range(max_len)])
        self.register_buffer("waves", torch.tensor(waves).T)

    def forward(self, embedding):
        _, seq_len, _ = embedding.shape
        return self.waves[:seq_len].expand_as(embedding) + embedding


@alternative("PositionalEncoding")
class SinesWithAPhase(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        feature = torch.arange(embed_dim, dtype=torch.float64)
        pace = 10_000 ** (-2 * (feature // 2) / embed_dim)
        phase = (feature % 2) * torch.pi / 2
        waves = torch.sin(torch.arange(max_len)[:, None] * pace + phase)
        self.register_buffer("waves", waves.float())

    def forward(self, embedding):
        return embedding + self.waves[None, : embedding.shape[-2]]


@alternative("PositionalEncoding")
class WorkedOutInForward(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        self.embed_dim = embed_dim

    def forward(self, embedding):
        where = torch.arange(embedding.shape[1], device=embedding.device, dtype=embedding.dtype)
        even = torch.arange(0, self.embed_dim, 2, device=embedding.device, dtype=embedding.dtype)
        angle = torch.outer(where, 10_000 ** (-even / self.embed_dim))
        waves = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
        return embedding + waves[:, : self.embed_dim]


edited(
    ENCODING,
    "twice_the_exponent",
    "The waves slow down too fast from one pair to the next: the exponent is doubled. How far does it get, from 0 to "
    "almost what?",
    [("torch.arange(0, embed_dim, 2) / embed_dim", "2 * torch.arange(0, embed_dim, 2) / embed_dim")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "half_the_exponent",
    "The waves slow down too little: the exponent counts the pairs, and goes up to one half only. What does the "
    "formula say of its factor 2?",
    [("torch.arange(0, embed_dim, 2) / embed_dim", "torch.arange(0, embed_dim, 2) / 2 / embed_dim")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "every_feature_its_own_pace",
    "The cosine of a pair is slower than its sine. Which angle do the two share?",
    [
        (
            "torch.cos(angle)[:, : embed_dim // 2]",
            "torch.cos(position / 10_000 ** (torch.arange(1, embed_dim, 2) / embed_dim))",
        ),
    ],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "thousand_for_ten_thousand",
    "The waves slow down too little from one pair to the next. Which number does the formula raise to a power?",
    [("10_000", "1_000")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "sine_and_cosine_exchanged",
    "Sines and cosines are exchanged: what is the first feature at position 0, a 0 or a 1?",
    [
        ("torch.sin(angle)", "torch.cos(angle)"),
        ("torch.cos(angle)[:, : embed_dim // 2]", "torch.sin(angle)[:, : embed_dim // 2]"),
    ],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "halves_side_by_side",
    "All sines come first and then all cosines. In the formula they take turns: which features are sines?",
    [
        ("table[:, 0::2] =", "table[:, : (embed_dim + 1) // 2] ="),
        ("table[:, 1::2] =", "table[:, (embed_dim + 1) // 2 :] ="),
    ],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "positions_from_one",
    "Positions are counted from 1. What is the angle of the first token?",
    [("torch.arange(max_len)[:, None]", "torch.arange(1, max_len + 1)[:, None]")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "sines_only",
    "Every feature is a sine. With the sine alone, can a position be told from another that lies as high on the wave?",
    [("torch.cos(angle)", "torch.sin(angle)")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "degrees",
    "The angles are taken for degrees. In which unit do sine and cosine want them here?",
    [("angle = position /", "angle = torch.pi / 180 * position /")],
    caught_by=WAVES,
)
edited(
    ENCODING,
    "odd_size_does_not_fit",
    "An odd number of features is one too few for the last pair. Which of its two waves has to go?",
    [("torch.cos(angle)[:, : embed_dim // 2]", "torch.cos(angle)")],
    caught_by=ODD,
)
edited(
    ENCODING,
    "odd_size_drops_the_sine",
    "With an odd number of features the last one stays without a wave. Half of the last pair still has room: which?",
    [
        (
            "table[:, 0::2] = torch.sin(angle)",
            "table[:, 0 : embed_dim // 2 * 2 : 2] = torch.sin(angle)[:, : embed_dim // 2]",
        )
    ],
    caught_by=ODD,
)
edited(
    ENCODING,
    "odd_size_rounded_up_in_the_exponent",
    "With an odd number of features the paces are those of the next even number. Which number divides in the exponent?",
    [("(torch.arange(0, embed_dim, 2) / embed_dim)", "(torch.arange(0, embed_dim, 2) / (embed_dim + embed_dim % 2))")],
    caught_by=ODD,
)
edited(
    ENCODING,
    "positions_of_reviews",
    "The position is that of the review in its batch, so all tokens of a review get the same. Which axis counts "
    "tokens?",
    [("self.table[: embedding.shape[1]]", "self.table[: embedding.shape[0], None]")],
    caught_by=ADDS,
)
edited(
    ENCODING,
    "positions_alone",
    "Only the positions come back. Where are the tokens?",
    [("embedding + self.table[: embedding.shape[1]]", "self.table[: embedding.shape[1]].expand_as(embedding)")],
    caught_by=ADDS,
)
edited(
    ENCODING,
    "positions_as_factors",
    "Tokens are multiplied with their position, so a feature whose wave is at 0 is wiped out. What does the exercise "
    "ask?",
    [("embedding + self.table", "embedding * self.table")],
    caught_by=ADDS,
)
edited(
    ENCODING,
    "positions_into_the_input",
    "The positions are written into the embedding that was handed in. Who else may still need it?",
    [("embedding + self.table[: embedding.shape[1]]", "embedding.add_(self.table[: embedding.shape[1]])")],
    caught_by=ADDS,
)
edited(
    ENCODING,
    "scaled_tokens",
    "The tokens are made larger before the positions are added. The paper does so elsewhere; what does the docstring "
    "say?",
    [("embedding + self.table", "embedding * math.sqrt(embedding.shape[2]) + self.table")],
    caught_by=ADDS,
)
edited(
    ENCODING,
    "a_learned_table",
    "The table is a parameter, so the optimizer will change it. What keeps a tensor with a module without learning it?",
    [('self.register_buffer("table", table)', "self.table = nn.Parameter(table)")],
    caught_by=STAYS,
)
edited(
    ENCODING,
    "a_table_left_behind",
    "The table is an ordinary attribute: when the model moves to a GPU it stays behind. What does move with a module?",
    [('self.register_buffer("table", table)', "self.table = table")],
    caught_by=STAYS,
)


@misconception(
    ENCODING,
    "This table is drawn at random and then learned. What do the sine and the cosine of the formula have over that?",
    caught_by=WAVES,
)
class LearnedEmbedding(nn.Module):
    def __init__(self, embed_dim, max_len=5000):
        super().__init__()
        self.table = nn.Embedding(max_len, embed_dim)

    def forward(self, embedding):
        return embedding + self.table(torch.arange(embedding.shape[1], device=embedding.device))
