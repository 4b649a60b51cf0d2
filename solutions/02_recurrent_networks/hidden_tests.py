"""Hidden tests of stage 02. All sizes within a test differ, so that a swapped axis shows.

The training loop runs on a model that keeps a record, with right parts where it uses earlier exercises; classifiers are
compared with themselves where that is possible, so that one mistake is paid for once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from autograder.hidden_tests import ResourceMissing, credit, expect, points
from autograder.remote import HandedIn, StudentError, Submission
from coursekit.stand_ins import UNK, tokenize
from solutions.heldout import doubts, lacks, questions, tell_source
from solutions.heldout.asking import measure
from solutions.reading import apart, draw, named, number, numbers, recorded, same_as_before, tensor


def whole(rng: torch.Generator, low: int, high: int) -> int:
    """A whole number, low ≤ n < high."""
    return int(torch.randint(low, high, (), generator=rng))


def some_reviews(rng: torch.Generator, vocab_size: int, lengths: Sequence[int], width: int) -> tuple[Tensor, Tensor]:
    """Reviews of these lengths, padded to width with id 0; their words have the ids from 2 on."""
    ids = torch.randint(2, vocab_size, (len(lengths), width), generator=rng)
    for row, length in zip(ids, lengths, strict=True):
        row[length:] = 0
    return ids, torch.tensor(lengths)


# ----------------------------------------------------------------------------------------------------------------
# 2.1 alternating_recurrence


def outputs_of_recurrence(submission: Submission, xs: list[int], h0: int) -> list[float]:
    return numbers(submission.alternating_recurrence(xs, h0), len(xs), f"the {len(xs)} outputs")


@points("alternating_recurrence", 0.5)
def test_outputs_follow_the_recurrence(submission: Submission, rng: torch.Generator) -> None:
    """One output per input: near 1 where the state is positive, near 0 where it is negative."""
    for length in (4, 8):
        xs = torch.randint(-9, 10, (length,), generator=rng).tolist()
        xs[0], h0 = whole(rng, 1, 10), 20 + whole(rng, 0, 9)  # leaving h0 out shows in the first output
        outputs = outputs_of_recurrence(submission, xs, h0)
        states = [h0]
        for x in xs:
            states.append(x - states[-1])
        for step, (seen, state) in enumerate(zip(outputs, states[1:], strict=True), start=1):
            due = 0.5 if state == 0 else float(state > 0)
            expect(
                abs(seen - due) < 1e-6,
                f"For the inputs {xs} from h₀ = {h0} the state h{step} is {state}, so y{step} is {due}; it came out as "
                f"{seen:.3g}.",
            )


@points("alternating_recurrence", 0.5)
def test_last_output_tells_the_sign_of_the_alternating_sum(submission: Submission, rng: torch.Generator) -> None:
    """One half where the sum is zero, 0 or 1 where it is not, however large it is."""
    a, b = whole(rng, 2, 9), whole(rng, 11, 19)
    for xs, h0, due in (
        ([a, a], 0, 0.5),
        ([b, a, a, b - 3], 3, 0.5),
        ([a, b], 0, 1.0),
        ([a, a + 1], 0, 1.0),
        ([b, a], 0, 0.0),
        ([900 + b, 7], 0, 0.0),
        ([7, 900 + b], a, 1.0),
    ):
        seen = outputs_of_recurrence(submission, xs, h0)[-1]
        expect(
            abs(seen - due) < 1e-6,
            f"For the inputs {xs} from h₀ = {h0} the last output should be {due}, but it is {seen:.3g}.",
        )


# ----------------------------------------------------------------------------------------------------------------
# 2.2 rnn_cell, rnn_forward


def cell_weights(rng: torch.Generator, input_dim: int, hidden_dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """W_ih, W_hh, b_ih, b_hh, so small that the tanh stays away from ±1."""
    return (
        draw(rng, hidden_dim, input_dim) / input_dim**0.5 / 2,
        draw(rng, hidden_dim, hidden_dim) / hidden_dim**0.5 / 2,
        draw(rng, hidden_dim) / 3,
        draw(rng, hidden_dim) / 3,
    )


@points("rnn_cell", 0.5)
def test_cell_mixes_the_input_with_the_state_before(submission: Submission, rng: torch.Generator) -> None:
    """The tanh of both products; without biases here, or with equal ones that cancel out."""
    w_ih, w_hh, bias, _ = cell_weights(rng, 3, 5)
    x, h = draw(rng, 4, 3), draw(rng, 4, 5)
    seen = tensor(submission.rnn_cell(x, h, w_ih, w_hh, bias, -bias), (4, 5), "The new state")
    none = 0 * bias
    plain = tensor(submission.rnn_cell(x, h, w_ih, w_hh, none, none), (4, 5), "The new state")
    due = torch.tanh(x @ w_ih.T + h @ w_hh.T)
    off = min(apart(seen, due), apart(plain, due))
    expect(off < 1e-5, f"Without biases the new state is {off:.2g} away from tanh(x W_ihᵀ + h W_hhᵀ).")


@points("rnn_cell", 0.5)
def test_cell_adds_both_biases(submission: Submission, rng: torch.Generator) -> None:
    """Only the sum of the biases matters, and it does."""
    w_ih, w_hh, b_ih, b_hh = cell_weights(rng, 3, 5)
    x, h = draw(rng, 4, 3), draw(rng, 4, 5)
    none, both = torch.zeros_like(b_ih), b_ih + b_hh
    states = [
        tensor(submission.rnn_cell(x, h, w_ih, w_hh, *biases), (4, 5), "The new state")
        for biases in ((none, none), (b_ih, b_hh), (both, none), (none, both))
    ]
    expect(apart(states[1], states[0]) > 1e-3, "The new state is the same with biases and without.")
    large = tensor(submission.rnn_cell(x, h, w_ih, w_hh, 50 * b_ih, 50 * b_hh), (4, 5), "The new state")
    if states[0].abs().max() <= 1:
        expect(large.abs().max() <= 1, "With large biases the new state leaves the range from −1 to 1.")
    for split, name in zip(states[2:], ("b_ih", "b_hh"), strict=True):
        off = apart(states[1], split)
        expect(
            off < 1e-5, f"With all of the bias in {name}, and none in the other, the new state changes by {off:.2g}."
        )


# What rnn_forward, train and evaluate may use, so that a slip in it is not paid for twice.
RIGHT_ACCURACY = "lambda preds, y: Share(((preds > 0) == (y > 0.5)).double().mean())"
RIGHT_CELL = "lambda x, h, w_ih, w_hh, b_ih, b_hh: torch.tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)"


def unroll(submission: Submission, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Outputs and last state as float64."""
    returned = submission.scenario("unrolled", RIGHT_CELL, *inputs)
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"rnn_forward should return two tensors, outputs and last state, but returned {named(returned)}.")
    (batch, seq_len, _), hidden_dim = inputs[0].shape, inputs[1].shape[1]
    outputs = tensor(returned[0], (batch, seq_len, hidden_dim), "The tensor of outputs")
    return outputs, tensor(returned[1], (batch, hidden_dim), "The last state")


