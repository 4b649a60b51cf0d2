"""2.5 GRUClassifier."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.answers import alternative, edited, edited_alternative, reference

SIZE = "test_gru_has_its_parameters"
PADDING = "test_gru_does_not_read_padding"
LAST = "test_gru_predicts_from_the_last_states"
DROPS = "test_gru_drops_in_training_only"


@reference("GRUClassifier")
class PackedGRU(nn.Module):
    def __init__(
        self,
        vocab_size,
        embedding_dim,
        hidden_dim,
        output_dim,
        n_layers,
        dropout_rate,
        pad_index,
        bidirectional,
        head="last",
        max_length=256,
    ):
        super().__init__()
        self.head, self.max_length, self.bidirectional = head, max_length, bidirectional
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_index)
        between = dropout_rate if n_layers > 1 else 0.0
        self.rnn = nn.GRU(
            embedding_dim, hidden_dim, n_layers, batch_first=True, dropout=between, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout_rate)
        width = hidden_dim * 2 if bidirectional else hidden_dim
        self.linear = nn.Linear(width * max_length if head == "flatten" else width, output_dim)

    def forward(self, ids, lengths):
        embedded = self.dropout(self.embedding(ids))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, hidden = self.rnn(packed)
        if self.head == "flatten":
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=self.max_length)
            return self.linear(self.dropout(outputs.flatten(1)))
        last = torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]
        return self.linear(self.dropout(last))


@alternative("GRUClassifier")
class GathersStates(nn.Module):
    def __init__(
        self,
        vocab_size,
        embedding_dim,
        hidden_dim,
        output_dim,
        n_layers,
        dropout_rate,
        pad_index,
        bidirectional,
        head="last",
        max_length=256,
    ):
        super().__init__()
        self.words = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_index)
        self.gru = nn.GRU(embedding_dim, hidden_dim, n_layers, bidirectional=bidirectional, batch_first=True)
        self.drop = nn.Dropout(dropout_rate)
        self.n_layers, self.hidden_dim = n_layers, hidden_dim
        self.places = max_length if head == "flatten" else None
        self.out = nn.Linear(hidden_dim * (1 + bidirectional) * (self.places or 1), output_dim)

    def forward(self, ids, lengths):
        words = self.drop(self.words(ids))
        states, hidden = self.gru(pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False))
        if self.places:
            states, _ = pad_packed_sequence(states, batch_first=True, total_length=self.places)
            return self.out(states.reshape(len(ids), -1))
        top = hidden.unflatten(0, (self.n_layers, -1))[-1]
        return self.out(self.drop(torch.cat(list(top), dim=-1)))


edited_alternative(
    "GRUClassifier", "embedding_not_dropped", [("self.dropout(self.embedding(ids))", "self.embedding(ids)")]
)
edited_alternative(
    "GRUClassifier",
    "last_of_each_direction",
    [
        (
            "torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]",
            "torch.cat(list(hidden[-1 - self.bidirectional :]), dim=-1)",
        )
    ],
)

edited(
    "GRUClassifier",
    "never_packed",
    "The padding is read like words: nothing tells the recurrent layer where a review ends.",
    [
        (
            "packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)",
            "packed = embedded",
        ),
        (
            "outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=self.max_length)",
            "outputs = nn.functional.pad(outputs, (0, 0, 0, self.max_length - outputs.shape[1]))",
        ),
    ],
    caught_by=PADDING,
)
edited(
    "GRUClassifier",
    "unpacks_a_cell",
    "A GRU has one state and no memory cell beside it. What does the layer return?",
    [("outputs, hidden = self.rnn(packed)", "outputs, (hidden, _) = self.rnn(packed)")],
    caught_by=LAST,
)
edited(
    "GRUClassifier",
    "still_an_lstm",
    "The recurrent layer has four blocks of weights. That is an LSTM; how many has a GRU?",
    [("nn.GRU", "nn.LSTM"), ("outputs, hidden = ", "outputs, (hidden, _) = ")],
    caught_by=SIZE,
)
edited(
    "GRUClassifier",
    "plain_recurrence",
    "The recurrent layer has no gates. How many blocks of weights has a GRU?",
    [("nn.GRU", "nn.RNN")],
    caught_by=SIZE,
)
edited(
    "GRUClassifier",
    "reads_the_first_layer",
    "The prediction is made from the first layer, so the layers above have no part in it.",
    [
        (
            "[hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]",
            "[hidden[0], hidden[1]], dim=1) if self.bidirectional else hidden[0]",
        )
    ],
    caught_by=LAST,
)
edited(
    "GRUClassifier",
    "sigmoid_at_the_end",
    "What comes back are probabilities. The loss expects logits and applies the sigmoid itself.",
    [("return self.linear(self.dropout(last))", "return torch.sigmoid(self.linear(self.dropout(last)))")],
    caught_by=LAST,
)
edited(
    "GRUClassifier",
    "never_drops",
    "With one layer nothing is ever dropped. The dropout between the layers is not the only one.",
    [("self.dropout = nn.Dropout(dropout_rate)", "self.dropout = nn.Identity()")],
    caught_by=DROPS,
)
