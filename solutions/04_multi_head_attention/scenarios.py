"""Scenarios of multi-head attention, stage 04: fill the module with known weights, whatever its layout, and call it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

__all__ = [
    "attend",
    "attention_after_copying",
    "attention_changes",
    "attention_gradients",
    "attention_made",
    "attention_parameters",
    "attention_start",
    "gap_of_module",
]

Pass = tuple[Tensor, Tensor | None]


def attention_made(names: Any, arguments: list[list[Any]]) -> list[dict[str, str]]:
    """Build a module with each of the lists of arguments. Returns {"raised": type or "", "message"} for each."""
    seen = []
    for given in arguments:
        try:
            names.MultiHeadAttention(*given)
        except NotImplementedError:
            raise  # not done yet
        except Exception as error:
            seen.append({"raised": type(error).__name__, "message": str(error)[:400]})
        else:
            seen.append({"raised": "", "message": ""})
    return seen


def attention_parameters(names: Any, arguments: list[Any]) -> dict[str, Any]:
    """How many parameters a new module trains, and which of them `o_proj` has.

    Returns {"trainable": number, "o_proj": name → shape; empty where there is none}.
    """
    module = names.MultiHeadAttention(*arguments)
    output = getattr(module, "o_proj", None)
    parts = dict(output.named_parameters()) if isinstance(output, nn.Module) else {}
    return {
        "trainable": _trainable(module),
        "o_proj": {name: list(part.shape) for name, part in parts.items()},
    }


def attention_start(names: Any, arguments: list[Any]) -> dict[str, list[Tensor]]:
    """What a new module starts with: {"inputs", "output": weights of and before `o_proj`, "biases": all biases}."""
    module = names.MultiHeadAttention(*arguments)
    seen: dict[str, list[Tensor]] = {"inputs": [], "output": [], "biases": []}
    for name, parameter, bias in _parts(module):
        seen["biases" if bias else "output" if _is_output(name) else "inputs"].append(parameter.detach())
    return seen


def attend(
    names: Any,
    arguments: list[Any],
    fill: dict[str, float] | None,
    output: tuple[Tensor, Tensor] | None,
    passes: list[Pass],
    training: bool = False,
) -> list[Any]:
    """Build a module in the run's dtype, fill it and call it.

    fill      {"weights": number, "biases": number} for all entries before `o_proj`; None: drawn at random
    output    weight and bias of `o_proj`; None: drawn at random
    passes    (embedding, mask or None) each; the module gets copies
    returns   one result per pass
    """
    module, _ = _filled(names, arguments, fill, output)
    module.train(training)
    with torch.no_grad():
        return [module(embedding.clone(), None if mask is None else mask.clone()) for embedding, mask in passes]


def attention_changes(names: Any, arguments: list[Any], embedding: Tensor) -> dict[str, bool]:
    """Whether two calls on the same embedding give different results, in {"training", "eval"} mode."""
    module, _ = _filled(names, arguments, None, None)
    changes = {}
    with torch.no_grad():
        for mode in ("training", "eval"):
            module.train(mode == "training")
            changes[mode] = not module(embedding.clone()).equal(module(embedding.clone()))
    return changes


def attention_gradients(names: Any, arguments: list[Any], embedding: Tensor, direction: Tensor) -> dict[str, Any]:
    """Send a gradient back through a module filled at random.

    Returns {"weights": entries of all weights, "without": how many of them got no gradient, "embedding": whether some
    arrived at the embedding}.
    """
    module, weights = _filled(names, arguments, None, None)
    module.eval()
    leaf = embedding.clone().requires_grad_()
    result = module(leaf.clone())  # one that writes into its input is not stopped by autograd
    if result.requires_grad:
        (result * direction).sum().backward()
    arrived = [0 if weight.grad is None else int(weight.grad.count_nonzero()) for weight in weights]
    total = sum(weight.numel() for weight in weights)
    return {
        "weights": total,
        "without": total - sum(arrived),
        "embedding": leaf.grad is not None and bool(leaf.grad.any()),
    }


def attention_after_copying(names: Any, n_heads: int, weights: dict[str, Tensor], embedding: Tensor) -> dict[str, Any]:
    """Let a module copy the weights of torch's own attention.

    weights   of an `nn.MultiheadAttention`, by its names

    Returns {"ours": result of the module, "later": result of the module once torch's weights are all set to 1,
    "unharmed": whether torch's weights were as before, "trainable": number of the module's trainable parameters before
    and after}.
    """
    embed_dim = embedding.shape[-1]
    theirs = _torchs_own(embed_dim, n_heads, weights)
    module = names.MultiHeadAttention(embed_dim, n_heads, 0.0).to(embedding.dtype).eval()
    trainable = [_trainable(module)]
    module.copy_from(theirs)
    trainable.append(_trainable(module))
    now = theirs.state_dict()
    unharmed = now.keys() == weights.keys() and all(now[name].equal(weight) for name, weight in weights.items())
    with torch.no_grad():
        ours = module(embedding.clone())
        for parameter in theirs.parameters():
            parameter.fill_(1.0)
        later = module(embedding.clone())
    return {
        "ours": ours,
        "later": later,
        "unharmed": unharmed,
        "trainable": trainable,
    }


def _torchs_own(embed_dim: int, n_heads: int, weights: dict[str, Tensor]) -> nn.MultiheadAttention:
    """Torch's attention with these weights, to be read and compared. It may be unable to attend: that is the exercise.

    Made without its constructor, which is not there where the exercise is tested.
    """
    theirs = nn.MultiheadAttention.__new__(nn.MultiheadAttention)
    nn.Module.__init__(theirs)
    plain = {"embed_dim": embed_dim, "kdim": embed_dim, "vdim": embed_dim, "num_heads": n_heads, "dropout": 0.0}
    plain |= {"head_dim": embed_dim // n_heads, "batch_first": True, "add_zero_attn": False}
    for name, value in {**plain, "_qkv_same_embed_dim": True, "bias_k": None, "bias_v": None}.items():
        setattr(theirs, name, value)
    for name in ("in_proj_weight", "in_proj_bias"):
        theirs.register_parameter(name, nn.Parameter(torch.empty_like(weights[name])))
    for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
        theirs.register_parameter(name, None)
    theirs.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim)
    theirs.to(weights["in_proj_weight"].dtype).eval().load_state_dict(weights)
    return theirs


def gap_of_module(names: Any, kind: str, table: Tensor, x: Tensor, perm: Tensor) -> Any:
    """Call equivariance_gap on a module that is made here.

    kind    "each": the same function of every token; "place": adds a row of the table, by place; "dropout": each, and
            then dropout. It starts in training mode.
    """
    parts: dict[str, list[nn.Module]] = {
        "each": [nn.Tanh()],
        "place": [_Places(table)],
        "dropout": [nn.Tanh(), nn.Dropout(0.5)],
    }
    return names.equivariance_gap(nn.Sequential(*parts[kind]).train(), x, perm)


class _Places(nn.Module):
    """Adds a row of its own to each token."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        self.table = table

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table


def _trainable(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _is_output(name: str) -> bool:
    return name.startswith("o_proj.")


def _parts(module: nn.Module) -> Iterator[tuple[str, Tensor, bool]]:
    """Name, parameter, and whether it is a bias: one with a single dimension, or that holds nothing but zeros."""
    for name, parameter in module.named_parameters():
        yield name, parameter, parameter.ndim == 1 or not parameter.any()


def _filled(
    names: Any, arguments: list[Any], fill: dict[str, float] | None, output: tuple[Tensor, Tensor] | None
) -> tuple[nn.Module, list[Tensor]]:
    """The module, and its weights without the biases."""
    module: nn.Module = names.MultiHeadAttention(*arguments).to(names.dtype)
    parts = list(_parts(module))
    spread = arguments[0] ** -0.5
    with torch.no_grad():
        for name, parameter, bias in parts:
            if _is_output(name) and output is not None:
                parameter.copy_(output[bias])
            elif fill is None or _is_output(name):
                parameter.normal_(0.0, spread)
            else:
                parameter.fill_(fill["biases" if bias else "weights"])
    return module, [parameter for _, parameter, bias in parts if not bias]
