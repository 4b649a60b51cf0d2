"""Public cases of stage 06, BERT pre-training."""

from __future__ import annotations

import math
from typing import Any

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise

PAD, MASK = 0, 20
"""Padding, and the mask token of a vocabulary of 20."""


def _bert(n_layers: int, vocab_size: int, embed_dim: int, n_heads: int, text: list[list[int]]) -> PublicCase:
    tried = (
        f"{n_layers} layer{'s' * (n_layers > 1)}, a vocabulary of {vocab_size}, embed_dim {embed_dim}, {n_heads} heads"
    )
    return PublicCase(
        tried=f"{tried}, {len(text)} reviews of {len(text[0])} tokens, both rates 0",
        arguments={
            "n_layers": n_layers,
            "vocab_size": vocab_size,
            "embed_dim": embed_dim,
            "n_heads": n_heads,
            "text": torch.tensor(text),
        },
        probe="bert_model",
    )


def _masking(vocab_size: int, mask_rate: float, only_mask: bool, pad_id: int) -> PublicCase:
    reviews, seq_len = 256, 256
    real = reviews * seq_len * 3 // 4
    random = 0.0 if only_mask else 0.1 * (1 - 1 / (vocab_size - 1))
    masked = 1.0 if only_mask else 0.8
    outline = f"int64 ({reviews}, {seq_len})"
    return PublicCase(
        tried=f"{reviews} reviews of {seq_len} tokens, the last quarter padding of id {pad_id}; a vocabulary of "
        f"{vocab_size}, of which the text has the upper half; mask_rate {mask_rate}, only_mask {only_mask}",
        arguments={
            "reviews": reviews,
            "seq_len": seq_len,
            "vocab_size": vocab_size,
            "mask_rate": mask_rate,
            "only_mask": only_mask,
            "pad_id": pad_id,
        },
        answer=(
            [outline, outline],
            True,
            [-100],
            True,
            mask_rate,
            mask_rate * (masked + random),
            mask_rate * masked,
            str(1 if only_mask else vocab_size),
        ),
        rtol=0.0,
        atol=5 * math.sqrt(mask_rate * (1 - mask_rate) / real),
        probe="masking",
    )


def _batch(pad_id: int) -> dict[str, Any]:
    """Two reviews, one with padding, and the labels of three tokens."""
    text = torch.tensor([[3, MASK, 11, 7, 5, 9], [8, 2, MASK, 12, pad_id, pad_id]])
    labels = torch.full_like(text, -100)
    labels[0, 1], labels[0, 4], labels[1, 2] = 17, 5, 4
    return {"text": text, "labels": labels}


