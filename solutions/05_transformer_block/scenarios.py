"""Scenarios of the Transformer block, stage 05: read with a block, add positions, send a gradient down a stack."""

from typing import Any

import torch
from torch import Tensor, nn

from .probes import fill

__all__ = ["block_outputs", "gradient_norms_twice", "positions_added", "positions_on_another_device"]

Pass = tuple[Tensor, Tensor | None]
Parts = dict[str, Tensor]


def _block(names: Any, sizes: tuple[int, int], rates: tuple[float, float], parts: Parts) -> nn.Module:
    """The student's block in the run's dtype, with parameters that depend on their shapes alone."""
    block: nn.Module = names.TransformerBlock(*sizes, *rates)
    fill(block, sizes[0], **parts)
    return block.to(names.dtype)


def block_outputs(
    names: Any,
    sizes: tuple[int, int],
    rates: tuple[float, float],
    parts: Parts,
    training: bool,
    passes: list[Pass],
) -> dict[str, Any]:
    """Build one block and read with it.

    sizes   (embed_dim, n_heads); rates (attn_drop_rate, layer_drop_rate)
    parts   what its parameters hold, see `probes.fill`
    passes  (embedding, mask) each

    Returns {"returned": what came back, per pass, "inputs": the embeddings afterwards, "parameters": how many numbers
    are learned, "widths": how many rows the feed-forward matrices have, as far as they can be told from the others}.
    """
    embed_dim = sizes[0]
    block = _block(names, sizes, rates, parts)
    block.train(training)
    shapes = [tuple(parameter.shape) for parameter in block.parameters()]
    widths = {size for shape in shapes if len(shape) == 2 and embed_dim in shape for size in shape}
    with torch.no_grad():
        returned = [block((embedding, mask)) for embedding, mask in passes]
    return {
        "returned": returned,
        "inputs": [embedding for embedding, _ in passes],
        "parameters": sum(parameter.numel() for parameter in block.parameters() if parameter.requires_grad),
        "widths": sorted(widths - {embed_dim, 3 * embed_dim}),
    }


def positions_added(names: Any, embed_dim: int, max_len: int | None, embeddings: list[Tensor]) -> dict[str, Any]:
    """Give embeddings to a positional encoding in the run's dtype.

    max_len   second argument of its constructor, None for its own default

    Returns {"returned": one per embedding, "inputs": the embeddings afterwards, "parameters": how many numbers it has
    as parameters}.
    """
    given = (embed_dim,) if max_len is None else (embed_dim, max_len)
    encoding = names.PositionalEncoding(*given).to(names.dtype)
    with torch.no_grad():
        returned = [encoding(embedding) for embedding in embeddings]
    return {
        "returned": returned,
        "inputs": embeddings,
        "parameters": sum(parameter.numel() for parameter in encoding.parameters()),
    }


def positions_on_another_device(names: Any, embed_dim: int, seq_len: int) -> dict[str, Any]:
    """Move a positional encoding to torch's "meta" device, which keeps shapes only, and use it there.

    Returns {"moved": whether it worked, "message": what torch said if not}.
    """
    encoding = names.PositionalEncoding(embed_dim)
    try:
        result = encoding.to("meta")(torch.zeros(2, seq_len, embed_dim, device="meta"))
    except RuntimeError as error:
        if type(error) is not RuntimeError:  # NotImplementedError: the stub
            raise
        return {"moved": False, "message": str(error)[:200]}
    return {"moved": isinstance(result, Tensor) and result.device.type == "meta", "message": ""}


class _Tiny(nn.Module):
    """A small block with three parameters: tanh(x W + b) · g."""

    def __init__(self, parts: list[Tensor]) -> None:
        super().__init__()
        weight, bias, gain = (part.clone() for part in parts)
        self.parts = nn.ParameterList([bias, weight, gain])

    def forward(self, inputs: Pass) -> Pass:
        embedding, mask = inputs
        bias, weight, gain = self.parts
        return torch.tanh(embedding @ weight + bias) * gain, mask


def gradient_norms_twice(names: Any, parts: list[list[Tensor]], embedding: Tensor) -> dict[str, Any]:
    """Call gradient_norms twice on the same small blocks, and once where other gradients stood in them before.

    parts   weight (d, d), bias (d,) and gain (d,) of each block

    Returns {"first", "second", "after_others": what came back}.
    """
    blocks = nn.Sequential(*map(_Tiny, parts))
    first = names.gradient_norms(blocks, embedding)
    second = names.gradient_norms(blocks, embedding)
    for parameter in blocks.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    after = names.gradient_norms(blocks, embedding)
    return {"first": first, "second": second, "after_others": after}
