"""7.1 BERTGRUSentiment."""

# mypy: disallow-untyped-defs=False
# The classes are written as students write them: without annotations.

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from autograder.answers import alternative, edited, edited_alternative, reference

SIZE = "test_model_has_the_parameters_of_the_course"
FROZEN = "test_encoder_is_frozen"
QUIET = "test_encoder_stays_in_eval_mode"
PADDING = "test_prediction_does_not_depend_on_padding"
LAST = "test_logits_come_from_the_last_states"
SETTINGS = "test_layers_and_directions_are_as_asked"
BEHIND = "test_head_learns_behind_the_encoder"
DROPS = "test_dropout_only_while_training"


@reference("BERTGRUSentiment")
class FrozenEncoderPackedGRU(nn.Module):
    def __init__(self, bert, hidden_dim, output_dim, n_layers, bidirectional, dropout):
        super().__init__()
        self.bert = bert.requires_grad_(False).eval()
        self.gru = nn.GRU(
            bert.config.hidden_size,
            hidden_dim,
            num_layers=n_layers,
            bidirectional=bidirectional,
            batch_first=True,
            dropout=dropout if n_layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(2 * hidden_dim if bidirectional else hidden_dim, output_dim)

    def train(self, mode=True):
        super().train(mode)
        self.bert.eval()
        return self

    def encode(self, ids, attention_mask):
        with torch.no_grad():
            return self.bert(input_ids=ids, attention_mask=attention_mask).last_hidden_state

    def classify(self, features, attention_mask):
        lengths = attention_mask.sum(dim=1).cpu()
        if lengths.min() < features.shape[1]:
            features = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        _, states = self.gru(features)
        last = torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]
        return self.out(self.dropout(last))

    def forward(self, ids, attention_mask):
        return self.classify(self.encode(ids, attention_mask), attention_mask)


