"""Probes of stage 07: what a classifier on a small encoder, its training and its features do."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.history import figures_of

SAME, OTHER = "none", "the logits change"


def frozen_reader(answer: Callable[..., Any], settings: list[Any], ids: Tensor, mask: Tensor) -> tuple[Any, ...]:
    """Sizes, logits with weights filled in, influence of padding and of modes, and what learns."""
    bert = _small_bert()
    model = answer(bert, *settings)
    own = {id(weight) for weight in bert.parameters()}
    head = [weight for weight in model.parameters() if id(weight) not in own]
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    with torch.no_grad():
        for weight in head:
            weight.copy_(_pattern(weight.shape, settings[1]))
    model.eval()
    with torch.set_grad_enabled(False):
        logits = model(ids, mask)
        longer = model(*(nn.functional.pad(part, (0, 3)) for part in (ids, mask)))
        noisy = model(torch.where(mask == 0, 7, ids), mask)
        again = model(ids, mask)
        behind = model.classify(model.encode(ids, mask), mask)
    model.train()
    reading: list[bool] = []
    handle = bert.register_forward_hook(lambda *_: reading.extend([bert.training, torch.is_grad_enabled()]))
    first = model(ids, mask)
    handle.remove()
    if first.requires_grad:
        first.sum().backward()
    told = [weight.grad is not None for weight in bert.parameters()], [weight.grad is not None for weight in head]
    return (
        trained,
        list(logits.shape),
        "train mode" if True in reading[::2] else "eval mode",
        "recorded" if True in reading[1::2] else "not recorded",
        _change(logits, longer),
        _change(logits, noisy),
        logits if _change(logits, again) == SAME else 0 * logits,  # a random draw says nothing
        _change(logits, behind),
        _learners(*told),
        "dropped" if _change(first.detach(), model(ids, mask).detach()) == OTHER else "kept",
        _change(logits, again),
    )


def epoch_on_features(
    answer: Callable[..., Any], batches: list[list[Tensor]], weights: Tensor, rate: float
) -> tuple[Any, ...]:
    """Mode, order of events, loss, accuracy and weights afterwards: a model with one weight per feature."""
    model = _Mean(weights).eval()
    model.weights.grad = torch.ones_like(weights)  # left over from before
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    happened: list[str] = []
    model.weights.register_hook(lambda _: happened.append("backward"))
    optimizer.register_step_post_hook(lambda *_: happened.append("step"))
    loss, accuracy = answer(model, batches, optimizer, nn.BCEWithLogitsLoss())
    return model.mode(), happened, float(loss), float(accuracy), model.weights.detach()


def look_at_features(answer: Callable[..., Any], batches: list[list[Tensor]], weights: Tensor) -> tuple[Any, ...]:
    """Mode, whether gradients are recorded, batches seen, loss and accuracy."""
    model = _Mean(weights).train()
    loss, accuracy = answer(model, batches, nn.BCEWithLogitsLoss())
    recorded = "recorded" if any(graph for _, graph in model.seen) else "not recorded"
    return model.mode(), recorded, len(model.seen), float(loss), float(accuracy)


def best_epoch(answer: Callable[..., Any], figures: list[list[float]]) -> tuple[Any, ...]:
    """Who is called, which epoch the model comes back from, and the history. figures: four per epoch."""
    model = nn.BatchNorm1d(2)
    before = [value.detach().clone() for value in model.state_dict().values()]
    done: list[str] = []

    def one_epoch() -> tuple[float, float]:
        done.append("train")
        for value in model.state_dict().values():
            value.detach().add_(1)
        return _pair(figures, done, "train")

    def look() -> tuple[float, float]:
        done.append("validate")
        return _pair(figures, done, "validate")

    history = answer(model, one_epoch, look, len(figures))
    grown = [
        (value - old).double().mean().item() for value, old in zip(model.state_dict().values(), before, strict=True)
    ]
    return done, grown, figures_of(history)


def once_and_small(answer: Callable[..., Any], reviews: list[list[int]], batch_size: int) -> tuple[Any, ...]:
    """Lengths, type and memory of what is kept, batches read, and the features themselves."""
    bert = _small_bert().eval()
    sizes: list[list[int]] = []
    modes: list[bool] = []

    def watch(_: Any, given: Any, named: Any) -> None:
        sizes.append(list((named.get("input_ids") if "input_ids" in named else given[0]).shape))
        modes.append(torch.is_grad_enabled())

    handle = bert.register_forward_pre_hook(watch, with_kwargs=True)
    kept = list(answer(bert, reviews, batch_size))
    handle.remove()
    memory = sum(item.untyped_storage().nbytes() for item in kept)
    needed = sum(item.numel() * item.element_size() for item in kept)
    return (
        [len(item) for item in kept],
        str(kept[0].dtype).removeprefix("torch."),
        "as much as they need" if memory == needed else "more than they need",
        "recorded" if any(modes) else "not recorded",
        sum(rows for rows, _ in sizes),
        len(sizes),
        sum(rows * columns for rows, columns in sizes) - sum(map(len, reviews)),
        torch.cat(
            [item.float()[: len(review)].mean(dim=0, keepdim=True) for item, review in zip(kept, reviews, strict=False)]
        ),
    )


def said_of(answer: Callable[..., Any], sentence: str) -> tuple[Any, ...]:
    """Ids, mask and mode that a model is asked with, and the probability that comes back."""
    model = _Falling()
    probability = answer(model.train(), _tokenizer(), sentence)
    ids, mask, mode, graph = model.asked[-1]
    return (
        list(ids.shape[:-1]),
        "512 or fewer" if ids.shape[-1] <= 512 else str(ids.shape[-1]),
        ids.flatten()[[0, -1]].tolist(),
        "ones only" if mask.shape == ids.shape and bool(mask.bool().all()) else "something else",
        "train mode" if mode else "eval mode",
        "recorded" if graph else "not recorded",
        type(probability).__name__,
        float(probability),
    )


def built_for(answer: Callable[..., Any], widths: list[int]) -> tuple[Any, ...]:
    """For encoders of these widths: whether a module comes back, shapes of its logits, influence of padding."""
    modules, shapes, effects = [], [], []
    for width in widths:
        bert = _small_bert(width)
        model = answer(bert)
        modules.append(isinstance(model, nn.Module))
        model.eval()
        ids, mask = torch.tensor([[5, 9, 3, 0], [8, 2, 6, 4]]), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]])
        with torch.no_grad():
            both, alone = model(ids, mask), model(ids[:1, :3], mask[:1, :3])
        shapes.append(list(both.shape))
        effects.append(_change(both[:1], alone))
    return modules, shapes, effects


PROBES = {
    probe.__name__: probe
    for probe in (
        frozen_reader,
        epoch_on_features,
        look_at_features,
        best_epoch,
        once_and_small,
        said_of,
        built_for,
    )
}


@cache
def _tokenizer() -> Any:
    from coursekit import load_tokenizer

    with redirect_stdout(io.StringIO()):  # a check says what it found, not what it read
        return load_tokenizer()


class _Mean(nn.Module):
    """The logit is the weighted mean of a review's real tokens."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(weights.clone())
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, features: Tensor, attention_mask: Tensor) -> Tensor:
        self.seen.append((self.training, torch.is_grad_enabled()))
        share = attention_mask / attention_mask.sum(dim=1, keepdim=True)
        return torch.einsum("bsd,d,bs->b", features, self.weights, share)[:, None]

    def mode(self) -> str:
        modes = {training for training, _ in self.seen}
        return {frozenset({True}): "train mode", frozenset({False}): "eval mode"}.get(frozenset(modes), "both modes")


