"""Scenarios of BERT-GRU fine-tuning, stage 07."""

__all__: list[str] = []
