"""The BERT of stage 06 as an encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit import checkpoints
from coursekit.own_bert import load_pretrained_bert
from coursekit.stand_ins import BertModel, PositionalEncoding, TransformerBlock

SIZES = {"n_layers": 2, "vocab_size": 9, "embed_dim": 8, "n_heads": 2}
TOKENS = [2003, 1012, 1996, 5, 77, 3000, 4]


@pytest.fixture
def saved(tmp_path: Path) -> tuple[BertModel, Path]:
    torch.manual_seed(0)
    model = BertModel(*SIZES.values(), 0.0, 0.0).eval()
    return model, checkpoints.save(tmp_path / "bert.safetensors", model, sizes=SIZES, tokens=TOKENS)


def test_hidden_states_are_what_goes_into_the_output_layer(saved: tuple[BertModel, Path]) -> None:
    model, path = saved
    encoder = load_pretrained_bert(path, BertModel)
    ids, real = torch.tensor([[1996, 2003, 77], [4, 101, 0]]), torch.tensor([[1, 1, 1], [1, 1, 0]])
    hidden = encoder(ids, real).last_hidden_state
    assert hidden.shape == (2, 3, 8) == (*ids.shape, encoder.config.hidden_size)
    own = torch.tensor([[4, 2, 6], [8, 1, 0]])  # 101 is unknown, and the last is padding
    torch.testing.assert_close(model.last(hidden), model(own, real == 0))
    assert not hidden.requires_grad
    assert not encoder.training


def test_padding_changes_nothing(saved: tuple[BertModel, Path]) -> None:
    encoder = load_pretrained_bert(saved[1], BertModel)
    ids = torch.tensor([[1996, 2003, 77]])
    short = encoder(ids, torch.ones(1, 3)).last_hidden_state
    long = encoder(F.pad(ids, (0, 4)), F.pad(torch.ones(1, 3), (0, 4))).last_hidden_state
    torch.testing.assert_close(long[:, :3], short)


def test_the_class_is_found(saved: tuple[BertModel, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_EARLIER_WORK", "0")
    assert isinstance(load_pretrained_bert(saved[1]).bert, BertModel)


class Other(nn.Module):
    def __init__(self, n_layers: int, vocab_size: int, embed_dim: int, n_heads: int, *rates: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size + 1, embed_dim)
        self.positions = PositionalEncoding(embed_dim)
        self.blocks = nn.Sequential(*[TransformerBlock(embed_dim, n_heads, *rates) for _ in range(n_layers)])
        self.weight = nn.Parameter(torch.randn(vocab_size, embed_dim))

    def forward(self, text: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return F.linear(self.blocks((self.positions(self.embedding(text)), mask))[0], self.weight)


def test_weights_of_another_class_are_refused(saved: tuple[BertModel, Path]) -> None:
    with pytest.raises(ValueError, match="another BertModel"):
        load_pretrained_bert(saved[1], Other)


def test_an_output_layer_that_cannot_be_found_is_named(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path / "b.safetensors", Other(*SIZES.values(), 0.0, 0.0), sizes=SIZES, tokens=TOKENS)
    with pytest.raises(ValueError, match="linear layers from 8 to 9"):
        load_pretrained_bert(path, Other)


def test_a_file_that_is_not_there_or_something_else_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="stage 06"):
        load_pretrained_bert(tmp_path / "none.safetensors")
    path = checkpoints.save(tmp_path / "head.safetensors", nn.Linear(2, 3))
    with pytest.raises(ValueError, match="not what the notebook of stage 06 saves"):
        load_pretrained_bert(path)
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="not what the notebook of stage 06 saves"):
        load_pretrained_bert(tmp_path / "broken.safetensors")
