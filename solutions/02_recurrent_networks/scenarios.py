"""Scenarios of recurrent networks, stage 02: watch a training loop, take a classifier apart, run an experiment."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.stand_ins import Share
from solutions.recording import parts, weights_without_gradient

__all__ = [
    "classifier",
    "experiment",
    "load_weights",
    "logits_of_reviews",
    "parameters_counted",
    "pass_over_batches",
    "unrolled",
    "weights_wanted",
    "weights_without_gradient",
]

Reviews = tuple[Tensor, Tensor]


def unrolled(names: Any, cell: str, *inputs: Tensor) -> Any:
    """Call rnn_forward on (xs, h0, w_ih, w_hh, b_ih, b_hh) while the cell that it may use is a right one.

    cell   its source, a lambda
    """
    with parts(names.rnn_forward, rnn_cell=_right(cell)):
        return names.rnn_forward(*inputs)


def _right(source: str) -> Callable[..., Any]:
    """A right answer to an exercise. It comes with a call, after that exercise was tested: here all could use it."""
    function: Callable[..., Any] = eval(source, {"torch": torch, "Share": Share})
    return function


def parameters_counted(names: Any, widths: list[int], frozen: list[int]) -> Any:
    """Call count_parameters on linear layers from each width to the next, some of them frozen.

    frozen   numbers of the layers whose weights and biases want no gradient
    """
    model = nn.Sequential(*(nn.Linear(*pair) for pair in pairwise(widths)))
    for number in frozen:
        model[number].requires_grad_(False)
    return names.count_parameters(model)


def pass_over_batches(
    names: Any,
    function: str,
    accuracy: str,
    batches: list[tuple[Tensor, Tensor, Tensor]],
    weights: Tensor,
    rate: float | None,
) -> dict[str, Any]:
    """Call train (rate: that of its SGD) or evaluate (rate None) on a model with one weight per word, and watch.

    accuracy  source of a right binary_accuracy, a lambda
    batches   (ids, lengths, labels) each; the logit of a review is the mean weight of its words
    weights   (vocab_size,), where the model starts; it starts in the mode that the function should change

    Returns a dict:
    result          what came back
    ids, lengths, logits, modes (model.training), graph (whether the logits want gradients)    per forward pass
    before, gradients    weights and their gradient, per step of the optimizer
    pulled          batches taken from the iterator
    arrived         gradients that reached the weights
    weights, gradient_left (or None)    of the model afterwards
    """
    model, iterator = _WordWeights(weights), _Batches(batches)
    model.train(rate is None)
    answer = getattr(names, function)
    steps: list[tuple[Tensor, Tensor | None]] = []
    given: list[Any] = [model, iterator, nn.BCEWithLogitsLoss()]
    if rate is not None:
        given.insert(2, _WatchedSGD(model, rate, steps))
    with parts(answer, binary_accuracy=_right(accuracy)):
        result = answer(*given)
    left = model.weight.grad
    return {
        "result": result,
        **model.seen,
        "before": [before for before, _ in steps],
        "gradients": [gradient for _, gradient in steps],
        "pulled": iterator.pulled,
        "weights": model.weight.detach(),
        "gradient_left": None if left is None else left.detach(),
        "arrived": len(model.arrived),
    }


def classifier(names: Any, function: str, arguments: list[Any], passes: list[Reviews]) -> dict[str, Any]:
    """Build a classifier in the run's dtype and give it reviews.

    arguments   of its constructor
    passes      (ids, lengths) each

    Returns {"parameters": how many are trainable, "logits": one result per pass, in eval mode, "in_training": two
    results for the first pass, in train mode, "gradients": name of parameter → largest entry of its gradient on the
    first pass in eval mode (None: none arrived), "layers": what `_layers` finds}.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(names.dtype)  # whatever the model makes on its way, a first state for instance
    try:
        model = getattr(names, function)(*arguments)
        parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
        layers = _layers(model)
        model.eval()
        with torch.no_grad():
            logits = [model(ids.clone(), lengths.clone()) for ids, lengths in passes]
        gradients = _gradients(model, *passes[0])
        model.train()
        with torch.no_grad():
            in_training = [model(ids.clone(), lengths.clone()) for ids, lengths in passes[:1] * 2]
    finally:
        torch.set_default_dtype(before)
    return {
        "parameters": parameters,
        "logits": logits,
        "in_training": in_training,
        "gradients": gradients,
        "layers": layers,
    }