@alternative("BERTGRUSentiment")
class StatesByPosition(nn.Module):
    def __init__(self, bert, hidden_dim, output_dim, n_layers, bidirectional, dropout):
        super().__init__()
        self.encoder = bert
        for parameter in self.encoder.parameters():
            parameter.requires_grad = False
        self.both = bidirectional
        width = bert.config.to_dict()["hidden_size"]
        self.rnn = nn.GRU(
            width,
            hidden_dim,
            n_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=0 if n_layers < 2 else dropout,
        )
        self.fc = nn.Linear(hidden_dim * (1 + bidirectional), output_dim)
        self.drop = nn.Dropout(dropout)

    @torch.no_grad()
    def encode(self, ids, attention_mask):
        self.encoder.eval()
        return self.encoder(ids, attention_mask)[0]

    def classify(self, features, attention_mask):
        lengths = attention_mask.sum(1)
        packed = pack_padded_sequence(features, lengths.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
        rows = torch.arange(len(outputs), device=outputs.device)
        ahead, back = outputs[rows, lengths - 1], outputs[:, 0]
        if not self.both:
            return self.fc(self.drop(ahead))
        half = outputs.shape[2] // 2
        return self.fc(self.drop(torch.cat([ahead[:, :half], back[:, half:]], 1)))

    def forward(self, ids, attention_mask):
        return self.classify(self.encode(ids, attention_mask), attention_mask)


@alternative("BERTGRUSentiment")
class SortedByHand(nn.Module):
    def __init__(self, bert, hidden_dim, output_dim, n_layers, bidirectional, dropout):
        nn.Module.__init__(self)
        self.bert = bert
        self.bert.requires_grad_(False)
        self.n_layers = n_layers
        self.directions = 2 if bidirectional else 1
        self.gru = nn.GRU(
            input_size=bert.config.hidden_size,
            hidden_size=hidden_dim,
            num_layers=n_layers,
            bidirectional=bidirectional,
            dropout=dropout * (n_layers > 1),
        )
        self.linear = nn.Linear(self.directions * hidden_dim, output_dim)
        self.rate = dropout
        self.train(self.training)

    def train(self, mode=True):
        for name, child in self.named_children():
            child.train(mode and name != "bert")
        self.training = mode
        return self

    def encode(self, ids, attention_mask):
        with torch.no_grad():
            outputs = self.bert(ids, attention_mask=attention_mask, return_dict=True)
        return outputs["last_hidden_state"].detach()

    def classify(self, features, attention_mask):
        lengths, order = (attention_mask > 0).long().sum(-1).sort(descending=True)
        packed = pack_padded_sequence(features[order].transpose(0, 1), lengths.tolist())
        _, states = self.gru(packed)
        states = states.unflatten(0, (self.n_layers, self.directions))[-1]
        last = states.transpose(0, 1).flatten(1)[order.argsort()]
        return self.linear(nn.functional.dropout(last, self.rate, self.training))

    def forward(self, ids, attention_mask):
        features = self.encode(ids, attention_mask)
        return self.classify(features, attention_mask)


edited_alternative(
    "BERTGRUSentiment",
    "always_packed",
    [("        if lengths.min() < features.shape[1]:\n            features = ", "        features = ")],
)
edited_alternative(
    "BERTGRUSentiment", "backward_state_first", [("[states[-2], states[-1]], dim=1", "[states[-1], states[-2]], dim=1")]
)
edited_alternative(
    "BERTGRUSentiment",
    "small_weights_and_dropout_in_a_row",
    [
        (
            "        self.dropout = nn.Dropout(dropout)\n        self.out = nn.Linear(2 * hidden_dim if bidirectional "
            "else hidden_dim, output_dim)",
            "        width = hidden_dim * 2 if bidirectional else hidden_dim\n"
            "        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, output_dim))\n"
            "        for weight in self.gru.parameters():\n"
            "            nn.init.uniform_(weight, -0.2, 0.2)",
        ),
        ("self.out(self.dropout(last))", "self.head(last)"),
    ],
)
edited_alternative(
    "BERTGRUSentiment",
    "frozen_from_outside",
    [
        (
            "self.bert = bert.requires_grad_(False).eval()",
            "self.bert = bert\n        for p in bert.parameters():\n            p.requires_grad_(False)",
        ),
        (
            "        super().train(mode)\n        self.bert.eval()\n        return self",
            "        result = super().train(mode)\n        for part in self.bert.modules():\n"
            "            part.training = False\n        return result",
        ),
        ("attention_mask.sum(dim=1).cpu()", "torch.count_nonzero(attention_mask, dim=1).to('cpu')"),
    ],
)

edited(
    "BERTGRUSentiment",
    "no_attention_mask",
    "The encoder is not told which tokens are padding, and so every token attends to padding as well.",
    [("input_ids=ids, attention_mask=attention_mask", "input_ids=ids")],
    caught_by=PADDING,
)
edited(
    "BERTGRUSentiment",
    "mask_the_wrong_way_round",
    "The encoder attends to the padding only: in this library the mask is 1 at real tokens, other than in stage 03.",
    [("attention_mask=attention_mask)", "attention_mask=1 - attention_mask)")],
    caught_by=PADDING,
)
edited(
    "BERTGRUSentiment",
    "gru_over_padding",
    "The recurrent layer goes on over the padding, so that its last states come from there. What does packing do?",
    [("if lengths.min() < features.shape[1]", "if lengths.min() < 0")],
    caught_by=PADDING,
)
edited(
    "BERTGRUSentiment",
    "padding_in_the_encoders_place",
    "Padding is set to zero before the recurrent layer, which still steps through it and changes its state.",
    [
        (
            "        if lengths.min() < features.shape[1]:\n            features = pack_padded_sequence("
            "features, lengths, batch_first=True, enforce_sorted=False)",
            "        features = features * attention_mask[:, :, None].to(features.dtype)",
        )
    ],
    caught_by=PADDING,
)
edited(
    "BERTGRUSentiment",
    "encoder_in_train_mode",
    "While the head trains, the encoder drops parts of its own states, and its features are never twice the same. "
    "Which mode should it stay in, whatever the mode of the model?",
    [
        (
            "    def train(self, mode=True):\n        super().train(mode)\n        self.bert.eval()\n"
            "        return self\n\n",
            "",
        )
    ],
    caught_by=QUIET,
)
edited(
    "BERTGRUSentiment",
    "encoder_not_frozen",
    "The weights of the encoder still want gradients: an optimizer would be given all of them.",
    [("bert.requires_grad_(False).eval()", "bert.eval()")],
    caught_by=FROZEN,
)
edited(
    "BERTGRUSentiment",
    "gradients_recorded_in_the_encoder",
    "The encoder is frozen, but it is still run as if gradients were wanted. Which context says that none are?",
    [
        (
            "        with torch.no_grad():\n            return self.bert(",
            "        with torch.enable_grad():\n            return self.bert(",
        )
    ],
    caught_by=FROZEN,
)
edited(
    "BERTGRUSentiment",
    "nothing_learns",
    "The head runs without gradients as well, and cannot learn: only the encoder belongs in that context.",
    [
        (
            "        return self.classify(self.encode(ids, attention_mask), attention_mask)",
            "        with torch.no_grad():\n"
            "            return self.classify(self.encode(ids, attention_mask), attention_mask)",
        )
    ],
    caught_by=BEHIND,
)
edited(
    "BERTGRUSentiment",
    "last_time_step",
    "Both halves of the last output are used. There, the backward direction has read a single token: where has it read "
    "all of them?",
    [
        ("        _, states = self.gru(features)\n", "        outputs, states = self.gru(features)\n"),
        (
            "last = torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]",
            "if not torch.is_tensor(outputs):\n"
            "            outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)\n"
            "        last = outputs\n"
            "        last = last[torch.arange(len(lengths)), lengths - 1]",
        ),
    ],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "forward_state_only",
    "Only the forward direction reaches the linear layer; what the backward direction has read is lost.",
    [
        (
            "torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]",
            "states[-2 if self.gru.bidirectional else -1]",
        ),
        ("nn.Linear(2 * hidden_dim if bidirectional else hidden_dim, output_dim)", "nn.Linear(hidden_dim, output_dim)"),
    ],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "states_of_the_first_layer",
    "The states come from the first layer. Those of the last layer stand at the end.",
    [
        (
            "torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]",
            "torch.cat([states[0], states[1]], dim=1) if self.gru.bidirectional else states[0]",
        )
    ],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "mean_of_the_outputs",
    "The outputs of all tokens are averaged. The last state of each direction is asked for.",
    [
        ("        _, states = self.gru(features)\n", "        outputs, states = self.gru(features)\n"),
        (
            "last = torch.cat([states[-2], states[-1]], dim=1) if self.gru.bidirectional else states[-1]",
            "if not torch.is_tensor(outputs):\n"
            "            outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)\n"
            "        last = outputs\n"
            "        last = last.sum(dim=1) / lengths[:, None]",
        ),
    ],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "dropout_never_off",
    "Dropout is on in eval mode too: the same review gets another prediction each time.",
    [("self.dropout(last)", "nn.functional.dropout(last, self.dropout.p)")],
    caught_by=DROPS,
)
edited(
    "BERTGRUSentiment",
    "no_dropout",
    "Nothing is dropped before the linear layer while the model trains.",
    [("self.dropout(last)", "last")],
    caught_by=DROPS,
)
edited(
    "BERTGRUSentiment",
    "sigmoid_inside",
    "Probabilities come out, and logits are asked for: the loss has the sigmoid inside.",
    [("self.out(self.dropout(last))", "self.out(self.dropout(last)).sigmoid()")],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "flat_logits",
    "The logits have lost their last dimension: one row per review and one column per output are asked for.",
    [("self.out(self.dropout(last))", "self.out(self.dropout(last)).flatten()")],
    caught_by=LAST,
)
edited(
    "BERTGRUSentiment",
    "one_direction_always",
    "The recurrent layer reads in one direction whatever is asked for.",
    [
        ("bidirectional=bidirectional", "bidirectional=False"),
        ("nn.Linear(2 * hidden_dim if bidirectional else hidden_dim, output_dim)", "nn.Linear(hidden_dim, output_dim)"),
    ],
    caught_by=SETTINGS,
)
edited(
    "BERTGRUSentiment",
    "one_layer_always",
    "There is one recurrent layer, however many are asked for.",
    [("num_layers=n_layers", "num_layers=1")],
    caught_by=SETTINGS,
)
edited(
    "BERTGRUSentiment",
    "width_written_in",
    "The width of the features is written into the code as 768. Another encoder has another width: what knows it?",
    [("bert.config.hidden_size", "768")],
    caught_by=SETTINGS,
)
