"""Hidden tests of stage 07. All sizes within a test differ, so that a swapped axis shows.

The model is built on a small BERT with random weights; what its head makes of the encoder's features is compared with a
GRU of the same weights. Accuracy is that of the saved head on features that are computed once for the whole class.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from autograder.hidden_tests import ResourceMissing, Told, credit, expect, points
from autograder.remote import HandedIn, StudentError, Submission
from coursekit.features import Features
from solutions.heldout import doubts, lacks, tell_source
from solutions.heldout.asking import measure
from solutions.heldout.features import check_tokenizer, graded_features, needs_tokenizer, reader_of
from solutions.reading import apart, draw, named, number, numbers, recorded, rounding, tensor

WORDS, WIDTH = 60, 12  # of the scenario's small BERT
BUILT = {
    "trainable": int, "encoder_trainable": int, "logits": list, "in_training": list, "read": list, "behind": list,
    "modes": list, "graphs": list, "gradients": dict, "layers": dict,
}  # fmt: skip
Settings = tuple[int, int, int, bool, float]
"""hidden_dim, output_dim, n_layers, bidirectional, dropout"""


# ----------------------------------------------------------------------------------------------------------------
# 7.1 BERTGRUSentiment


def some_ids(rng: torch.Generator, lengths: list[int], seq_len: int) -> tuple[Tensor, Tensor]:
    """Reviews of these lengths, padded with id 0 to seq_len, and their attention mask."""
    ids = torch.randint(1, WORDS, (len(lengths), seq_len), generator=rng)
    mask = (torch.arange(seq_len) < torch.tensor(lengths)[:, None]).long()
    return ids * mask, mask


def built(submission: Submission, settings: Settings, passes: list[tuple[Tensor, Tensor]]) -> dict[str, Any]:
    """What the scenario recorded of a model: as many logits as passes, two results in training."""
    seen = recorded(submission.scenario("sentiment_built", list(settings), passes), **BUILT)
    whole = (len(seen["logits"]), len(seen["in_training"]), len(seen["read"]), len(seen["behind"])) == (
        len(passes), 2, 3, 2,
    )  # fmt: skip
    expect(whole, "What was recorded of this model did not come back whole.")
    return seen


def column(value: Any, reviews: int) -> Tensor:
    """One logit per review; that they should be a column is the matter of one test."""
    if isinstance(value, Tensor) and value.shape == (reviews,):
        return tensor(value, (reviews,), "The result")[:, None]
    return tensor(value, (reviews, 1), "The result")


def head_size(hidden_dim: int, output_dim: int, n_layers: int, bidirectional: bool, width: int = WIDTH) -> int:
    """Numbers in a GRU and in the linear layer behind it."""
    directions = 2 if bidirectional else 1
    size = output_dim * (directions * hidden_dim + 1)
    for _ in range(n_layers):
        size += directions * 3 * hidden_dim * (width + hidden_dim + 2)
        width = directions * hidden_dim
    return size


@points("BERTGRUSentiment", 0.5)
def test_model_has_the_parameters_of_the_course(submission: Submission, rng: torch.Generator) -> None:
    """On bert-base the whole model has 112,241,409 parameters."""
    seen = recorded(submission.scenario("size_on_bert_base", 256, 1, 2, True, 0.25), all=int, trainable=int)
    expect(
        seen["all"] == 112_241_409,
        f"On bert-base, with two layers of 256 in both directions, the model should have 112,241,409 parameters. It "
        f"has {seen['all']:,}.",
    )


@points("BERTGRUSentiment", 0.5)
def test_encoder_is_frozen(submission: Submission, rng: torch.Generator) -> None:
    """None of its weights wants a gradient, and none is recorded while it reads."""
    seen = built(submission, (5, 1, 1, True, 0.0), [some_ids(rng, [7, 7], 7)])
    expect(
        seen["encoder_trainable"] == 0,
        f"{seen['encoder_trainable']:,} weights of the encoder still want gradients; a frozen encoder has none.",
    )
    expect(seen["gradients"].get("encoder") == 0, "A backward pass leaves gradients in the encoder.")
    expect(
        seen["graphs"] and not any(seen["graphs"]),
        "The encoder runs while gradients are being recorded. It should run where none are.",
    )


@points("BERTGRUSentiment", 0.5)
def test_encoder_stays_in_eval_mode(submission: Submission, rng: torch.Generator) -> None:
    """Without dropout in the head, a model in train mode says what it says in eval mode."""
    seen = built(submission, (4, 1, 1, False, 0.0), [some_ids(rng, [6, 6, 6], 6)])
    modes = [number(mode, "A count of parts in train mode") for mode in seen["modes"]]
    expect(modes, "In train mode the model does not call the encoder that it was built on.")
    expect(
        max(modes) == 0, "When the model is put into train mode, its encoder goes along. It should stay in eval mode."
    )
    first, second = (column(result, 3) for result in seen["in_training"])
    still = column(seen["logits"][0], 3)
    expect(
        max(apart(first, still), apart(second, still)) < 1e-6,
        "With a dropout of 0, train mode should change nothing, for the encoder is frozen. Here it changes the logits.",
    )


@points("BERTGRUSentiment", 0.75)
def test_prediction_does_not_depend_on_padding(submission: Submission, rng: torch.Generator) -> None:
    """More padding, or other ids in it, changes nothing; a real token does."""
    lengths, seq_len = [9, 4, 6], 9
    ids, mask = some_ids(rng, lengths, seq_len)
    wider, wider_mask = F.pad(ids, (0, 3)), F.pad(mask, (0, 3))
    other = torch.where(wider_mask == 1, wider, torch.randint(1, WORDS, wider.shape, generator=rng))
    exchanged = ids.clone()
    exchanged[:, 1] = (ids[:, 1] + 5) % (WORDS - 1) + 1
    passes = [(ids, mask), (wider, wider_mask), (other, wider_mask), (exchanged, mask), (ids[1:2, :4], mask[1:2, :4])]
    seen = built(submission, (5, 1, 2, True, 0.0), passes)
    logits = [column(result, len(p[0])) for result, p in zip(seen["logits"], passes, strict=True)]
    off = max(apart(logits[1], logits[0]), apart(logits[4], logits[0][1:2]))
    expect(
        off < 1e-6,
        f"More padding behind a review changes its logit by {off:.2g}. Do both the encoder and the recurrent layer "
        "know where a review ends?",
    )
    expect(apart(logits[2], logits[0]) < 1e-6, "Other ids where there is padding change the logit of a review.")
    expect(
        bool(((logits[3] - logits[0]).abs() > 1e-9).all()),
        "Another token at the second place leaves a logit as it was.",
    )


@points("BERTGRUSentiment", 0.75)
def test_logits_come_from_the_last_states(submission: Submission, rng: torch.Generator) -> None:
    """A GRU of the same weights, read forward and backward, and the linear layer."""
    seen = built(submission, (5, 3, 2, True, 0.0), [some_ids(rng, [8, 8, 8, 8], 8)])
    logits = tensor(seen["behind"][0], (4, 3), "What classify returns for 4 reviews and 3 outputs")
    due = expected_logits(seen["layers"], tensor(seen["read"][0], (4, 8, WIDTH), "The features"))
    off = min(apart(logits, one) for one in due)
    expect(
        off < 1e-6,
        f"The logits are {off:.2g} away from the linear layer's view of the last states, forward and backward, of the "
        "last layer.",
    )


def expected_logits(layers: Any, read: Tensor) -> list[Tensor]:
    """Logits from the weights found in a model, whatever number of layers they are, with the states in either order."""
    found = {}
    for part in ("gru", "linear"):
        given = layers.get(part)
        expect(isinstance(given, dict), "Beside the encoder there should be one GRU and one linear layer.")
        for name, weight in given.items():
            expect(isinstance(weight, Tensor), "What was recorded of this model did not come back whole.")
            found[f"{part}.{name}"] = tensor(weight, weight.shape, "A weight of the head")
    n_layers = sum(name.startswith("gru.weight_ih_l") and "reverse" not in name for name in found)
    both = "gru.weight_ih_l0_reverse" in found
    hidden_dim = found["gru.weight_hh_l0"].shape[-1] if "gru.weight_hh_l0" in found else 0
    expect(n_layers > 0 and hidden_dim > 0, "What was recorded of this model did not come back whole.")
    head = nn.ModuleDict(
        {
            "gru": nn.GRU(read.shape[2], hidden_dim, n_layers, bidirectional=both, batch_first=True),
            "linear": nn.Linear((1 + both) * hidden_dim, 3),
        }
    ).double()
    fits = {name: weight.shape for name, weight in head.state_dict().items()} == {
        name: weight.shape for name, weight in found.items()
    }
    expect(
        fits, "The linear layer does not have room for the last states of all directions, or the GRU is another one."
    )
    head.load_state_dict(found)
    with torch.no_grad():
        _, states = head["gru"](read)
        ends = [states[-2], states[-1]] if both else [states[-1]]
        due: list[Tensor] = [head["linear"](torch.cat(order, dim=1)) for order in (ends, ends[::-1])]
    return due


@points("BERTGRUSentiment", 0.25)
def test_layers_and_directions_are_as_asked(submission: Submission, rng: torch.Generator) -> None:
    """The head has the size of what was asked for."""
    some: list[Settings] = [(5, 2, 3, True, 0.2), (7, 1, 1, False, 0.2), (4, 1, 2, False, 0.1)]
    for settings in some:
        seen = built(submission, settings, [some_ids(rng, [5, 5], 5)])
        size = seen["trainable"] - seen["encoder_trainable"]
        hidden, outputs, layers, both, _ = settings
        due = head_size(hidden, outputs, layers, both)
        expect(
            size == due,
            f"With {layers} layer{'s' * (layers > 1)} of {hidden} in {'both directions' if both else 'one direction'} "
            f"and {outputs} output{'s' * (outputs > 1)} the head should have {due:,} parameters. It has {size:,}.",
        )


@points("BERTGRUSentiment", 0.5)
def test_head_learns_behind_the_encoder(submission: Submission, rng: torch.Generator) -> None:
    """`classify` on the encoder's features gives the model's logits, and every weight of the head gets a gradient."""
    ids, mask = some_ids(rng, [7, 3], 7)
    seen = built(submission, (6, 1, 2, True, 0.0), [(ids, mask)])
    features = tensor(seen.get("features"), (2, 7, WIDTH), "What encode returns")
    # A mistake with the mask is paid for elsewhere.
    read = [tensor(one, (2, 7, WIDTH), "What the encoder reads") for one in seen["read"]]
    expect(
        min(apart(features[mask == 1], one[mask == 1]) for one in read) < 1e-6,
        "What encode returns is not what the encoder says last about each token.",
    )
    expect(
        apart(column(seen["behind"][1], 2), column(seen["logits"][0], 2)) < 1e-6,
        "What classify makes of the features is not what the whole model answers.",
    )
    learning = number(seen["gradients"].get("head"), "The number of weights that learn")
    idle = number(seen["gradients"].get("head_without"), "The number of weights that do not learn")
    expect(learning > 0 and idle == 0, "A backward pass leaves weights of the head without a gradient.")


@points("BERTGRUSentiment", 0.25)
def test_dropout_only_while_training(submission: Submission, rng: torch.Generator) -> None:
    """With one layer, dropout stands before the linear layer: on in train mode, off in eval mode."""
    ids, mask = some_ids(rng, [5, 5, 5, 5], 5)
    seen = built(submission, (16, 1, 1, True, 0.5), [(ids, mask), (ids, mask)])
    still = [column(result, 4) for result in seen["logits"]]
    expect(apart(*still) < 1e-9, "In eval mode the same reviews get other logits each time.")
    first, second = (column(result, 4) for result in seen["in_training"])
    expect(
        min(apart(first, second), apart(first, still[0])) > 1e-6,
        "In train mode, with a dropout of one half, nothing is dropped: the logits are the same each time.",
    )


# ----------------------------------------------------------------------------------------------------------------
# 7.2 train_epoch, evaluate_epoch, fit

PASSED = {"modes": list, "graph": list, "reviews": list, "before": list, "gradients": list}


def some_batches(rng: torch.Generator, sizes: list[int], d_model: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Batches of these sizes: features of width d_model, masks, labels."""
    batches = []
    for size in sizes:
        seq_len = 2 + size % 4
        mask = (torch.arange(seq_len) < torch.randint(1, seq_len + 1, (size, 1), generator=rng)).long()
        labels = torch.randint(0, 2, (size,), generator=rng).double()
        batches.append((2 * draw(rng, size, seq_len, d_model), mask, labels))
    return batches


