"""2.1 alternating_recurrence and 2.2 rnn_cell, rnn_forward."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import math

import torch
from torch import nn

from autograder.answers import alternative, edited, misconception, reference

FOLLOWS = "test_outputs_follow_the_recurrence"
SIGN = "test_last_output_tells_the_sign_of_the_alternating_sum"


@reference("alternating_recurrence")
def with_a_loop(xs, h0=0):
    h, outputs = h0, []
    for x in xs:
        h = x - h
        outputs.append(torch.sigmoid(torch.tensor(1000.0 * h)).item())
    return outputs


@alternative("alternating_recurrence")
def states_first(xs, h0=0):
    states = [h0]
    for x in xs:
        states.append(x - states[-1])
    return torch.sigmoid(1000 * torch.tensor(states[1:], dtype=torch.float64)).tolist()


@alternative("alternating_recurrence")
def by_comparison(xs, h0=0):
    outputs = []
    for x in xs:
        h0 = x - h0
        outputs.append(0.5 if h0 == 0 else 1.0 if h0 > 0 else 0.0)
    return outputs


@alternative("alternating_recurrence")
def without_overflow(xs, h0=0):
    h, outputs = float(h0), []
    for x in xs:
        h = x - h
        outputs.append(1 / (1 + math.exp(max(min(-1000 * h, 700), -700))))
    return outputs


edited(
    "alternating_recurrence",
    "adds_the_state",
    "The state is added to the input. What sign has it in the recurrence?",
    [("x - h\n", "x + h\n")],
    caught_by=FOLLOWS,
)
edited(
    "alternating_recurrence",
    "input_taken_from_state",
    "The input is taken from the state, and it should be the other way round. Which of the two has the minus?",
    [("x - h\n", "h - x\n")],
    caught_by=FOLLOWS,
)
edited(
    "alternating_recurrence",
    "starts_at_zero",
    "The first state has no effect. Where does h0 come in?",
    [("h, outputs = h0, []", "h, outputs = 0, []")],
    caught_by=FOLLOWS,
)
edited(
    "alternating_recurrence",
    "returns_states",
    "What comes back are the states. Which function turns a state into an output?",
    [("torch.sigmoid(torch.tensor(1000.0 * h)).item()", "float(h)")],
    caught_by=FOLLOWS,
)
edited(
    "alternating_recurrence",
    "forgets_the_thousand",
    "The outputs are not sharp: what multiplies the state before the sigmoid?",
    [("1000.0 * h", "1.0 * h")],
    caught_by=SIGN,
)
edited(
    "alternating_recurrence",
    "passes_the_output_on",
    "The output is passed on to the next step. Which of the two does the recurrence remember, state or output?",
    [
        (
            "outputs.append(torch.sigmoid(torch.tensor(1000.0 * h)).item())",
            "h = torch.sigmoid(torch.tensor(1000.0 * h)).item()\n        outputs.append(h)",
        )
    ],
    caught_by=FOLLOWS,
)
edited(
    "alternating_recurrence",
    "only_the_last_output",
    "Only one output comes back. The docstring asks for one per input.",
    [("return outputs", "return outputs[-1]")],
    caught_by=FOLLOWS,
)


@misconception(
    "alternating_recurrence",
    "The exponential of a large number overflows when the state is far below zero. How can a sigmoid be computed so "
    "that it never does?",
    caught_by=SIGN,
)
def overflows(xs, h0=0):
    h, outputs = h0, []
    for x in xs:
        h = x - h
        outputs.append(1 / (1 + math.exp(-1000 * h)))
    return outputs


MIXES = "test_cell_mixes_the_input_with_the_state_before"
BIASES = "test_cell_adds_both_biases"


@reference("rnn_cell")
def two_products(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


@alternative("rnn_cell")
def one_long_product(x, h, w_ih, w_hh, b_ih, b_hh):
    both, weights = torch.cat([x, h], dim=1), torch.cat([w_ih, w_hh], dim=1)
    return (both @ weights.T + (b_ih + b_hh)).tanh()


@alternative("rnn_cell")
def with_linear(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(nn.functional.linear(x, w_ih, b_ih) + nn.functional.linear(h, w_hh, b_hh))


@alternative("rnn_cell")
def with_einsum(x, h, w_ih, w_hh, b_ih, b_hh):
    before = torch.einsum("bi,hi->bh", x, w_ih) + torch.einsum("bj,hj->bh", h, w_hh)
    return torch.tanh(before + b_ih[None, :] + b_hh[None, :])


edited(
    "rnn_cell",
    "state_transposed",
    "The state is multiplied by the transpose of its matrix. Which index of the weights belongs to the new state?",
    [("h @ w_hh.T", "h @ w_hh")],
    caught_by=MIXES,
)
edited(
    "rnn_cell",
    "no_tanh",
    "The new state is not squashed: entries beyond one come out. Which function stands around the sum?",
    [("torch.tanh", "")],
    caught_by=MIXES,
)
edited(
    "rnn_cell",
    "sigmoid_for_tanh",
    "All entries of the new state are above zero. Which function squashes to between minus one and one?",
    [("torch.tanh", "torch.sigmoid")],
    caught_by=MIXES,
)
edited(
    "rnn_cell",
    "forgets_the_state",
    "The state before has no effect on the new one, so nothing is remembered.",
    [(" + h @ w_hh.T", "")],
    caught_by=MIXES,
)
edited(
    "rnn_cell",
    "one_bias",
    "Only one of the two biases is added.",
    [(" + b_hh", "")],
    caught_by=BIASES,
)
edited(
    "rnn_cell",
    "bias_outside",
    "A bias is added after the squashing. Which sum does the formula squash?",
    [("b_ih + h @ w_hh.T + b_hh)", "h @ w_hh.T) + b_ih + b_hh")],
    caught_by=BIASES,
)

AFTER_EACH = "test_outputs_are_the_states_after_each_word"
LAST = "test_last_state_is_the_last_output"


@reference("rnn_forward")
def word_by_word(xs, h0, w_ih, w_hh, b_ih, b_hh):
    h, outputs = h0, []
    for x in xs.unbind(dim=1):
        h = torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h


def rnn_cell(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)


@alternative("rnn_forward")
def cell_by_names(xs, h0, w_ih, w_hh, b_ih, b_hh):
    h, outputs = h0, []
    for t in range(xs.shape[1]):
        h = rnn_cell(h=h, x=xs[:, t], b_hh=b_hh, b_ih=b_ih, w_hh=w_hh, w_ih=w_ih)
        outputs.append(h)
    return torch.stack(outputs, dim=1), h


@alternative("rnn_forward")
def into_zeros(xs, h0, w_ih, w_hh, b_ih, b_hh):
    batch, seq_len, _ = xs.shape
    outputs = xs.new_zeros(batch, seq_len, h0.shape[1])
    for t in range(seq_len):
        h0 = torch.tanh(xs[:, t] @ w_ih.T + h0 @ w_hh.T + b_ih + b_hh)
        outputs[:, t] = h0
    return outputs, outputs[:, -1]


@alternative("rnn_forward")
def inputs_first(xs, h0, w_ih, w_hh, b_ih, b_hh):
    ready = (xs @ w_ih.T + b_ih + b_hh).transpose(0, 1)
    states = [h0]
    for step in ready:
        states.append((step + states[-1] @ w_hh.T).tanh())
    return torch.stack(states[1:]).transpose(0, 1), states[-1]


edited(
    "rnn_forward",
    "forgets_between_words",
    "Every word starts from the first state again. Where does the new state go?",
    [("h @ w_hh.T", "h0 @ w_hh.T")],
    caught_by=AFTER_EACH,
)
edited(
    "rnn_forward",
    "starts_from_zeros",
    "The first state is taken to be zero, whatever is passed in.",
    [("h, outputs = h0, []", "h, outputs = torch.zeros_like(h0), []")],
    caught_by=AFTER_EACH,
)
edited(
    "rnn_forward",
    "reads_backwards",
    "The review is read from its end. In which order do the words come?",
    [("xs.unbind(dim=1)", "reversed(xs.unbind(dim=1))")],
    caught_by=AFTER_EACH,
)
edited(
    "rnn_forward",
    "outputs_one_word_late",
    "The outputs are those of the state before each word, and should be of the state after it.",
    [("        outputs.append(h)\n", ""), ("        h = ", "        outputs.append(h)\n        h = ")],
    caught_by=AFTER_EACH,
)
edited(
    "rnn_forward",
    "words_in_front",
    "The outputs have the words in front and the batch second. Along which dimension should they be put together?",
    [("torch.stack(outputs, dim=1)", "torch.stack(outputs)")],
    caught_by=AFTER_EACH,
)
edited(
    "rnn_forward",
    "returns_the_first_state",
    "The last state that comes back is not the one after the last word.",
    [("dim=1), h\n", "dim=1), outputs[0]\n")],
    caught_by=LAST,
)

edited(
    "rnn_forward",
    "last_state_with_a_leading_one",
    "The last state has one dimension too many. nn.RNN returns it so, one state per layer; here there is one layer, "
    "and the state is (batch, hidden_dim).",
    [("dim=1), h\n", "dim=1), h.unsqueeze(0)\n")],
    caught_by=LAST,
)