def experiment(names: Any, hparams: dict[str, Any], trained: list[list[float]], valid: list[list[float]]) -> Any:
    """Call run_experiment with a builder, a trainer and an evaluator that only keep a record.

    trained, valid   [loss, accuracy] that the trainer and the evaluator return, epoch after epoch

    The trainer adds 1 to every weight of the model. Returns a dict:
    history         what came back
    first, last     weights of the model when it was built and when it came back
    drawn           a random number per epoch
    calls           who was called, in order
    optimizers      [type, learning rate] at each call of the trainer
    one_optimizer   whether it was the same object each time
    wholes          whether model, optimizer and criterion fitted together in all calls
    """
    models: list[nn.Linear] = []
    optimizers: list[Any] = []
    calls: list[str] = []
    wholes: list[bool] = []

    def build(hparams: Any) -> nn.Module:
        models.append(nn.Linear(3, 1))
        calls.append("build")
        first.append(models[-1].weight.detach().clone())
        return models[-1]

    def train(model: nn.Linear, iterator: Any, optimizer: Any, criterion: Any) -> tuple[float, float]:
        drawn.append(torch.rand(()).item())
        group = optimizer.param_groups[0]
        optimizers.append(optimizer)
        kinds.append([type(optimizer).__name__, float(group["lr"])])
        wholes.append(model is models[-1] and group["params"][0] is model.weight and _is_mean(criterion))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1)
        calls.append(f"train on {iterator}")
        return _next(trained, optimizers)

    def evaluate(model: nn.Module, iterator: Any, criterion: Any) -> tuple[float, float]:
        calls.append(f"evaluate on {iterator}")
        wholes.append(model is models[-1] and _is_mean(criterion))
        return _next(valid, [call for call in calls if call.startswith("evaluate")])

    drawn: list[float] = []
    first: list[Tensor] = []
    kinds: list[list[Any]] = []
    history, model = names.run_experiment(hparams, build, ("training", "validation"), train, evaluate)
    return {
        "history": history,
        "first": first[0],
        "last": model.weight.detach(),
        "drawn": drawn,
        "calls": calls,
        "optimizers": kinds,
        "one_optimizer": all(optimizer is optimizers[0] for optimizer in optimizers),
        "wholes": all(wholes),
    }


def weights_wanted(names: Any, module: nn.Module) -> dict[str, list[int]]:
    """Name and shape of every weight that a module loads."""
    return {name: list(weight.shape) for name, weight in module.state_dict().items()}


def load_weights(names: Any, module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load the weights into a module and put it into eval mode."""
    module.load_state_dict(weights)
    module.eval()


def logits_of_reviews(names: Any, module: nn.Module, ids: Tensor, lengths: Tensor) -> Any:
    """Logits of a batch of reviews."""
    with torch.no_grad():
        return module(ids, lengths)


class _Batches:
    """Batches that count how many of them were taken."""

    def __init__(self, batches: list[tuple[Tensor, Tensor, Tensor]]) -> None:
        self.batches = batches
        self.pulled = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for ids, lengths, labels in self.batches:
            self.pulled += 1
            yield ids.clone(), lengths.clone(), labels.clone()


class _WordWeights(nn.Module):
    """The logit of a review is the mean weight of its words; notes every forward pass."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weights.detach().clone())
        self.seen: dict[str, list[Any]] = {"ids": [], "lengths": [], "logits": [], "modes": [], "graph": []}
        self.arrived: list[Tensor] = []
        self.weight.register_hook(self.arrived.append)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        real = torch.arange(ids.shape[1]) < lengths[:, None]
        logits = ((self.weight[ids] * real).sum(dim=1) / lengths)[:, None]
        note = (ids.clone(), lengths.clone(), logits.detach().clone(), self.training, logits.requires_grad)
        for key, value in zip(self.seen, note, strict=True):
            self.seen[key].append(value)
        return logits


class _WatchedSGD(torch.optim.SGD):
    """Notes weights and gradients before each step."""

    def __init__(self, model: _WordWeights, rate: float, steps: list[tuple[Tensor, Tensor | None]]) -> None:
        super().__init__(model.parameters(), lr=rate)
        self._model = model
        self._steps = steps

    def step(self, closure: Any = None) -> Any:
        """Note, then step."""
        gradient = self._model.weight.grad
        self._steps.append((self._model.weight.detach().clone(), None if gradient is None else gradient.clone()))
        return super().step(closure)


def _layers(model: nn.Module) -> dict[str, Any]:
    """Weights of a model that has exactly one embedding, one recurrent layer and one linear layer, else nothing."""
    parts: dict[str, Any] = {}
    for name, kind in (("embedding", nn.Embedding), ("recurrent", nn.RNNBase), ("linear", nn.Linear)):
        found = [module for module in model.modules() if isinstance(module, kind)]
        if len(found) != 1:
            return {}
        parts[name] = {key: value.detach() for key, value in found[0].state_dict().items()}
    return parts


def _gradients(model: nn.Module, ids: Tensor, lengths: Tensor) -> dict[str, float | None]:
    logits = model(ids.clone(), lengths.clone())
    (logits * torch.arange(1.0, logits.numel() + 1).view_as(logits)).sum().backward()
    return {
        name: None if parameter.grad is None else parameter.grad.abs().max().item()
        for name, parameter in model.named_parameters()
    }


def _is_mean(criterion: Any) -> bool:
    logits, labels = torch.tensor([-1.0, 2.0]), torch.tensor([0.0, 0.0])
    return bool(criterion(logits, labels).isclose(nn.functional.binary_cross_entropy_with_logits(logits, labels)))


def _next(returned: list[list[float]], done: list[Any]) -> tuple[float, float]:
    loss, accuracy = returned[min(len(done), len(returned)) - 1]
    return loss, accuracy
