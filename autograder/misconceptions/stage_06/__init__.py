"""Answers to stage 06, BERT pre-training: right ones, and wrong ones that students write."""

from . import bert_model, bert_slips, masking, masking_slips, statements, training_step, unigram_and_filling

__all__ = [
    "bert_model",
    "bert_slips",
    "masking",
    "masking_slips",
    "statements",
    "training_step",
    "unigram_and_filling",
]