EXERCISES = {
    "BertModel": PublicExercise(
        number="6.1",
        beyond="Grading also tries masks of every kind, both drop rates, and whether positions are added just once.",
        parts=(
            Part("shape of the scores"),
            Part("number of parameters"),
            Part("answer to whether gradients reach every parameter"),
            Part("answer to whether scores depend on the order of the words"),
            Part("answer to whether scores of real words depend on another real word"),
            Part("answer to whether scores of real words depend on what stands behind padding"),
            Part("kind of numbers that come back"),
        ),
        hints=(
            "Which ids come in? The words are 0 to vocab_size − 1, and the mask token is vocab_size.",
            "Blocks take a pair and return a pair: (embedding, mask). What runs modules one after the other, each on "
            "what the one before returned?",
        ),
        cases=(
            _bert(1, 20, 8, 2, [[3, 1, 4, 1, 5, 9, 2], [2, 7, 1, 8, 2, 8, 1]]),
            _bert(3, 31, 12, 3, [[30, 14, 15, 9, 26], [5, 3, 5, 8, 9]]),
        ),
    ),
    "mask_inputs": PublicExercise(
        number="6.2",
        beyond="Grading also tries other rates and vocabularies, and whether tokens are chosen independently and anew.",
        parts=(
            Part("dtypes and shapes of masked text and labels"),
            Part("answer to whether the text that came in is untouched"),
            Part("list of labels that are not the token that stood there"),
            Part("answer to whether padding stays and has no label"),
            Part("share of tokens with a label"),
            Part("share of tokens that changed"),
            Part("share of tokens that became the mask"),
            Part("number of different tokens that stand where the text was changed"),
        ),
        hints=(
            "Two draws per token: is it chosen? And, if so, what becomes of it?",
            "One number between 0 and 1 for each token can decide among three fates, by two thresholds.",
        ),
        cases=(
            _masking(30, 0.15, False, 0),
            _masking(30, 0.15, True, 0),
            _masking(24, 0.4, False, 5),
        ),
    ),
    "pretraining_step": PublicExercise(
        number="6.3",
        beyond="Grading also tries gradients that are left over from before, and looks at what the model is given.",
        parts=(
            Part("loss of the first step"),
            Part("loss of the third step on the same batch"),
            Part("loss of the first step when more padding follows"),
            Part("answer to whether losses are plain numbers"),
            Part("answer to whether the model is in training mode afterwards"),
        ),
        hints=(
            "Scores, loss, gradients, step: what has to happen to the gradients of the step before?",
            "Cross-entropy wants the classes second, or one row per token. Labels of −100 it leaves out by itself.",
        ),
        cases=tuple(
            PublicCase(
                tried=f"2 reviews of 6 tokens, 3 of them with a label and 2 padding (id {pad_id}), a vocabulary of 20",
                arguments={"vocab_size": 20, **_batch(pad_id), "pad_id": pad_id},
                probe="training_step",
            )
            for pad_id in (PAD, 6)
        ),
    ),
    "unigram_entropy": PublicExercise(
        number="6.4a",
        beyond="Grading also tries other texts and another id of padding.",
        parts=(Part("entropy"),),
        hints=("Count, divide by the number of tokens, and average −ln p with p itself as the weight.",),
        cases=(
            PublicCase(
                tried="four tokens, each once", arguments={"ids": torch.tensor([[4, 2], [1, 3]]), "pad_id": PAD}
            ),
            PublicCase(
                tried="tokens 1, 1, 1, 2, 2, 7 and four of padding",
                arguments={"ids": torch.tensor([[1, 2, 1, 2, 0], [7, 1, 0, 0, 0]]), "pad_id": PAD},
            ),
            PublicCase(
                tried="tokens 0, 0, 1, 5 and two of padding, which has id 3 here",
                arguments={"ids": torch.tensor([[0, 5, 0], [1, 3, 3]]), "pad_id": 3},
            ),
        ),
    ),
    "fill_mask": PublicExercise(
        number="6.4b",
        beyond="Grading also tries other models, another id of padding and more guesses.",
        parts=(Part("tensor of tokens", ("mask",), explains=True), Part("tensor of probabilities", ("mask",))),
        hints=(
            "Comparing the text with mask_id gives truth values; used as an index, they pick the rows of scores.",
            "In which mode does a model read without dropout?",
        ),
        cases=tuple(
            PublicCase(
                tried=f"2 reviews of 6 tokens with 3 masks, 2 of the tokens padding (id {pad_id}); the best {k}",
                arguments={
                    "vocab_size": 20,
                    "text": torch.tensor([[3, MASK, 11, MASK, 5, 9], [8, 2, MASK, 12, pad_id, pad_id]]),
                    "mask_id": MASK,
                    "pad_id": pad_id,
                    "k": k,
                },
                probe="filling",
            )
            for pad_id, k in ((PAD, 3), (6, 2))
        ),
    ),
    "statements_pretraining": PublicExercise(
        number="6.5",
        beyond="This check looks at the form only; grading looks at what you say.",
        parts=(
            Part("list of the statements that were judged"),
            Part("answer to whether each was judged by True or False"),
        ),
        hints=("One entry per statement, with its number as the key: 1, 2, 3 and 4.",),
        cases=(PublicCase(tried="your four answers", arguments={}, probe="statements_of_pretraining"),),
    ),
}
