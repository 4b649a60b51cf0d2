"""Probes of stage 04: facts about a module that do not depend on how it lays out queries, keys, values and heads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

NOTHING = torch.zeros(0)


def module_at_work(
    answer: Callable[..., Any], embed_dim: int, n_heads: int, embedding: Tensor, mask: Tensor | None
) -> tuple[dict[str, Any], Tensor]:
    """Size and result of a module whose weights are all alike, but for those of its output layer; in eval mode."""
    module = _alike(answer(embed_dim, n_heads, 0.4))
    output: Any = module.o_proj
    with torch.no_grad():
        for part in output.parameters():
            part.copy_(torch.linspace(-1.0, 2.0, part.numel()).view_as(part))
        result = module(embedding, mask)
    learns = [part.numel() for part in module.parameters() if part.requires_grad]
    return {"number of trainable parameters": sum(learns)}, result


def new_module(answer: Callable[..., Any], embed_dim: int, n_heads: int) -> tuple[dict[str, Any], Tensor]:
    """How the weights of a new module are spread, to one decimal, and how many of its biases are not zero.

    The spread of the output layer is given in units of 1 / √(inputs + outputs), which takes its size out of it.
    """
    made = answer(embed_dim, n_heads, 0.1)
    output = made.o_proj.weight
    unit = sum(output.shape) ** -0.5
    others = [part for name, part in made.named_parameters() if part.ndim > 1 and part.any() and "o_proj" not in name]
    peaks = [part.abs().amax() / part.std() for part in others]
    facts = {
        "standard deviation of o_proj.weight × √(inputs + outputs)": _one_decimal(output.std() / unit),
        "largest entry of o_proj.weight × √(inputs + outputs)": _one_decimal(output.abs().amax() / unit),
        "largest entry ÷ standard deviation, all other weights": _one_decimal(max(peaks)),
        "number of biases that are not 0": sum(int(p.count_nonzero()) for p in made.parameters() if p.ndim == 1),
    }
    return facts, NOTHING


def heads_that_fit(answer: Callable[..., Any], sizes: list[list[int]]) -> tuple[dict[str, Any], Tensor]:
    """What happens when a module is made with each (embed_dim, n_heads)."""
    facts = {}
    for width, heads in sizes:
        case = f"embed_dim {width}, n_heads {heads}"
        try:
            answer(width, heads, 0.1)
        except NotImplementedError:
            raise
        except Exception as error:
            numbers = "both numbers" if f"{width}" in str(error) and f"{heads}" in str(error) else "no such numbers"
            facts[case] = f"{type(error).__name__}, its message names {numbers}"
        else:
            facts[case] = "a module"
    return facts, NOTHING


def share_dropped(
    answer: Callable[..., Any], embed_dim: int, n_heads: int, rate: float, reviews: int
) -> tuple[dict[str, Any], Tensor]:
    """Which share of the weights is dropped in either mode, to one decimal, and whether a head's features go together.

    An empty token that looks at itself and at one other gets half of what the other offers, or nothing at all.
    """
    facts: dict[str, Any] = {}
    module = _alike(answer(embed_dim, n_heads, rate))
    output: Any = module.o_proj
    with torch.no_grad():
        nn.init.eye_(output.weight)
        nn.init.zeros_(output.bias)
        pairs = torch.stack([torch.zeros(embed_dim), torch.ones(embed_dim)]).repeat(reviews, 1, 1)
        for mode in ("training", "eval"):
            lost = module.train(mode == "training")(pairs)[:, 0].abs() < 1e-6
            facts[f"share dropped in {mode} mode"] = _one_decimal(lost.double().mean())
            whole = lost.sum(1).remainder(embed_dim // n_heads) == 0
            facts[f"features of a head dropped together in {mode} mode"] = bool(whole.all())
    return facts, NOTHING


def copied_module(
    answer: Callable[..., Any], n_heads: int, weights: dict[str, Tensor], embedding: Tensor
) -> tuple[dict[str, Any], Tensor]:
    """Result of a module that has copied the weights of torch's own attention."""
    torchs = nn.MultiheadAttention(embedding.shape[-1], n_heads, batch_first=True)
    torchs.load_state_dict(weights)
    module = answer(embedding.shape[-1], n_heads, 0.0)
    try:
        module.copy_from(torchs)
    except NotImplementedError as error:
        if error.args:
            raise
        return {"copy_from (exercise 4.2)": "still to be written"}, torch.zeros_like(embedding)
    with torch.no_grad():
        result = module.eval()(embedding)
    torchs_now = torchs.state_dict()
    kept = all(torch.equal(torchs_now[name], value) for name, value in weights.items())
    return {"copy_from (exercise 4.2)": "there", "torch's module is as it was": kept}, result


def gap_of_a_module(answer: Callable[..., Any], x: Tensor, perm: Tensor, places: Tensor, drop: float) -> Any:
    """The gap of a module that squares each entry, adds a row of `places` to each token, and drops at that rate."""
    return answer(_AddsPlaces(places, drop).train(), x, perm)


def form_of_statements_attention(answer: Callable[[], Any]) -> tuple[Any, ...]:
    """Numbers of the statements that were judged, and names of the types of the judgements; not the judgements."""
    said = answer()
    if isinstance(said, dict):
        return sorted(said, key=str), sorted({type(word).__name__ for word in said.values()})
    return [], [type(said).__name__]


PROBES = {
    "copied_module": copied_module,
    "form_of_statements_attention": form_of_statements_attention,
    "gap_of_a_module": gap_of_a_module,
    "heads_that_fit": heads_that_fit,
    "module_at_work": module_at_work,
    "new_module": new_module,
    "share_dropped": share_dropped,
}


class _AddsPlaces(nn.Module):
    def __init__(self, places: Tensor, drop: float) -> None:
        super().__init__()
        self.places = places
        self.drop = nn.Dropout(drop)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, seq_len, features) → the same."""
        return self.drop(x.square() + self.places)


def _alike(module: nn.Module) -> nn.Module:
    """The module in eval mode, with all weights before the output layer alike and no biases there."""
    for name, part in module.named_parameters():
        if "o_proj" not in name:
            is_weight = part.ndim > 1 and bool(part.any())
            nn.init.constant_(part, 0.3 * is_weight)
    return module.eval()


def _one_decimal(value: Tensor) -> float:
    return round(value.item(), 1)
