"""What earlier stages taught, on torch's own modules: used where the student's own work is not there, and for grading.

They behave as the exercises ask, and are built from parts that the exercises do without.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import tree_map_only

from coursekit.words import STOP_WORDS

PAD, UNK = "[PAD]", "[UNK]"
_TAG_OR_WORD = re.compile(r"<[^>]*>|([a-z]+)")

State = tuple[Tensor, Tensor | None]


# Stage 01 ---------------------------------------------------------------------------------------------------------


def _content_words(text: str) -> Iterator[str]:
    """The words of a text that say something: runs of letters outside tags, in lower case, no stop words."""
    for match in _TAG_OR_WORD.finditer(text.lower()):
        if match[1] and match[1] not in STOP_WORDS:
            yield match[1]


def build_vocab(texts: Iterable[str], min_freq: int = 5, max_size: int | None = None) -> dict[str, int]:
    """Number the words of `texts` that occur at least `min_freq` times: the most frequent first, then by appearance.

    max_size  keep only so many words; padding (0) and the unknown word (1) come on top
    """
    frequency = Counter(word for text in texts for word in _content_words(text))
    ranking = (word for word, times in frequency.most_common(max_size) if times >= min_freq)
    return {word: number for number, word in enumerate((PAD, UNK, *ranking))}


def tokenize(text: str, vocab: dict[str, int]) -> list[int]:
    """Return the ids of the words of a text: stop words are left out, a word that `vocab` does not know has id 1."""
    return [vocab.get(word, vocab[UNK]) for word in _content_words(text)]


# Stage 02 ---------------------------------------------------------------------------------------------------------


class Share(float):
    """A float that is a tensor of one element too, for callers who wrote their own function to return either."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(_as_tensor(self), name)

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: object, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        args, kwargs = tree_map_only(cls, _as_tensor, (args, dict(kwargs or {})))
        return func(*args, **kwargs)


def _as_tensor(share: float) -> Tensor:
    return torch.tensor(float(share), dtype=torch.float64)


def binary_accuracy(preds: Tensor, y: Tensor) -> Share:
    """Share of right predictions, 0 to 1. preds: logits, positive for label 1; y: labels 0 and 1, of the same shape."""
    right = preds.gt(0).eq(y.bool())
    return Share(right.double().mean())


# Stage 03 ---------------------------------------------------------------------------------------------------------


def scaled_dot_product(
    q: Tensor, k: Tensor, v: Tensor, attn_drop_rate: float = 0.1, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attend by `F.scaled_dot_product_attention`.

    q, k      (batch, n_heads, seq_len, d_k); v (batch, n_heads, seq_len, d_v)
    mask      (batch, seq_len), any dtype, 1 where a token is padding
    returns   (values, attention); attention (batch, n_heads, seq_len, seq_len) after dropout, as it multiplied v
    """
    real = None if mask is None else mask.eq(0).unflatten(1, (1, 1, -1))
    # Attention over the rows of an identity matrix gives the weights themselves.
    identity = torch.eye(k.shape[-2], dtype=v.dtype, device=v.device).expand(*k.shape[:-1], -1)
    attention = F.scaled_dot_product_attention(q, k, identity, attn_mask=real, dropout_p=attn_drop_rate)
    return attention.matmul(v), attention


# Stage 04 ---------------------------------------------------------------------------------------------------------


class MultiHeadAttention(nn.Module):
    """Self-attention of `nn.MultiheadAttention`: (batch, seq_len, embed_dim) to the same shape.

    Raises ValueError if n_heads does not divide embed_dim.
    """

    def __init__(self, embed_dim: int, n_heads: int, attn_drop_rate: float) -> None:
        width, left_over = divmod(embed_dim, n_heads)
        if left_over:
            raise ValueError(f"{n_heads} heads cannot share {embed_dim} dimensions equally.")
        super().__init__()
        torchs_own = nn.MultiheadAttention(width * n_heads, n_heads, dropout=attn_drop_rate, batch_first=True)
        self.o_proj = torchs_own.out_proj  # first under the name that the exercise gives it
        self.torchs_own = torchs_own
        for projection in filter(_is_matrix, self.parameters()):
            nn.init.xavier_uniform_(projection)

    def forward(self, embedding: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let each token attend to those where mask (batch, seq_len), of any dtype, is 0."""
        padding = mask if mask is None else mask.ne(0)
        return self.torchs_own(*[embedding] * 3, key_padding_mask=padding, need_weights=False)[0]

    def copy_from(self, theirs: nn.MultiheadAttention) -> None:
        """Take over the weights of torch's own module, of the same sizes."""
        self.torchs_own.load_state_dict(theirs.state_dict())


def _is_matrix(parameter: Tensor) -> bool:
    return parameter.ndim == 2


# Stage 05 ---------------------------------------------------------------------------------------------------------


class TransformerBlock(nn.Module):
    """A post-norm `nn.TransformerEncoderLayer` with GELU and a hidden layer four times as wide.

    attn_drop_rate    of the attention weights
    layer_drop_rate   of what attention and the feed-forward layer add
    """

    def __init__(self, embed_dim: int, n_heads: int, attn_drop_rate: float, layer_drop_rate: float) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            embed_dim, n_heads, 4 * embed_dim, layer_drop_rate, activation="gelu", batch_first=True
        )
        layer.dropout.p = 0.0  # between the two linear layers, where the exercise has none
        layer.self_attn.dropout = attn_drop_rate
        self.torchs_own = layer

    def forward(self, state: State) -> State:
        """(embedding, mask) to the same: embedding (batch, seq_len, embed_dim); mask 1 where padding, or None."""
        embedding, mask = state
        padding = mask if mask is None else mask.ne(0)
        return self.torchs_own(embedding, src_key_padding_mask=padding), mask