def logits_of(weights: Tensor, features: Tensor, mask: Tensor) -> Tensor:
    """What the scenario's model says."""
    return (features @ weights * mask).sum(1) / mask.sum(1)


def gradient_of(batch: tuple[Tensor, Tensor, Tensor], weights: Tensor) -> Tensor:
    """Gradient of the loss of a batch."""
    features, mask, labels = batch
    leaf = weights.clone().requires_grad_(True)
    F.binary_cross_entropy_with_logits(logits_of(leaf, features, mask), labels).backward()
    assert leaf.grad is not None
    return leaf.grad


def means_by_hand(batches: list[tuple[Tensor, Tensor, Tensor]], weights: list[Tensor]) -> tuple[float, float]:
    """Mean loss and share of right predictions over all reviews, with the weights that each batch met."""
    loss, right, count = 0.0, 0.0, 0
    for (features, mask, labels), met in zip(batches, weights, strict=True):
        logits = logits_of(met, features, mask)
        loss += F.binary_cross_entropy_with_logits(logits, labels, reduction="sum").item()
        right += ((logits > 0) == (labels > 0.5)).sum().item()
        count += len(labels)
    return loss / count, right / count


def two_means(seen: dict[str, Any], loss: float, accuracy: float) -> None:
    """Expect the result to be the means over all reviews."""
    means = numbers(seen.get("result"), 2, "the loss and the accuracy")
    expect(
        abs(means[0] - loss) < 1e-5,
        f"The loss should be {loss:.4f}, the mean over all reviews; it is {means[0]:.4f}. The last batch is small.",
    )
    expect(
        abs(means[1] - accuracy) < 1e-5,
        f"The accuracy should be {accuracy:.4f}, the share of all reviews that are right; it is {means[1]:.4f}.",
    )


