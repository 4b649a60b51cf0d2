"""Scenarios of recurrent networks, stage 02."""

__all__: list[str] = []
