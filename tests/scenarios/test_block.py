"""Scenarios and probes of the Transformer block: parts filled by their shapes, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from notebooks import notebook_of
from torch import nn
from whole_course import right_answer, stage_module

from coursekit import stand_ins
from coursekit.variants import BlockVariant

scenarios = stage_module("05_transformer_block", "scenarios")
hidden_tests = stage_module("05_transformer_block", "hidden_tests")
probes = stage_module("05_transformer_block", "probes")
block_outputs = scenarios.block_outputs
gradient_norms_twice = scenarios.gradient_norms_twice
positions_added = scenarios.positions_added
positions_on_another_device = scenarios.positions_on_another_device
attended = hidden_tests.attended
attention_parts = hidden_tests.attention_parts
fed_forward = hidden_tests.fed_forward
feed_forward_parts = hidden_tests.feed_forward_parts
fill = probes.fill
form_of_statements_block = probes.form_of_statements_block
transformer_block = probes.transformer_block

SIZES = (12, 3)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def parts(rng: torch.Generator) -> dict[str, torch.Tensor]:
    return attention_parts(rng, SIZES) | feed_forward_parts(rng, SIZES)


class FusedPerHead(nn.Module):
    """Attention whose layer for queries, keys and values keeps those of a head together."""

    def __init__(self, embed_dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.fused = nn.Linear(embed_dim, 3 * embed_dim)
        self.out = nn.Linear(embed_dim, embed_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.fused(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2).chunk(3, dim=-1)
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Separate(nn.Module):
    """Attention with three layers."""

    def __init__(self, embed_dim: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.out, self.v, self.q, self.k = (nn.Linear(embed_dim, embed_dim) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (layer(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return self.out(nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


@pytest.mark.parametrize(
    "attention", [FusedPerHead, Separate, lambda *sizes: stand_ins.MultiHeadAttention(*sizes, 0.0)]
)
def test_filled_attention_says_the_same_in_every_layout(
    attention: Callable[..., nn.Module], rng: torch.Generator
) -> None:
    layer = attention(*SIZES).double()
    known = attention_parts(rng, SIZES)
    fill(layer, SIZES[0], **known)
    x = torch.randn(2, 5, 12, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(layer(x), attended(x, known, SIZES))


def test_filled_feed_forward_layer_is_as_computed(rng: torch.Generator) -> None:
    layer = nn.Sequential(nn.Linear(12, 48), nn.GELU(), nn.Linear(48, 12)).double()
    known = feed_forward_parts(rng, SIZES)
    fill(layer, 12, into=torch.zeros(12), back=torch.zeros(12), **known)
    x = torch.randn(2, 5, 12, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(layer(x), fed_forward(x, known, 48))


def test_the_scale_of_a_normalisation_stays() -> None:
    norm = nn.LayerNorm(12)
    nn.init.normal_(norm.bias)
    fill(norm, 12, into=torch.ones(12), back=torch.ones(12))
    assert norm.weight.eq(1).all()
    assert norm.bias.eq(0).all()


def test_a_block_is_recorded_with_its_parameters_and_widths(rng: torch.Generator) -> None:
    names = notebook_of(TransformerBlock=stand_ins.TransformerBlock)
    x = torch.randn(2, 5, 12, generator=rng, dtype=torch.float64)
    mask = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    seen = block_outputs(names, SIZES, (0.0, 0.0), parts(rng), False, [(x, mask), (x, None)])
    assert seen["parameters"] == 12 * 12**2 + 13 * 12
    assert seen["widths"] == [48]
    (one, came), (other, none) = seen["returned"]
    assert came is mask
    assert none is None
    assert not one.equal(other)
    assert seen["inputs"][0].equal(x)


def test_probe_says_what_did_not_come_back() -> None:
    class Bare(nn.Module):
        def __init__(self, *sizes: Any) -> None:
            super().__init__()

        def forward(self, inputs: tuple[torch.Tensor, None]) -> torch.Tensor:
            return inputs[0]

    known = {"into": torch.zeros(4), "back": torch.zeros(4)}
    with pytest.raises(TypeError, match=r"expected a tuple \(embedding, mask\)"):
        transformer_block(Bare, 4, 2, [0.0, 0.0], False, 1, known, torch.zeros(1, 2, 4), None)


def test_positions_are_recorded_with_the_inputs_afterwards() -> None:
    names = notebook_of(PositionalEncoding=stand_ins.PositionalEncoding)
    seen = positions_added(names, 6, 4, [torch.zeros(1, 3, 6, dtype=torch.float64)])
    assert seen["parameters"] == 0
    assert seen["returned"][0][0, 0].tolist() == [0, 1, 0, 1, 0, 1]
    assert seen["inputs"][0].eq(0).all()


@pytest.mark.parametrize("buffer", [True, False])
def test_a_table_that_stays_behind_is_seen(buffer: bool) -> None:
    class Encoding(nn.Module):
        def __init__(self, embed_dim: int) -> None:
            super().__init__()
            if buffer:
                self.register_buffer("table", torch.ones(9, embed_dim))
            else:
                self.table = torch.ones(9, embed_dim)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.table[: x.shape[1]]

    assert positions_on_another_device(notebook_of(PositionalEncoding=Encoding), 6, 5)["moved"] is buffer


def test_gradient_norms_are_asked_for_with_and_without_old_gradients() -> None:
    calls = []

    def gradient_norms(blocks: nn.Sequential, x: torch.Tensor) -> list[float]:
        calls.append([None if p.grad is None else p.grad.max().item() for p in blocks.parameters()])
        return [float(len(calls))]

    parts = [[torch.eye(2), torch.zeros(2), torch.ones(2)]]
    seen = gradient_norms_twice(notebook_of(gradient_norms=gradient_norms), parts, torch.ones(1, 3, 2))
    assert seen == {"first": [1.0], "second": [2.0], "after_others": [3.0]}
    assert calls == [[None] * 3, [None] * 3, [3.0] * 3]


@pytest.mark.parametrize(
    ("answer", "faults"),
    [
        ({1: True, 2: True, 3: True}, 0),
        ({1: True, 2: True}, 1),
        ({1: True, 2: 1, 3: None, 4: True}, 3),
        ([True, False, True], 1),
    ],
)
def test_the_form_of_statements_is_looked_at_and_not_their_truth(answer: Any, faults: int) -> None:
    assert len(form_of_statements_block(lambda: answer)) == faults


@pytest.mark.parametrize(
    ("norm", "residual"), [("after", True), ("before", True), ("off", True), ("after", False), ("off", False)]
)
def test_variants_do_what_their_switches_say(norm: Any, residual: bool, rng: torch.Generator) -> None:
    torch.manual_seed(1)
    block = BlockVariant(*SIZES, norm=norm, residual=residual).double()
    x = torch.randn(2, 5, 12, generator=rng, dtype=torch.float64)
    mask = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1]])

    def attend(y: torch.Tensor) -> torch.Tensor:
        return block.self_attn(y, y, y, key_padding_mask=mask.bool(), need_weights=False)[0]

    def feed(y: torch.Tensor) -> torch.Tensor:
        return block.linear2(nn.functional.gelu(block.linear1(y)))

    due = x
    for part, normalise in ((attend, block.norm1), (feed, block.norm2)):
        said = part(normalise(due)) if norm == "before" else part(due)
        due = due + said if residual else said
        due = normalise(due) if norm == "after" else due
    seen, came = block((x, mask))
    assert came is mask
    torch.testing.assert_close(seen, due)


def test_pre_norm_has_its_residuals() -> None:
    with pytest.raises(ValueError, match="residuals"):
        BlockVariant(*SIZES, norm="before", residual=False)


def test_a_variant_with_everything_is_a_block() -> None:
    variant, block = BlockVariant(*SIZES), right_answer("TransformerBlock").function(*SIZES, 0.0, 0.0)
    known = parts(torch.Generator().manual_seed(2))
    for one in (variant, block):
        fill(one.double(), SIZES[0], **known)
    x = torch.randn(2, 4, 12, dtype=torch.float64)
    torch.testing.assert_close(variant((x, None))[0], block((x, None))[0])
