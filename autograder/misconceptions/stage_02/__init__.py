"""Answers to stage 02, recurrent networks: right ones, and wrong ones that students write."""

from . import evaluation, experiments, gru, lstm, plain, recurrence, statements, training

__all__ = ["evaluation", "experiments", "gru", "lstm", "plain", "recurrence", "statements", "training"]