@points("train_epoch", 0.5)
def test_each_batch_takes_one_clean_step(submission: Submission, rng: torch.Generator) -> None:
    """In train mode, with the gradient of its own batch only."""
    batches, weights, rate = some_batches(rng, [6, 5, 3], 4), draw(rng, 4), 0.3
    seen = recorded(submission.scenario("passed_over", "train_epoch", batches, weights, rate), **PASSED)
    expect(
        seen["modes"] and all(mode is True for mode in seen["modes"]), "The model is not in train mode while it learns."
    )
    expect(
        len(seen["gradients"]) == len(batches),
        f"{len(batches)} batches should take {len(batches)} steps of the optimizer; it took {len(seen['gradients'])}.",
    )
    now = weights
    for count, (gradient, batch) in enumerate(zip(seen["gradients"], batches, strict=True), start=1):
        expect(gradient is not None, f"Step {count} is taken without a gradient.")
        due = gradient_of(batch, now)
        now = now - rate * due
        off = apart(tensor(gradient, (4,), "The gradient"), due)
        expect(
            off < 1e-5,
            f"At step {count} the gradient is not that of its own batch. Is the one before it still in there?",
        )
    expect(
        apart(tensor(seen.get("weights"), (4,), "The weights"), now) < 1e-5, "The weights after the epoch are others."
    )


