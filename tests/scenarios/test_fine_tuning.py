"""The scenarios of stage 07 record what a model does, not what it should do."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from notebooks import notebook_of
from torch import Tensor, nn
from whole_course import bank, right_answer, stage_module

from autograder.remote.perform import Names

scenarios = stage_module("07_bert_gru", "scenarios")
encoded_once = scenarios.encoded_once
head_trained = scenarios.head_trained
load_head = scenarios.load_head
logits_of_features = scenarios.logits_of_features
model_on_features = scenarios.model_on_features
passed_over = scenarios.passed_over
sentiment_built = scenarios.sentiment_built
size_on_bert_base = scenarios.size_on_bert_base


def names(exercise: str, answer: str | None = None) -> Names:
    """The reference of an exercise, or a wrong answer to it."""
    if answer is None:
        return notebook_of(**{exercise: right_answer(exercise).function})
    return notebook_of(**{exercise: next(wrong.function for wrong in bank(exercise) if wrong.name == answer)})


IDS = torch.tensor([[5, 9, 3, 7], [8, 2, 0, 0]])
PASS = IDS, (IDS > 0).long()


def built(answer: str | None = None) -> dict[str, Any]:
    torch.manual_seed(0)
    return sentiment_built(names("BERTGRUSentiment", answer), [4, 1, 1, True, 0.0], [PASS])


def test_bert_base_is_counted_without_being_allocated() -> None:
    assert size_on_bert_base(names("BERTGRUSentiment"), 256, 1, 2, True, 0.25) == {
        "all": 112_241_409,
        "trainable": 2_759_169,
    }


def test_a_frozen_quiet_encoder_is_recorded_as_such() -> None:
    seen = built()
    assert seen["encoder_trainable"] == 0
    assert seen["trainable"] == 2 * 3 * 4 * (12 + 4 + 2) + 9
    assert seen["modes"] == [0, 0]
    assert seen["graphs"] == [False, False]
    assert seen["gradients"] == {"encoder": 0, "head": 10, "head_without": 0}
    assert torch.allclose(seen["features"], seen["read"][0])
    assert torch.allclose(seen["behind"][0], seen["logits"][0])
    assert seen["logits"][0].dtype == torch.float64


def test_an_encoder_in_train_mode_is_noticed() -> None:
    assert min(built("encoder_in_train_mode")["modes"]) > 0


def test_an_encoder_that_is_not_frozen_is_noticed() -> None:
    assert built("encoder_not_frozen")["encoder_trainable"] > 0
    assert built("gradients_recorded_in_the_encoder")["graphs"] == [True, True]


def test_weights_without_a_gradient_are_counted() -> None:
    assert built("nothing_learns")["gradients"]["head_without"] == 10


def test_layers_are_only_given_where_there_is_one_of_each() -> None:
    class Two(right_answer("BERTGRUSentiment").function):  # type: ignore[misc]
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.more = nn.Linear(2, 2)

    seen = sentiment_built(notebook_of(BERTGRUSentiment=Two), [4, 1, 1, True, 0.0], [PASS])
    assert seen["layers"] == {}
    assert set(built()["layers"]) == {"gru", "linear"}


def test_the_default_dtype_is_put_back_after_an_error() -> None:
    def fails(*args: Any) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        sentiment_built(notebook_of(BERTGRUSentiment=fails), [4, 1, 1, True, 0.0], [PASS])
    assert torch.get_default_dtype() is torch.float32


def batches(sizes: list[int]) -> list[tuple[Tensor, Tensor, Tensor]]:
    return [(torch.randn(n, 3, 2).double(), torch.ones(n, 3, dtype=torch.int64), torch.ones(n).double()) for n in sizes]


def test_a_pass_over_batches_is_recorded_step_by_step() -> None:
    given, start = batches([4, 2]), torch.zeros(2).double()
    seen = passed_over(names("train_epoch"), "train_epoch", given, start, 0.5)
    assert seen["modes"] == [True, True]
    assert seen["reviews"] == [4, 2]
    assert torch.equal(seen["before"][0], start)
    assert torch.allclose(seen["before"][1], start - 0.5 * seen["gradients"][0])
    assert torch.allclose(seen["weights"], seen["before"][1] - 0.5 * seen["gradients"][1])


def test_an_evaluation_is_recorded() -> None:
    seen = passed_over(names("evaluate_epoch"), "evaluate_epoch", batches([3, 1]), torch.ones(2).double(), None)
    assert (seen["modes"], seen["graph"], seen["before"]) == ([False, False], [False, False], [])
    assert seen["gradient_left"] is None


def test_training_of_a_head_is_recorded() -> None:
    seen = head_trained(names("fit"), [0.9, 0.8, 0.7], [0.5, 0.3, 0.4], [0.6, 0.7, 0.8])
    assert seen["calls"] == ["train", "validate"] * 3
    assert all(torch.allclose(seen["end"][name].double(), value.double() + 2) for name, value in seen["start"].items())
    assert [epoch["train_loss"] for epoch in seen["history"]] == [0.9, 0.8, 0.7]


def test_features_are_compared_with_each_review_read_alone() -> None:
    reviews = [[5, 9, 3], [8, 2, 4, 4, 1, 7], [6]]
    seen = encoded_once(names("encode_once"), reviews, 2)
    assert seen["shapes"] == [[2, 3], [1, 6]]
    assert seen["graphs"] == [False, False]
    for features, alone, held in zip(seen["features"], seen["alone"], seen["held"], strict=True):
        assert torch.allclose(features.float(), alone, atol=0.01)
        assert held == 2 * features.numel()
    views = encoded_once(names("encode_once", "views_of_the_batch"), reviews, 2)
    assert views["held"][0] > 2 * views["features"][0].numel()


def test_a_head_fits_the_model_it_was_saved_from_and_no_other() -> None:
    right = names("sentiment_model")
    model, other = (model_on_features(right, 16, 5) for _ in range(2))
    head = {name: value for name, value in model.state_dict().items() if not name.startswith("bert.")}
    assert load_head(right, other, head) == {"missing": [], "unknown": [], "shapes": []}
    features, lengths = torch.randn(9, 16).half(), torch.tensor([4, 2, 3])
    model.eval()
    same = logits_of_features(right, model, features, lengths), logits_of_features(right, other, features, lengths)
    assert torch.equal(*same)
    assert same[0].shape == (3, 1)
    narrow = load_head(right, model_on_features(right, 8, 5), head)
    assert narrow["shapes"] == ["gru.weight_ih_l0", "gru.weight_ih_l0_reverse"]
    partial = load_head(right, other, {"out.bias": head["out.bias"], "strange": torch.ones(1)})
    assert partial["unknown"] == ["strange"]
    assert "out.weight" in partial["missing"]
