"""Answers to the exercises of stage 04: right ones, and wrong ones that students write."""

from . import (
    attention,
    equivariance,
    heads_and_mask,
    other_layouts,
    parameters_and_copying,
    profiles,
    statements,
)

__all__ = [
    "attention",
    "equivariance",
    "heads_and_mask",
    "other_layouts",
    "parameters_and_copying",
    "profiles",
    "statements",
]
