"""What training a model leaves behind: a list with the figures of each epoch."""

from __future__ import annotations

from typing import Any


def figures_of(history: Any) -> Any:
    """The four figures of each epoch, in the order of the statement; what else a history holds is its author's."""
    if not isinstance(history, list) or not all(isinstance(epoch, dict) for epoch in history):
        return history
    named = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")
    return [{name: epoch[name] for name in named if name in epoch} for epoch in history]
