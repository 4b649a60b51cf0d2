"""Weights and metadata come back from the file as they went in, and damaged ones never get there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from coursekit import checkpoints


def test_weights_and_metadata_come_back(tmp_path: Path) -> None:
    module = nn.LSTM(3, 4)
    path = checkpoints.save(tmp_path / "lstm.safetensors", module, vocabulary=["a", "ä", '"'], max_length=7, note="x")
    other = nn.LSTM(3, 4)
    other.load_state_dict(load_file(path))
    for one, two in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["vocabulary"]) == ["a", "ä", '"']
    assert (metadata["max_length"], metadata["note"]) == ("7", "x")


def test_a_shared_and_a_transposed_weight_are_written(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    module[0].bias = nn.Parameter(torch.randn(4, 2).T[0])
    loaded = load_file(checkpoints.save(tmp_path / "m.safetensors", module))
    assert torch.equal(loaded["0.weight"], loaded["1.weight"])
    assert torch.equal(loaded["0.bias"], module[0].bias)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_and_the_old_file_stays(tmp_path: Path, value: float) -> None:
    module = nn.Linear(2, 3)
    path = checkpoints.save(tmp_path / "m.safetensors", module)
    before = path.read_bytes()
    with torch.no_grad():
        module.bias[1] = value
    with pytest.raises(ValueError, match="The weights of bias hold nan or infinite"):
        checkpoints.save(path, module)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"call it model\.safetensors"):
        checkpoints.save(tmp_path / "model.pt", nn.Linear(1, 1))
    with pytest.raises(ValueError, match="no weights"):
        checkpoints.save(tmp_path / "m.safetensors", nn.Module())
    with pytest.raises(ValueError, match="vocabulary cannot be saved"):
        checkpoints.save(tmp_path / "m.safetensors", nn.Linear(1, 1), vocabulary={1, 2})
    with pytest.raises(ValueError, match="loss cannot be saved"):
        checkpoints.save(tmp_path / "m.safetensors", nn.Linear(1, 1), loss=float("nan"))
    assert list(tmp_path.iterdir()) == []
