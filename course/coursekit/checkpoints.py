"""Trained weights on disk: a safetensors file beside the notebook, with what is needed to use them again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

SUFFIX = ".safetensors"


def save(path: str | os.PathLike[str], module: nn.Module, **metadata: Any) -> Path:
    """Write the weights of a module to a safetensors file and return its path.

    path       its name ends in .safetensors; a file that is there is replaced, whole or not at all
    module     its `state_dict` is written, from whatever device it is on. A tensor that stands there under two names
               is written twice, so that `load_state_dict` finds both.
    metadata   names to strings; anything else (a vocabulary, a length) is written as JSON

    Raises ValueError if the name ends otherwise, if the module has no weights, if a weight is nan or infinite, or if
    a piece of metadata cannot be written as JSON.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ValueError(f"{path.name} does not end in {SUFFIX}: call it {path.stem}{SUFFIX}.")
    state = module.state_dict()
    if not state:
        raise ValueError("This module has no weights. Was it built in __init__, or only named there?")
    tensors = {}
    for name, tensor in state.items():
        if not tensor.isfinite().all():
            raise ValueError(
                f"The weights of {name} hold nan or infinite numbers: the training diverged, and nothing was saved. "
                "Try a smaller learning rate, or gradient clipping."
            )
        tensors[name] = tensor.detach().to("cpu", copy=True).contiguous()
    partial = path.with_name(f"{path.name}.partial")
    try:
        save_file(tensors, partial, {name: _text(name, value) for name, value in metadata.items()})
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} cannot be saved beside the weights ({error}).") from None
