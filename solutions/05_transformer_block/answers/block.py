"""5.1 Right answers to TransformerBlock."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import alternative, edited_alternative, reference
from coursekit.stand_ins import MultiHeadAttention


@reference("TransformerBlock")
class PostNormBlock(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.attention = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)
        self.attention_norm = nn.LayerNorm(embed_dim)
        self.expand = nn.Linear(embed_dim, 4 * embed_dim)
        self.contract = nn.Linear(4 * embed_dim, embed_dim)
        self.output_norm = nn.LayerNorm(embed_dim)
        self.dropout = nn.Dropout(layer_drop_rate)

    def forward(self, inputs):
        embedding, mask = inputs
        attended = self.dropout(self.attention(embedding, mask))
        attended = self.attention_norm(embedding + attended)
        hidden = F.gelu(self.expand(attended))
        result = self.output_norm(attended + self.dropout(self.contract(hidden)))
        return result, mask


edited_alternative(
    "TransformerBlock",
    "tanh_gelu",
    [("F.gelu(self.expand(attended))", 'F.gelu(self.expand(attended), approximate="tanh")')],
)
edited_alternative(
    "TransformerBlock",
    "gelu_of_the_normal_distribution",
    [
        (
            "hidden = F.gelu(self.expand(attended))",
            "hidden = self.expand(attended)\n        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))",
        )
    ],
)
edited_alternative(
    "TransformerBlock",
    "functional_dropout",
    [
        ("self.dropout = nn.Dropout(layer_drop_rate)", "self.rate = layer_drop_rate"),
        (
            "self.dropout(self.attention(embedding, mask))",
            "F.dropout(self.attention(embedding, mask), self.rate, self.training)",
        ),
        ("self.dropout(self.contract(hidden))", "F.dropout(self.contract(hidden), self.rate, self.training)"),
    ],
)
edited_alternative(
    "TransformerBlock",
    "mask_as_booleans_inside",
    [("self.attention(embedding, mask)", "self.attention(embedding, None if mask is None else mask.bool())")],
)


@alternative("TransformerBlock")
class FeedForwardInSequential(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.ln_2 = nn.LayerNorm(embed_dim, eps=1e-12)
        self.feed_forward = nn.Sequential(
            nn.Linear(embed_dim, 4 * embed_dim),
            nn.GELU(),
            nn.Linear(4 * embed_dim, embed_dim),
            nn.Dropout(p=layer_drop_rate),
        )
        self.ln_1 = nn.LayerNorm(embed_dim, eps=1e-12)
        self.drop = nn.Dropout(p=layer_drop_rate)
        self.attn = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)

    def forward(self, state):
        x = state[0]
        x = self.ln_1(self.drop(self.attn(x, mask=state[1])) + x)
        x = self.ln_2(self.feed_forward(x) + x)
        return x, state[1]


@alternative("TransformerBlock")
class ResidualsInPlace(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.attention = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)
        self.layers = nn.ModuleDict(
            {
                "norm1": nn.LayerNorm(embed_dim),
                "up": nn.Linear(embed_dim, embed_dim * 4),
                "down": nn.Linear(embed_dim * 4, embed_dim),
                "norm2": nn.LayerNorm(embed_dim),
            }
        )
        self.dropouts = nn.ModuleList([nn.Dropout(layer_drop_rate), nn.Dropout(layer_drop_rate)])

    def forward(self, inputs):
        embedding, mask = inputs
        residual = embedding.clone()
        embedding = self.dropouts[0](self.attention(embedding, mask))
        embedding += residual
        embedding = self.layers["norm1"](embedding)
        residual = embedding
        embedding = self.layers["up"](embedding)
        embedding = nn.GELU()(embedding)
        embedding = self.layers["down"](embedding)
        embedding = self.dropouts[1](embedding)
        embedding = embedding + residual
        return [self.layers["norm2"](embedding), mask]


@alternative("TransformerBlock")
class OwnParameters(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.attention = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)
        self.drop_rate = layer_drop_rate
        self.w1 = nn.Parameter(torch.randn(embed_dim, 4 * embed_dim) / math.sqrt(embed_dim))
        self.b1 = nn.Parameter(torch.zeros(4 * embed_dim))
        self.w2 = nn.Parameter(torch.randn(4 * embed_dim, embed_dim) / math.sqrt(4 * embed_dim))
        self.b2 = nn.Parameter(torch.zeros(embed_dim))
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(embed_dim)) for _ in range(2)])
        self.shifts = nn.ParameterList([nn.Parameter(torch.zeros(embed_dim)) for _ in range(2)])

    def normalise(self, x, i):
        return F.layer_norm(x, x.shape[-1:], self.scales[i], self.shifts[i])

    def drop(self, x):
        if not self.training or self.drop_rate == 0:
            return x
        kept = torch.rand_like(x) >= self.drop_rate
        return x * kept / (1 - self.drop_rate)

    def forward(self, inputs):
        x, mask = inputs
        x = self.normalise(x + self.drop(self.attention(x, mask)), 0)
        hidden = F.gelu(x @ self.w1 + self.b1)
        return self.normalise(x + self.drop(hidden @ self.w2 + self.b2), 1), mask


@alternative("TransformerBlock")
class NormalisesByHand(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.mha = MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)
        self.fc = nn.ModuleList([nn.Linear(embed_dim, 4 * embed_dim), nn.Linear(4 * embed_dim, embed_dim)])
        self.p = layer_drop_rate
        for i in (1, 2):
            self.register_parameter(f"gamma{i}", nn.Parameter(torch.ones(embed_dim)))
            self.register_parameter(f"beta{i}", nn.Parameter(torch.zeros(embed_dim)))

    def forward(self, inputs):
        def norm(x, gamma, beta):
            centred = x - x.mean(dim=-1, keepdim=True)
            return gamma * centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt() + beta

        x, mask = inputs
        x = norm(x + F.dropout(self.mha(x, mask), p=self.p, training=self.training), self.gamma1, self.beta1)
        hidden = F.dropout(self.fc[1](F.gelu(self.fc[0](x))), p=self.p, training=self.training)
        return norm(x + hidden, self.gamma2, self.beta2), mask


@alternative("TransformerBlock")
class TorchsOwnAttention(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.attention = nn.MultiheadAttention(embed_dim, n_heads, attn_drop_rate, batch_first=True)
        self.norms = nn.ModuleList([nn.LayerNorm(embed_dim), nn.LayerNorm(embed_dim)])
        self.linear1 = nn.Linear(embed_dim, 4 * embed_dim)
        self.linear2 = nn.Linear(4 * embed_dim, embed_dim)
        self.dropout = nn.Dropout(layer_drop_rate)

    def forward(self, inputs):
        x, mask = inputs
        key_padding_mask = mask if mask is None else mask == 1
        attended, _ = self.attention(x, x, x, key_padding_mask=key_padding_mask)
        x = self.norms[0](x + self.dropout(attended))
        x = self.norms[1](x + self.dropout(self.linear2(F.gelu(self.linear1(x)))))
        return x, mask