@points("rnn_forward", 0.5)
def test_outputs_are_the_states_after_each_word(submission: Submission, rng: torch.Generator) -> None:
    """Equal to torch's own recurrence with the same weights, from a first state that is not zero."""
    for batch, seq_len, input_dim, hidden_dim in ((4, 6, 3, 5), (2, 9, 5, 3)):
        weights = cell_weights(rng, input_dim, hidden_dim)
        xs, h = draw(rng, batch, seq_len, input_dim), draw(rng, batch, hidden_dim)
        outputs, _ = unroll(submission, (xs, h, *weights))
        for step in range(seq_len):
            h = torch.rnn_tanh_cell(xs[:, step], h, *weights)
            off = apart(outputs[:, step], h)
            expect(
                off < 1e-5, f"The output after word {step + 1} of {seq_len} is {off:.2g} away from what nn.RNN gives."
            )


@points("rnn_forward", 0.5)
def test_last_state_is_the_last_output(submission: Submission, rng: torch.Generator) -> None:
    """For reviews of several words, and of one."""
    for batch, seq_len in ((4, 7), (3, 1)):
        outputs, last = unroll(
            submission, (draw(rng, batch, seq_len, 2), draw(rng, batch, 5), *cell_weights(rng, 2, 5))
        )
        off = apart(last, outputs[:, -1])
        expect(off < 1e-9, f"After {seq_len} words the last state is {off:.2g} away from the last output.")


# ----------------------------------------------------------------------------------------------------------------
# 2.3 count_parameters, RNNClassifier


@points("count_parameters", 0.5)
def test_only_trainable_parameters_are_counted(submission: Submission, rng: torch.Generator) -> None:
    """Every number in every weight and bias that wants a gradient."""
    # From 3 on: with 2 inputs a layer has as many weights as rows, and two mistakes would look alike.
    widths = [whole(rng, 3, 9) for _ in range(4)]
    sizes = [(before + 1) * after for before, after in pairwise(widths)]
    for frozen in ([], [1], [0, 2]):
        seen = number(submission.scenario("parameters_counted", widths, frozen), "The count")
        due = sum(size for layer, size in enumerate(sizes) if layer not in frozen)
        text = f"with {len(frozen)} of them frozen" if frozen else "none of them frozen"
        expect(seen == due, f"Three linear layers, {text}, have {due} trainable parameters; counted were {seen:.0f}.")


def classified(
    submission: Submission, name: str, arguments: Sequence[Any], *passes: tuple[Tensor, Tensor]
) -> dict[str, Any]:
    """What the scenario recorded of a classifier, with float64 logits of the right shapes."""
    seen = submission.scenario("classifier", name, list(arguments), list(passes))
    seen = recorded(seen, parameters=int, logits=list, in_training=list, gradients=dict, layers=dict)
    expect(len(seen["logits"]) == len(passes), "What was recorded of this call did not come back whole.")
    outputs = int(arguments[3])
    seen["logits"] = [
        tensor(logits, (len(lengths), outputs), "The tensor of logits")
        for logits, (_, lengths) in zip(seen["logits"], passes, strict=True)
    ]
    return seen


def expect_parameters(seen: dict[str, Any], due: int, sizes: str) -> None:
    expect(
        seen["parameters"] == due,
        f"With {sizes} the model should have {due:,} trainable parameters, but it has {seen['parameters']:,}.",
    )


def layers(seen: dict[str, Any], embedding: Sequence[int], recurrent: nn.Module, linear: Sequence[int]) -> Any:
    """The model's own weights in torch's layers, or None where it is built in another way."""
    found = seen["layers"]
    try:
        table, weights = found["embedding"]["weight"].double(), found["recurrent"]
        last = nn.Linear(linear[0], linear[1]).double()
        recurrent.double().load_state_dict(weights)
        last.load_state_dict(found["linear"])
    except (AttributeError, KeyError, TypeError, RuntimeError):
        return None
    return (table, recurrent, last) if tuple(table.shape) == tuple(embedding) else None


def expect_head_reads_last_state(seen: dict[str, Any], built: Any, ids: Tensor) -> None:
    """Work the logits of equally long reviews out with the model's own weights, where they can be found."""
    if built is None:
        return
    table, recurrent, last = built
    with torch.no_grad():
        _, hidden = recurrent(table[ids])
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        off = apart(seen["logits"][0], last(hidden[-1]))
    expect(
        off < 1e-5,
        f"The logits are {off:.2g} away from what the linear layer makes of the state after the last word, in the "
        "model's own weights.",
    )


def expect_gradients_everywhere(seen: dict[str, Any]) -> None:
    silent = [name for name, largest in seen["gradients"].items() if not largest]
    expect(
        not silent,
        f"Some weights have no part in the prediction and will never learn: {len(silent)} of {len(seen['gradients'])} "
        "get no gradient.",
    )


