"""Scenarios of tokenization, stage 01."""

__all__: list[str] = []
