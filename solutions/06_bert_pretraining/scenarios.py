"""Scenarios of BERT pre-training, stage 06."""

from typing import Any

import torch
from torch import Tensor, nn

from solutions.recording import with_inputs

__all__ = ["bert_dropout", "bert_gradients", "bert_outputs", "fill_with_toy", "step_on_toy", "with_inputs"]

Sizes = tuple[int, int, int, int]


def _bert(names: Any, sizes: Sizes, rates: tuple[float, float]) -> nn.Module:
    """The student's model in the run's dtype: (n_layers, vocab_size, embed_dim, n_heads) and the two drop rates.

    Its parameters are drawn again, by their shape and their place among those of the same shape. So two models of the
    same parts are the same model, in whatever order the parts were made.
    """
    model: nn.Module = names.BertModel(*sizes, *rates)
    model = model.to(names.dtype)
    places: dict[tuple[int, ...], int] = {}
    with torch.no_grad():
        for parameter in model.parameters():
            shape = tuple(parameter.shape)
            places[shape] = places.get(shape, 0) + 1
            seed = places[shape] + sum(1000 ** (axis + 1) * size for axis, size in enumerate(shape))
            generator = torch.Generator().manual_seed(seed % 2**31)
            parameter.copy_(0.5 * torch.randn(shape, generator=generator, dtype=torch.float64))
    return model


def _table(model: nn.Module, vocab_size: int, embed_dim: int) -> nn.Parameter | None:
    """The parameter whose second row, and no other, learns from token 1 alone; else the first of a table's shape."""
    scores = model.eval()(torch.ones(1, 1, dtype=torch.int64))
    if scores.requires_grad:
        scores.backward(torch.arange(scores.numel(), dtype=scores.dtype).cos().view(scores.shape))
    found, fitting = [], []
    for parameter in model.parameters():
        gradient, parameter.grad = parameter.grad, None
        if gradient is not None and gradient.ndim == 2 and gradient.any(dim=1).nonzero().flatten().tolist() == [1]:
            found.append(parameter)
        if parameter.shape in ((vocab_size + 1, embed_dim), (vocab_size, embed_dim)):
            fitting.append(parameter)
    return next(iter(found + fitting), None)


def bert_outputs(
    names: Any, sizes: Sizes, batches: list[tuple[Tensor, Tensor | None]], table: Tensor | None = None
) -> dict[str, Any]:
    """Build a model and read batches with it, in eval mode and without gradients.

    batches   (ids (batch, seq_len), mask (batch, seq_len) or None)
    table     (rows, embed_dim), written into the first rows of the table of embeddings before; None: left as it is

    Returns {"outputs": one per batch, "table": the shape of the table of embeddings, "weights", "biases": parameters
    that fit an output layer, "others": how many numbers all other parameters hold}.
    """
    _, vocab_size, embed_dim, _ = sizes
    model = _bert(names, sizes, (0.0, 0.0))
    embeddings = _table(model, vocab_size, embed_dim)
    with torch.no_grad():
        if table is not None and embeddings is not None:
            embeddings[: len(table)] = table[: len(embeddings)]
        outputs = [model(ids) if mask is None else model(ids, mask) for ids, mask in batches]
    last = outputs[0].shape[-1]
    last = vocab_size if last == embed_dim else last  # hidden states, that came through no output layer
    rest = [parameter for parameter in model.parameters() if parameter is not embeddings]
    weights = [parameter for parameter in rest if parameter.shape == (last, embed_dim)]
    biases = [parameter for parameter in rest if parameter.shape == (last,)]
    outer = {id(parameter) for parameter in (*weights, *biases)}
    return {
        "outputs": outputs,
        "table": [] if embeddings is None else list(embeddings.shape),
        "weights": [parameter.detach() for parameter in weights],
        "biases": [parameter.detach() for parameter in biases],
        "others": sum(parameter.numel() for parameter in rest if id(parameter) not in outer),
    }


def bert_gradients(names: Any, sizes: Sizes, ids: Tensor) -> dict[str, Any]:
    """Send a random gradient back through a model in train mode.

    Returns {"without": names of parameters that got none, "rows": whether the table of embeddings got one at each of
    its rows}.
    """
    model = _bert(names, sizes, (0.0, 0.0))
    embeddings = _table(model, *sizes[1:3])
    scores = model.train()(ids)
    if scores.requires_grad:
        scores.backward(torch.randn_like(scores))
    gradient = None if embeddings is None else embeddings.grad
    return {
        "without": [name for name, parameter in model.named_parameters() if parameter.grad is None],
        "rows": [] if gradient is None else gradient.any(dim=1).tolist(),
    }


def bert_dropout(names: Any, sizes: Sizes, rates: list[tuple[float, float]], ids: Tensor) -> list[dict[str, Tensor]]:
    """Read the same ids with a new model for each pair of drop rates: {"training": scores, "eval": scores}."""
    seen = []
    for pair in rates:
        model = _bert(names, sizes, pair)
        with torch.no_grad():
            seen.append({"training": model.train()(ids), "eval": model.eval()(ids)})
    return seen


class _Toy(nn.Module):
    """Stands in for a BertModel: a token's scores come from its own row and from the mean of the rows that are seen."""

    def __init__(self, table: Tensor, weight: Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.weight = nn.Parameter(weight.clone())
        self.calls: list[dict[str, Any]] = []

    def forward(self, batch_text: Tensor, mask: Tensor | None = None) -> Tensor:
        plain = mask.detach().to(torch.float64) if isinstance(mask, Tensor) else None
        self.calls.append(
            {
                "text": batch_text.detach().clone(),
                "mask": plain,
                "training": self.training,
                "gradients": torch.is_grad_enabled(),
            }
        )
        seen = torch.ones_like(batch_text, dtype=self.table.dtype) if plain is None else 1 - plain.to(self.table.dtype)
        rows = self.table[batch_text]
        context = (rows * seen.unsqueeze(-1)).sum(1, keepdim=True) / seen.sum(1).clamp(min=1)[:, None, None]
        return (rows + context) @ self.weight.T


def step_on_toy(
    names: Any, table: Tensor, weight: Tensor, text: Tensor, labels: Tensor, rate: float, **given: Any
) -> dict[str, Any]:
    """Call pretraining_step on a small model with plain gradient descent; old gradients stand in its parameters.

    table, weight   (vocab_size + 1, width) and (vocab_size, width), the model's parameters
    rate            learning rate
    given           further arguments, by name

    Returns {"loss": what came back, "calls": each forward with its text, mask, and mode, "table", "weight": afterwards,
    "steps": how often the optimizer made one}.
    """
    model = _Toy(table, weight).eval()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    steps: list[int] = []
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    loss = names.pretraining_step(model, text, labels, optimizer, **given)
    return {
        "loss": loss.detach() if isinstance(loss, Tensor) else loss,
        "plain": not isinstance(loss, Tensor),
        "calls": model.calls,
        "table": model.table.detach(),
        "weight": model.weight.detach(),
        "steps": len(steps),
    }


def fill_with_toy(
    names: Any, table: Tensor, weight: Tensor, text: Tensor, mask_id: int, **given: Any
) -> dict[str, Any]:
    """Call fill_mask on a small model that was in train mode, and return what came back with every forward call."""
    model = _Toy(table, weight).train()
    result = names.fill_mask(model, text, mask_id, **given)
    return {"result": result, "calls": model.calls}
