"""Blocks with a part taken away or moved, to see what it is for."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

Norm = Literal["after", "before", "off"]


class BlockVariant(nn.TransformerEncoderLayer):
    """Torch's own Transformer block, whose residuals can be cut and whose normalisations can be moved or left out.

    norm      "after" each residual (post-norm), "before" each half, on its way in (pre-norm), or "off"
    residual  False: what a half is added to is taken off beforehand, so that only its own output remains

    It drops nothing, and takes and returns (embedding, mask) like the blocks of the course. The parts that learn start
    from the same numbers for every norm and residual, if the seed is the same.
    Raises ValueError for pre-norm without residuals, which is post-norm without them but for the ends of the stack.
    """

    def __init__(self, embed_dim: int, n_heads: int, *, norm: Norm = "after", residual: bool = True) -> None:
        before = norm == "before"
        if before and not residual:
            raise ValueError("Pre-norm is there with its residuals only. Choose another norm, or residual=True.")
        super().__init__(
            embed_dim, n_heads, 4 * embed_dim, dropout=0.0, activation="gelu", norm_first=before, batch_first=True
        )
        self.residual = residual
        if norm == "off":
            self.norm1 = self.norm2 = nn.Identity()  # type: ignore[assignment]
        for parameter in self.self_attn.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, state: tuple[Tensor, Tensor | None], *_: Any, **__: Any) -> tuple[Tensor, Tensor | None]:  # type: ignore[override]
        """(embedding (batch, seq_len, embed_dim), mask (batch, seq_len) or None) to the same."""
        embedding, mask = state
        padding = mask if mask is None else mask.bool()
        return super().forward(embedding, src_key_padding_mask=padding), mask

    def _sa_block(self, x: Tensor, *rest: Any, **more: Any) -> Tensor:
        return self._alone(super()._sa_block(x, *rest, **more), x)

    def _ff_block(self, x: Tensor) -> Tensor:
        return self._alone(super()._ff_block(x), x)

    def _alone(self, said: Tensor, x: Tensor) -> Tensor:
        return said if self.residual else said - x
