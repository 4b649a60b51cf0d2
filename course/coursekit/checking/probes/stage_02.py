"""Probes of stage 02: what a classifier, a training loop or an experiment does, in words and plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.history import figures_of

Batch = list[Tensor]

NONE, SOME = "none", "the logits change"


def trainable(answer: Callable[..., Any], widths: list[int], frozen: list[int]) -> Any:
    """What `answer` counts in linear layers between these widths; the layers numbered in `frozen` do not learn."""
    model = nn.Sequential()
    for number in range(1, len(widths)):
        layer = nn.Linear(widths[number - 1], widths[number])
        model.append(layer.requires_grad_(number not in frozen))
    return answer(model)


def plain_classifier(answer: Callable[..., Any], settings: list[Any], ids: Tensor) -> tuple[Any, ...]:
    """Size, shape of the logits, influence of other reviews and of the last word, gradients, range."""
    model, lengths = answer(*settings).eval(), torch.full((ids.shape[0],), ids.shape[1])
    with torch.no_grad():
        logits = model(ids, lengths)
        single = torch.cat([model(ids[i, None], lengths[i, None]) for i in range(ids.shape[0])])
        ending = torch.cat([ids[:, :-1], ids[:, -1:].flip(0)], dim=1)
        exchanged = model(ending, lengths)
    facts = _size(model), list(logits.shape), _effect(logits, single), _effect(logits, exchanged)
    return *facts, _learning(model, ids, lengths), _range(model, ids, lengths)


def gated_classifier(answer: Callable[..., Any], settings: list[Any], ids: Tensor, lengths: Tensor) -> tuple[Any, ...]:
    """Size, shape, influence of padding, of other reviews and of dropout in both modes, gradients, range."""
    model = answer(*settings).eval()
    beyond = torch.arange(ids.shape[1]).expand_as(ids) >= lengths[:, None]
    with torch.no_grad():
        logits, again = model(ids, lengths), model(ids, lengths)
        wider = model(nn.functional.pad(ids, (0, 4), value=settings[6]), lengths)
        noisy = model(ids.masked_fill(beyond, 2), lengths)
        single = torch.cat([model(words[None, :end], end[None]) for words, end in zip(ids, lengths, strict=True)])
        model.train()
        dropped = _effect(model(ids, lengths), model(ids, lengths))
        model.eval()
    return (
        _size(model),
        list(logits.shape),
        _effect(logits, wider),
        _effect(logits, noisy),
        _effect(logits, single),
        dropped,
        _effect(logits, again),
        _learning(model, ids, lengths),
        _range(model, ids, lengths),
    )


def epoch_of_training(answer: Callable[..., Any], batches: list[Batch], words: Tensor, rate: float) -> tuple[Any, ...]:
    """Batches seen, order of events, mode, loss, accuracy and weights afterwards: a model with one weight per word."""
    model = _Counting(words)
    model.eval()
    model.table.weight.grad = torch.ones_like(words)[:, None]  # left over from before
    optimizer = torch.optim.SGD(model.parameters(), rate)
    events: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: events.append("step"))
    model.table.weight.register_hook(lambda _: events.append("backward"))
    returned = answer(model, _Iterated(batches), optimizer, nn.BCEWithLogitsLoss())
    return len(model.modes), events, _mode(model.modes), *_two(returned), model.table.weight.detach()[:, 0]


def evaluation(answer: Callable[..., Any], batches: list[Batch], words: Tensor) -> tuple[Any, ...]:
    """Batches seen, mode, graphs, gradients left, loss and accuracy, for a model with one weight per word."""
    model = _Counting(words)
    model.train()
    returned = answer(model, _Iterated(batches), nn.BCEWithLogitsLoss())
    graphs = "kept" if any(model.graphs) else "not kept"
    gradients = "none" if model.table.weight.grad is None else "some"
    return len(model.modes), _mode(model.modes), graphs, gradients, *_two(returned)


def epochs_of_experiment(
    answer: Callable[..., Any], hparams: dict[str, Any], losses: list[list[float]]
) -> tuple[Any, ...]:
    """Calls, optimizers, history, the epoch whose weights come back, and what the seed settles.

    losses   [training loss, training accuracy, validation loss, validation accuracy] of each epoch
    """
    first, again, other = (_Experiment(losses) for _ in range(3))
    history, model = answer(dict(hparams), first.build, ("training", "validation"), first.train, first.evaluate)
    torch.rand(7)
    answer(dict(hparams), again.build, ("training", "validation"), again.train, again.evaluate)
    settings = {**hparams, "seed": hparams["seed"] + 1}
    answer(settings, other.build, ("training", "validation"), other.train, other.evaluate)
    kept = (model.weight.detach() - first.drawn).mean().round().int().item()
    starts = first.drawn, again.drawn, other.drawn
    return (
        first.calls,
        first.optimizers,
        figures_of(history),
        kept,
        starts[0].equal(starts[1]),
        starts[0].equal(starts[2]),
    )


def reader_of_reviews(answer: Callable[..., Any], vocab_sizes: list[int]) -> tuple[Any, ...]:
    """Shape of the logits for three reviews, and whether a larger vocabulary makes a larger model."""
    models = [answer(size) for size in vocab_sizes]
    ids = torch.tensor([[2, 3, 4, 5], [6, vocab_sizes[0] - 1, 0, 0], [7, 8, 9, 0]])
    with torch.no_grad():
        logits = models[0].eval()(ids, torch.tensor([4, 2, 3]))
    return list(logits.shape), _size(models[0]) < _size(models[1])


def form_of_statements(answer: Callable[..., Any]) -> tuple[Any, ...]:
    """Which statements have an answer, and of which types the answers are; not what they are."""
    answers = answer()
    if not isinstance(answers, dict):
        return f"a {type(answers).__name__}", []
    return sorted(answers, key=str), sorted({type(value).__name__ for value in answers.values()})


PROBES = {
    "epoch_of_training": epoch_of_training,
    "epochs_of_experiment": epochs_of_experiment,
    "evaluation": evaluation,
    "form_of_statements": form_of_statements,
    "gated_classifier": gated_classifier,
    "plain_classifier": plain_classifier,
    "reader_of_reviews": reader_of_reviews,
    "trainable": trainable,
}


class _Counting(nn.Module):
    """The logit of a review is the sum of its words' weights; notes mode and graph of every call."""

    def __init__(self, words: Tensor) -> None:
        super().__init__()
        self.modes: list[bool] = []
        self.graphs: list[bool] = []
        self.table = nn.Embedding.from_pretrained(words[:, None].clone(), freeze=False)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(batch, seq_len), (batch,) → (batch, 1)."""
        reviews = [words[:end] for words, end in zip(ids, lengths.tolist(), strict=True)]
        logits = torch.stack([self.table(words).sum(dim=0) for words in reviews])
        self.modes.append(self.training)
        self.graphs.append(logits.requires_grad)
        return logits


class _Iterated:
    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        return (tuple(batch) for batch in self.batches)


class _Experiment:
    """A builder, a trainer that adds one to all weights, and an evaluator; keeps what they were asked."""

    def __init__(self, losses: list[list[float]]) -> None:
        self.losses = losses
        self.calls: list[str] = []
        self.optimizers: list[str] = []
        self.drawn = torch.zeros(1)

    def build(self, hparams: dict[str, Any]) -> nn.Module:
        """Draw a model."""
        self.calls.append("build")
        model = nn.Linear(2, 1)
        self.drawn = model.weight.detach().clone()
        return model

    def train(self, model: nn.Linear, batches: str, optimizer: Any, criterion: Any) -> tuple[float, float]:
        """Move all weights by one."""
        self.calls.append(f"train: {batches}")
        known = f"{type(optimizer).__name__}, lr {optimizer.param_groups[0]['lr']:g}"
        seen = getattr(optimizer, "seen_before", False)
        self.optimizers.append(f"{known}{', as before' if seen else ''}")
        optimizer.seen_before = True
        with torch.no_grad():
            model.weight.add_(1)
        return self._of_epoch(0)

    def evaluate(self, model: nn.Linear, batches: str, criterion: Any) -> tuple[float, float]:
        """Change nothing."""
        self.calls.append(f"evaluate: {batches}")
        return self._of_epoch(2)

    def _of_epoch(self, column: int) -> tuple[float, float]:
        epoch = min(len(self.optimizers), len(self.losses)) - 1
        return self.losses[epoch][column], self.losses[epoch][column + 1]


def _two(returned: Any) -> tuple[Any, Any]:
    loss, accuracy = returned
    return _plain(loss), _plain(accuracy)


def _plain(value: Any) -> Any:
    return value.detach().double().item() if isinstance(value, Tensor) and value.numel() == 1 else value


def _mode(modes: list[bool]) -> str:
    if all(modes):
        return "training"
    return "now training, now eval" if any(modes) else "eval"


def _size(model: nn.Module) -> int:
    return int(nn.utils.parameters_to_vector(p for p in model.parameters() if p.requires_grad).shape[0])


def _effect(one: Tensor, other: Tensor) -> str:
    return NONE if one.shape == other.shape and torch.allclose(one, other, atol=1e-5) else SOME


def _learning(model: nn.Module, ids: Tensor, lengths: Tensor) -> str:
    model.zero_grad()
    logits = model(ids, lengths)
    logits.mul(torch.linspace(1, 2, logits.numel()).reshape(logits.shape)).sum().backward()
    reached = [p.grad is not None and bool(p.grad.any()) for p in model.parameters()]
    return "all" if all(reached) else "not all"


def _range(model: nn.Module, ids: Tensor, lengths: Tensor) -> str:
    """With weights so large, logits of random models have either sign."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(20)
        return "some" if (model(ids, lengths) < 0).any() else "no"
