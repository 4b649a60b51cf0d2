"""The BERT that was pretrained in stage 06, as an encoder: hidden states for the ids of the course's tokenizer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from coursekit import stand_ins
from coursekit.earlier import earlier_work

SIZES = ("n_layers", "vocab_size", "embed_dim", "n_heads")
UNKNOWN = 1
FIRST = 2
"""Own ids: 0 is padding, 1 the unknown word, and from 2 on come the kept tokens in their order."""


@dataclass(frozen=True)
class Encoded:
    """What an encoder returns.

    last_hidden_state  (batch, seq_len, embed_dim)
    """

    last_hidden_state: Tensor


class OwnBert(nn.Module):
    """A BertModel without its output layer, called as encoders of transformers are.

    bert     a BertModel
    sizes    n_layers, vocab_size, embed_dim and n_heads of it
    tokens   ids of the tokenizer, in the order of the model's own ids from 2 on
    """

    own_ids: Tensor

    def __init__(self, bert: nn.Module, sizes: dict[str, int], tokens: list[int]) -> None:
        super().__init__()
        self.bert = bert
        self.config = SimpleNamespace(
            hidden_size=sizes["embed_dim"],
            num_hidden_layers=sizes["n_layers"],
            num_attention_heads=sizes["n_heads"],
            vocab_size=sizes["vocab_size"],
        )
        self._output = _output_layer(bert, sizes)
        own_ids = torch.full((max(tokens, default=0) + 1,), UNKNOWN)
        own_ids[torch.tensor(tokens, dtype=torch.int64)] = torch.arange(FIRST, FIRST + len(tokens))
        self.register_buffer("own_ids", own_ids, persistent=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> Encoded:
        """Read ids of the tokenizer, (batch, seq_len); attention_mask (batch, seq_len) is 1 where a token is real.

        Tokens that the model does not know, the special ones among them, count as the unknown word.
        """
        known = input_ids < len(self.own_ids)
        ids = torch.where(known, self.own_ids[input_ids.where(known, 0)], UNKNOWN)
        padding = None if attention_mask is None else attention_mask.eq(0)
        if padding is not None:
            ids = ids.masked_fill(padding, 0)
        with _input_of(self._output) as seen:
            self.bert(ids, padding)
        return Encoded(seen[0])


class _Reached(Exception):
    """The output layer has been reached; its scores are not wanted."""


@contextmanager
def _input_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Within the block, a forward pass goes as far as `layer`; what would have gone into it stands in the list then."""
    seen: list[Tensor] = []

    def stop(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(inputs[0])
        raise _Reached

    hook = layer.register_forward_pre_hook(stop)
    try:
        yield seen
    except _Reached:
        pass
    finally:
        hook.remove()


def _output_layer(bert: nn.Module, sizes: dict[str, int]) -> nn.Linear:
    size = (sizes["embed_dim"], sizes["vocab_size"])
    found = [m for m in bert.modules() if isinstance(m, nn.Linear) and (m.in_features, m.out_features) == size]
    if len(found) != 1:
        raise ValueError(
            f"This BertModel has {len(found)} linear layers from {size[0]} to {size[1]:,}; its hidden states are what "
            "goes into the one that it ends with. Write that layer with nn.Linear."
        )
    return found[0]


def load_pretrained_bert(path: str | os.PathLike[str], bert_class: type[nn.Module] | None = None) -> OwnBert:
    """Load what the notebook of stage 06 saved, ready to be read from: frozen, in eval mode, on the CPU.

        encoder = load_pretrained_bert("../06_bert_pretraining/bert_pretrained.safetensors")
        encoder(input_ids, attention_mask).last_hidden_state        # (batch, seq_len, embed_dim)

    It takes the ids of `load_tokenizer()`, so it can stand wherever an encoder from `load_encoder()` does;
    `encoder.config.hidden_size` is its width.

    path         a safetensors file with the metadata sizes and tokens
    bert_class   the class whose weights they are; None: your own of stage 06, else the stand-in, whichever they fit
    raises       FileNotFoundError when there is no such file, ValueError when it is no pretrained BERT or fits no class
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no {path}. The notebook of stage 06 writes it when its training cell is run."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        sizes = {name: int(json.loads(metadata["sizes"])[name]) for name in SIZES}
        tokens = [int(token) for token in json.loads(metadata["tokens"])]
    except (SafetensorError, OSError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not what the notebook of stage 06 saves ({type(error).__name__}: {error}). Run its last cells "
            "again."
        ) from None
    classes = [bert_class] if bert_class else [earlier_work("BertModel"), stand_ins.BertModel]
    for candidate in classes:
        bert = candidate(*sizes.values(), 0.0, 0.0)
        try:
            bert.load_state_dict(weights)
        except RuntimeError:
            continue
        return OwnBert(bert, sizes, tokens).requires_grad_(False).eval()
    raise ValueError(
        f"The weights in {path} belong to another BertModel than yours is now. Run the notebook of stage 06 again."
    )
