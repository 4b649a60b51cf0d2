"""Scenarios of stage 06: two models of the same parts are the same model, and the toys record what is done to them."""

from __future__ import annotations

import torch
from notebooks import notebook_of
from torch import Tensor, nn
from whole_course import alternatives, right_answer, stage_module

from coursekit.stand_ins import BertModel

scenarios = stage_module("06_bert_pretraining", "scenarios")
bert_dropout = scenarios.bert_dropout
bert_gradients = scenarios.bert_gradients
bert_outputs = scenarios.bert_outputs
fill_with_toy = scenarios.fill_with_toy
step_on_toy = scenarios.step_on_toy

SIZES = (2, 22, 12, 3)
IDS = torch.arange(10).view(2, 5)


def outputs(model: type[nn.Module], table: Tensor | None = None) -> dict:
    return bert_outputs(notebook_of(BertModel=model), SIZES, [(IDS, None), (IDS, IDS > 6)], table)


def test_models_of_the_same_parts_give_the_same_scores_however_they_are_laid_out() -> None:
    seen = outputs(right_answer("BertModel").function)
    for other in (BertModel, *(answer.function for answer in alternatives("BertModel"))):
        if other.__name__ == "NamedBlocks":  # its blocks are registered in the opposite order
            continue
        for one, two in zip(seen["outputs"], outputs(other)["outputs"], strict=True):
            torch.testing.assert_close(one, two, msg=other.__name__)


def test_parts_are_found_by_what_they_do() -> None:
    for answer in (right_answer("BertModel"), *alternatives("BertModel")):
        seen = outputs(answer.function)
        assert seen["table"] == [23, 12]
        assert [weight.shape for weight in seen["weights"]] == [(22, 12)]
        assert [bias.shape for bias in seen["biases"]] == [(22,)]
        assert seen["others"] == 2 * (12 * 12**2 + 13 * 12)


def test_a_given_table_is_what_the_model_reads() -> None:
    table = torch.zeros(23, 12, dtype=torch.float64)
    table[5:] = 1.0
    first, _ = outputs(BertModel, table)["outputs"]
    other = bert_outputs(notebook_of(BertModel=BertModel), SIZES, [(IDS + 5, None)], table)["outputs"][0]
    torch.testing.assert_close(first[1], other[0])


def test_gradients_name_what_got_none() -> None:
    class Idle(BertModel):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            self.idle = nn.Parameter(torch.ones(3))

    seen = bert_gradients(notebook_of(BertModel=Idle), SIZES, IDS)
    assert seen["without"] == ["idle"]
    assert seen["rows"] == [True] * 10 + [False] * 13


def test_dropout_is_seen_in_training_alone() -> None:
    one = torch.zeros(50, 1, dtype=torch.int64)
    plain, dropped = bert_dropout(notebook_of(BertModel=BertModel), SIZES, [(0.0, 0.0), (0.0, 0.5)], one)
    assert plain["training"].std(0).max() < 1e-9
    assert dropped["training"].std(0).min() > 1e-3
    assert dropped["eval"].std(0).max() < 1e-9


TABLE, WEIGHT = torch.randn(7, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64)
TEXT = torch.tensor([[1, 6, 2], [3, 6, 0]])
LABELS = torch.tensor([[-100, 5, -100], [-100, 4, -100]])


def test_a_step_on_the_toy_is_recorded() -> None:
    names = notebook_of(pretraining_step=right_answer("pretraining_step").function)
    seen = step_on_toy(names, TABLE, WEIGHT, TEXT, LABELS, 0.1, pad_id=0)
    (call,) = seen["calls"]
    assert call["training"]
    assert call["mask"].tolist() == [[0, 0, 0], [0, 0, 1]]
    assert seen["plain"]
    assert seen["steps"] == 1
    assert not seen["table"].equal(TABLE)


def test_old_gradients_stand_in_the_toy() -> None:
    def only_step(model, text, labels, optimizer):
        model(text)
        optimizer.step()
        return 0.0

    seen = step_on_toy(notebook_of(pretraining_step=only_step), TABLE, WEIGHT, TEXT, LABELS, 0.1)
    torch.testing.assert_close(seen["table"], TABLE - 0.1)
    assert seen["calls"][0]["mask"] is None


def test_filling_with_the_toy_is_recorded() -> None:
    names = notebook_of(fill_mask=right_answer("fill_mask").function)
    seen = fill_with_toy(names, TABLE, WEIGHT, TEXT, 6, k=2)
    assert [part.shape for part in seen["result"]] == [(2, 2), (2, 2)]
    assert not seen["calls"][0]["training"]
    assert not seen["calls"][0]["gradients"]
