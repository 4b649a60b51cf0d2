"""Scenarios of BERT-GRU fine-tuning, stage 07: a model on a small encoder, its training, its features."""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from solutions.recording import weights_without_gradient

__all__ = [
    "encoded_once",
    "head_trained",
    "load_head",
    "logits_of_features",
    "model_on_features",
    "passed_over",
    "probabilities",
    "sentiment_built",
    "size_on_bert_base",
    "weights_without_gradient",
]

READER_WIDTH, READER_WORDS = 12, 60


def size_on_bert_base(names: Any, *settings: Any) -> dict[str, int]:
    """Numbers of parameters of a model on a bert-base encoder without weights: {"all", "trainable"}."""
    from transformers import BertConfig, BertModel

    with torch.device("meta"):  # shapes only: nothing is allocated
        model = names.BERTGRUSentiment(BertModel(BertConfig()), *settings)
    return {"all": _count(model.parameters()), "trainable": _count(p for p in model.parameters() if p.requires_grad)}


def sentiment_built(names: Any, settings: list[Any], passes: list[tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """Build a model in the run's dtype on a small BERT, which comes in train mode and with weights that want gradients.

    settings   what the constructor takes after the encoder
    passes     (ids, attention_mask) each

    Returns a dict:
    trainable, encoder_trainable   numbers of parameters that want gradients: of all, and of the encoder among them
    logits        one result per pass, in eval mode
    in_training   two results for the first pass, in train mode
    modes, graphs how many parts of the encoder were in train mode, and whether gradients were being recorded, per call
                  of the encoder while the model was in train mode
    features      of the first pass, by the model's own `encode`
    read          of the first pass, by the encoder itself in eval mode: with the mask, without, with its opposite
    behind        what `classify` makes in eval mode of the first of these, and of the model's own features
    gradients     parameters with a gradient after a backward pass in train mode: {"encoder", "head", "head_without"}
    layers        weights of the GRU and of the linear layer, where there is one of each
    """
    with _made_in(names.dtype):
        reader = _reader()
        model = names.BERTGRUSentiment(reader, *settings)
        inside = {id(parameter) for parameter in reader.parameters()}
        wanting = [parameter for parameter in model.parameters() if parameter.requires_grad]
        layers = _layers(model, reader)
        model.eval()
        ids, mask = passes[0]
        with torch.no_grad():
            logits = [model(ids.clone(), mask.clone()) for ids, mask in passes]
            features = model.encode(ids.clone(), mask.clone())
            plain = copy.deepcopy(reader).eval()
            read = [plain(input_ids=ids, attention_mask=one).last_hidden_state for one in (mask, None, 1 - mask)]
            behind = [model.classify(given.clone(), mask.clone()) for given in (read[0], features)]
        model.train()
        calls: list[tuple[int, bool]] = []
        watch = reader.register_forward_pre_hook(
            lambda module, _: calls.append((sum(part.training for part in module.modules()), torch.is_grad_enabled()))
        )
        in_training = [model(ids.clone(), mask.clone()) for _ in range(2)]
        watch.remove()
        result = in_training[0]
        if isinstance(result, Tensor) and result.requires_grad:
            (result * torch.arange(1.0, result.numel() + 1).view_as(result)).sum().backward()
    moved = [(id(parameter) in inside, parameter.grad is not None) for parameter in model.parameters()]
    return {
        "trainable": _count(wanting),
        "encoder_trainable": _count(parameter for parameter in wanting if id(parameter) in inside),
        "logits": logits,
        "in_training": in_training,
        "modes": [parts for parts, _ in calls],
        "graphs": [graph for _, graph in calls],
        "features": features,
        "read": read,
        "behind": behind,
        "gradients": {
            "encoder": moved.count((True, True)),
            "head": moved.count((False, True)),
            "head_without": moved.count((False, False)),
        },
        "layers": layers,
    }


def passed_over(
    names: Any, function: str, batches: list[tuple[Tensor, Tensor, Tensor]], weights: Tensor, rate: float | None
) -> dict[str, Any]:
    """Call train_epoch (rate: that of its SGD) or evaluate_epoch (rate None) on a model of one weight per feature.

    batches   (features, attention_mask, labels) each; the logit of a review is the mean over its real tokens of
              features · weights
    weights   (d_model,), where the model starts, in the mode that the function should leave

    Returns a dict: result; modes, graph (whether gradients were recorded) and reviews per forward pass; before and
    gradients per step of the optimizer; weights and gradient_left (or None) afterwards.
    """
    model = _Weighing(weights)
    model.train(rate is None)
    given: list[Any] = [model, [tuple(part.clone() for part in batch) for batch in batches], nn.BCEWithLogitsLoss()]
    steps: list[tuple[Tensor, Tensor | None]] = []
    if rate is not None:
        optimizer = torch.optim.SGD(model.parameters(), rate)
        optimizer.register_step_pre_hook(lambda *_: steps.append((_taken(model.weight), _taken(model.weight.grad))))
        given.insert(2, optimizer)
    result = getattr(names, function)(*given)
    return {
        "result": result,
        "modes": [mode for mode, _, _ in model.calls],
        "graph": [graph for _, graph, _ in model.calls],
        "reviews": [count for _, _, count in model.calls],
        "before": [before for before, _ in steps],
        "gradients": [gradient for _, gradient in steps],
        "weights": _taken(model.weight),
        "gradient_left": _taken(model.weight.grad),
    }


def head_trained(names: Any, training: list[float], losses: list[float], accuracies: list[float]) -> dict[str, Any]:
    """Call fit with a trainer that adds 1 to every weight of the model, and a validator; both give these figures.

    Returns a dict: history (what came back), start and end (weights of the model before and after), calls in order.
    """
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).to(names.dtype)
    start = {name: _taken(value) for name, value in model.state_dict().items()}
    calls: list[str] = []

    def train_one() -> tuple[float, float]:
        calls.append("train")
        with torch.no_grad():
            for value in model.state_dict().values():
                value += 1
        return training[min(calls.count("train"), len(training)) - 1], 0.5

    def validate() -> tuple[float, float]:
        calls.append("validate")
        number = min(calls.count("validate"), len(losses)) - 1
        return losses[number], accuracies[number]

    history = names.fit(model, train_one, validate, len(losses))
    end = {name: _taken(value) for name, value in model.state_dict().items()}
    return {"history": history, "start": start, "end": end, "calls": calls}


def encoded_once(names: Any, reviews: list[list[int]], batch_size: int) -> dict[str, Any]:
    """Call encode_once on a small BERT, and read every review by itself for comparison.

    Returns a dict: features (what came back), alone (one (length, d_model) float32 each), held (bytes of memory behind
    each tensor), shapes (of the ids, per call of the encoder), graphs (whether gradients were recorded, per call).
    """
    reader = _reader().eval()
    shapes: list[list[int]] = []
    graphs: list[bool] = []

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        shapes.append(list((args[0] if args else kwargs["input_ids"]).shape))
        graphs.append(torch.is_grad_enabled())

    watch = reader.register_forward_pre_hook(note, with_kwargs=True)
    features = names.encode_once(reader, copy.deepcopy(reviews), batch_size)
    watch.remove()
    held = []
    if isinstance(features, list | tuple):
        held = [item.untyped_storage().nbytes() if isinstance(item, Tensor) else 0 for item in features]
    with torch.no_grad():
        alone = [reader(input_ids=torch.tensor([review])).last_hidden_state[0] for review in reviews]
    return {"features": features, "alone": alone, "held": held, "shapes": shapes, "graphs": graphs}


def probabilities(names: Any, sentences: list[str]) -> dict[str, Any]:
    """Call predict_sentiment with the course's tokenizer and a model that adds up its ids.

    Returns a dict: results (one per sentence), ids and masks that the model was given, modes and graphs (whether
    gradients were recorded) per call, logits that the model gave.
    """
    from coursekit import load_tokenizer

    model = _Adding()
    model.train()
    tokenizer = load_tokenizer()
    results = [names.predict_sentiment(model, tokenizer, sentence) for sentence in sentences]
    return {"results": results, **model.seen}


def model_on_features(names: Any, d_model: int, n_layers: int) -> nn.Module:
    """Build sentiment_model on an encoder that stands in for one of this width: its ids are taken for features."""
    return names.sentiment_model(_StandIn(d_model, n_layers))


def load_head(names: Any, model: nn.Module, weights: dict[str, Tensor]) -> dict[str, list[str]]:
    """Load the weights into a model and put it into eval mode.

    Returns the names that do not fit: {"missing": of the model's trainable weights, "unknown": of those given,
    "shapes": of those whose shape differs}.
    """
    wanted = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    here = model.state_dict()
    known = {name: weight for name, weight in weights.items() if name in here}
    shapes = [name for name, weight in known.items() if weight.shape != here[name].shape]
    if not shapes:
        model.load_state_dict(known, strict=False)
    model.eval()
    return {
        "missing": sorted(set(wanted) - set(weights)),
        "unknown": sorted(set(weights) - set(here)),
        "shapes": sorted(shapes),
    }


def logits_of_features(names: Any, model: nn.Module, features: Tensor, lengths: Tensor) -> Any:
    """Logits of a batch of reviews from the features (tokens, d_model) of one after the other."""
    reviews = features.float().split(lengths.tolist())
    padded = nn.utils.rnn.pad_sequence(list(reviews), batch_first=True)
    mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
    with torch.no_grad():
        return model(padded, mask)


def _reader() -> Any:
    """A small BERT in train mode, with weights so large that every token counts."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=READER_WORDS,
        hidden_size=READER_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=20,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    return BertModel(config).train()


class _StandIn(nn.Module):
    """Stands in for a frozen encoder: what it is given as ids are the features."""

    def __init__(self, d_model: int, n_layers: int) -> None:
        from transformers import BertConfig

        super().__init__()
        self.config = BertConfig(hidden_size=d_model, num_hidden_layers=n_layers, num_attention_heads=1)
        self.scale = nn.Parameter(torch.ones(()))  # so that it has a device, and something to freeze

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutput

        return BaseModelOutput(last_hidden_state=input_ids * self.scale)


class _Weighing(nn.Module):
    """The logit of a review is the mean of features · weights over its real tokens; notes every forward pass."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weights.detach().clone())
        self.calls: list[tuple[bool, bool, int]] = []

    def forward(self, features: Tensor, attention_mask: Tensor) -> Tensor:
        self.calls.append((self.training, torch.is_grad_enabled(), len(features)))
        told = (features @ self.weight * attention_mask).sum(dim=1) / attention_mask.sum(dim=1)
        return told.unsqueeze(1)


class _Adding(nn.Module):
    """The logit is a sum over the ids that wanders between −2 and 2; another one in train mode."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.seen: dict[str, list[Any]] = {"ids": [], "masks": [], "modes": [], "graphs": [], "logits": []}

    def forward(self, ids: Tensor, attention_mask: Tensor) -> Tensor:
        place = torch.arange(1, ids.shape[1] + 1)
        total = (ids * place * attention_mask).sum(dim=1, keepdim=True).double()
        logits = 2 * torch.sin(total + 3 * self.training) * self.weight
        note = ids.clone(), attention_mask.clone(), self.training, torch.is_grad_enabled(), logits.detach().clone()
        for key, value in zip(self.seen, note, strict=True):
            self.seen[key].append(value)
        return logits


def _layers(model: nn.Module, reader: nn.Module) -> dict[str, Any]:
    """Weights of the GRU and of the linear layer outside the encoder, where there is exactly one of each."""
    inside = set(reader.modules())
    parts = {}
    for name, kind in (("gru", nn.GRU), ("linear", nn.Linear)):
        found = [module for module in model.modules() if isinstance(module, kind) and module not in inside]
        if len(found) != 1:
            return {}
        parts[name] = {key: _taken(value) for key, value in found[0].state_dict().items()}
    return parts


def _taken(value: Any) -> Any:
    return None if value is None else value.detach().clone()


def _count(parameters: Any) -> int:
    return sum(math.prod(parameter.shape) for parameter in parameters)


@contextmanager
def _made_in(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
