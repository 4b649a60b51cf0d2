"""Scenarios of multi-head attention, stage 04."""

__all__: list[str] = []
