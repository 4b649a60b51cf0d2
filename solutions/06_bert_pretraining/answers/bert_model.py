"""6.1 Right answers to BertModel."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import alternative, edited_alternative, reference
from coursekit.stand_ins import PositionalEncoding, TransformerBlock


@reference("BertModel")
class BlocksInSequential(nn.Module):
    def __init__(self, n_layers, vocab_size, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size + 1, embed_dim)
        self.positions = PositionalEncoding(embed_dim)
        blocks = [TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate) for _ in range(n_layers)]
        self.blocks = nn.Sequential(*blocks)
        self.output = nn.Linear(embed_dim, vocab_size)

    def forward(self, batch_text, mask=None):
        embedding = self.positions(self.embedding(batch_text))
        embedding, _ = self.blocks((embedding, mask))
        return self.output(embedding)


edited_alternative(
    "BertModel",
    "padding_row_in_the_embedding",
    [("vocab_size + 1, embed_dim)", "vocab_size + 1, embed_dim, padding_idx=0)")],
)
edited_alternative(
    "BertModel",
    "small_embeddings",
    [("self.positions = Pos", "nn.init.normal_(self.embedding.weight, std=0.02)\n        self.positions = Pos")],
)


@alternative("BertModel")
class BlocksInList(nn.Module):
    def __init__(self, n_layers, vocab_size, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size + 1, embed_dim)
        self.pos = PositionalEncoding(embed_dim, max_len=600)
        self.layers = nn.ModuleList()
        for _ in range(n_layers):
            self.layers.append(TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate))
        self.to_logits = nn.Linear(embed_dim, vocab_size)

    def forward(self, batch_text, mask=None):
        x = self.pos(self.token_embedding(batch_text))
        for layer in self.layers:
            x, mask = layer((x, mask))
        return self.to_logits(x)


@alternative("BertModel")
class NamedBlocks(nn.Module):
    def __init__(self, n_layers, vocab_size, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.n_layers = n_layers
        self.decoder = nn.Linear(embed_dim, vocab_size)
        for i in reversed(range(n_layers)):
            block = TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate)
            setattr(self, f"block_{i}", block)
        self.encode = nn.Sequential(nn.Embedding(vocab_size + 1, embed_dim), PositionalEncoding(embed_dim))

    def forward(self, batch_text, mask=None):
        if mask is None:
            mask = torch.zeros_like(batch_text)
        state = (self.encode(batch_text), mask.bool())
        for i in range(self.n_layers):
            state = getattr(self, f"block_{i}")(state)
        return self.decoder(state[0])


@alternative("BertModel")
class OwnParameters(nn.Module):
    def __init__(self, n_layers, vocab_size, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.table = nn.Parameter(torch.randn(vocab_size + 1, embed_dim))
        self.weight = nn.Parameter(torch.empty(vocab_size, embed_dim))
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        nn.init.xavier_uniform_(self.weight)
        self.positions = PositionalEncoding(embed_dim)
        self.blocks = nn.Sequential()
        for i in range(n_layers):
            block = TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate)
            self.blocks.add_module(f"layer{i}", block)

    def forward(self, batch_text, mask=None):
        hidden, _ = self.blocks((self.positions(F.embedding(batch_text, self.table)), mask))
        return F.linear(hidden, self.weight, self.bias)


@alternative("BertModel")
class EncoderInside(nn.Module):
    def __init__(self, n_layers, vocab_size, embed_dim, n_heads, attn_drop_rate, layer_drop_rate):
        super().__init__()
        self.parts = nn.ModuleDict(
            {
                "tokens": nn.Embedding(num_embeddings=vocab_size + 1, embedding_dim=embed_dim),
                "positions": PositionalEncoding(embed_dim),
                "encoder": nn.Sequential(
                    *(TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate) for _ in range(n_layers))
                ),
                "head": nn.Linear(embed_dim, vocab_size),
            }
        )
        nn.init.zeros_(self.parts["head"].bias)

    def forward(self, batch_text, mask=None):
        encoded = self.parts["encoder"]((self.parts["positions"](self.parts["tokens"](batch_text)), mask))[0]
        return torch.stack([self.parts["head"](review) for review in encoded])