@points("train_epoch", 0.25)
def test_training_means_are_those_of_all_reviews(submission: Submission, rng: torch.Generator) -> None:
    """A small last batch counts for as many reviews as it has."""
    weights, rate = draw(rng, 3), 0.2
    # All negative, so that the share of positive reviews is never the accuracy by chance.
    batches = [(features, mask, 0 * labels) for features, mask, labels in some_batches(rng, [7, 8, 1], 3)]
    seen = recorded(submission.scenario("passed_over", "train_epoch", batches, weights, rate), **PASSED)
    # What the steps should have been is another test's matter.
    met = [tensor(before, (3,), "The weights") for before in seen["before"][:3]]
    two_means(seen, *means_by_hand(batches, [*met, *[met[-1] if met else weights] * (3 - len(met))]))


@points("evaluate_epoch", 0.5)
def test_evaluation_looks_and_touches_nothing(submission: Submission, rng: torch.Generator) -> None:
    """Eval mode, no gradients, the weights as they were, each batch once."""
    sizes = [6, 5, 3]
    batches, weights = some_batches(rng, sizes, 4), draw(rng, 4)
    seen = recorded(submission.scenario("passed_over", "evaluate_epoch", batches, weights, None), **PASSED)
    expect(seen["reviews"] == sizes, "Not every batch is looked at exactly once.")
    expect(all(mode is False for mode in seen["modes"]), "The model is not in eval mode while it is evaluated.")
    expect(
        not any(seen["graph"]), "Gradients are being recorded while the model is evaluated: that takes memory and time."
    )
    unchanged = apart(tensor(seen.get("weights"), (4,), "The weights"), weights) < 1e-9 + rounding(submission)
    expect(unchanged and seen.get("gradient_left") is None, "An evaluation should leave weights and gradients alone.")


