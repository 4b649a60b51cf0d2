"""Notes which ready-made parts of torch and transformers a call goes through, where building them is the exercise.

It runs beside the student's code and can be got round by code that means to; `autograder.redirection` reads the source
as well.
"""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

FUNCTIONS = frozenset(
    {
        "scaled_dot_product_attention",
        "multi_head_attention_forward",
        "_native_multi_head_attention",
        "_transformer_encoder_layer_fwd",
        "rnn_tanh",
        "rnn_relu",
        "rnn_tanh_cell",
        "rnn_relu_cell",
    }
)
MODULES = (nn.MultiheadAttention, nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.RNN, nn.RNNCell)
STAND_INS = "coursekit/stand_ins.py"
TORCH = os.path.dirname(torch.__file__) + os.sep


class Watch(TorchFunctionMode):
    """While it is on, `seen` collects names: of FUNCTIONS and MODULES, "transformers" for a model of that library.

    What a stand-in of coursekit calls is noted under the stand-in's own name, "stand_ins.scaled_dot_product".
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __enter__(self) -> Watch:
        self._hook = register_module_forward_pre_hook(self._module)
        super().__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        self._hook.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "").partition(".")[0]
        if name in FUNCTIONS:
            self._note(name)
        return func(*args, **(kwargs or {}))

    def _module(self, module: nn.Module, _: Any) -> None:
        for known in MODULES:
            if isinstance(module, known):
                self._note(known.__name__)
        if type(module).__module__.startswith("transformers."):
            self._note("transformers")

    def _note(self, name: str) -> None:
        """Add the name, unless one of our own scenarios is what calls it."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename.startswith(TORCH):
            frame = frame.f_back
        if frame is None or "/scenarios/" in frame.f_code.co_filename:
            return
        while frame is not None:
            if frame.f_code.co_filename.endswith(STAND_INS):
                name = f"stand_ins.{frame.f_code.co_qualname.partition('.')[0]}"
            frame = frame.f_back
        self.seen.add(name)