class _Falling(nn.Module):
    """The logit falls from 0.8 by a tenth per real token; notes how it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.tenth = nn.Parameter(torch.tensor(0.1))
        self.asked: list[tuple[Tensor, Tensor, bool, bool]] = []

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        self.asked.append((ids, attention_mask, self.training, torch.is_grad_enabled()))
        return 0.8 - self.tenth * attention_mask.sum(dim=1, keepdim=True)


def _small_bert(width: int = 8) -> Any:
    """A BERT of one layer in train mode, its weights always the same."""
    from transformers import BertConfig, BertModel

    shape = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 10}
    bert = BertModel(BertConfig(vocab_size=30, max_position_embeddings=40, **shape))
    with torch.no_grad():
        for name, weight in bert.named_parameters():
            if "LayerNorm" not in name:
                weight.copy_(_pattern(weight.shape, 0))
    return bert.train()


def _pattern(shape: torch.Size, outputs: int) -> Tensor:
    """Numbers between −½ and ½ that depend on the shape alone; alike in each column of a layer with `outputs` rows."""
    rows = torch.arange(1.0, shape[0] + 1)
    if len(shape) == 1 or shape[0] == outputs:
        return (0.4 * torch.sin(1.7 * rows)).view(-1, *[1] * (len(shape) - 1)).expand(shape)
    return 0.5 * torch.sin(1.3 * rows[:, None] + 2.1 * torch.arange(1.0, shape[1] + 1))


def _change(before: Tensor, after: Tensor) -> str:
    alike = before.shape == after.shape and torch.allclose(before, after, atol=1e-5)
    return SAME if alike else OTHER


def _learners(bert: list[bool], head: list[bool]) -> str:
    if any(bert):
        return "the encoder as well"
    return "all of the head" if all(head) else "parts of the head" if any(head) else "nothing"


def _pair(figures: list[list[float]], done: list[str], who: str) -> tuple[float, float]:
    row = figures[min(done.count(who), len(figures)) - 1]
    return (row[0], row[1]) if who == "train" else (row[2], row[3])