@points("evaluate_epoch", 0.25)
def test_evaluation_means_are_those_of_all_reviews(submission: Submission, rng: torch.Generator) -> None:
    """A small last batch counts for as many reviews as it has."""
    batches, weights = some_batches(rng, [7, 8, 1], 3), draw(rng, 3)
    seen = recorded(submission.scenario("passed_over", "evaluate_epoch", batches, weights, None), **PASSED)
    two_means(seen, *means_by_hand(batches, [weights] * 3))


def fitted(submission: Submission, losses: list[float], accuracies: list[float]) -> dict[str, Any]:
    """What was recorded of fit when its training and validation give these figures."""
    training = [0.8, 0.5, 0.3, 0.33, 0.2][: len(losses)]
    seen = submission.scenario("head_trained", training, losses, accuracies)
    return recorded(seen, start=dict, end=dict, calls=list)


def epoch_of(seen: dict[str, Any]) -> int:
    """After which epoch the model is as it is at the end; 0: as at the start."""
    expect(seen["start"].keys() == seen["end"].keys(), "What was recorded of this training did not come back whole.")
    epochs = set()
    for name, before in seen["start"].items():
        expect(isinstance(before, Tensor), "What was recorded of this training did not come back whole.")
        grown = tensor(seen["end"][name], before.shape, "A weight") - before.double()
        epochs.add(round(grown.mean().item(), 6))
    expect(
        len(epochs) == 1 and min(epochs) % 1 == 0,
        "The model comes back with weights of different epochs. Everything in its state belongs to the checkpoint.",
    )
    return int(min(epochs))


@points("fit", 0.5)
def test_model_ends_as_it_was_at_the_lowest_validation_loss(submission: Submission, rng: torch.Generator) -> None:
    """Not the last epoch, not the most accurate one; the first of two that are alike."""
    for losses, accuracies, due in (
        ([0.6, 0.4, 0.45, 0.7], [0.6, 0.8, 0.83, 0.7], 2),
        ([0.5, 0.42, 0.3, 0.3, 0.35], [0.9, 0.7, 0.8, 0.8, 0.85], 3),
        ([0.2, 0.3, 0.4], [0.7, 0.8, 0.9], 1),
        ([0.9, 0.5], [0.5, 0.6], 2),
    ):
        epoch = epoch_of(fitted(submission, losses, accuracies))
        expect(
            epoch == due,
            f"With validation losses of {', '.join(map(str, losses))} the model should end as it was after epoch {due}"
            f", but it is {'as it was at the start' if epoch == 0 else f'that of epoch {epoch}'}.",
        )


@points("fit", 0.25)
def test_each_epoch_trains_then_validates(submission: Submission, rng: torch.Generator) -> None:
    """Once each, as many times as there are epochs."""
    seen = fitted(submission, [0.5, 0.6, 0.7], [0.6, 0.6, 0.6])
    expect(
        seen["calls"] == ["train", "validate"] * 3,
        f"3 epochs should train and then validate 3 times; it was {', '.join(map(str, seen['calls'][:8]))}.",
    )


@points("fit", 0.25)
def test_history_has_all_figures_of_all_epochs(submission: Submission, rng: torch.Generator) -> None:
    """One dict per epoch with four numbers."""
    losses, accuracies = [0.6, 0.4, 0.5], [0.55, 0.85, 0.8]
    seen = fitted(submission, losses, accuracies)
    history = seen.get("history")
    expect(
        isinstance(history, list) and len(history) == 3,
        f"A list with one entry for each of 3 epochs should come back, but it was {named(history)}.",
    )
    assert isinstance(history, list)
    for epoch, entry in enumerate(history):
        due = {
            "train_loss": (0.8, 0.5, 0.3)[epoch], "train_accuracy": 0.5,
            "valid_loss": losses[epoch], "valid_accuracy": accuracies[epoch],
        }  # fmt: skip
        keys = ", ".join(due)
        expect(isinstance(entry, dict) and due.keys() <= entry.keys(), f"Each entry should have the keys {keys}.")
        for key, value in due.items():
            told = number(entry[key], f"{key} of epoch {epoch + 1}".replace("_", " "))
            expect(
                abs(told - value) < 1e-6, f"The {key.replace('_', ' ')} of epoch {epoch + 1} is not what was measured."
            )


# ----------------------------------------------------------------------------------------------------------------
# 7.3 encode_once


