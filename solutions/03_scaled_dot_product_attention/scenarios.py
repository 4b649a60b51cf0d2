"""Scenarios of scaled dot-product attention, stage 03: inputs afterwards, gradients, the sizes of what is made."""

from solutions.recording import gradients, sizes_of_results, with_inputs

__all__ = ["gradients", "sizes_of_results", "with_inputs"]
