"""Public cases of stage 02, recurrent networks."""

from __future__ import annotations

from typing import Any

import torch

from autograder.public_checks import Part, PublicCase, PublicExercise
from solutions.draws import tensor


def _ids(seed: int, *shape: int, below: int) -> torch.Tensor:
    """Ids from 2 on, the same on every machine."""
    return torch.randint(2, below, shape, generator=torch.Generator().manual_seed(seed))


def _weights(seed: int, input_dim: int, hidden_dim: int) -> dict[str, torch.Tensor]:
    return {
        "w_ih": tensor(seed, hidden_dim, input_dim) / 2,
        "w_hh": tensor(seed + 1, hidden_dim, hidden_dim) / 2,
        "b_ih": tensor(seed + 2, hidden_dim) / 2,
        "b_hh": tensor(seed + 3, hidden_dim) / 2,
    }


def _batch(seed: int, lengths: list[int], labels: list[float]) -> list[torch.Tensor]:
    ids = _ids(seed, len(lengths), max(lengths), below=9)
    for row, length in zip(ids, lengths, strict=True):
        row[length:] = 0
    return [ids, torch.tensor(lengths), torch.tensor(labels)]


BATCHES = [_batch(240, [4, 2, 3, 4], [1.0, 1.0, 0.0, 1.0]), _batch(241, [3, 5], [0.0, 0.0])]
REVIEWS = torch.tensor([[4, 9, 3, 7, 5, 8], [6, 2, 0, 0, 0, 0], [8, 8, 3, 9, 0, 0], [5, 3, 7, 0, 0, 0]])
LENGTHS = torch.tensor([6, 2, 4, 3])
PUBLISHED_SIZES = (33_573, 1, 100, 2)
LOSSES = [
    [0.69, 0.52, 0.66, 0.61],
    [0.45, 0.75, 0.41, 0.83],
    [0.31, 0.85, 0.43, 0.85],
    [0.20, 0.92, 0.58, 0.84],
    [0.25, 0.90, 0.55, 0.83],
]

GATED = (
    Part("number of parameters"),
    Part("shape of the logits"),
    Part("effect of 4 more padded places"),
    Part("effect of other ids behind the end of a review"),
    Part("effect of the other reviews in the batch"),
    Part("effect of dropout in training mode"),
    Part("effect of dropout in eval mode"),
    Part("share of the weights that get a gradient"),
    Part("answer to the question which logits are below zero when all weights are large"),
)


def _gated(tried: str, *settings: Any) -> PublicCase:
    arguments = {"settings": list(settings), "ids": REVIEWS, "lengths": LENGTHS}
    return PublicCase(f"{tried}, 4 reviews of 6, 2, 4 and 3 words", arguments, probe="gated_classifier")


def _classifier(number: str, hints: tuple[str, ...], cases: tuple[PublicCase, ...]) -> PublicExercise:
    return PublicExercise(
        number=number,
        beyond="Grading also tries other sizes, lengths and rates, and looks at what the linear layer reads.",
        parts=GATED,
        hints=hints,
        cases=cases,
    )