@points("RNNClassifier", 0.5)
def test_plain_classifier_has_its_parameters(submission: Submission, rng: torch.Generator) -> None:
    """An embedding, a recurrent layer with two biases, a linear layer."""
    reviews = some_reviews(rng, 9, (4, 4), 4)
    for vocab, embed, hidden, out in ((whole(rng, 50, 90), 11, 6, 1), (whole(rng, 20, 40), 5, 7, 3)):
        seen = classified(submission, "RNNClassifier", (vocab, embed, hidden, out), reviews)
        due = vocab * embed + hidden * (embed + hidden + 2) + (hidden + 1) * out
        expect_parameters(seen, due, f"sizes {vocab}, {embed}, {hidden} and {out}")


@points("RNNClassifier", 0.5)
def test_reviews_of_a_batch_do_not_meet(submission: Submission, rng: torch.Generator) -> None:
    """Each review has the logits that it would have alone."""
    ids, lengths = some_reviews(rng, 30, (6, 6, 6, 6), 6)
    alone = [(ids[i : i + 1], lengths[i : i + 1]) for i in range(4)]
    seen = classified(submission, "RNNClassifier", (30, 5, 7, 2), (ids, lengths), *alone)
    batch, *single = seen["logits"]
    off = apart(batch, torch.cat(single))
    expect(off < 1e-5, f"In a batch of 4 a review has other logits than alone, {off:.2g} apart: reviews mix.")


@points("RNNClassifier", 0.5)
def test_prediction_is_made_from_the_last_state(submission: Submission, rng: torch.Generator) -> None:
    """A linear layer on the state after the last word, and nothing after it: these are logits."""
    ids, lengths = some_reviews(rng, 30, (6, 6, 6), 6)
    seen = classified(submission, "RNNClassifier", (30, 5, 7, 2), (ids, lengths))
    built = layers(seen, (30, 5), nn.RNN(5, 7, batch_first=True), (7, 2))
    if built is None:  # built by hand: the last word of all must matter
        changed = ids.clone()
        changed[:, -1] = 2 + (ids[:, -1] - 1) % 28
        seen = classified(submission, "RNNClassifier", (30, 5, 7, 2), (ids, lengths), (changed, lengths))
        different = apart(*seen["logits"]) > 1e-6 or not apart(seen["logits"][0], seen["logits"][0])
        expect(different, "The last word of a review can be exchanged without any change of its logits.")
    expect_head_reads_last_state(seen, built, ids)


@points("RNNClassifier", 0.5)
def test_every_weight_can_learn(submission: Submission, rng: torch.Generator) -> None:
    """A gradient comes back to the embedding, to the recurrence and to the linear layer."""
    reviews = some_reviews(rng, 30, (6, 6, 6), 6)
    expect_gradients_everywhere(classified(submission, "RNNClassifier", (30, 5, 7, 2), reviews))


# ----------------------------------------------------------------------------------------------------------------
# 2.4 binary_accuracy, train, evaluate, epoch_time


@points("binary_accuracy", 0.5)
def test_accuracy_is_the_share_of_right_predictions(submission: Submission, rng: torch.Generator) -> None:
    """With logits far from zero, for batches of several sizes."""
    for size in (7, 10, 1):
        y = torch.randint(0, 2, (size,), generator=rng).double()
        right = torch.rand(size, generator=rng) < 0.7
        right[::3] = True
        right[1:2] = False
        logits = torch.where(right, 2 * y - 1, 1 - 2 * y) * (3 + torch.rand(size, generator=rng).double())
        seen = number(submission.binary_accuracy(logits, y), "The accuracy")
        due = right.double().mean().item()
        expect(
            abs(seen - due) < 1e-6,
            f"Of {size} clear predictions {int(right.sum())} are right, so the accuracy is {due:.3f}; it came out as "
            f"{seen:.3f}.",
        )


@points("binary_accuracy", 0.5)
def test_logits_are_cut_at_zero(submission: Submission, rng: torch.Generator) -> None:
    """A logit is no probability: 0.2 already says positive, −0.2 negative."""
    sizes = 0.05 + 0.4 * torch.rand(6, generator=rng).double()
    for sign, label in ((1, 1.0), (-1, 0.0)):
        y = torch.full((6,), label, dtype=torch.float64)
        y[0] = 1 - label
        seen = number(submission.binary_accuracy(sign * sizes, y), "The accuracy")
        expect(
            abs(seen - 5 / 6) < 1e-6,
            f"Logits from {(sign * sizes).min():.2f} to {(sign * sizes).max():.2f} all predict the label {label:.0f}, "
            f"and five of six labels are that; the accuracy came out as {seen:.2f}.",
        )


VOCAB = 11


