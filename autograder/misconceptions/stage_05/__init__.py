"""Answers to stage 05, the Transformer block: right ones, and wrong ones that students write."""

from . import block, block_slips, gradients, positions, shifts, statements

__all__ = ["block", "block_slips", "gradients", "positions", "shifts", "statements"]
