"""Answers to stage 07, BERT-GRU fine-tuning: right ones, and wrong ones that students write."""

from . import model, training, features, predictions  # isort: skip

__all__ = ["features", "model", "predictions", "training"]
