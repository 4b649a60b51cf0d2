"""2.5 LSTMClassifier."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.answers import alternative, edited, edited_alternative, misconception, reference

SIZE = "test_lstm_has_its_parameters"
PADDING = "test_lstm_does_not_read_padding"
ZERO = "test_lstm_gives_padding_the_zero_vector"
LAST = "test_lstm_predicts_from_the_last_hidden_state"
WAYS = "test_lstm_uses_both_directions_of_the_last_layer"
DROPS = "test_lstm_drops_in_training_only"
FLAT = "test_lstm_can_flatten_its_outputs"


@reference("LSTMClassifier")
class PackedLSTM(nn.Module):
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
        self.rnn = nn.LSTM(
            embedding_dim, hidden_dim, n_layers, batch_first=True, dropout=between, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout_rate)
        width = hidden_dim * 2 if bidirectional else hidden_dim
        self.linear = nn.Linear(width * max_length if head == "flatten" else width, output_dim)

    def forward(self, ids, lengths):
        embedded = self.dropout(self.embedding(ids))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, (hidden, _cell) = self.rnn(packed)
        if self.head == "flatten":
            outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=self.max_length)
            return self.linear(self.dropout(outputs.flatten(1)))
        last = torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]
        return self.linear(self.dropout(last))


@alternative("LSTMClassifier")
class GathersOutputs(nn.Module):
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
        self.table = nn.Embedding(vocab_size, embedding_dim, pad_index)
        self.lstm = nn.LSTM(
            embedding_dim,
            hidden_dim,
            num_layers=n_layers,
            bidirectional=bidirectional,
            dropout=dropout_rate * (n_layers > 1),
            batch_first=True,
        )
        self.drop = nn.Dropout(dropout_rate)
        self.hidden_dim, self.ways, self.longest = hidden_dim, 1 + bidirectional, max_length
        self.flat = head == "flatten"
        self.out = nn.Linear(hidden_dim * self.ways * (max_length if self.flat else 1), output_dim)

    def forward(self, ids, lengths):
        packed = pack_padded_sequence(self.drop(self.table(ids)), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        if self.flat:
            missing = self.longest - states.shape[1]
            return self.out(self.drop(F.pad(states, (0, 0, 0, missing)).reshape(len(ids), -1)))
        ends = states[torch.arange(len(ids)), lengths - 1, : self.hidden_dim]
        if self.ways == 2:
            ends = torch.cat([ends, states[:, 0, self.hidden_dim :]], dim=-1)
        return self.out(self.drop(ends))


@alternative("LSTMClassifier")
class SortsByHand(nn.Module):
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
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_index)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, n_layers, bidirectional=bidirectional)
        self.n_layers, self.hidden_dim, self.dropout_rate = n_layers, hidden_dim, dropout_rate
        self.head, self.max_length = head, max_length
        directions = 2 if bidirectional else 1
        self.fc = nn.Linear(hidden_dim * directions * (1 if head == "last" else max_length), output_dim)

    def forward(self, ids, lengths):
        order = lengths.argsort(descending=True)
        back = order.argsort()
        embedded = F.dropout(self.embedding(ids[order].T), self.dropout_rate, self.training)
        outputs, (hidden, _) = self.lstm(pack_padded_sequence(embedded, lengths[order]))
        if self.head == "flatten":
            outputs, _ = pad_packed_sequence(outputs, total_length=self.max_length)
            return self.fc(outputs.transpose(0, 1)[back].flatten(start_dim=1))
        last = hidden.view(self.n_layers, -1, len(ids), self.hidden_dim)[-1]
        last = last.transpose(0, 1).flatten(1)[back]
        return self.fc(F.dropout(last, self.dropout_rate, self.training))


@alternative("LSTMClassifier")
class StateCarriedOver(nn.Module):
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
        self.embedding = nn.Embedding(vocab_size, embedding_dim, padding_idx=pad_index)
        ways = 2 if bidirectional else 1
        layers = [(way, layer) for layer in range(n_layers) for way in range(ways)]
        sizes = [embedding_dim if layer == 0 else hidden_dim * ways for _, layer in layers]
        self.cells = nn.ModuleList([nn.LSTMCell(size, hidden_dim) for size in sizes])
        self.dropout = nn.Dropout(dropout_rate)
        self.hidden_dim, self.ways, self.head, self.max_length = hidden_dim, ways, head, max_length
        self.linear = nn.Linear(hidden_dim * ways * (max_length if head == "flatten" else 1), output_dim)

    def forward(self, ids, lengths):
        batch, seq_len = ids.shape
        inputs = self.dropout(self.embedding(ids))
        real = torch.arange(seq_len) < lengths[:, None]
        for start in range(0, len(self.cells), self.ways):
            found, last = [], []
            for way, cell in enumerate(self.cells[start : start + self.ways]):
                h = inputs.new_zeros(batch, self.hidden_dim)
                c, states = h, [h] * seq_len
                for t in reversed(range(seq_len)) if way else range(seq_len):
                    new_h, new_c = cell(inputs[:, t], (h, c))
                    h = torch.where(real[:, t, None], new_h, h)
                    c = torch.where(real[:, t, None], new_c, c)
                    states[t] = h * real[:, t, None]
                found.append(torch.stack(states, dim=1))
                last.append(h)
            inputs = self.dropout(torch.cat(found, dim=2))
        if self.head == "flatten":
            return self.linear(F.pad(inputs, (0, 0, 0, self.max_length - seq_len)).flatten(1))
        return self.linear(self.dropout(torch.cat(last, dim=1)))


edited_alternative(
    "LSTMClassifier",
    "head_dropped_only",
    [
        ("self.dropout(self.embedding(ids))", "self.embedding(ids)"),
        ("self.dropout(outputs.flatten(1))", "outputs.flatten(1)"),
    ],
)
edited_alternative(
    "LSTMClassifier",
    "zeros_the_row_by_hand",
    [
        (
            ", padding_idx=pad_index)",
            ")\n        with torch.no_grad():\n            self.embedding.weight[pad_index] = 0",
        )
    ],
)
edited_alternative(
    "LSTMClassifier",
    "starts_from_zeros",
    [
        (
            "self.rnn(packed)",
            "self.rnn(packed, (torch.zeros(self.rnn.num_layers * (1 + self.bidirectional), len(ids), "
            "self.rnn.hidden_size),) * 2)",
        )
    ],
)

edited(
    "LSTMClassifier",
    "never_packed",
    "The padding is read like words: nothing tells the recurrent layer where a review ends.",
    [
        (
            "packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)",
            "packed = embedded",
        ),
        (
            "outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=self.max_length)",
            "outputs = F.pad(outputs, (0, 0, 0, self.max_length - outputs.shape[1]))",
        ),
    ],
    caught_by=PADDING,
)
edited(
    "LSTMClassifier",
    "sorted_batches_only",
    "The packing accepts only batches sorted from long to short. Must yours be?",
    [(", enforce_sorted=False", "")],
    caught_by=PADDING,
)
edited(
    "LSTMClassifier",
    "order_not_put_back",
    "The reviews are sorted by length, and their predictions come back in that order and not in that of the batch.",
    [
        (
            "embedded = self.dropout(self.embedding(ids))",
            "lengths, order = lengths.sort(descending=True)\n"
            "        embedded = self.dropout(self.embedding(ids[order]))",
        ),
    ],
    caught_by=PADDING,
)
edited(
    "LSTMClassifier",
    "last_place_of_the_batch",
    "The state is read at the last place of the longest review, where shorter ones have only zeros.",
    [
        (
            "last = torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]",
            "last = pad_packed_sequence(outputs, batch_first=True)[0][:, -1]",
        )
    ],
    caught_by=PADDING,
)
edited(
    "LSTMClassifier",
    "mean_with_the_padding",
    "The states are averaged over all places, those behind the end included.",
    [
        (
            "last = torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]",
            "last = pad_packed_sequence(outputs, batch_first=True, total_length=ids.shape[1])[0].mean(dim=1)",
        )
    ],
    caught_by=PADDING,
)
edited(
    "LSTMClassifier",
    "padding_has_a_vector",
    "The embedding does not know which id is padding, so padding has a random vector.",
    [(", padding_idx=pad_index", "")],
    caught_by=ZERO,
)
edited(
    "LSTMClassifier",
    "padding_is_always_id_zero",
    "The embedding takes id 0 for padding, whatever the index is.",
    [("padding_idx=pad_index", "padding_idx=0")],
    caught_by=ZERO,
)
edited(
    "LSTMClassifier",
    "reads_the_memory_cell",
    "The prediction is made from the memory cell. Which of the two states does an LSTM show to the outside?",
    [("(hidden, _cell) = ", "(_hidden, hidden) = ")],
    caught_by=LAST,
)
edited(
    "LSTMClassifier",
    "reads_the_first_layer",
    "The prediction is made from the first layer, so the layers above have no part in it.",
    [
        (
            "[hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]",
            "[hidden[0], hidden[1]], dim=1) if self.bidirectional else hidden[0]",
        )
    ],
    caught_by=WAYS,
)
edited(
    "LSTMClassifier",
    "one_direction_twice",
    "The backward state is read twice and the forward state not at all.",
    [("hidden[-2], hidden[-1]", "hidden[-1], hidden[-1]")],
    caught_by=WAYS,
)
edited(
    "LSTMClassifier",
    "sigmoid_at_the_end",
    "What comes back are probabilities. The loss expects logits and applies the sigmoid itself.",
    [("return self.linear(self.dropout(last))", "return torch.sigmoid(self.linear(self.dropout(last)))")],
    caught_by=LAST,
)
edited(
    "LSTMClassifier",
    "one_layer_only",
    "There is always one layer, however many are asked for.",
    [("n_layers, batch_first", "1, batch_first"), ("dropout_rate if n_layers > 1 else 0.0", "0.0")],
    caught_by=SIZE,
)
edited(
    "LSTMClassifier",
    "one_direction_only",
    "The model reads in one direction, even where both are asked for.",
    [
        ("bidirectional=bidirectional\n", "bidirectional=False\n"),
        ("hidden_dim * 2 if bidirectional else hidden_dim", "hidden_dim"),
        ("torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]", "hidden[-1]"),
    ],
    caught_by=SIZE,
)
edited(
    "LSTMClassifier",
    "half_of_both_directions",
    "Of two directions only one reaches the linear layer. How wide are both together?",
    [
        ("hidden_dim * 2 if bidirectional else hidden_dim", "hidden_dim"),
        ("torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]", "hidden[-1]"),
        ("width * max_length if", "(hidden_dim * (1 + bidirectional)) * max_length if"),
    ],
    caught_by=SIZE,
)
edited(
    "LSTMClassifier",
    "never_drops",
    "With one layer nothing is ever dropped. The dropout between the layers is not the only one.",
    [("self.dropout = nn.Dropout(dropout_rate)", "self.dropout = nn.Identity()")],
    caught_by=DROPS,
)
edited(
    "LSTMClassifier",
    "always_drops",
    "The dropout stays on when the model is evaluated. Who tells it?",
    [
        ("return self.linear(self.dropout(last))", "return self.linear(F.dropout(last, self.dropout.p))"),
    ],
    caught_by=DROPS,
)
edited(
    "LSTMClassifier",
    "drops_one_half",
    "Half is dropped whatever the rate is, even at rate 0.",
    [("nn.Dropout(dropout_rate)", "nn.Dropout()")],
    caught_by=DROPS,
)
edited(
    "LSTMClassifier",
    "flattens_the_longest_review",
    "With the other head the outputs end where the longest review of the batch does. How many places does the linear "
    "layer read?",
    [(", total_length=self.max_length", "")],
    caught_by=FLAT,
)
edited(
    "LSTMClassifier",
    "no_flat_head",
    "The other head makes no difference: the linear layer still reads one state.",
    [
        ('width * max_length if head == "flatten" else width', "width"),
        ('if self.head == "flatten":', 'if self.head == "none":'),
    ],
    caught_by=FLAT,
)


@misconception(
    "LSTMClassifier",
    "Short reviews are padded in front and long ones behind: the states are put at the wrong end for the other head.",
    caught_by=FLAT,
)
class PadsInFront(nn.Module):
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
        self.rnn = nn.LSTM(
            embedding_dim, hidden_dim, n_layers, batch_first=True, dropout=between, bidirectional=bidirectional
        )
        self.dropout = nn.Dropout(dropout_rate)
        width = hidden_dim * 2 if bidirectional else hidden_dim
        self.linear = nn.Linear(width * max_length if head == "flatten" else width, output_dim)

    def forward(self, ids, lengths):
        embedded = self.dropout(self.embedding(ids))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        outputs, (hidden, _) = self.rnn(packed)
        if self.head == "flatten":
            outputs, _ = pad_packed_sequence(outputs, batch_first=True)
            outputs = F.pad(outputs, (0, 0, self.max_length - outputs.shape[1], 0))
            return self.linear(self.dropout(outputs.flatten(1)))
        last = torch.cat([hidden[-2], hidden[-1]], dim=1) if self.bidirectional else hidden[-1]
        return self.linear(self.dropout(last))
