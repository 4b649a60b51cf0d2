"""Public cases of stage 07, BERT-GRU fine-tuning."""

from __future__ import annotations

from typing import Any

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise
from solutions.draws import tensor

IDS = torch.tensor([[4, 9, 3, 17, 5], [6, 12, 0, 0, 0], [8, 21, 13, 0, 0]])
MASK = (IDS > 0).long()
NO_PADDING = torch.tensor([[4, 9, 3, 17], [6, 12, 8, 22]])


def _batch(seed: int, lengths: list[int], labels: list[float], d_model: int) -> list[torch.Tensor]:
    features = 2 * tensor(seed, len(lengths), max(lengths), d_model)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return [features, mask, torch.tensor(labels)]


BATCHES = [_batch(740, [4, 2, 3, 4], [1.0, 1.0, 0.0, 1.0], 3), _batch(741, [5], [0.0], 3)]
WEIGHTS = tensor(742, 3)
FIGURES = [
    [0.66, 0.60, 0.58, 0.70],
    [0.50, 0.76, 0.41, 0.81],
    [0.33, 0.86, 0.43, 0.84],
    [0.35, 0.85, 0.41, 0.86],
    [0.36, 0.93, 0.60, 0.80],
]


def _model(tried: str, settings: list[Any], ids: torch.Tensor, mask: torch.Tensor) -> PublicCase:
    arguments = {"settings": settings, "ids": ids, "mask": mask}
    return PublicCase(tried, arguments, probe="frozen_reader", rtol=1e-3, atol=1e-4)


