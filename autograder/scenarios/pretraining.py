"""Scenarios of BERT pre-training, stage 06."""

__all__: list[str] = []
