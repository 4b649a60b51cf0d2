"""Scenarios record what a function does, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from whole_course import stage_module

scenarios = stage_module("03_scaled_dot_product_attention", "scenarios")
gradients = scenarios.gradients
sizes_of_results = scenarios.sizes_of_results
with_inputs = scenarios.with_inputs


def test_with_inputs_shows_an_input_that_was_written_to() -> None:
    names = SimpleNamespace(double=lambda x, factor: x.mul_(factor))
    seen = with_inputs(names, "double", torch.ones(3), 2.0)
    assert seen["result"].tolist() == [2, 2, 2]
    assert seen["inputs"][0].tolist() == [2, 2, 2]
    assert seen["inputs"][1] == 2.0


def test_gradients_go_back_from_the_result_of_that_shape() -> None:
    names = SimpleNamespace(product=lambda a, b, factor: (a.sum(), factor * a * b.detach()))
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    seen = gradients(names, "product", [a, b], torch.tensor([1.0, 10.0]), 2.0)
    assert seen["result_found"] is True
    assert seen["gradients"][0].tolist() == [6, 80]
    assert seen["gradients"][1] is None
    assert a.grad is None


def test_gradients_say_when_no_result_has_the_shape() -> None:
    names = SimpleNamespace(total=lambda a: a.sum())
    assert gradients(names, "total", [torch.ones(2)], torch.ones(2)) == {"gradients": [None], "result_found": False}


def test_gradients_go_through_a_function_that_writes_to_its_input() -> None:
    names = SimpleNamespace(double=lambda a: a.mul_(2))
    assert gradients(names, "double", [torch.ones(2)], torch.ones(2))["gradients"][0].tolist() == [2, 2]


def test_sizes_find_a_matrix_that_does_not_come_back() -> None:
    names = SimpleNamespace(mix=lambda x: (x @ x.T) @ x)
    seen = sizes_of_results(names, "mix", torch.ones(10, 2))
    assert seen["largest"] == 100
    assert seen["total"] >= 100 + 20
    assert seen["result"].shape == (10, 2)


def test_sizes_count_an_expanded_view_as_it_is_in_memory() -> None:
    names = SimpleNamespace(widen=lambda x: x[:, None].expand(10, 1000))
    assert sizes_of_results(names, "widen", torch.ones(10))["largest"] == 10
