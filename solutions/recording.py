"""What scenarios of several stages are made of: call one function and watch it, its inputs, gradients and sizes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["gradients", "parts", "sizes_of_results", "weights_without_gradient", "with_inputs"]


def with_inputs(names: Any, function: str, *args: Any) -> dict[str, Any]:
    """Call a function and return, with its result, its arguments as they are afterwards."""
    result = getattr(names, function)(*args)
    return {"result": result, "inputs": list(args)}


def gradients(names: Any, function: str, inputs: list[Tensor], direction: Tensor, *others: Any) -> dict[str, Any]:
    """Send a gradient back through a function.

    inputs      floating-point tensors, the first arguments of the function
    direction   gradient of the loss with respect to the result that has its shape
    others      the other arguments

    Returns {"gradients": one per input, None where none arrived, "result_found": whether a result had that shape}.
    """
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    # The function gets copies, so that one which changes its inputs is not stopped by autograd.
    returned = getattr(names, function)(*(leaf.clone() for leaf in leaves), *others)
    results = returned if isinstance(returned, tuple | list) else [returned]
    fitting = [result for result in results if isinstance(result, Tensor) and result.shape == direction.shape]
    if fitting and fitting[0].requires_grad:
        fitting[0].backward(direction.to(fitting[0].dtype))
    return {"gradients": [leaf.grad for leaf in leaves], "result_found": bool(fitting)}


def sizes_of_results(names: Any, function: str, *args: Any) -> dict[str, Any]:
    """Call a function and return, with its result, how much it computed on the way.

    Returns {"result", "largest": elements of the largest tensor that any operation returned, "total": elements of all
    of them together}. A view counts no more than what it views, so an expanded tensor is as small as it is in memory.
    """
    with _Sizes() as sizes:
        result = getattr(names, function)(*args)
    return {"result": result, "largest": sizes.largest, "total": sizes.total}


def weights_without_gradient(names: Any, module: nn.Module, *inputs: Tensor) -> list[str]:
    """Names of what a module loads and gets no gradient from the sum of its outputs for these inputs."""
    module.zero_grad(set_to_none=True)
    with torch.enable_grad():
        result = module(*inputs).sum()
        if result.requires_grad:  # that of a look-up does not
            result.backward()
    learning = {name for name, weight in module.named_parameters() if weight.grad is not None and weight.grad.any()}
    module.zero_grad(set_to_none=True)
    return [name for name in module.state_dict() if name not in learning]


@contextmanager
def parts(function: Callable[..., Any], **parts: Any) -> Iterator[None]:
    """Exchange what a function finds under some global names of its notebook, also where that could not be defined."""
    found = getattr(function, "__globals__", {})
    before = {name: found[name] for name in parts if name in found}
    found.update(parts)
    try:
        yield
    finally:
        for name in parts.keys() - before.keys():
            found.pop(name, None)
        found.update(before)


class _Sizes(TorchDispatchMode):
    """Notes how many elements every operation returns."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and torch's guard against it takes longer than a small operation."""
        return False

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(returned):
            if isinstance(leaf, Tensor):
                held = leaf.untyped_storage().nbytes() // leaf.element_size()
                size = min(leaf.numel(), held)
                self.largest = max(self.largest, size)
                self.total += size
        return returned
