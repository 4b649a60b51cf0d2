"""4.1 and 4.2 The reference of MultiHeadAttention."""

# mypy: disallow-untyped-defs=False, disable-error-code="no-untyped-call"
# The class is written as students write it: without annotations.

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import reference
from coursekit.stand_ins import scaled_dot_product

__all__ = ["F", "FusedByHead"]  # F: for edits of the reference


@reference("MultiHeadAttention")
class FusedByHead(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads != 0:
            raise ValueError(f"{n_heads} heads cannot share embed_dim {embed_dim} evenly.")
        self.n_heads, self.attn_drop_rate = n_heads, attn_drop_rate
        self.qkv_proj = nn.Linear(embed_dim, 3 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.xavier_uniform_(self.qkv_proj.weight)
        nn.init.xavier_uniform_(self.o_proj.weight)
        nn.init.zeros_(self.qkv_proj.bias)
        nn.init.zeros_(self.o_proj.bias)

    def forward(self, embedding, mask=None):
        batch, seq_len, embed_dim = embedding.shape
        qkv = self.qkv_proj(embedding).view(batch, seq_len, self.n_heads, 3, -1)
        q, k, v = qkv.permute(3, 0, 2, 1, 4)
        rate = self.attn_drop_rate if self.training else 0.0
        values, _ = scaled_dot_product(q, k, v, rate, mask)
        values = values.transpose(1, 2).reshape(batch, seq_len, embed_dim)
        return self.o_proj(values)

    def copy_from(self, theirs):
        with torch.no_grad():
            for mine, rows in (
                (self.qkv_proj.weight, theirs.in_proj_weight),
                (self.qkv_proj.bias, theirs.in_proj_bias),
            ):
                mine.copy_(rows.unflatten(0, (3, self.n_heads, -1)).transpose(0, 1).flatten(0, 2))
            self.o_proj.weight.copy_(theirs.out_proj.weight)
            self.o_proj.bias.copy_(theirs.out_proj.bias)