EXERCISES = {
    "BERTGRUSentiment": PublicExercise(
        number="7.1",
        beyond="Grading also tries other sizes, bert-base, and a GRU with the same weights beside yours.",
        parts=(
            Part("number of weights that are trained"),
            Part("shape of the logits"),
            Part("encoder's mode while the model trains"),
            Part("gradients while the encoder reads"),
            Part("effect of 3 more padded places"),
            Part("effect of other ids where there is padding"),
            Part("logits with all weights filled in", ("review",)),
            Part("effect of calling classify on encode's features instead"),
            Part("part that gets gradients"),
            Part("state of the head in train mode, at a dropout of one half"),
            Part("effect of asking twice in eval mode"),
        ),
        hints=(
            "Three things make the encoder frozen: its weights, the context it runs in, and its mode. Which method "
            "sets the mode of all parts?",
            "Who knows where a review ends: the encoder, by the mask; the GRU, by the lengths when it is packed?",
        ),
        cases=(
            _model(
                "hidden 4, 1 output, 1 layer, one direction, 2 reviews without padding",
                [4, 1, 1, False, 0.5],
                NO_PADDING,
                torch.ones_like(NO_PADDING),
            ),
            _model(
                "hidden 3, 1 output, 2 layers, both directions, 2 reviews without padding",
                [3, 1, 2, True, 0.5],
                NO_PADDING,
                torch.ones_like(NO_PADDING),
            ),
            _model(
                "hidden 5, 2 outputs, 1 layer, both directions, reviews of 5, 2 and 3 tokens",
                [5, 2, 1, True, 0.5],
                IDS,
                MASK,
            ),
        ),
    ),
    "train_epoch": PublicExercise(
        number="7.2a",
        beyond="Grading also tries other batches.",
        parts=(
            Part("model's mode"),
            Part("order of events"),
            Part("loss"),
            Part("accuracy"),
            Part("weights afterwards"),
        ),
        hints=(
            "Per batch: logits, loss, clear the gradients, backward, step. In which mode is the model while it learns?",
            "Sum up loss times reviews, and divide by all reviews at the end.",
        ),
        cases=(
            PublicCase(
                "2 batches of 4 reviews and 1, SGD with rate 0.5",
                {"batches": BATCHES, "weights": WEIGHTS, "rate": 0.5},
                probe="epoch_on_features",
            ),
            PublicCase(
                "1 batch of 4 reviews, SGD with rate 0.1",
                {"batches": BATCHES[:1], "weights": WEIGHTS, "rate": 0.1},
                probe="epoch_on_features",
            ),
        ),
    ),
    "evaluate_epoch": PublicExercise(
        number="7.2b",
        beyond="Grading also tries other batches, and looks whether anything was changed.",
        parts=(
            Part("model's mode"),
            Part("gradients while the model is asked"),
            Part("number of batches seen"),
            Part("loss"),
            Part("accuracy"),
        ),
        hints=("Two things are switched off in an evaluation: what only belongs to training, and the recording.",),
        cases=(
            PublicCase(
                "2 batches of 4 reviews and 1",
                {"batches": BATCHES, "weights": WEIGHTS},
                probe="look_at_features",
            ),
            PublicCase("1 batch of 1 review", {"batches": BATCHES[1:], "weights": -WEIGHTS}, probe="look_at_features"),
        ),
    ),
    "fit": PublicExercise(
        number="7.2c",
        beyond="Grading also tries other losses.",
        parts=(Part("order of the calls"), Part("epoch that each weight comes back from"), Part("history")),
        hints=(
            "When the validation loss is lower than ever before, copy the whole state. What does state_dict give you: "
            "a copy, or the weights themselves?",
        ),
        cases=(
            PublicCase("5 epochs, the second with the lowest loss", {"figures": FIGURES}, probe="best_epoch"),
            PublicCase("2 epochs, the second better", {"figures": FIGURES[:2]}, probe="best_epoch"),
        ),
    ),
    "encode_once": PublicExercise(
        number="7.3a",
        beyond="Grading also tries other reviews and batch sizes, on an encoder of another width.",
        parts=(
            Part("lengths of what is kept"),
            Part("type"),
            Part("memory behind the tensors"),
            Part("gradients while the encoder reads"),
            Part("number of reviews read"),
            Part("number of batches"),
            Part("number of padded places"),
            Part("mean features", ("review",)),
        ),
        hints=(
            "Sort the numbers of the reviews by length; write each result to the place of its number.",
            "Cut the padding off, go to half precision, and copy: a slice holds on to all of its batch.",
        ),
        cases=(
            PublicCase(
                "6 reviews of 6, 2, 9, 3, 5 and 8 tokens, 2 per batch",
                {
                    "reviews": [
                        [5, 9, 21, 3, 7, 11],
                        [5, 11],
                        [5, 8, 8, 2, 17, 23, 4, 6, 11],
                        [5, 14, 11],
                        [5, 3, 3, 19, 11],
                        [5, 9, 13, 2, 2, 18, 7, 11],
                    ],
                    "batch_size": 2,
                },
                probe="once_and_small",
                rtol=1e-2,
                atol=1e-2,
            ),
            PublicCase(
                "3 reviews of 4 tokens, 8 per batch",
                {"reviews": [[5, 9, 21, 11], [5, 2, 4, 11], [5, 28, 1, 11]], "batch_size": 8},
                probe="once_and_small",
                rtol=1e-2,
                atol=1e-2,
            ),
        ),
    ),
    "predict_sentiment": PublicExercise(
        number="7.4",
        beyond="Grading also tries other sentences.",
        parts=(
            Part("shape of the ids, without their length"),
            Part("length of the ids"),
            Part("first and last id"),
            Part("mask"),
            Part("model's mode"),
            Part("gradients while the model is asked"),
            Part("type of what comes back"),
            Part("probability, of a model whose logit is 0.8 less a tenth per token"),
        ),
        hints=(
            "The tokenizer makes a batch of one when it is asked for tensors, and cuts when it is told to.",
            "Which function makes a probability of one logit?",
        ),
        cases=(
            PublicCase("“Avengers was great!!”", {"sentence": "Avengers was great!!"}, probe="said_of"),
            PublicCase("a text of 600 words", {"sentence": "great " * 600}, probe="said_of"),
        ),
    ),
    "sentiment_model": PublicExercise(
        number="7.5",
        beyond="Grading loads the head that you hand in, and asks it about reviews that you have not seen.",
        parts=(
            Part("answer to the question whether a module comes back, per encoder"),
            Part("shape of the logits, per encoder"),
            Part("effect of the other review in the batch, per encoder"),
        ),
        hints=("Return your own BERTGRUSentiment, on the encoder that you are given, with one output.",),
        cases=(PublicCase("small encoders of width 8 and 6, 2 reviews", {"widths": [8, 6]}, probe="built_for"),),
    ),
}
