"""Answers to stage 01, tokenization: right ones, and wrong ones that students write."""

from . import batches, data_set, pieces, pretrained, reading, splits, vocabulary

__all__ = ["batches", "data_set", "pieces", "pretrained", "reading", "splits", "vocabulary"]