def encoded(submission: Submission, rng: torch.Generator, lengths: list[int], batch_size: int) -> dict[str, Any]:
    """What was recorded of encode_once on reviews of these lengths."""
    reviews = [torch.randint(1, WORDS, (length,), generator=rng).tolist() for length in lengths]
    seen = submission.scenario("encoded_once", reviews, batch_size)
    return recorded(seen, alone=list, held=list, shapes=list, graphs=list)


LENGTHS = [5, 20, 3, 11, 9, 27, 4, 16, 6]


def kept_features(seen: dict[str, Any], lengths: list[int]) -> list[Tensor]:
    """The features that came back: one tensor per review, of its length."""
    given = seen.get("features")
    expect(
        isinstance(given, list | tuple) and len(given) == len(lengths),
        f"A list of {len(lengths)} tensors, one per review, should come back, but it was {named(given)}.",
    )
    assert isinstance(given, list | tuple)
    for features in given:
        fits = isinstance(features, Tensor) and features.ndim == 2 and features.shape[1] == WIDTH
        expect(fits, f"Of each review a tensor (its length, d_model) should be kept, but one is {named(features)}.")
    return list(given)


@points("encode_once", 0.5)
def test_kept_features_are_those_of_each_review(submission: Submission, rng: torch.Generator) -> None:
    """In the order of the reviews, as if each had been read alone."""
    seen = encoded(submission, rng, LENGTHS, 4)
    for place, (length, features) in enumerate(zip(LENGTHS, kept_features(seen, LENGTHS), strict=True), start=1):
        due = tensor(seen["alone"][place - 1] if len(seen["alone"]) >= place else None, (length, WIDTH), "One review")
        expect(len(features) >= length, f"Of review {place}, {length} tokens long, only {len(features)} are kept.")
        off = apart(
            tensor(features[:length], (length, WIDTH), "What is kept of a review"), due
        )  # padding costs elsewhere
        expect(
            off < 0.01,
            f"The features of review {place}, {len(due)} tokens long, are {off:.2g} away from what the encoder says "
            "when it reads that review alone.",
        )


@points("encode_once", 0.5)
def test_kept_features_take_no_more_than_they_need(submission: Submission, rng: torch.Generator) -> None:
    """Half precision, without the padding of their batch, without a graph."""
    seen = encoded(submission, rng, LENGTHS, 3)
    given = kept_features(seen, LENGTHS)
    expect(
        all(features.dtype is torch.float16 for features in given),
        "The features should be kept in half precision, as float16.",
    )
    expect(not any(features.requires_grad for features in given), "Features that want a gradient keep their graph.")
    expect(seen["graphs"] and not any(seen["graphs"]), "The encoder runs while gradients are being recorded.")
    tokens = sum(len(features) for features in given)
    expect(
        tokens == sum(LENGTHS),
        f"{tokens} tokens are kept of reviews that have {sum(LENGTHS)} together. Padding need not be kept.",
    )
    held = [number(count, "The memory behind a tensor") for count in seen["held"]]
    wasted = [count for count, features in zip(held, given, strict=False) if count > 2 * features.numel()]
    expect(
        len(held) == len(LENGTHS) and not wasted,
        "A part of a tensor keeps the whole tensor in memory: behind the features of a review stands all of its batch, "
        "with the padding.",
    )


