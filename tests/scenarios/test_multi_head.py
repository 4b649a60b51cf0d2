"""The scenarios of stage 04 fill a module of any layout, and record what it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from notebooks import notebook_of
from torch import Tensor, nn
from whole_course import alternatives, right_answer, stage_module

from autograder.answers import Answer

scenarios = stage_module("04_multi_head_attention", "scenarios")
attend = scenarios.attend
attention_after_copying = scenarios.attention_after_copying
attention_changes = scenarios.attention_changes
attention_gradients = scenarios.attention_gradients
attention_made = scenarios.attention_made
attention_parameters = scenarios.attention_parameters
attention_start = scenarios.attention_start
gap_of_module = scenarios.gap_of_module

RIGHT = [right_answer("MultiHeadAttention"), *alternatives("MultiHeadAttention")]


class Toy(nn.Module):
    """Adds one number per feature to the sum of a row, hands it on, and ignores who else is there."""

    def __init__(self, embed_dim: int, n_heads: int, rate: float) -> None:
        super().__init__()
        if n_heads == 7:
            raise KeyError("seven")
        self.rows = nn.Parameter(torch.ones(embed_dim, embed_dim))
        self.shift = nn.Parameter(torch.zeros(1, embed_dim))
        self.unused = nn.Linear(2, 3, bias=False)
        self.o_proj = nn.Linear(embed_dim, embed_dim)
        self.drop = nn.Dropout(rate)

    def forward(self, embedding: Tensor, mask: Tensor | None = None) -> Tensor:
        embedding.mul_(1.0)
        return self.o_proj(self.drop(embedding @ self.rows + self.shift))

    def copy_from(self, theirs: nn.MultiheadAttention) -> None:
        self.o_proj = theirs.out_proj
        nn.init.zeros_(theirs.in_proj_bias)


NAMES = notebook_of(MultiHeadAttention=Toy)


def test_parameters_are_counted_and_those_of_the_output_layer_named() -> None:
    seen = attention_parameters(NAMES, [4, 2, 0.0])
    assert seen == {"trainable": 16 + 4 + 6 + 20, "o_proj": {"weight": [4, 4], "bias": [4]}}


def test_a_new_module_shows_weights_and_biases_apart() -> None:
    seen = attention_start(NAMES, [4, 2, 0.0])
    shapes = {key: [tuple(part.shape) for part in parts] for key, parts in seen.items()}
    assert shapes == {"inputs": [(4, 4), (3, 2)], "output": [(4, 4)], "biases": [(1, 4), (4,)]}


def test_what_is_raised_is_recorded_and_what_is_not_done_goes_through() -> None:
    assert attention_made(NAMES, [[4, 2, 0.0], [4, 7, 0.0]]) == [
        {"raised": "", "message": ""},
        {"raised": "KeyError", "message": "'seven'"},
    ]

    def stub(*arguments: Any) -> None:
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        attention_made(notebook_of(MultiHeadAttention=stub), [[4, 2, 0.0]])


def test_attend_fills_before_the_output_layer_and_gives_copies() -> None:
    x = torch.ones(1, 2, 4, dtype=torch.float64)
    output = 2 * torch.eye(4, dtype=torch.float64), torch.full((4,), 5.0, dtype=torch.float64)
    (seen,) = attend(NAMES, [4, 2, 0.0], {"weights": 0.5, "biases": 3.0}, output, [(x, None)])
    assert seen.dtype == torch.float64
    assert (seen == 2 * (4 * 0.5 + 3) + 5).all()


def test_attend_sets_the_mode() -> None:
    x = torch.ones(1, 50, 4, dtype=torch.float64)
    output = torch.eye(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    for training in (False, True):
        (seen,) = attend(NAMES, [4, 2, 0.5], {"weights": 1.0, "biases": 0.0}, output, [(x, None)], training)
        assert bool((seen == 0).any()) is training


def test_changes_are_told_for_each_mode() -> None:
    x = torch.randn(2, 9, 4, dtype=torch.float64)
    assert attention_changes(NAMES, [4, 2, 0.5], x) == {"training": True, "eval": False}
    assert attention_changes(NAMES, [4, 2, 0.0], x) == {"training": False, "eval": False}


def test_gradients_count_the_weights_that_got_none() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    seen = attention_gradients(NAMES, [4, 2, 0.0], x, torch.randn(2, 3, 4, dtype=torch.float64))
    assert seen == {"weights": 16 + 6 + 16, "without": 6, "embedding": True}


def torchs_weights() -> dict[str, Tensor]:
    own = nn.MultiheadAttention(6, 3).double()
    return {name: torch.randn_like(weight) for name, weight in own.state_dict().items()}


def test_a_module_that_shares_and_changes_torchs_weights_is_seen() -> None:
    seen = attention_after_copying(NAMES, 3, torchs_weights(), torch.randn(2, 5, 6, dtype=torch.float64))
    assert seen["unharmed"] is False
    assert not seen["ours"].equal(seen["later"])
    assert seen["trainable"][0] == seen["trainable"][1]


@pytest.mark.parametrize("right", RIGHT, ids=lambda answer: answer.name)
def test_right_answers_of_any_layout_give_the_same_numbers(right: Answer) -> None:
    torch.manual_seed(4)
    names = notebook_of(MultiHeadAttention=right.function)
    x, weights = torch.randn(2, 5, 6, dtype=torch.float64), torchs_weights()
    seen = attention_after_copying(names, 3, weights, x)
    theirs = nn.MultiheadAttention(6, 3, batch_first=True).double()
    theirs.load_state_dict(weights)
    torch.testing.assert_close(seen["ours"], theirs(x, x, x)[0])
    assert seen["ours"].equal(seen["later"])
    assert seen["unharmed"]
    fill, output = {"weights": 0.2, "biases": 0.1}, (torch.eye(6, dtype=torch.float64), torch.zeros(6).double())
    mask = torch.tensor([[0, 0, 0, 0, 1], [0, 1, 0, 1, 0]])
    (ours,) = attend(names, [6, 3, 0.0], fill, output, [(x, mask)])
    reference = notebook_of(MultiHeadAttention=RIGHT[0].function)
    torch.testing.assert_close(ours, attend(reference, [6, 3, 0.0], fill, output, [(x, mask)])[0])


def test_gap_gets_a_module_in_training_mode() -> None:
    def mode_and_result(module: nn.Module, x: Tensor, perm: Tensor) -> Any:
        return module.training, module(x)

    names = notebook_of(equivariance_gap=mode_and_result)
    x, table = torch.ones(1, 3, 2), torch.arange(6.0).view(3, 2)
    training, placed = gap_of_module(names, "place", table, x, torch.arange(3))
    assert training is True
    assert placed.equal(x + table)
    assert gap_of_module(names, "each", table, x, torch.arange(3))[1].equal(x.tanh())
    assert (gap_of_module(names, "dropout", table, torch.ones(1, 30, 20), torch.arange(30))[1] == 0).any()