class PositionalEncoding(nn.Module):
    """Add sines (even dimensions) and cosines (odd) of the position to an embedding (batch, seq_len, embed_dim)."""

    table: Tensor

    def __init__(self, embed_dim: int, max_len: int = 5000) -> None:
        super().__init__()
        pairs = -(-embed_dim // 2)  # an odd size leaves the last cosine out
        frequencies = 1e4 ** (torch.arange(pairs, dtype=torch.float64) * -2 / embed_dim)
        angles = torch.outer(torch.arange(max_len, dtype=torch.float64), frequencies)
        circle = torch.view_as_real(torch.polar(torch.ones_like(angles), angles))  # (cos, sin) in the last dimension
        table = circle.flip(-1).reshape(max_len, 2 * pairs).narrow(1, 0, embed_dim)
        self.register_buffer("table", table.to(torch.get_default_dtype()).contiguous(), persistent=False)

    def forward(self, embedding: Tensor) -> Tensor:
        """Raises ValueError if there are more than max_len positions."""
        seq_len = embedding.shape[-2]
        if seq_len > len(self.table):
            raise ValueError(f"The sequence has {seq_len} tokens, and max_len is {len(self.table)}. Raise max_len.")
        return embedding + self.table.narrow(0, 0, seq_len)


# Stage 06 ---------------------------------------------------------------------------------------------------------


class BertModel(nn.Module):
    """From ids (batch, seq_len), 0 to vocab_size, of which the last is the mask token, to logits over the vocabulary.

    Embedding, positions, `n_layers` blocks, and a linear layer.
    """

    def __init__(
        self,
        n_layers: int,
        vocab_size: int,
        embed_dim: int,
        n_heads: int,
        attn_drop_rate: float,
        layer_drop_rate: float,
    ) -> None:
        super().__init__()
        rates = attn_drop_rate, layer_drop_rate
        self.first = nn.Sequential(nn.Embedding(1 + vocab_size, embed_dim), PositionalEncoding(embed_dim))
        self.stack = nn.ModuleList(TransformerBlock(embed_dim, n_heads, *rates) for _ in range(n_layers))
        self.last = nn.Linear(embed_dim, vocab_size)

    def forward(self, batch_text: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, seq_len, vocab_size). mask: (batch, seq_len), 1 where a token is padding; None: no padding."""
        state: State = self.first(batch_text), mask
        for block in self.stack:
            state = block(state)
        return self.last(state[0])
