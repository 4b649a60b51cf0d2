"""4.1 and 4.2 Right answers to MultiHeadAttention, in as many layouts as possible."""

# mypy: disallow-untyped-defs=False, disable-error-code="no-untyped-call"
# The classes are written as students write them: without annotations.

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.answers import alternative, edited_alternative
from coursekit.stand_ins import scaled_dot_product


@alternative("MultiHeadAttention")
class FusedByPart(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        self.head_dim, left = divmod(embed_dim, n_heads)
        if left:
            raise ValueError(f"embed_dim ({embed_dim}) must be divisible by n_heads ({n_heads}).")
        self.n_heads = n_heads
        self.rate = attn_drop_rate
        self.in_proj = nn.Linear(embed_dim, embed_dim * 3)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        for layer in (self.in_proj, self.o_proj):
            nn.init.xavier_uniform_(layer.weight)
            layer.bias.data.zero_()

    def split(self, x):
        return x.unflatten(-1, (self.n_heads, self.head_dim)).transpose(1, 2)

    def forward(self, embedding, mask=None):
        q, k, v = (self.split(part) for part in self.in_proj(embedding).chunk(3, dim=-1))
        values, _ = scaled_dot_product(q, k, v, self.rate * self.training, mask)
        return self.o_proj(values.transpose(1, 2).flatten(2))

    def copy_from(self, theirs):
        self.in_proj.load_state_dict({"weight": theirs.in_proj_weight, "bias": theirs.in_proj_bias})
        self.o_proj.load_state_dict(theirs.out_proj.state_dict())


@alternative("MultiHeadAttention")
class FusedByFeature(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim // n_heads * n_heads != embed_dim:
            raise ValueError(f"Cannot split {embed_dim} features over {n_heads} heads")
        self.h = n_heads
        self.p = attn_drop_rate
        self.to_qkv = nn.Linear(embed_dim, 3 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.constant_(parameter, 0)

    def forward(self, embedding, mask=None):
        b, t, d = embedding.shape
        qkv = self.to_qkv(embedding).reshape(b, t, self.h, d // self.h, 3).transpose(1, 2)
        q, k, v = qkv[..., 0], qkv[..., 1], qkv[..., 2]
        values, _weights = scaled_dot_product(q, k, v, self.p if self.training else 0, mask)
        return self.o_proj(values.permute(0, 2, 1, 3).contiguous().view(b, t, d))

    @torch.no_grad()
    def copy_from(self, theirs):
        d = theirs.embed_dim
        order = torch.arange(3 * d).view(3, d).T.flatten()
        self.to_qkv.weight[:] = theirs.in_proj_weight[order]
        self.to_qkv.bias[:] = theirs.in_proj_bias[order]
        self.o_proj.weight[:] = theirs.out_proj.weight
        self.o_proj.bias[:] = theirs.out_proj.bias


@alternative("MultiHeadAttention")
class ThreeProjections(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads:
            raise ValueError(str(embed_dim) + " is not a multiple of " + str(n_heads))
        self.n_heads = n_heads
        self.head_dim = embed_dim // n_heads
        self.dropout = attn_drop_rate
        self.q_proj = nn.Linear(embed_dim, embed_dim)
        self.k_proj = nn.Linear(embed_dim, embed_dim)
        self.v_proj = nn.Linear(embed_dim, embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        for layer in self.children():
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, embedding, mask=None):
        batch, seq_len, _ = embedding.size()
        shape = (batch, seq_len, self.n_heads, self.head_dim)
        q = self.q_proj(embedding).view(shape).transpose(1, 2)
        k = self.k_proj(embedding).view(shape).transpose(1, 2)
        v = self.v_proj(embedding).view(shape).transpose(1, 2)
        drop = self.dropout if self.training else 0.0
        out, _ = scaled_dot_product(q, k, v, attn_drop_rate=drop, mask=mask)
        return self.o_proj(out.transpose(1, 2).contiguous().view(batch, seq_len, -1))

    def copy_from(self, theirs):
        weights, biases = theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3)
        with torch.no_grad():
            for layer, weight, bias in zip((self.q_proj, self.k_proj, self.v_proj), weights, biases, strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)
            self.o_proj.weight.copy_(theirs.out_proj.weight)
            self.o_proj.bias.copy_(theirs.out_proj.bias)


@alternative("MultiHeadAttention")
class QueriesApart(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads > 0:
            raise ValueError(f"{embed_dim} does not divide into {n_heads} heads.")
        self.n_heads = n_heads
        self.query = nn.Linear(embed_dim, embed_dim)
        self.key_value = nn.Linear(embed_dim, 2 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        self.drop = nn.Dropout(attn_drop_rate)
        for layer in (self.query, self.key_value, self.o_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, embedding, mask=None):
        q = self.query(embedding).unflatten(2, (self.n_heads, -1)).transpose(1, 2)
        k, v = self.key_value(embedding).unflatten(2, (2, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(mask[:, None, None, :].bool(), -torch.inf)
        values = self.drop(scores.softmax(-1)) @ v
        return self.o_proj(values.transpose(1, 2).flatten(-2))

    @torch.no_grad()
    def copy_from(self, theirs):
        d = theirs.embed_dim
        self.query.weight.copy_(theirs.in_proj_weight[:d])
        self.query.bias.copy_(theirs.in_proj_bias[:d])
        self.key_value.weight.copy_(theirs.in_proj_weight[d:])
        self.key_value.bias.copy_(theirs.in_proj_bias[d:])
        self.o_proj.load_state_dict(theirs.out_proj.state_dict())


@alternative("MultiHeadAttention")
class EinsumOverParameters(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads:
            raise ValueError(f"n_heads={n_heads} does not divide embed_dim={embed_dim}")
        head_dim = embed_dim // n_heads
        weight = nn.init.xavier_uniform_(torch.empty(3 * embed_dim, embed_dim))
        self.weight = nn.Parameter(weight.view(3, n_heads, head_dim, embed_dim))
        self.bias = nn.Parameter(torch.zeros(3, n_heads, 1, head_dim))
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.xavier_uniform_(self.o_proj.weight)
        nn.init.zeros_(self.o_proj.bias)
        self.rate, self.scale = attn_drop_rate, head_dim**-0.5

    def forward(self, embedding, mask=None):
        q, k, v = torch.einsum("btd,phfd->pbhtf", embedding, self.weight) + self.bias[:, None]
        scores = torch.einsum("bhif,bhjf->bhij", q * self.scale, k)
        if mask is not None:
            scores = torch.where(mask[:, None, None] == 1, -1e30, scores)
        attention = F.dropout(F.softmax(scores, -1), self.rate, self.training)
        return self.o_proj(torch.einsum("bhij,bhjf->bihf", attention, v).flatten(2))

    def copy_from(self, theirs):
        self.weight.data = theirs.in_proj_weight.detach().clone().view_as(self.weight)
        self.bias.data = theirs.in_proj_bias.detach().clone().view_as(self.bias)
        self.o_proj.load_state_dict(theirs.out_proj.state_dict())


@alternative("MultiHeadAttention")
class MatrixFromTheRight(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads:
            raise ValueError(f"{n_heads} heads do not fit into {embed_dim} dimensions.")
        self.n_heads, self.rate = n_heads, attn_drop_rate
        self.w = nn.Parameter(torch.empty(embed_dim, 3 * embed_dim))
        self.b = nn.Parameter(torch.zeros(3 * embed_dim))
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.xavier_uniform_(self.w)
        nn.init.xavier_uniform_(self.o_proj.weight)
        nn.init.zeros_(self.o_proj.bias)

    def forward(self, embedding, mask=None):
        b, t, d = embedding.shape
        parts = (embedding @ self.w + self.b).view(b, t, 3, self.n_heads, d // self.n_heads)
        q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))
        real = None if mask is None else ~mask.bool()[:, None, None, :]
        p = self.rate if self.training else 0.0
        values = F.scaled_dot_product_attention(q, k, v, attn_mask=real, dropout_p=p)
        return self.o_proj(values.transpose(1, 2).reshape(b, t, d))

    @torch.no_grad()
    def copy_from(self, theirs):
        self.w.copy_(theirs.in_proj_weight.T)
        self.b.copy_(theirs.in_proj_bias)
        self.o_proj.weight.copy_(theirs.out_proj.weight)
        self.o_proj.bias.copy_(theirs.out_proj.bias)


@alternative("MultiHeadAttention")
class HeadByHead(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads:
            raise ValueError(f"embed_dim = {embed_dim} is no multiple of n_heads = {n_heads}")
        self.head_dim, self.rate = embed_dim // n_heads, attn_drop_rate
        self.heads = nn.ModuleList([nn.Linear(embed_dim, 3 * self.head_dim) for _ in range(n_heads)])
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        for layer in [*self.heads, self.o_proj]:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, embedding, mask=None):
        values = []
        for head in self.heads:
            q, k, v = head(embedding).unsqueeze(1).split(self.head_dim, dim=-1)
            values.append(scaled_dot_product(q, k, v, self.rate if self.training else 0.0, mask)[0].squeeze(1))
        return self.o_proj(torch.cat(values, dim=-1))

    @torch.no_grad()
    def copy_from(self, theirs):
        for i, head in enumerate(self.heads):
            rows = slice(i * self.head_dim, (i + 1) * self.head_dim)
            head.weight.copy_(torch.cat([part[rows] for part in theirs.in_proj_weight.chunk(3)]))
            head.bias.copy_(torch.cat([part[rows] for part in theirs.in_proj_bias.chunk(3)]))
        self.o_proj.weight.copy_(theirs.out_proj.weight)
        self.o_proj.bias.copy_(theirs.out_proj.bias)


@alternative("MultiHeadAttention")
class HeadsAsReviews(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        if embed_dim % n_heads != 0:
            raise ValueError(f"Not divisible: {embed_dim} by {n_heads}.")
        self.n_heads, self.head_dim = n_heads, embed_dim // n_heads
        self.dropout = nn.Dropout(attn_drop_rate)
        self.fused = nn.Linear(embed_dim, 3 * embed_dim)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        nn.init.xavier_uniform_(self.fused.weight)
        nn.init.xavier_uniform_(self.o_proj.weight)
        self.fused.bias.data.fill_(0.0)
        self.o_proj.bias.data.fill_(0.0)

    def forward(self, embedding, mask=None):
        batch, seq_len, embed_dim = embedding.shape
        q, k, v = [
            part.reshape(batch, seq_len, self.n_heads, self.head_dim).transpose(1, 2).flatten(0, 1)
            for part in self.fused(embedding).split(embed_dim, dim=2)
        ]
        scores = torch.bmm(q, k.transpose(1, 2)) / self.head_dim**0.5
        if mask is not None:
            hidden = mask.to(torch.bool).repeat_interleave(self.n_heads, dim=0)
            scores = scores.masked_fill(hidden.unsqueeze(1), torch.finfo(scores.dtype).min)
        values = torch.bmm(self.dropout(torch.softmax(scores, dim=-1)), v)
        values = values.view(batch, self.n_heads, seq_len, self.head_dim).permute(0, 2, 1, 3)
        return self.o_proj(values.reshape(batch, seq_len, embed_dim))

    def copy_from(self, theirs):
        state = {
            "fused.weight": theirs.in_proj_weight,
            "fused.bias": theirs.in_proj_bias,
            "o_proj.weight": theirs.out_proj.weight,
            "o_proj.bias": theirs.out_proj.bias,
        }
        self.load_state_dict(state)


edited_alternative(
    "MultiHeadAttention",
    "heads_interleaved",
    [
        (".transpose(1, 2).reshape", ".permute(0, 2, 3, 1).reshape"),
        (
            "self.o_proj.weight.copy_(theirs.out_proj.weight)",
            "columns = theirs.out_proj.weight.unflatten(1, (self.n_heads, -1))\n"
            "            self.o_proj.weight.copy_(columns.transpose(1, 2).flatten(1))",
        ),
    ],
)
edited_alternative(
    "MultiHeadAttention",
    "each_part_drawn_on_its_own",
    [
        (
            "nn.init.xavier_uniform_(self.qkv_proj.weight)",
            "for rows in self.qkv_proj.weight.data.chunk(3):\n            nn.init.xavier_uniform_(rows)",
        )
    ],
)
