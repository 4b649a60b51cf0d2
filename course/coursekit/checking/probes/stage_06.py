"""What the public checks of stage 06 do with a model, a masking and a training step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.stand_ins import BertModel

CLOSE = 1e-4


def bert_model(
    answer: Callable[..., nn.Module], n_layers: int, vocab_size: int, embed_dim: int, n_heads: int, text: Tensor
) -> tuple[Any, ...]:
    """Shape of the scores, number of parameters, and what the scores depend on.

    text  (2, seq_len): the last two tokens of the first review are taken as padding
    """
    model = answer(n_layers, vocab_size, embed_dim, n_heads, 0.0, 0.0)
    count = sum(weights.numel() for weights in model.parameters())
    scores = model.train()(text)
    if not isinstance(scores, Tensor):
        return [type(scores).__name__], f"{count:,}", False, False, False, False, ""
    if scores.requires_grad:
        scores.square().sum().backward()
    reached = all(weights.grad is not None for weights in model.parameters())
    model.eval()
    with torch.no_grad():
        turned = model(text.roll(1, 1)).roll(-1, 1)
        hidden = torch.zeros_like(text)
        hidden[0, -2:] = 1
        behind, first = text.clone(), text.clone()
        behind[0, -2:] = vocab_size  # the mask token, in the place of padding
        first[0, 0] = vocab_size
        plain, with_noise, with_mask = (model(words, hidden)[0] for words in (text, behind, first))
        real = slice(1, plain.shape[0] - 2)
        kind = "probabilities" if not _differ(scores.sum(-1), torch.ones(1)) else "scores"
        kind = "logarithms of probabilities" if not _differ(scores.exp().sum(-1), torch.ones(1)) else kind
    return (
        list(scores.shape),
        f"{count:,}",
        reached,
        _differ(turned, model(text)),
        _differ(plain[real], with_mask[real]),
        _differ(plain[real], with_noise[real]),
        kind,
    )


def _differ(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().max() > CLOSE)


def masking(
    answer: Callable[..., Any],
    reviews: int,
    seq_len: int,
    vocab_size: int,
    mask_rate: float,
    only_mask: bool,
    pad_id: int,
) -> tuple[Any, ...]:
    """Shapes, whether labels and padding are in order, and three shares of a text that has half of the vocabulary.

    The last quarter of each review is padding; shares are those of the other tokens.
    """
    words = [token for token in range(vocab_size // 2, vocab_size) if token != pad_id]
    text = torch.tensor(words)[torch.randint(len(words), (reviews, seq_len))]
    text[:, -(seq_len // 4) :] = pad_id
    given = text.clone()
    found = answer(given, vocab_size, mask_rate, only_mask, pad_id)
    untouched = torch.equal(given, text)
    pair = found if isinstance(found, tuple | list) else (found,)
    shapes = [_outline(part) for part in pair]
    if shapes != [_outline(text)] * 2:
        return shapes, untouched, [], False, 0.0, 0.0, 0.0, ""
    masked, labels = found
    real = text.ne(pad_id)
    labelled, changed = labels.ne(-100) & real, masked.ne(text) & real
    elsewhere = labels[real & labels.ne(text)].unique().tolist()[:3]
    padding_left = bool(masked[~real].eq(pad_id).all() and labels[~real].eq(-100).all())
    shares = [part.double().sum().div(real.sum()).item() for part in (labelled, changed, masked.eq(vocab_size) & real)]
    return shapes, untouched, elsewhere, padding_left, *shares, str(masked[changed].unique().numel())


def _outline(value: Any) -> str:
    """Dtype and shape of a tensor."""
    return f"{str(value.dtype)[6:]} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _steady(model: nn.Module) -> nn.Module:
    """The model in double precision with waves for weights, the same on every machine."""
    model.double()
    with torch.no_grad():
        for number, weights in enumerate(model.parameters()):
            wave = torch.arange(weights.numel(), dtype=torch.float64).mul(0.7 + number / 3).sin()
            weights.copy_(wave.view(weights.shape))
    return model


def _number(value: Any) -> float:
    """The value of a number or of a tensor with one element, else nan."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value.detach())
    return float(value) if isinstance(value, int | float) else math.nan


def training_step(
    answer: Callable[..., Any], vocab_size: int, text: Tensor, labels: Tensor, pad_id: int
) -> tuple[Any, ...]:
    """Three steps on the same batch: the first and the last loss, and the first where two columns of padding follow.

    Then whether all losses are plain numbers, and whether the model is in training mode afterwards.
    """
    losses = []
    for width in (0, 2):
        model = _steady(BertModel(1, vocab_size, 8, 2, 0.0, 0.0)).eval()
        descent = torch.optim.SGD(model.parameters(), lr=0.05)
        padded = nn.functional.pad(text, (0, width), value=pad_id)
        wanted = nn.functional.pad(labels, (0, width), value=-100)
        losses.append([answer(model, padded, wanted, descent, pad_id) for _ in range(3)])
    plain = all(isinstance(loss, float) for pair in losses for loss in pair)
    first, _, third, longer, *_ = (_number(loss) for pair in losses for loss in pair)
    return first, third, longer, plain, model.training


def filling(answer: Callable[..., Any], vocab_size: int, text: Tensor, mask_id: int, pad_id: int, k: int) -> Any:
    """Guesses of a steady model that comes in training mode with much dropout."""
    model = _steady(BertModel(1, vocab_size, 8, 2, 0.5, 0.5)).train()
    found = answer(model, text, mask_id, pad_id, k)
    if not isinstance(found, tuple | list) or not all(isinstance(part, Tensor) for part in found):
        return found
    return tuple(part.detach() for part in found)


def verdicts(answer: Callable[[], Any]) -> tuple[Any, ...]:
    """Which statements were judged, and whether with True and False; not how."""
    given = answer()
    if not isinstance(given, dict):
        return type(given).__name__, False
    return sorted(given, key=str), all(isinstance(said, bool) for said in given.values())


PROBES: dict[str, Callable[..., tuple[Any, ...]]] = {
    "bert_model": bert_model,
    "masking": masking,
    "training_step": training_step,
    "filling": filling,
    "statements_of_pretraining": verdicts,
}
