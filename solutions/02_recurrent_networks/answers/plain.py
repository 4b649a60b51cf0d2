"""2.3 count_parameters and RNNClassifier."""

# mypy: disallow-untyped-defs=False
# The answers are written as students write them: without annotations.

import math

import torch
from torch import nn

from autograder.answers import alternative, edited, misconception, reference

COUNTED = "test_only_trainable_parameters_are_counted"


@reference("count_parameters")
def all_that_want_a_gradient(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@alternative("count_parameters")
def in_a_loop(model):
    total = 0
    for parameter in model.parameters():
        if parameter.requires_grad:
            total += math.prod(parameter.shape)
    return total


@alternative("count_parameters")
def by_name(model):
    return sum([len(weights.flatten()) for _, weights in model.named_parameters() if weights.requires_grad])


@misconception(
    "count_parameters",
    "Frozen parameters are counted too. Which of them does an optimizer change?",
    caught_by=COUNTED,
)
def frozen_ones_too(model):
    return sum(p.numel() for p in model.parameters())


@misconception(
    "count_parameters",
    "What is counted are the tensors, and not the numbers in them.",
    caught_by=COUNTED,
)
def counts_tensors(model):
    return sum(1 for p in model.parameters() if p.requires_grad)


@misconception(
    "count_parameters",
    "Of each tensor only the first dimension is counted. How many numbers are in a matrix?",
    caught_by=COUNTED,
)
def counts_rows(model):
    return sum(len(p) for p in model.parameters() if p.requires_grad)


@misconception(
    "count_parameters",
    "The biases are left out. Does nobody train them?",
    caught_by=COUNTED,
)
def without_biases(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad and p.ndim > 1)


SIZE = "test_plain_classifier_has_its_parameters"
APART = "test_reviews_of_a_batch_do_not_meet"
LAST = "test_prediction_is_made_from_the_last_state"
LEARNS = "test_every_weight_can_learn"


@reference("RNNClassifier")
class LastState(nn.Module):
    def __init__(self, input_dim, embedding_dim, hidden_dim, output_dim):
        super().__init__()
        self.embedding = nn.Embedding(input_dim, embedding_dim)
        self.rnn = nn.RNN(embedding_dim, hidden_dim, batch_first=True)
        self.linear = nn.Linear(hidden_dim, output_dim)

    def forward(self, ids, lengths=None):
        _outputs, hidden = self.rnn(self.embedding(ids))
        return self.linear(hidden[-1])


@alternative("RNNClassifier")
class LastOutput(nn.Module):
    def __init__(self, input_dim, embedding_dim, hidden_dim, output_dim):
        super().__init__()
        self.table = nn.Embedding(input_dim, embedding_dim)
        self.recurrence = nn.RNN(embedding_dim, hidden_dim, batch_first=True)
        self.head = nn.Linear(hidden_dim, output_dim)

    def forward(self, ids, lengths=None):
        states, _ = self.recurrence(self.table(ids))
        return self.head(states[:, -1, :])


@alternative("RNNClassifier")
class WordsInFront(nn.Module):
    def __init__(self, input_dim, embedding_dim, hidden_dim, output_dim):
        super().__init__()
        self.embedding = nn.Embedding(input_dim, embedding_dim)
        self.rnn = nn.RNN(embedding_dim, hidden_dim)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, ids, lengths=None):
        _, hidden = self.rnn(self.embedding(ids.t()))
        return self.fc(hidden.squeeze(0))


@alternative("RNNClassifier")
class WithRNNCell(nn.Module):
    def __init__(self, input_dim, embedding_dim, hidden_dim, output_dim):
        super().__init__()
        self.embedding = nn.Embedding(input_dim, embedding_dim)
        self.cell = nn.RNNCell(embedding_dim, hidden_dim)
        self.linear = nn.Linear(hidden_dim, output_dim)

    def forward(self, ids, lengths=None):
        h = None
        for word in ids.T:
            h = self.cell(self.embedding(word), h)
        return self.linear(h)


@alternative("RNNClassifier")
class ByHand(nn.Module):
    def __init__(self, input_dim, embedding_dim, hidden_dim, output_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.embedding = nn.Embedding(input_dim, embedding_dim)
        self.inwards = nn.Linear(embedding_dim, hidden_dim)
        self.onwards = nn.Linear(hidden_dim, hidden_dim)
        self.outwards = nn.Linear(hidden_dim, output_dim)

    def forward(self, ids, lengths=None):
        h = torch.zeros(len(ids), self.hidden_dim)
        for x in self.embedding(ids).unbind(1):
            h = torch.tanh(self.inwards(x) + self.onwards(h))
        return self.outwards(h)


edited(
    "RNNClassifier",
    "batch_second",
    "The recurrent layer takes the reviews of a batch for the words of one review. Which dimension is the first?",
    [(", batch_first=True", ""), ("hidden[-1]", "_outputs[:, -1]")],
    caught_by=APART,
)
edited(
    "RNNClassifier",
    "words_and_reviews_swapped",
    "The state that is read has one row per word, and should have one per review. Which dimension does the recurrent "
    "layer expect first?",
    [(", batch_first=True", ""), ("hidden[-1]", "hidden[-1][: len(ids)]")],
    caught_by=APART,
)
edited(
    "RNNClassifier",
    "first_output",
    "The prediction is made from the state after the first word, so the rest of the review is not read.",
    [("hidden[-1]", "_outputs[:, 0]")],
    caught_by=LAST,
)
edited(
    "RNNClassifier",
    "mean_of_outputs",
    "The prediction is made from the mean of all states. Here the last one shall do.",
    [("hidden[-1]", "_outputs.mean(dim=1)")],
    caught_by=LAST,
)
edited(
    "RNNClassifier",
    "sigmoid_at_the_end",
    "What comes back are probabilities. The loss expects logits and applies the sigmoid itself.",
    [("return self.linear(hidden[-1])", "return torch.sigmoid(self.linear(hidden[-1]))")],
    caught_by=LAST,
)
edited(
    "RNNClassifier",
    "relu_before_the_head",
    "Everything below zero in the last state is thrown away before the linear layer.",
    [("self.linear(hidden[-1])", "self.linear(torch.relu(hidden[-1]))")],
    caught_by=LAST,
)
edited(
    "RNNClassifier",
    "gradient_cut",
    "No gradient comes back to the recurrence and the embedding: they are cut off from the loss, and only the linear "
    "layer learns.",
    [("hidden[-1]", "hidden[-1].detach()")],
    caught_by=LEARNS,
)
edited(
    "RNNClassifier",
    "no_bias",
    "The recurrent layer has no biases. Torch gives it two.",
    [(", batch_first=True", ", bias=False, batch_first=True")],
    caught_by=SIZE,
)
edited(
    "RNNClassifier",
    "two_layers",
    "There are more weights than one recurrent layer has. How many layers are there?",
    [("hidden_dim, batch_first=True", "hidden_dim, 2, batch_first=True")],
    caught_by=SIZE,
)
edited(
    "RNNClassifier",
    "both_directions",
    "The recurrent layer reads in both directions, and half of it is never looked at.",
    [(", batch_first=True", ", batch_first=True, bidirectional=True")],
    caught_by=SIZE,
)
