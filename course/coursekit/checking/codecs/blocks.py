"""Blocks of numbers as safetensors, whatever library they come from. Needs safetensors, and none of these libraries."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

from .base import Block

DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64", "U16": "uint16",
    "U32": "uint32", "U64": "uint64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64",
}  # fmt: skip
"""What safetensors calls a dtype → what a block does."""


def write_blocks(blocks: Mapping[str, Block]) -> bytes:
    """Blocks as safetensors."""
    from safetensors import TensorSpec, serialize

    contents = {name: bytes(block.data) for name, block in blocks.items()}  # alive while the library copies from there
    specs = {
        name: TensorSpec(
            dtype=block.dtype,
            shape=block.shape,
            data_ptr=ctypes.cast(ctypes.c_char_p(contents[name]), ctypes.c_void_p).value or 0,
            data_len=len(contents[name]),
        )
        for name, block in blocks.items()
    }
    written: bytes = serialize(specs)
    return written


def read_blocks(raw: bytes) -> dict[str, Block]:
    """The blocks of safetensors. Raises what the library raises for anything else."""
    from safetensors import deserialize

    return {name: Block(DTYPES[each["dtype"]], tuple(each["shape"]), each["data"]) for name, each in deserialize(raw)}
