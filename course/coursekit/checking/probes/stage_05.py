"""Probes of stage 05, the Transformer block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

STATEMENTS = (1, 2, 3)  # numbers in statements_block


def fill(
    module: nn.Module,
    embed_dim: int,
    into: Tensor,
    back: Tensor,
    wide: Tensor | None = None,
    shift: Tensor | None = None,
) -> None:
    """Give every parameter of a block a value that depends on its shape alone.

    Two blocks that do the same then give the same numbers, whatever their parts are called, in whatever order they were
    made, and however attention lays out its queries, keys and values. Rows that make these are all `into`, so it does
    not matter which of them belongs to which head.

    into    (embed_dim,), what queries, keys and values read
    back    (embed_dim,), the direction in which attention writes
    wide    (rows, embed_dim), the feed-forward matrix, transposed for the way back; as many rows as the block has are
            used, over and over if it has more. None: zeros
    shift   (rows,), the bias between the two, likewise

    What starts as ones, the scale of a normalisation, stays as it is. All other vectors become 0.
    """
    wide = torch.zeros(1, embed_dim) if wide is None else wide
    shift = torch.zeros(1) if shift is None else shift
    with torch.no_grad():
        for parameter in module.parameters():
            size = tuple(parameter.shape)
            if size == (embed_dim, embed_dim):
                parameter.copy_(torch.outer(back, into))
            elif size == (3 * embed_dim, embed_dim):
                parameter.copy_(into.expand(size))
            elif size == (embed_dim, 3 * embed_dim):
                parameter.copy_(into[:, None].expand(size))
            elif len(size) == 2 and size[1] == embed_dim:
                parameter.copy_(_cycled(wide, size[0]))
            elif len(size) == 2 and size[0] == embed_dim:
                parameter.copy_(_cycled(wide, size[1]).T)
            elif len(size) == 1 and size[0] not in (embed_dim, 3 * embed_dim):
                parameter.copy_(_cycled(shift, size[0]))
            elif len(size) == 1 and not bool((parameter == 1).all()):
                parameter.zero_()


def _cycled(rows: Tensor, count: int) -> Tensor:
    return rows[torch.arange(count) % len(rows)]


def transformer_block(
    answer: Callable[..., nn.Module],
    embed_dim: int,
    n_heads: int,
    rates: Sequence[float],
    training: bool,
    n_blocks: int,
    parts: dict[str, Tensor],
    embedding: Tensor,
    mask: Tensor | None,
) -> tuple[Any, str, Any]:
    """What blocks in a row make of an embedding, how many numbers one of them learns, and the mask that comes back.

    parts   what the parameters hold, see `fill`
    """
    blocks = [answer(embed_dim, n_heads, *rates) for _ in range(n_blocks)]
    for one in blocks:
        fill(one, embed_dim, **parts)
    stack = nn.Sequential(*blocks).train(training)
    state = stack((embedding, mask))
    if not isinstance(state, tuple | list) or len(state) != 2:
        raise TypeError(f"The block returned a {type(state).__name__}, expected a tuple (embedding, mask).")
    learned = sum(weights.numel() for weights in blocks[0].parameters() if weights.requires_grad)
    return state[0], f"{learned:,}", state[1]


def positional_encoding(
    answer: Callable[..., nn.Module], embed_dim: int, max_len: int | None, embedding: Tensor
) -> tuple[Any, str]:
    """An embedding with its positions, and how many numbers the encoding learns."""
    encoding = answer(embed_dim) if max_len is None else answer(embed_dim, max_len)
    learned = sum(weights.numel() for weights in encoding.parameters())
    return encoding(embedding), f"{learned:,}"


def shift_matrix(answer: Callable[..., Any], k: int, embed_dim: int) -> Any:
    """A matrix, in double precision whatever it was made in."""
    matrix = answer(k, embed_dim)
    return matrix.double() if isinstance(matrix, Tensor) else matrix


class _Layer(nn.Module):
    """A block as small as can be: a product, an offset, and a bend."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.clone())
        self.offset = nn.Parameter(weights[0].clone())

    def forward(self, state: tuple[Tensor, Tensor | None]) -> tuple[Tensor, Tensor | None]:
        embedding, mask = state
        return torch.sin(embedding @ self.weights + self.offset), mask


def norms_over_depth(answer: Callable[..., Any], weights: Sequence[Tensor], old: float, embedding: Tensor) -> Tensor:
    """The norms of the gradients in small layers; `old` is what stands in their gradients before."""
    layers = nn.Sequential(*(_Layer(own) for own in weights))
    for parameter in layers.parameters():
        parameter.grad = torch.full_like(parameter, old) if old else None
    norms = answer(layers, embedding)
    if not isinstance(norms, list | tuple | Tensor):
        raise TypeError(f"The answer is a {type(norms).__name__}, expected a list of numbers.")
    return torch.tensor([float(norm) for norm in norms])


def form_of_statements_block(answer: Callable[[], Any]) -> list[str]:
    """What is wrong with the form of a dict of truth values; whether they are the right ones is not looked at."""
    given = answer()
    if not isinstance(given, dict):
        return [f"a {type(given).__name__} came back instead of a dict"]
    faults = [f"there is no statement {number!r}" for number in given if number not in STATEMENTS]
    for number in STATEMENTS:
        if number not in given:
            faults.append(f"statement {number} has no answer")
        elif not isinstance(given[number], bool):
            faults.append(f"the answer to statement {number} is neither True nor False")
    return faults


PROBES = {
    "transformer_block": transformer_block,
    "positional_encoding": positional_encoding,
    "shift_matrix": shift_matrix,
    "norms_over_depth": norms_over_depth,
    "form_of_statements_block": form_of_statements_block,
}