EXERCISES = {
    "alternating_recurrence": PublicExercise(
        number="2.1",
        beyond="Grading also tries other inputs and first states.",
        parts=(Part("list of outputs"),),
        hints=("Write down the states first. In which order are two numbers subtracted?",),
        cases=(
            PublicCase(tried="xs = [3, 5]", arguments={"xs": [3, 5], "h0": 0}),
            PublicCase(tried="xs = [1, 1, 4, 2], h0 = 2", arguments={"xs": [1, 1, 4, 2], "h0": 2}),
            PublicCase(tried="xs = [90, 2, −7, 1]", arguments={"xs": [90, 2, -7, 1], "h0": 0}),
        ),
    ),
    "rnn_cell": PublicExercise(
        number="2.2a",
        beyond="Grading also tries other sizes and biases.",
        parts=(Part("new state", ("review",)),),
        hints=(
            "(batch, input_dim) times what gives (batch, hidden_dim)? Write the shapes under each product.",
            "Four terms stand inside the tanh.",
        ),
        cases=(
            PublicCase(
                tried="2 reviews, input size 3, state of size 4",
                arguments={"x": tensor(210, 2, 3), "h": tensor(211, 2, 4) / 2, **_weights(212, 3, 4)},
            ),
            PublicCase(
                tried="3 reviews, input size 2, state of size 2",
                arguments={"x": tensor(216, 3, 2), "h": tensor(217, 3, 2) / 2, **_weights(218, 2, 2)},
            ),
        ),
    ),
    "rnn_forward": PublicExercise(
        number="2.2b",
        beyond="Grading also tries other sizes and first states.",
        parts=(Part("outputs", ("review", "word")), Part("last state", ("review",))),
        hints=(
            "The state that the cell returns goes into the next call of the cell.",
            "Each state is (batch, hidden_dim). Of what shape is the whole, and where does the new dimension stand?",
        ),
        cases=(
            PublicCase(
                tried="2 reviews of 4 words, input size 3, state of size 5",
                arguments={"xs": tensor(222, 2, 4, 3), "h0": tensor(223, 2, 5) / 2, **_weights(224, 3, 5)},
            ),
            PublicCase(
                tried="3 reviews of 1 word, first state zero",
                arguments={"xs": tensor(228, 3, 1, 2), "h0": torch.zeros(3, 4), **_weights(229, 2, 4)},
            ),
        ),
    ),
    "count_parameters": PublicExercise(
        number="2.3a",
        beyond="Grading also tries other models.",
        parts=(Part("number of parameters"),),
        hints=("A matrix of 3 × 4 has twelve numbers. Which attribute says whether a tensor is trained?",),
        cases=(
            PublicCase(
                tried="two linear layers, 5 → 3 → 2", arguments={"widths": [5, 3, 2], "frozen": []}, probe="trainable"
            ),
            PublicCase(
                tried="three linear layers, 4 → 6 → 2 → 3, the first one frozen",
                arguments={"widths": [4, 6, 2, 3], "frozen": [1]},
                probe="trainable",
            ),
        ),
    ),
    "RNNClassifier": PublicExercise(
        number="2.3b",
        beyond="Grading also tries other sizes, and looks at which state the linear layer reads.",
        parts=(
            Part("number of parameters"),
            Part("shape of the logits"),
            Part("effect of the other reviews in the batch"),
            Part("effect of the last word"),
            GATED[7],
            GATED[8],
        ),
        hints=(
            "Three layers: an embedding of input_dim rows, one nn.RNN, one linear layer. Which sizes meet where?",
            "Print the shape after each of them. Where does the batch stand?",
        ),
        cases=(
            PublicCase(
                tried="input_dim 10, embedding_dim 4, hidden_dim 5, output_dim 3, 4 reviews of 6 words",
                arguments={"settings": [10, 4, 5, 3], "ids": _ids(232, 4, 6, below=10)},
                probe="plain_classifier",
            ),
            PublicCase(
                tried="input_dim 25,002, embedding_dim 100, hidden_dim 256, output_dim 1, 3 reviews of 5 words",
                arguments={"settings": [25_002, 100, 256, 1], "ids": _ids(233, 3, 5, below=10)},
                probe="plain_classifier",
            ),
        ),
    ),
    "binary_accuracy": PublicExercise(
        number="2.4a",
        beyond="Grading also tries other batches.",
        parts=(Part("accuracy"),),
        hints=("The sigmoid of a logit is one half where the logit is … what?",),
        cases=(
            PublicCase(
                tried="logits 4, −3, 2, −5, 3 and labels 1, 0, 0, 0, 1",
                arguments={
                    "preds": torch.tensor([4.0, -3.0, 2.0, -5.0, 3.0]),
                    "y": torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0]),
                },
            ),
            PublicCase(
                tried="logits 0.2, 0.4, −0.1 and labels 1, 1, 0",
                arguments={"preds": torch.tensor([0.2, 0.4, -0.1]), "y": torch.tensor([1.0, 1.0, 0.0])},
            ),
        ),
    ),
    "train": PublicExercise(
        number="2.4b",
        beyond="Grading also looks at each step of the optimizer.",
        parts=(
            Part("number of batches that the model saw", explains=True),
            Part("order of backward passes and steps", explains=True),
            Part("mode in which it was trained", explains=True),
            Part("loss"),
            Part("accuracy"),
            Part("weights afterwards"),
        ),
        hints=(
            "Five things happen for each batch, and one before the first. In which order?",
            "A batch's loss is a mean. How often does it count in the mean over all reviews?",
        ),
        cases=(
            PublicCase(
                tried="batches of 4 and 2 reviews, a model with one weight per word, SGD with lr 0.5",
                arguments={"batches": BATCHES, "words": tensor(242, 9), "rate": 0.5},
                probe="epoch_of_training",
            ),
            PublicCase(
                tried="one batch of 4 reviews, SGD with lr 0.1",
                arguments={"batches": BATCHES[:1], "words": tensor(243, 9), "rate": 0.1},
                probe="epoch_of_training",
            ),
        ),
    ),
    "evaluate": PublicExercise(
        number="2.4c",
        beyond="Grading also looks at the weights and their gradients afterwards.",
        parts=(
            Part("number of batches that the model saw", explains=True),
            Part("mode in which it was measured", explains=True),
            Part("graph for gradients"),
            Part("list of gradients left behind"),
            Part("loss"),
            Part("accuracy"),
        ),
        hints=("What does a model do differently in eval mode? And what tells torch that no gradient will be needed?",),
        cases=(
            PublicCase(
                tried="batches of 4 and 2 reviews, a model with one weight per word",
                arguments={"batches": BATCHES, "words": tensor(244, 9)},
                probe="evaluation",
            ),
            PublicCase(
                tried="batches of 2 and 4 reviews",
                arguments={"batches": BATCHES[::-1], "words": tensor(245, 9)},
                probe="evaluation",
            ),
        ),
    ),
    "epoch_time": PublicExercise(
        number="2.4d",
        beyond="Grading also tries other times.",
        parts=(Part("minutes"), Part("seconds")),
        hints=("How many whole minutes are in 135.8 seconds, and what is left?",),
        cases=(
            PublicCase(tried="from 10.0 s to 145.8 s", arguments={"start_time": 10.0, "end_time": 145.8}),
            PublicCase(tried="from 100.0 s to 107.5 s", arguments={"start_time": 100.0, "end_time": 107.5}),
        ),
    ),
    "LSTMClassifier": _classifier(
        "2.5a",
        (
            "Print the shape of the hidden states with two layers in both directions. Which of the four do you need?",
            "A packed sequence knows its lengths; a padded tensor does not. Where does padding get in?",
        ),
        (
            _gated("2 layers in both directions, rate 0.3", 10, 3, 4, 2, 2, 0.3, 0, True),
            _gated("1 layer in one direction, rate 0.5", 10, 5, 8, 3, 1, 0.5, 0, False),
            _gated("head flatten, max_length 12, rate 0", 10, 5, 4, 2, 1, 0.0, 0, False, "flatten", 12),
            _gated(
                "head flatten, max_length 256, vocabulary 33,573, embedding 1, hidden 100, 2 outputs",
                *PUBLISHED_SIZES,
                *(1, 0.0, 0, False, "flatten", 256),
            ),
        ),
    ),
    "GRUClassifier": _classifier(
        "2.5b",
        ("A GRU returns its outputs and one tensor of last states. What else is as in the LSTM?",),
        (
            _gated("2 layers in both directions, rate 0.3", 10, 3, 4, 2, 2, 0.3, 0, True),
            _gated("1 layer in one direction, rate 0.5", 10, 5, 8, 3, 1, 0.5, 0, False),
            _gated(
                "head flatten, max_length 256, vocabulary 33,573, embedding 1, hidden 100, 2 outputs",
                *PUBLISHED_SIZES,
                *(1, 0.0, 0, False, "flatten", 256),
            ),
        ),
    ),
    "run_experiment": PublicExercise(
        number="2.6",
        beyond="Grading also tries other settings and losses.",
        parts=(
            Part("order of the calls"),
            Part("list of optimizers, epoch by epoch"),
            Part("history"),
            Part("number of the epoch whose weights come back"),
            Part("answer to whether the same seed gives the same first weights"),
            Part("answer to whether another seed gives the same first weights"),
        ),
        hints=(
            "Seed, model, optimizer, then the epochs. Which of these may stand inside the loop?",
            "After the last epoch the model's own tensors hold the last weights. Where are the best ones?",
        ),
        cases=(
            PublicCase(
                tried="5 epochs with RMSprop and lr 0.02; the second has the lowest validation loss",
                arguments={
                    "hparams": {"seed": 4, "optimizer": "RMSprop", "lr": 0.02, "epochs": 5},
                    "losses": LOSSES,
                },
                probe="epochs_of_experiment",
            ),
            PublicCase(
                tried="1 epoch with SGD and lr 0.5",
                arguments={"hparams": {"seed": 1, "optimizer": "SGD", "lr": 0.5, "epochs": 1}, "losses": LOSSES},
                probe="epochs_of_experiment",
            ),
        ),
    ),
    "sentiment_classifier": PublicExercise(
        number="2.7",
        beyond="Most points are given for the accuracy of the weights that you save, on reviews you have not seen.",
        parts=(Part("shape of the logits"), Part("answer to whether a larger vocabulary makes a larger model")),
        hints=("The function builds the module and returns it; it does not train it.",),
        cases=(
            PublicCase(
                tried="vocabularies of 30 and 60 words, 3 reviews",
                arguments={"vocab_sizes": [30, 60]},
                probe="reader_of_reviews",
            ),
        ),
    ),
    "statements_recurrent": PublicExercise(
        number="2.8a",
        beyond="This check only looks at the form; grading looks at the answers.",
        parts=(Part("list of statements that have an answer"), Part("list of types of the answers")),
        hints=("One entry per statement: its number, and True or False.",),
        cases=(PublicCase(tried="your answers, their form only", arguments={}, probe="form_of_statements"),),
    ),
}
