"""Answers to stage 03, scaled dot-product attention: right ones, and wrong ones that students write."""

from . import (
    attention,
    attention_dropout,
    attention_mask,
    attention_results,
    attention_scores,
    copying,
    saturation,
    time_and_memory,
)

__all__ = [
    "attention",
    "attention_dropout",
    "attention_mask",
    "attention_results",
    "attention_scores",
    "copying",
    "saturation",
    "time_and_memory",
]
