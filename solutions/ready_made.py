"""What torch and coursekit have ready-made of what students of this course are to build themselves."""

from autograder.sandbox import ReadyMade

FAMILIES = {
    "heads": r"multi_?head|_mha_|rescale_qkv",
    "attention": r"attention|attn|sdpa|sfdp|fused_sdp",
    "blocks": r"transformer_?(en|de)coder_?layer",
    "stacks": r"^_?transformer((en|de)coder)?$",
    "cells": r"(rnn|lstm|gru)\w*cell|cell_params",
    "recurrence": r"rnn|lstm|gru",
}
"""Family → what it is called in torch, whatever the case; a name belongs to the first that fits."""

FILES = (
    "_decomp/decompositions.py",
    "_higher_order_ops/flex_attention.py",
    "ao/nn/quantizable/modules/activation.py",
    "ao/nn/quantizable/modules/rnn.py",
    "ao/nn/quantized/dynamic/modules/rnn.py",
    "ao/nn/quantized/modules/activation.py",
    "ao/nn/quantized/modules/rnn.py",
    "ao/nn/quantized/reference/modules/rnn.py",
    "ao/quantization/fx/lstm_utils.py",
    "distributed/tensor/experimental/_context_parallel/_attention.py",
    "export/_patches.py",
    "jit/quantized.py",
    "nested/_internal/sdpa.py",
    "nn/attention/flex_attention.py",
    "nn/attention/varlen.py",
    "nn/functional.py",
    "nn/modules/activation.py",
    "nn/modules/rnn.py",
    "nn/modules/transformer.py",
    "onnx/ops/_impl.py",
)
"""Files of torch that define them in Python. `tests/sandbox/test_ready_made.py` finds all that there are."""

EMPTIED = (
    "_inductor/fx_passes",
    "_inductor/kernel",
    "include",
    "nn/attention/experimental",
    "share",
    "sparse/_triton_ops.py",
    "test",
    "testing/_internal/common_methods_invocations.py",
    "testing/_internal/common_modules.py",
    "testing/_internal/common_nn.py",
    "testing/_internal/common_pruning.py",
    "testing/_internal/common_quantization.py",
    "testing/_internal/distributed",
    "testing/_internal/hop_db.py",
    "testing/_internal/opinfo",
    "utils/benchmark",
)
"""What no notebook needs, and much is built in: examples, tests, kernels for other devices, headers."""

MODULE_FILES = (
    "__init__",
    "_functions",
    "activation",
    "adaptive",
    "batchnorm",
    "channelshuffle",
    "container",
    "conv",
    "distance",
    "dropout",
    "flatten",
    "fold",
    "instancenorm",
    "lazy",
    "linear",
    "linear_cross_entropy",
    "linear_cross_entropy_options",
    "loss",
    "module",
    "normalization",
    "padding",
    "pixelshuffle",
    "pooling",
    "sparse",
    "upsampling",
    "utils",
)
"""Files of torch.nn.modules whose classes are there, but for those of a family. Of any other file none is."""

LIBRARIES = (
    "torch",
    "numpy",
    "matplotlib",
    "ipython",
    "matplotlib-inline",
    "safetensors",
    "pandas",
    "scipy",
    "scikit-learn",
    "tqdm",
    "einops",
    "jaxtyping",
)
"""Distributions that are there in every interpreter, with all that they require."""

READY_MADE = ReadyMade(
    tuple(FAMILIES.items()),
    FILES,
    EMPTIED,
    MODULE_FILES,
    LIBRARIES,
    absent=("coursekit.encoder.load_tokenizer", "coursekit.encoder.load_encoder"),
)