@points("encode_once", 0.5)
def test_reviews_of_like_lengths_are_read_together(submission: Submission, rng: torch.Generator) -> None:
    """Each review once, in full batches, with as little padding as there can be."""
    lengths = [*LENGTHS, 21, 8, 30, 2]
    batch_size = 4
    seen = encoded(submission, rng, lengths, batch_size)
    shapes = [numbers(shape, 2, "the shape of a batch") for shape in seen["shapes"]]
    expect(sum(shape[0] for shape in shapes) == len(lengths), "Each review should be read by the encoder exactly once.")
    expect(
        max(shape[0] for shape in shapes) <= batch_size and len(shapes) <= -(-len(lengths) // batch_size),
        f"{len(lengths)} reviews in batches of at most {batch_size} take {-(-len(lengths) // batch_size)} calls of the "
        f"encoder; here there were {len(shapes)}.",
    )
    places = sum(math.prod(shape) for shape in shapes)
    rows = sorted(lengths)
    rising = sum(max(part) * len(part) for part in (rows[i : i + batch_size] for i in range(0, len(rows), batch_size)))
    rows.reverse()
    falling = sum(max(part) * len(part) for part in (rows[i : i + batch_size] for i in range(0, len(rows), batch_size)))
    expect(
        places <= max(rising, falling),
        f"The batches have {places - sum(lengths):.0f} padded places for {sum(lengths)} tokens, where "
        f"{max(rising, falling) - sum(lengths)} would do. Which reviews should share a batch?",
    )


# ----------------------------------------------------------------------------------------------------------------
# 7.4 predict_sentiment

TOLD = {"results": list, "ids": list, "masks": list, "modes": list, "graphs": list, "logits": list}
SENTENCES = ["This film is great", "Avengers was great!!", "I hated it.", "slow start but wonderful ending"]


def told(submission: Submission, sentences: list[str]) -> dict[str, Any]:
    """What was recorded of predict_sentiment: the model is asked once per sentence."""
    seen = recorded(submission.scenario("probabilities", sentences), **TOLD)
    expect(
        len(seen["logits"]) == len(sentences) == len(seen["results"]),
        "The model should be asked once for each sentence.",
    )
    return seen


def words_of(rng: torch.Generator, count: int) -> str:
    """A sentence of so many words, each a token of its own."""
    words = ["film", "great", "plot", "terrible", "music", "good", "bad", "actor"]
    return " ".join(words[i] for i in torch.randint(0, len(words), (count,), generator=rng).tolist())


@points("predict_sentiment", 0.5)
@needs_tokenizer
def test_probability_is_that_of_the_logit(submission: Submission, rng: torch.Generator) -> None:
    """The sigmoid of what the model says, as a number."""
    sentences = [words_of(rng, count) for count in (3, 7, 12)]
    seen = told(submission, sentences)
    for result, logits in zip(seen["results"], seen["logits"], strict=True):
        expect(isinstance(result, float), f"A float should come back, but it was {named(result)}.")
        due = torch.sigmoid(tensor(logits, (1, 1), "The model's answer to one sentence")).item()
        expect(
            abs(result - due) < 1e-5,
            f"For a logit of {math.log(due / (1 - due)):.2f} the probability is {due:.3f}, but {result:.3f} came back.",
        )


@points("predict_sentiment", 0.25)
@needs_tokenizer
def test_sentence_is_read_as_in_training(submission: Submission, rng: torch.Generator) -> None:
    """One row of ids between [CLS] and [SEP], with a mask of ones; a long one cut so that the encoder can read it."""
    sentences = [words_of(rng, 5), words_of(rng, 700)]
    seen = told(submission, sentences)
    for count, ids, mask in zip((5, 510), seen["ids"], seen["masks"], strict=True):
        fits = isinstance(ids, Tensor) and ids.ndim == 2 and ids.shape[0] == 1
        expect(fits, f"The model should be given one row of ids, but it was {named(ids)}.")
        row = ids[0].tolist()
        expect(
            row[:1] == [101] and row[-1:] == [102],
            "The ids of a sentence should begin with [CLS] and end with [SEP], as in training.",
        )
        expect(len(row) <= 512, f"A long text reaches the model with {len(row)} tokens; the encoder reads 512 at most.")
        expect(
            count != 5 or len(row) == 7,
            f"A sentence of 5 words should be 7 ids with [CLS] and [SEP]; it is {len(row)}.",
        )
        expect(
            isinstance(mask, Tensor) and mask.shape == ids.shape and bool((mask == 1).all()),
            "All tokens of a single sentence are real: its attention mask should be as long and hold ones only.",
        )


@points("predict_sentiment", 0.25)
@needs_tokenizer
def test_prediction_is_made_in_eval_mode(submission: Submission, rng: torch.Generator) -> None:
    """Whatever mode the model comes in, and without recording gradients."""
    seen = told(submission, SENTENCES[:2])
    expect(not any(seen["modes"]), "The model predicts in train mode: with dropout, it says something else each time.")
    expect(not any(seen["graphs"]), "Gradients are being recorded while the model predicts.")


# ----------------------------------------------------------------------------------------------------------------
# 7.5 sentiment_model

ARTEFACT = "sentiment_head.safetensors"
POOL, REVIEWS, CHUNK = 1000, 600, 60  # reviews that are encoded for a class, and of these those asked
CHANCE = 0.5
FEW, SHORT = 8, 64  # reviews, and tokens of each, that tell which weights learn


def make_ready(handed_in: Sequence[HandedIn], class_seed: int, tell: Callable[[str], None]) -> list[ResourceMissing]:
    """Encode the class's reviews with each encoder that a head was trained on. Returns what is lacking."""
    named = {metadata["encoder"]: metadata for one in handed_in if "encoder" in (metadata := one.metadata(ARTEFACT))}
    found = [*lacks(check_tokenizer), *lacks(partial(tell_source, tell))]
    for metadata in named.values():
        with contextlib.suppress(Told):  # the student's matter, and told then
            found += lacks(partial(encode_all, metadata, class_seed, tell))
    return found


def silent(sentence: str) -> None:
    """Tell nobody."""


def encode_all(metadata: dict[str, str], class_seed: int, tell: Callable[[str], None] = silent) -> Features:
    """Features of the class's reviews, by the encoder that a saved head names."""
    return graded_features(reader_of(metadata), POOL, class_seed, tell)


@points("sentiment_model", 0.25)
def test_model_is_made_for_the_encoder_it_is_given(submission: Submission, rng: torch.Generator) -> None:
    """One logit per review for features of any width, and it does not depend on padding."""
    for d_model, lengths in ((10, [4, 6, 2]), (16, [3, 5])):
        model = submission.scenario("model_on_features", d_model, 3)
        expect(callable(model), f"sentiment_model should return a model, but it returned {named(model)}.")
        features = draw(rng, sum(lengths), d_model).float()
        submission.scenario("load_head", model, {})
        seen = submission.scenario("logits_of_features", model, features, torch.tensor(lengths))
        logits = tensor(seen, (len(lengths), 1), "The result for some reviews")
        alone = submission.scenario("logits_of_features", model, features[: lengths[0]], torch.tensor(lengths[:1]))
        expect(
            apart(tensor(alone, (1, 1), "The result for one review"), logits[:1]) < 1e-4,
            "A review alone gets another logit than in a batch with longer ones. Is it your own BERTGRUSentiment?",
        )


@points("sentiment_model", 1.75)
def test_saved_head_reads_unseen_reviews(submission: Submission, rng: torch.Generator, class_seed: int) -> None:
    """Credit grows with the accuracy, from none at 50% to all at what the encoder is good for."""
    saved = submission.artefact(ARTEFACT)
    reader = reader_of(saved.metadata)
    model = submission.scenario("model_on_features", reader.d_model, reader.layers)
    expect(callable(model), f"sentiment_model should return a model, but it returned {named(model)}.")
    fits = recorded(submission.scenario("load_head", model, saved.tensors), missing=list, unknown=list, shapes=list)
    expect(
        not any(fits.values()),
        "The saved weights are not those of the model that sentiment_model builds. Was it changed after the training?",
    )
    features = encode_all(saved.metadata, class_seed)
    asked = torch.randperm(len(features), generator=rng)[:REVIEWS].tolist()
    lengths = features.lengths[asked]

    def logits(numbers: list[int]) -> Tensor:
        some = torch.cat([features[asked[number]] for number in numbers])
        seen = submission.scenario("logits_of_features", model, some, lengths[numbers])
        return tensor(seen, (len(numbers), 1), "The result for some reviews")[:, 0]

    measured = measure(logits, lengths.tolist(), features.labels[asked].tolist(), CHUNK, rng)
    few = [features[number][:SHORT] for number in asked[:FEW]]
    for sentence in (
        *doubts.too_good(measured, reader.best),
        *doubts.unsteady(measured),
        *doubts.idle(ARTEFACT, saved.tensors, idle_weights(submission, model, few)),
        *doubts.talkative(ARTEFACT, saved.metadata),
    ):
        submission.note(sentence)
    expect(not measured.constant, "The saved head gives every review the same logit: it does not read them.")
    credit(
        (measured.accuracy - CHANCE) / (reader.full - CHANCE),
        f"The saved head is right on {measured.accuracy:.1%} of {measured.reviews:,} reviews that it has not seen; all "
        f"points are given from {reader.full:.1%} on.",
    )


def idle_weights(submission: Submission, model: Any, reviews: list[Tensor]) -> list[str]:
    """Names of the weights that these reviews' features give no gradient; none where that cannot be told."""
    padded = pad_sequence([review.float() for review in reviews], batch_first=True)
    mask = pad_sequence([torch.ones(len(review), dtype=torch.long) for review in reviews], batch_first=True)
    try:
        names = submission.scenario("weights_without_gradient", model, padded, mask)
    except StudentError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