def some_batches(rng: torch.Generator) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Three batches of 5, 3 and 2 reviews. In the first most labels are 1, in the last they are 0."""
    batches = []
    for size, width, share in ((5, 6, 0.8), (3, 8, 0.5), (2, 4, 0.1)):
        lengths = [width - i % 3 for i in range(size)]
        ids, lengths_ = some_reviews(rng, VOCAB, lengths, width)
        batches.append((ids, lengths_, (torch.rand(size, generator=rng) < share).double()))
    return batches


def watched(
    submission: Submission, function: str, batches: list[tuple[Tensor, Tensor, Tensor]], weights: Tensor
) -> dict[str, Any]:
    """What was recorded of train or evaluate on these batches."""
    rate = 0.7 if function == "train" else None
    seen = submission.scenario("pass_over_batches", function, RIGHT_ACCURACY, batches, weights, rate)
    kinds = dict.fromkeys(("ids", "lengths", "logits", "modes", "graph", "before", "gradients"), list)
    return recorded(seen, **kinds, pulled=int)


def logit(weights: Tensor, ids: Tensor, lengths: Tensor) -> Tensor:
    """What the watched model answers: the mean weight of the words."""
    real = torch.arange(ids.shape[1]) < lengths[:, None]
    return (weights[ids] * real).sum(1) / lengths


def expect_all_seen(seen: dict[str, Any], batches: list[tuple[Tensor, Tensor, Tensor]]) -> None:
    expect(
        seen["pulled"] == len(batches),
        f"Of {len(batches)} batches {seen['pulled']} were taken from the iterator.",
    )
    count = len(seen["ids"])
    expect(count == len(batches), f"{len(batches)} batches went in, and the model was called {count} times.")
    for i, (ids, lengths, _) in enumerate(batches):
        fits = isinstance(seen["ids"][i], Tensor) and seen["ids"][i].equal(ids)
        expect(fits, f"In call {i + 1} the model got other ids than those of batch {i + 1}.")
        fits = isinstance(seen["lengths"][i], Tensor) and seen["lengths"][i].equal(lengths)
        expect(fits, f"In call {i + 1} the model got other lengths than those of batch {i + 1}.")


def expect_weighted_means(seen: dict[str, Any], batches: list[tuple[Tensor, Tensor, Tensor]]) -> None:
    """Compare with the recorded logits, whatever they are."""
    returned = seen.get("result")
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    expect(pair, f"Two numbers should come back, loss and accuracy, but it was {named(returned)}.")
    loss, accuracy = numbers(returned, 2, "loss and accuracy")
    logits = [
        tensor(item, (len(y), 1), "The logits").flatten()
        for item, (*_, y) in zip(seen["logits"], batches, strict=False)
    ]
    expect(logits, "The model was never called, so there is nothing to take a mean of.")
    labels = [y for *_, y in batches[: len(logits)]]
    due_loss = F.binary_cross_entropy_with_logits(torch.cat(logits), torch.cat(labels)).item()
    due_accuracy = ((torch.cat(logits) > 0) == (torch.cat(labels) > 0.5)).double().mean().item()
    sizes = " and ".join(str(len(y)) for y in labels)
    for name, value, due in (("loss", loss, due_loss), ("accuracy", accuracy, due_accuracy)):
        expect(
            abs(value - due) < 1e-6 * max(1, abs(due)),
            f"Over batches of {sizes} reviews the mean {name} is {due:.4f} per review; it came out as {value:.4f}.",
        )


@points("train", 0.5)
def test_training_sees_every_batch(submission: Submission, rng: torch.Generator) -> None:
    """Each batch goes through the model once, with its lengths."""
    batches = some_batches(rng)
    expect_all_seen(watched(submission, "train", batches, draw(rng, VOCAB)), batches)


@points("train", 0.25)
def test_weights_move_after_each_batch(submission: Submission, rng: torch.Generator) -> None:
    """One step per batch that the model saw, against a gradient that the batch sent back."""
    seen = watched(submission, "train", some_batches(rng), draw(rng, VOCAB))
    steps, passes = len(seen["gradients"]), len(seen["ids"])
    expect(passes, "The model was never called.")
    expect(steps == passes, f"The model was called {passes} times, and the optimizer took {steps} steps.")
    empty = sum(not isinstance(gradient, Tensor) for gradient in seen["gradients"])
    expect(not empty, f"At {empty} of {steps} steps of the optimizer there was no gradient to follow.")


@points("train", 0.5)
def test_gradients_of_earlier_batches_are_forgotten(submission: Submission, rng: torch.Generator) -> None:
    """At each step the gradient is that of one batch alone."""
    batches = some_batches(rng)
    seen = watched(submission, "train", batches, draw(rng, VOCAB))
    steps = list(zip(seen["before"], seen["gradients"], batches, strict=False))
    expect(steps, "The optimizer took no step.")
    for i, (before, gradient, (ids, lengths, labels)) in enumerate(steps, start=1):
        before = tensor(before, (VOCAB,), "The record of the weights").requires_grad_()
        loss = F.binary_cross_entropy_with_logits(logit(before, ids, lengths), labels)
        (due,) = torch.autograd.grad(loss, before)
        if not isinstance(gradient, Tensor):
            continue  # paid for where the steps are counted
        off = apart(tensor(gradient, (VOCAB,), "The record of the gradient"), due)
        expect(off < 1e-6, f"At step {i} the gradient is not that of batch {i} alone: they are {off:.2g} apart.")


@points("train", 0.25)
def test_training_happens_in_training_mode(submission: Submission, rng: torch.Generator) -> None:
    """The model comes in eval mode, as evaluate leaves it."""
    seen = watched(submission, "train", some_batches(rng), draw(rng, VOCAB))
    expect(seen["modes"], "The model was never called.")
    off = sum(mode is not True for mode in seen["modes"])
    expect(not off, f"In {off} of {len(seen['modes'])} calls the model was in eval mode, so its dropout was off.")


@points("train", 0.5)
def test_means_of_training_are_weighted(submission: Submission, rng: torch.Generator) -> None:
    """Loss and accuracy per review, not per batch."""
    batches = some_batches(rng)
    expect_weighted_means(watched(submission, "train", batches, 3 * draw(rng, VOCAB)), batches)


@points("evaluate", 0.25)
def test_evaluation_sees_every_batch(submission: Submission, rng: torch.Generator) -> None:
    """Each batch goes through the model once, with its lengths."""
    batches = some_batches(rng)
    expect_all_seen(watched(submission, "evaluate", batches, draw(rng, VOCAB)), batches)


@points("evaluate", 0.5)
def test_evaluation_happens_in_eval_mode(submission: Submission, rng: torch.Generator) -> None:
    """The model comes in training mode, as train leaves it."""
    seen = watched(submission, "evaluate", some_batches(rng), draw(rng, VOCAB))
    expect(seen["modes"], "The model was never called.")
    off = sum(mode is not False for mode in seen["modes"])
    expect(not off, f"In {off} of {len(seen['modes'])} calls the model was in training mode, so its dropout was on.")


@points("evaluate", 0.25)
def test_evaluation_leaves_no_gradients(submission: Submission, rng: torch.Generator) -> None:
    """No graph is kept, no gradient is left behind, no weight moves."""
    weights = draw(rng, VOCAB)
    seen = watched(submission, "evaluate", some_batches(rng), weights)
    expect(seen["graph"], "The model was never called.")
    kept = sum(graph is not False for graph in seen["graph"])
    expect(
        not kept,
        f"In {kept} of {len(seen['graph'])} calls a graph for gradients was kept, which costs time and memory.",
    )
    expect(seen.get("gradient_left") is None, "After the evaluation the weights hold gradients.")
    tensor(seen.get("weights"), (VOCAB,), "The record of the weights")
    expect(same_as_before(weights, seen["weights"]), "The evaluation changed the weights of the model.")


@points("evaluate", 0.5)
def test_means_of_evaluation_are_weighted(submission: Submission, rng: torch.Generator) -> None:
    """Loss and accuracy per review, not per batch."""
    batches = some_batches(rng)
    expect_weighted_means(watched(submission, "evaluate", batches, 3 * draw(rng, VOCAB)), batches)


@points("epoch_time", 0.5)
def test_time_is_told_in_minutes_and_seconds(submission: Submission, rng: torch.Generator) -> None:
    """Whole minutes, and the whole seconds that remain."""
    for minutes, seconds, rest in (
        (0, whole(rng, 0, 60), 0.3),
        (1, 0, 0.4),
        (whole(rng, 2, 90), whole(rng, 1, 60), 0.8),
    ):
        start = 1000.0 + whole(rng, 0, 500)
        seen = numbers(submission.epoch_time(start, start + 60 * minutes + seconds + rest), 2, "minutes and seconds")
        expect(
            seen == [minutes, seconds],
            f"{60 * minutes + seconds + rest:.1f} seconds are {minutes} min {seconds} s, in whole numbers; it came out "
            f"as {seen[0]:g} min {seen[1]:g} s.",
        )


# ----------------------------------------------------------------------------------------------------------------
# 2.5 LSTMClassifier, GRUClassifier


def gated_parameters(
    gates: int, vocab: int, embed: int, hidden: int, out: int, n_layers: int, bidirectional: bool, reads: int = 1
) -> int:
    """Embedding; `gates` blocks per layer and direction, each with two biases; a linear layer on `reads` outputs."""
    directions = 2 if bidirectional else 1
    wide = [embed] + [hidden * directions] * (n_layers - 1)
    recurrent = sum(directions * gates * hidden * (width + hidden + 2) for width in wide)
    return vocab * embed + recurrent + (reads * directions * hidden + 1) * out


def expect_gated_parameters(submission: Submission, rng: torch.Generator, name: str, gates: int) -> None:
    reviews = some_reviews(rng, 9, (4, 3), 4)
    for vocab, embed, hidden, out, n_layers, bidirectional in (
        (whole(rng, 20, 40), 5, 7, 2, 1, False),
        (whole(rng, 20, 40), 5, 7, 1, 3, False),
        (whole(rng, 20, 40), 4, 6, 3, 2, True),
    ):
        seen = classified(submission, name, (vocab, embed, hidden, out, n_layers, 0.0, 0, bidirectional), reviews)
        ways = "both directions" if bidirectional else "one direction"
        due = gated_parameters(gates, vocab, embed, hidden, out, n_layers, bidirectional)
        expect_parameters(seen, due, f"{n_layers} layers in {ways}, sizes {vocab}, {embed}, {hidden} and {out},")


def expect_padding_without_effect(submission: Submission, rng: torch.Generator, name: str) -> None:
    pad = whole(rng, 0, 2)
    arguments = (30, 5, 7, 2, 2, 0.0, pad, True)
    lengths = [3, 6, 1, 5]
    ids, counts = some_reviews(rng, 30, lengths, 6)
    behind = torch.arange(6) >= counts[:, None]
    ids[behind] = pad
    longer = torch.cat([ids, torch.full((4, 5), pad)], dim=1)
    other = torch.where(behind, torch.randint(2, 30, ids.shape, generator=rng), ids)
    alone = [(ids[i : i + 1, :length], counts[i : i + 1]) for i, length in enumerate(lengths)]
    seen = classified(submission, name, arguments, (ids, counts), (longer, counts), (other, counts), *alone)
    batch, more, exchanged, *single = seen["logits"]
    off = apart(more, batch)
    expect(off < 1e-6, f"When 5 more padded places follow, the logits change by {off:.2g}.")
    off = apart(exchanged, batch)
    expect(
        off < 1e-6, f"When only what stands behind the end of the reviews is exchanged, the logits change by {off:.2g}."
    )
    off = apart(batch, torch.cat(single))
    expect(
        off < 1e-6,
        f"Reviews of {', '.join(map(str, lengths))} words have other logits in one batch than each alone, {off:.2g} "
        "apart.",
    )


def expect_embedding_of_padding_is_zero(submission: Submission, rng: torch.Generator, name: str) -> None:
    pad = whole(rng, 3, 7)
    seen = classified(submission, name, (30, 5, 7, 2, 1, 0.0, pad, False), some_reviews(rng, 30, (4, 4), 4))
    built = layers(seen, (30, 5), getattr(nn, name[: -len("Classifier")])(5, 7, batch_first=True), (7, 2))
    if built is not None:
        expect(not built[0][pad].any(), f"With pad_index {pad} the vector of id {pad} in the embedding is not zero.")


def expect_last_state(submission: Submission, rng: torch.Generator, name: str) -> None:
    ids, lengths = some_reviews(rng, 30, (6, 6, 6), 6)
    for n_layers in (1, 2):
        seen = classified(submission, name, (30, 5, 7, 2, n_layers, 0.0, 0, False), (ids, lengths))
        recurrent = getattr(nn, name[: -len("Classifier")])(5, 7, n_layers, batch_first=True)
        expect_head_reads_last_state(seen, layers(seen, (30, 5), recurrent, (7, 2)), ids)


def expect_dropout_in_training_only(submission: Submission, rng: torch.Generator, name: str) -> None:
    ids, lengths = some_reviews(rng, 60, (9, 7, 8, 6), 9)
    for rate in (0.5, 0.0):
        seen = classified(submission, name, (60, 20, 24, 2, 1, rate, 0, False), (ids, lengths), (ids, lengths))
        off = apart(*seen["logits"])
        expect(
            off < 1e-9, f"At a dropout rate of {rate} the logits differ from call to call in eval mode, by {off:.2g}."
        )
        expect(len(seen["in_training"]) == 2, "What was recorded of this call did not come back whole.")
        off = apart(*(tensor(logits, (4, 2), "The tensor of logits") for logits in seen["in_training"]))
        if rate:
            expect(
                off > 1e-6, f"At a dropout rate of {rate}, with one layer, two calls in training mode agree exactly."
            )
        else:
            expect(off < 1e-9, f"At a dropout rate of 0 two calls in training mode differ by {off:.2g}.")


def expect_flatten_head(submission: Submission, rng: torch.Generator, name: str, gates: int) -> None:
    longest = 12
    ids, lengths = some_reviews(rng, 30, (4, 9, 6), 9)
    wider = torch.cat([ids, torch.zeros(3, 2, dtype=torch.int64)], dim=1)
    arguments = (30, 5, 7, 2, 1, 0.0, 0, False, "flatten", longest)
    first = ids.clone()
    first[:, 0] = 2 + (ids[:, 0] - 1) % 28
    seen = classified(submission, name, arguments, (ids, lengths), (wider, lengths), (first, lengths))
    due = gated_parameters(gates, 30, 5, 7, 2, 1, False, reads=longest)
    expect_parameters(seen, due, f"head flatten, max_length {longest}, sizes 30, 5, 7 and 2,")
    off = apart(seen["logits"][1], seen["logits"][0])
    expect(off < 1e-6, f"With head flatten the logits change by {off:.2g} when 2 more padded places follow.")
    built = layers(seen, (30, 5), getattr(nn, name[: -len("Classifier")])(5, 7, batch_first=True), (7 * longest, 2))
    if built is not None:
        table, recurrent, last = built
        with torch.no_grad():
            outputs, _ = recurrent(table[ids])
            outputs = outputs * (torch.arange(9) < lengths[:, None])[..., None]
            flat = F.pad(outputs, (0, 0, 0, longest - 9)).flatten(1)
            off = apart(seen["logits"][0], last(flat))
        expect(
            off < 1e-5,
            f"With head flatten the linear layer should read the outputs of all {longest} places one after the other, "
            f"zeros behind the end of a review; the logits are {off:.2g} away from that.",
        )


def expect_both_directions_to_learn(submission: Submission, rng: torch.Generator, name: str) -> None:
    arguments = (30, 5, 7, 2, 2, 0.0, 0, True)
    expect_gradients_everywhere(classified(submission, name, arguments, some_reviews(rng, 30, (6, 6, 6), 6)))


@points("LSTMClassifier", 0.5)
def test_lstm_has_its_parameters(submission: Submission, rng: torch.Generator) -> None:
    """Four blocks per layer and direction."""
    expect_gated_parameters(submission, rng, "LSTMClassifier", 4)


@points("LSTMClassifier", 0.5)
def test_lstm_does_not_read_padding(submission: Submission, rng: torch.Generator) -> None:
    """More padding, other ids behind the end, other reviews in the batch: nothing changes."""
    expect_padding_without_effect(submission, rng, "LSTMClassifier")


@points("LSTMClassifier", 0.25)
def test_lstm_gives_padding_the_zero_vector(submission: Submission, rng: torch.Generator) -> None:
    """The embedding knows which id is padding."""
    expect_embedding_of_padding_is_zero(submission, rng, "LSTMClassifier")


@points("LSTMClassifier", 0.5)
def test_lstm_predicts_from_the_last_hidden_state(submission: Submission, rng: torch.Generator) -> None:
    """The hidden state of the last layer goes into the linear layer, whose result comes back as it is."""
    expect_last_state(submission, rng, "LSTMClassifier")


@points("LSTMClassifier", 0.25)
def test_lstm_uses_both_directions_of_the_last_layer(submission: Submission, rng: torch.Generator) -> None:
    """With two layers in both directions, each weight has a part in the prediction."""
    expect_both_directions_to_learn(submission, rng, "LSTMClassifier")


@points("LSTMClassifier", 0.25)
def test_lstm_drops_in_training_only(submission: Submission, rng: torch.Generator) -> None:
    """Dropout is there with a single layer too, and off in eval mode."""
    expect_dropout_in_training_only(submission, rng, "LSTMClassifier")


@points("LSTMClassifier", 0.25)
def test_lstm_can_flatten_its_outputs(submission: Submission, rng: torch.Generator) -> None:
    """The linear layer reads max_length outputs side by side."""
    expect_flatten_head(submission, rng, "LSTMClassifier", 4)


@points("GRUClassifier", 0.25)
def test_gru_has_its_parameters(submission: Submission, rng: torch.Generator) -> None:
    """Three blocks per layer and direction, and a head that can flatten."""
    expect_gated_parameters(submission, rng, "GRUClassifier", 3)
    expect_flatten_head(submission, rng, "GRUClassifier", 3)


@points("GRUClassifier", 0.25)
def test_gru_does_not_read_padding(submission: Submission, rng: torch.Generator) -> None:
    """More padding, other ids behind the end, other reviews in the batch: nothing changes."""
    expect_padding_without_effect(submission, rng, "GRUClassifier")


@points("GRUClassifier", 0.25)
def test_gru_predicts_from_the_last_states(submission: Submission, rng: torch.Generator) -> None:
    """The states of the last layer, of both directions where there are two."""
    expect_last_state(submission, rng, "GRUClassifier")
    expect_both_directions_to_learn(submission, rng, "GRUClassifier")


@points("GRUClassifier", 0.25)
def test_gru_drops_in_training_only(submission: Submission, rng: torch.Generator) -> None:
    """Dropout is there with a single layer too, and off in eval mode."""
    expect_dropout_in_training_only(submission, rng, "GRUClassifier")


# ----------------------------------------------------------------------------------------------------------------
# 2.6 run_experiment

# Lowest training loss: epoch 4. Lowest validation loss: epoch 2. Highest validation accuracy: epoch 3.
TRAINED = [[0.69, 0.51], [0.52, 0.74], [0.33, 0.86], [0.21, 0.93], [0.26, 0.91]]
VALID = [[0.68, 0.55], [0.44, 0.79], [0.47, 0.82], [0.61, 0.81], [0.58, 0.80]]
KEYS = ("train_loss", "train_accuracy", "valid_loss", "valid_accuracy")


def experiment(submission: Submission, **hparams: Any) -> dict[str, Any]:
    hparams = {"seed": 5, "optimizer": "Adam", "lr": 0.01, "epochs": 5} | hparams
    seen = submission.scenario("experiment", hparams, TRAINED, VALID)
    return recorded(seen, calls=list, optimizers=list, one_optimizer=bool, wholes=bool)


@points("run_experiment", 0.25)
def test_each_epoch_trains_and_then_validates(submission: Submission, rng: torch.Generator) -> None:
    """One model, trained on the training batches and evaluated on the others, as often as there are epochs."""
    for epochs in (1, 5):
        seen = experiment(submission, epochs=epochs)
        due = ["build", *["train on training", "evaluate on validation"] * epochs]
        said = ", ".join(str(call)[:24] for call in seen["calls"][:6])
        expect(
            seen["calls"] == due,
            f"For {epochs} epochs the calls should be to build once, then train and evaluate in turn; they were: "
            f"{said}.",
        )
        expect(
            seen["wholes"],
            "The model that was built, its optimizer and a mean loss on logits do not go together in each call.",
        )
        history: Any = seen.get("history")
        expect(
            isinstance(history, list) and len(history) == epochs,
            f"The history of {epochs} epochs should be a list of as many entries, but it is {named(history)}.",
        )
        for epoch, entry in enumerate(history):
            expect(
                isinstance(entry, dict),
                f"Each entry of the history should be a dict, but number {epoch + 1} is {named(entry)}.",
            )
            for key, value in zip(KEYS, TRAINED[epoch] + VALID[epoch], strict=True):
                expect(key in entry, f"The history of epoch {epoch + 1} has no {key}.")
                kept = number(entry[key], f"The {key} of epoch {epoch + 1}")
                expect(
                    abs(kept - value) < 1e-9,
                    f"The {key} of epoch {epoch + 1} was {value}, and the history says {kept:.4g}.",
                )


@points("run_experiment", 0.25)
def test_hparams_choose_the_optimizer(submission: Submission, rng: torch.Generator) -> None:
    """One optimizer for all epochs, of the class and with the learning rate that hparams name."""
    for name, rate in (("Adagrad", 0.03), ("SGD", 0.2), ("RMSprop", 0.004)):
        seen = experiment(submission, optimizer=name, lr=rate)
        expect(seen["optimizers"], "Nothing was trained.")
        for kind in seen["optimizers"]:
            fits = isinstance(kind, list) and len(kind) == 2 and isinstance(kind[1], float)
            expect(fits, "What was recorded of this call did not come back whole.")
            expect(
                kind[0] == name and math.isclose(kind[1], rate, rel_tol=1e-6),
                f"With optimizer {name} and lr {rate} in hparams the training got {str(kind[0])[:20]} with lr "
                f"{kind[1]:g}.",
            )
        expect(seen["one_optimizer"], "Each epoch gets a new optimizer, which knows nothing of the steps before.")


@points("run_experiment", 0.25)
def test_same_seed_gives_the_same_model(submission: Submission, rng: torch.Generator) -> None:
    """The seed is set before the model is built."""
    seed = whole(rng, 1, 1000)
    first = [
        tensor(experiment(submission, seed=s).get("first"), (1, 3), "The record of the weights")
        for s in (seed, seed, seed + 1)
    ]
    expect(first[0].equal(first[1]), "With the same seed two experiments start from different weights.")
    expect(not first[0].equal(first[2]), "With different seeds two experiments start from the same weights.")


@points("run_experiment", 0.25)
def test_model_of_the_best_epoch_comes_back(submission: Submission, rng: torch.Generator) -> None:
    """Best is the lowest validation loss. Each epoch of this trainer adds 1 to all weights, which tells them apart."""
    for epochs, best in ((5, 2), (1, 1)):
        seen = experiment(submission, epochs=epochs)
        first = tensor(seen.get("first"), (1, 3), "The record of the weights")
        last = tensor(seen.get("last"), (1, 3), "The record of the weights")
        kept = (last - first).mean().item()
        expect(
            abs(kept - best) < 1e-3,
            f"Of {epochs} epochs number {best} has the lowest validation loss; the model that comes back is that after "
            f"epoch {kept:.0f}.",
        )


# ----------------------------------------------------------------------------------------------------------------
# 2.7 sentiment_classifier

ARTEFACT = "sentiment_lstm.safetensors"
REVIEWS = 2000
CHUNK = 150
CHANCE, FULL = 0.50, 0.85
BEST = 0.89  # of LSTMs on all the reviews of the training split, on a GPU
LONGEST = 1024
FEW, SHORT = 8, 64  # reviews, and words of each, that tell which weights learn


def make_ready(handed_in: Sequence[HandedIn], class_seed: int, tell: Callable[[str], None]) -> list[ResourceMissing]:
    """What the accuracy cannot be measured without: reviews."""
    return lacks(partial(tell_source, tell)) or lacks(partial(questions, REVIEWS, class_seed))


@points("sentiment_classifier", 0.25)
def test_classifier_is_built_for_any_vocabulary(submission: Submission, rng: torch.Generator) -> None:
    """One logit per review, whatever the size of the vocabulary."""
    counts = []
    for vocab_size in (whole(rng, 40, 60), whole(rng, 200, 300)):
        model = submission.sentiment_classifier(vocab_size)
        ids, lengths = some_reviews(rng, vocab_size, (5, 8, 3), 8)
        ids[0, 0] = vocab_size - 1
        logits_of(submission, model, ids, lengths)
        counts.append(sum(math.prod(shape) for shape in shapes_of(submission, model).values()))
    expect(counts[0] < counts[1], "The model has as many weights for a vocabulary of 300 words as for one of 50.")


def shapes_of(submission: Submission, model: Any) -> dict[str, list[int]]:
    """Name and shape of every weight that the model loads."""
    shapes = recorded(submission.scenario("weights_wanted", model))
    for shape in shapes.values():
        fits = isinstance(shape, list) and all(type(size) is int and 0 <= size < 2**40 for size in shape)
        expect(fits, "What was recorded of this call did not come back whole.")
    return shapes


def logits_of(submission: Submission, model: Any, ids: Tensor, lengths: Tensor) -> Tensor:
    expect(
        callable(model) and not isinstance(model, Tensor),
        f"sentiment_classifier should return a module that can be called, but returned {named(model)}.",
    )
    logits = submission.scenario("logits_of_reviews", model, ids, lengths)
    if isinstance(logits, Tensor) and logits.shape == (len(lengths),):
        logits = logits[:, None]
    return tensor(logits, (len(lengths), 1), "The tensor of logits")[:, 0]


def saved_vocabulary(metadata: dict[str, str]) -> tuple[dict[str, int], int]:
    """The vocabulary (word → id) and the length to cut to, as the notebook saved them."""
    try:
        words = json.loads(metadata["vocabulary"])
        longest = int(metadata["max_length"])
    except (KeyError, ValueError, RecursionError):
        words, longest = None, 0
    fits = isinstance(words, list) and all(isinstance(word, str) for word in words) and UNK in words and longest > 0
    expect(fits, f"{ARTEFACT} lacks the vocabulary or max_length that the notebook saves with it. Save it again.")
    return {word: i for i, word in enumerate(words)}, min(longest, LONGEST)


@points("sentiment_classifier", 1.75)
def test_saved_classifier_reads_unseen_reviews(submission: Submission, rng: torch.Generator) -> None:
    """Credit grows with the accuracy, from none at 50% to all at 85%."""
    saved = submission.artefact(ARTEFACT)
    vocab, longest = saved_vocabulary(saved.metadata)
    model = submission.sentiment_classifier(len(vocab))
    expect(callable(model), f"sentiment_classifier should return a module, but returned {named(model)}.")
    shapes = {name: list(weight.shape) for name, weight in saved.tensors.items()}
    expect(
        shapes_of(submission, model) == shapes,
        "The saved weights are not those of the module that sentiment_classifier builds. Was it changed after the "
        "training, or trained with another vocabulary?",
    )
    submission.scenario("load_weights", model, saved.tensors)
    asked = questions(REVIEWS, whole(rng, 0, 2**62))
    texts = [tokenize(text, vocab) for text, _ in asked]
    ids = [torch.tensor(text[:longest] or [1]) for text in texts]

    def batch_of(numbers: list[int]) -> tuple[Tensor, Tensor]:
        chosen = [ids[number] for number in numbers]
        return pad_sequence(chosen, batch_first=True), torch.tensor([len(review) for review in chosen])

    measured = measure(
        lambda numbers: logits_of(submission, model, *batch_of(numbers)),
        [len(review) for review in ids],
        [label for _, label in asked],
        CHUNK,
        rng,
    )
    for sentence in (
        *doubts.too_good(measured, BEST),
        *doubts.unsteady(measured),
        *doubts.short_sighted(sum(map(len, ids)), sum(map(len, texts))),
        *doubts.idle(ARTEFACT, saved.tensors, idle_weights(submission, model, *batch_of(list(range(FEW))))),
        *doubts.talkative(ARTEFACT, {**saved.metadata, "vocabulary": ""}),
    ):
        submission.note(sentence)
    expect(not measured.constant, "The saved classifier gives every review the same logit: it does not read them.")
    credit(
        (measured.accuracy - CHANCE) / (FULL - CHANCE),
        f"The saved classifier is right on {measured.accuracy:.1%} of {measured.reviews:,} reviews that it has not seen"
        f"; all points are given from {FULL:.0%} on.",
    )


def idle_weights(submission: Submission, model: Any, ids: Tensor, lengths: Tensor) -> list[str]:
    """Names of the weights that these reviews give no gradient; none where that cannot be told."""
    try:
        names = submission.scenario("weights_without_gradient", model, ids[:, :SHORT], lengths.clamp(max=SHORT))
    except StudentError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


# ----------------------------------------------------------------------------------------------------------------
# 2.8 statements_recurrent


def stated(submission: Submission, statement: int) -> bool:
    """What was answered to a statement."""
    answers = submission.statements_recurrent()
    expect(
        isinstance(answers, dict), f"A dict of statement → True or False should come back, but it was {named(answers)}."
    )
    answer = answers.get(statement)
    expect(isinstance(answer, bool), f"Statement {statement} is answered neither with True nor with False.")
    return bool(answer)


@points("statements_recurrent", 0.5)
def test_statement_about_gradient_clipping(submission: Submission, rng: torch.Generator) -> None:
    """Statement 1."""
    expect(stated(submission, 1) is False, "Think again about statement 1: what does clipping do to a small gradient?")


@points("statements_recurrent", 0.25)
def test_statement_about_embeddings(submission: Submission, rng: torch.Generator) -> None:
    """Statement 2."""
    expect(stated(submission, 2) is True, "Think again about statement 2: what could keep an entry above zero?")


@points("statements_recurrent", 0.25)
def test_statement_about_the_memory_cell(submission: Submission, rng: torch.Generator) -> None:
    """Statement 3."""
    expect(stated(submission, 3) is False, "Think again about statement 3: must the two gates sum to one?")
