"""Scenarios of the Transformer block, stage 05."""

__all__: list[str] = []
