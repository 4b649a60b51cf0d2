"""Tensors and dtypes of torch."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch

from .base import Block, Codec, Decoder, Encoder, Tolerance

DTYPES = {
    dtype: str(dtype).removeprefix("torch.")
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32,
        torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    )
}  # fmt: skip
BY_NAME = {name: dtype for dtype, name in DTYPES.items()}
SINGLE = (torch.float32, torch.float16, torch.bfloat16, torch.complex64)

# Bound here: a student's code may replace what torch calls so. `torch.manual_seed` would format a stack trace for each
# kind of accelerator that is not there: 2 ms a call, and a sixth of a submission's time.
_generator, _state, _restore = torch.default_generator, torch.get_rng_state, torch.set_rng_state


class TorchCodec(Codec):
    """Tensors lose their subclass, device and graph on the way; `requires_grad` is kept."""

    name = "torch"

    def owns(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor | torch.dtype)

    def take_apart(self, value: Any, encoder: Encoder) -> Any:
        if isinstance(value, torch.dtype):
            return {"dtype": str(value).removeprefix("torch.")}
        plain = _plain(value)
        data = ctypes.string_at(plain.data_ptr(), plain.nbytes)
        key = encoder.block(DTYPES[plain.dtype], tuple(plain.shape), data)
        return {"block": key, "requires_grad": bool(value.requires_grad)}

    def put_together(self, node: Any, decoder: Decoder) -> Any:
        if "dtype" in node:
            dtype = getattr(torch, str(node["dtype"]))
            if not isinstance(dtype, torch.dtype):
                raise TypeError("not a dtype")
            return dtype
        tensor = self.array(decoder.block(node["block"]))
        return tensor.requires_grad_() if node.get("requires_grad") and tensor.is_floating_point() else tensor

    def array(self, block: Block) -> torch.Tensor:
        dtype = BY_NAME[block.dtype]
        if not block.data:
            return torch.empty(block.shape, dtype=dtype)
        if dtype is torch.bool:  # whatever the bytes are
            return torch.frombuffer(bytearray(block.data), dtype=torch.uint8).reshape(block.shape) != 0
        return torch.frombuffer(bytearray(block.data), dtype=dtype).reshape(block.shape)

    def copy(self, value: Any) -> Any:
        if isinstance(value, torch.dtype):
            return value
        return value.detach().clone().requires_grad_(value.requires_grad)

    def same(self, one: Any, other: Any, tolerance: Tolerance, parts: Callable[[Any, Any], bool]) -> bool:
        if isinstance(one, torch.dtype) or isinstance(other, torch.dtype):
            return one is other
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        one, other = one.detach().cpu(), other.detach().cpu()
        if not (one.is_floating_point() or one.is_complex()):
            return torch.equal(one, other)
        allowed = (tolerance.single if one.dtype in SINGLE else None) or tolerance
        if one.is_complex():
            one, other = torch.view_as_real(one.resolve_conj()), torch.view_as_real(other.resolve_conj())
        one, other = one.to(torch.float64), other.to(torch.float64)
        return torch.allclose(one, other, rtol=allowed.rtol, atol=allowed.atol, equal_nan=True)

    def number(self, value: Any) -> int | float | None:
        if isinstance(value, torch.dtype) or value.numel() != 1 or value.is_complex() or value.dtype == torch.bool:
            return None
        found: int | float = value.detach().item()
        return found

    def noun(self, value: Any) -> str:
        return "tensor" if isinstance(value, torch.Tensor) else "value"

    def describe(self, value: Any) -> str:
        if isinstance(value, torch.Tensor):
            return f"a tensor of shape {tuple(value.shape)}"
        return super().describe(value)

    def to_single(self, value: Any) -> Any:
        if isinstance(value, torch.dtype) or value.dtype != torch.float64:
            return value
        return value.detach().to(torch.float32).requires_grad_(value.requires_grad)

    def dtype(self, single: bool) -> torch.dtype:
        return torch.float32 if single else torch.float64

    def seed(self, seed: int) -> None:
        _generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)

    def state(self) -> torch.Tensor:
        return _state()

    def restore(self, state: torch.Tensor) -> None:
        _restore(state)

    def rng(self, seed: int) -> torch.Generator:
        return torch.Generator().manual_seed(seed)

    def warm_up(self) -> None:
        from torch.utils._python_dispatch import TorchDispatchMode

        torch.set_num_threads(1)
        torch.set_num_interop_threads(1)
        with TorchDispatchMode():
            pass  # its first use imports more
        torch.manual_seed(0)
        for dtype in (torch.float32, torch.float64):
            x = torch.randn(2, 3, dtype=dtype)
            x = torch.dropout(torch.softmax((x @ x.T).masked_fill(torch.eye(2) > 0, -1e9), -1), 0.5, True)
            repr(x)


def _plain(value: torch.Tensor) -> torch.Tensor:
    """A dense tensor of torch's own, on the CPU, row by row. Raises TypeError for a dtype that cannot cross."""
    with torch._C.DisableTorchFunctionSubclass():
        dense = value if value.layout is torch.strided else value.to_dense()
        plain = dense.as_subclass(torch.Tensor).detach().resolve_conj().resolve_neg()
    if plain.dtype not in DTYPES:
        raise TypeError(f"a tensor of dtype {plain.dtype} cannot be handed over")
    return plain.cpu().contiguous()


CODEC = TorchCodec()
