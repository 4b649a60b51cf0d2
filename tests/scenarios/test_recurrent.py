"""Scenarios of stage 02 record what a loop, a classifier and an experiment do, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from notebooks import notebook_of
from torch import Tensor, nn
from whole_course import stage_module

scenarios = stage_module("02_recurrent_networks", "scenarios")
hidden_tests = stage_module("02_recurrent_networks", "hidden_tests")
classifier = scenarios.classifier
experiment = scenarios.experiment
load_weights = scenarios.load_weights
logits_of_reviews = scenarios.logits_of_reviews
parameters_counted = scenarios.parameters_counted
pass_over_batches = scenarios.pass_over_batches
unrolled = scenarios.unrolled
weights_wanted = scenarios.weights_wanted
RIGHT_ACCURACY = hidden_tests.RIGHT_ACCURACY
RIGHT_CELL = hidden_tests.RIGHT_CELL

BATCHES = [
    (torch.tensor([[2, 3], [1, 0]]), torch.tensor([2, 1]), torch.tensor([1.0, 0.0], dtype=torch.float64)),
    (torch.tensor([[4, 4, 1]]), torch.tensor([3]), torch.tensor([1.0], dtype=torch.float64)),
]
WEIGHTS = torch.arange(5, dtype=torch.float64)


def rnn_cell(*inputs: Tensor) -> Tensor:
    raise AssertionError("the scenario puts a right cell here")


def test_unrolled_puts_a_right_cell_in_place_and_the_own_one_back() -> None:
    def rnn_forward(xs: Tensor, *others: Tensor) -> Tensor:
        return rnn_cell(xs[:, 0], *others)

    inputs = torch.ones(2, 3, 1), torch.ones(2, 1), *(torch.ones(1, 1),) * 2, *(torch.ones(1),) * 2
    returned = unrolled(notebook_of(rnn_forward=rnn_forward), RIGHT_CELL, *inputs)
    assert returned.tolist() == [[pytest.approx(0.9993, abs=1e-4)]] * 2
    with pytest.raises(AssertionError):
        rnn_cell()


def test_parameters_counted_freezes_layers() -> None:
    names = notebook_of(count_parameters=lambda model: [p.requires_grad for p in model.parameters()])
    assert parameters_counted(names, [2, 3, 4], [1]) == [True, True, False, False]


def binary_accuracy(preds: Tensor, y: Tensor) -> float:
    return -1.0


def careless(model: nn.Module, iterator: Any, optimizer: Any, criterion: Any) -> tuple[float, float]:
    """Forgets to clear gradients and to set the mode."""
    share = 0.0
    for ids, lengths, labels in iterator:
        logits = model(ids, lengths)[:, 0]
        criterion(logits, labels).backward()
        optimizer.step()
        share = float(binary_accuracy(logits, labels))
    return 0.0, share


def test_a_pass_of_training_is_recorded_step_by_step() -> None:
    seen = pass_over_batches(notebook_of(train=careless), "train", RIGHT_ACCURACY, BATCHES, WEIGHTS, 0.5)
    assert (seen["pulled"], seen["modes"], seen["graph"], seen["arrived"]) == (2, [False] * 2, [True] * 2, 2)
    assert seen["logits"][0].tolist() == [[2.5], [1.0]]
    assert [lengths.tolist() for lengths in seen["lengths"]] == [[2, 1], [3]]
    assert seen["before"][0].equal(WEIGHTS)
    assert torch.allclose(seen["before"][1], WEIGHTS - 0.5 * seen["gradients"][0])
    assert torch.allclose(seen["weights"], seen["before"][1] - 0.5 * seen["gradients"][1])
    assert seen["gradients"][1][2] == seen["gradients"][0][2] != 0  # word 2 is in the first batch only: it piled up
    assert seen["gradient_left"].equal(seen["gradients"][1])
    assert seen["result"] == (0.0, 1.0)  # a right accuracy was in place, for the logit of the last batch is above 0
    assert binary_accuracy(torch.zeros(1), torch.zeros(1)) == -1


def test_a_pass_of_evaluation_starts_in_training_mode() -> None:
    def evaluate(model: nn.Module, iterator: Any, criterion: Any) -> str:
        ids, lengths, _ = next(iter(iterator))
        with torch.no_grad():
            model(ids, lengths)
        return "nothing"

    seen = pass_over_batches(notebook_of(evaluate=evaluate), "evaluate", RIGHT_ACCURACY, BATCHES, WEIGHTS, None)
    assert (seen["result"], seen["pulled"], seen["modes"], seen["graph"]) == ("nothing", 1, [True], [False])
    assert seen["gradient_left"] is None
    assert seen["weights"].equal(WEIGHTS)


class Small(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.embedding, self.rnn = nn.Embedding(size, 2), nn.GRU(2, 3, batch_first=True)
        self.dropout, self.linear, self.idle = nn.Dropout(0.5), nn.Linear(3, 1), nn.Parameter(torch.zeros(2))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.linear(self.dropout(self.rnn(self.embedding(ids))[1][0]))


def test_a_classifier_is_taken_apart() -> None:
    reviews = torch.tensor([[1, 2, 3], [3, 2, 1]]), torch.tensor([3, 3])
    seen = classifier(notebook_of(Small=Small), "Small", [5], [reviews, reviews])
    assert seen["parameters"] == 10 + 3 * 3 * (2 + 3 + 2) + 4 + 2
    assert seen["logits"][0].dtype is torch.float64
    assert seen["logits"][0].equal(seen["logits"][1])
    assert not seen["in_training"][0].equal(seen["in_training"][1])
    assert seen["gradients"]["idle"] is None
    assert seen["gradients"]["linear.weight"] > 0
    assert set(seen["layers"]) == {"embedding", "recurrent", "linear"}
    assert torch.get_default_dtype() is torch.float32


def test_layers_are_found_only_where_there_is_one_of_each() -> None:
    class Two(Small):
        def __init__(self, size: int) -> None:
            super().__init__(size)
            self.another = nn.Linear(1, 1)

    reviews = torch.tensor([[1, 2]]), torch.tensor([2])
    assert classifier(notebook_of(Two=Two), "Two", [5], [reviews])["layers"] == {}


def test_the_default_dtype_comes_back_after_an_error() -> None:
    with pytest.raises(TypeError):
        classifier(notebook_of(Small=Small), "Small", [5, 6, 7], [])
    assert torch.get_default_dtype() is torch.float32


def test_an_experiment_is_recorded() -> None:
    def run_experiment(hparams: Any, build: Any, data: Any, train: Any, evaluate: Any) -> tuple[Any, nn.Module]:
        model = build(hparams)
        optimizer = torch.optim.Adagrad(model.parameters(), lr=0.25)
        history = []
        for _ in range(2):
            history += [train(model, data[0], optimizer, nn.BCEWithLogitsLoss())]
            history += [evaluate(model, data[1], nn.BCEWithLogitsLoss(reduction="sum"))]
        return history, model

    seen = experiment(notebook_of(run_experiment=run_experiment), {}, [[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.6]])
    assert seen["history"] == [(0.1, 0.2), (0.5, 0.6), (0.3, 0.4), (0.5, 0.6)]
    assert seen["calls"] == ["build", *["train on training", "evaluate on validation"] * 2]
    assert seen["optimizers"] == [["Adagrad", 0.25]] * 2
    assert (seen["one_optimizer"], seen["wholes"], len(seen["drawn"])) == (True, False, 2)
    assert torch.allclose(seen["last"] - seen["first"], torch.full((1, 3), 2.0))


def test_saved_weights_are_loaded_and_read() -> None:
    trained, module = Small(5), Small(5)
    assert weights_wanted(None, module)["linear.weight"] == [1, 3]
    load_weights(None, module, trained.state_dict())
    assert not module.training
    ids, lengths = torch.tensor([[1, 2]]), torch.tensor([2])
    assert logits_of_reviews(None, module, ids, lengths).equal(trained.eval()(ids, lengths).detach())


def test_a_part_that_could_not_be_defined_is_not_missed_and_leaves_no_trace() -> None:
    cell: dict[str, Any] = {}
    exec("def rnn_forward(xs, h0, *weights):\n    return rnn_cell(xs[:, 0], h0, *weights)", cell)
    inputs = (
        torch.ones(2, 1, 3),
        torch.zeros(2, 4),
        torch.ones(4, 3),
        torch.ones(4, 4),
        torch.zeros(4),
        torch.zeros(4),
    )
    assert (
        unrolled(notebook_of(rnn_forward=cell["rnn_forward"]), RIGHT_CELL, *inputs).tolist()
        == [[pytest.approx(math.tanh(3))] * 4] * 2
    )
    assert "rnn_cell" not in cell
