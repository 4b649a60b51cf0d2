"""Ready-made parts in place of an answer: seen in the source and while they are called, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from autograder import scenarios
from autograder.definitions import Definitions
from autograder.hidden_tests.runner import TestResult
from autograder.misconceptions import alternatives, exercises, right_answer
from autograder.redirection import BY_HAND, read, settle
from autograder.release import ROOT, stages
from autograder.sandbox.watch import Watch
from coursekit import stand_ins

STAGE_OF = {exercise: stage for stage in stages() for exercise in exercises(stage)}

# The name of the exercise, code that hands it on, and what is told.
HANDED_ON = [
    (
        "scaled_dot_product",
        "def scaled_dot_product(q, k, v):\n    return F.scaled_dot_product_attention(q, k, v)",
        "F.scaled_dot_product_attention",
    ),
    ("scaled_dot_product", "scaled_dot_product = torch.ops.aten.scaled_dot_product_attention", "torch.ops.aten"),
    (
        "scaled_dot_product",
        "def scaled_dot_product(q, k, v):\n    return getattr(F, 'scaled_dot_product_attention')(q, k, v)",
        "scaled_dot_product_attention",
    ),
    (
        "scaled_dot_product",
        "def scaled_dot_product(q, k, v):\n    return vars(F)['scaled_dot_product_attention'](q, k, v)",
        "scaled_dot_product_attention",
    ),
    (
        "scaled_dot_product",
        "from torch.nn.functional import scaled_dot_product_attention as scaled_dot_product",
        "scaled_dot_product_attention",
    ),
    ("scaled_dot_product", "from coursekit.stand_ins import scaled_dot_product", "coursekit's scaled_dot_product"),
    ("tokenize", "import coursekit\ntokenize = coursekit.stand_ins.tokenize", "coursekit's tokenize"),
    ("binary_accuracy", "binary_accuracy = earlier_work('binary_accuracy')", "coursekit's binary_accuracy"),
    (
        "scaled_dot_product",
        "class Attention:\n    def run(self, q):\n        return F.scaled_dot_product_attention(q, q, q)\n"
        "helper = Attention()\ndef scaled_dot_product(q, k, v):\n    return helper.run(q)",
        "F.scaled_dot_product_attention",
    ),
    (
        "MultiHeadAttention",
        "class MultiHeadAttention(nn.MultiheadAttention):\n    pass",
        "nn.MultiheadAttention",
    ),
    (
        "MultiHeadAttention",
        "class MultiHeadAttention(nn.Module):\n    pass\n"
        "MultiHeadAttention.forward = lambda self, x: F.multi_head_attention_forward(x)",
        "F.multi_head_attention_forward",
    ),
    (
        "TransformerBlock",
        "class TransformerBlock(nn.Module):\n    def build(self):\n        return nn.TransformerEncoderLayer(8, 2)",
        "nn.TransformerEncoderLayer",
    ),
    ("BertModel", "from transformers import BertModel", "transformers.BertModel"),
    ("BertModel", "class BertModel(nn.Module):\n    make = nn.TransformerEncoder", "nn.TransformerEncoder"),
    ("rnn_cell", "def rnn_cell(*args):\n    return torch.rnn_tanh_cell(*args)", "torch.rnn_tanh_cell"),
    ("rnn_forward", "def rnn_forward(xs, h0, *w):\n    return nn.RNN(3, 4)(xs, h0)", "nn.RNN"),
    ("wordpiece", "def wordpiece(word, vocab):\n    return tokenizer.tokenize(word)", "tokenizer"),
    (
        "mask_inputs",
        "from transformers import DataCollatorForLanguageModeling as Masker\n"
        "def mask_inputs(text):\n    return Masker(tokenizer)(text)",
        "DataCollatorForLanguageModeling",
    ),
    (
        "scaled_dot_product",
        "if True:\n    def scaled_dot_product(q, k, v):\n        return F.scaled_dot_product_attention(q, k, v)",
        "F.scaled_dot_product_attention",
    ),
    # A name of one's own for it.
    (
        "scaled_dot_product",
        "scaled_dot_product_attention = F.scaled_dot_product_attention\n"
        "def scaled_dot_product(q, k, v):\n    return scaled_dot_product_attention(q, k, v)",
        "F.scaled_dot_product_attention",
    ),
    (
        "scaled_dot_product",
        "self = F\ndef scaled_dot_product(q, k, v):\n    return self.scaled_dot_product_attention(q, k, v)",
        "self.scaled_dot_product_attention",
    ),
    ("wordpiece", "tokenizer = load_tokenizer()\ndef wordpiece(w, v):\n    return tokenizer(w)", "load_tokenizer"),
    (
        "scaled_dot_product",
        "def scaled_dot_product(q, k, v):\n    with torch._C.DisableTorchFunction():\n        return q",
        "torch._C.DisableTorchFunction",
    ),
]

HONEST = [
    # A comparison in a cell of one's own, and one in the very cell of the answer.
    "def scaled_dot_product(q, k, v):\n    return q\n"
    "assert torch.allclose(scaled_dot_product(q, k, v), F.scaled_dot_product_attention(q, k, v))",
    "def scaled_dot_product(q, k, v):\n    return q\ndef test(q):\n    return F.scaled_dot_product_attention(q, q, q)",
    # Words about it.
    'def scaled_dot_product(q, k, v):\n    """As F.scaled_dot_product_attention does it."""\n    return q',
    "def scaled_dot_product(q, k, v):\n    # not F.scaled_dot_product_attention\n    return q",
    # Types.
    "def scaled_dot_product(q: nn.MultiheadAttention, k=None) -> nn.MultiheadAttention:\n    return q",
    "def scaled_dot_product(q, k=None):\n    return isinstance(q, nn.MultiheadAttention)",
    # Helpers of one's own that bear the name of a ready-made part.
    "def scaled_dot_product_attention(q, k, v):\n    return q @ k @ v\n"
    "def scaled_dot_product(q, k, v):\n    return scaled_dot_product_attention(q, k, v)",
    "class Heads:\n    def scaled_dot_product_attention(self, q):\n        return q\n"
    "    def run(self, q):\n        return self.scaled_dot_product_attention(q)\n"
    "def scaled_dot_product(q, k, v):\n    return Heads().run(q)",
    "multi_head_attention = None\ndef scaled_dot_product(q, k, v):\n    return multi_head_attention",
    # A local name that is also a name of the notebook.
    "k = F.scaled_dot_product_attention\ndef scaled_dot_product(q, k, v):\n    return q @ k @ v",
    # What is not Python.
    "def scaled_dot_product(q, k, v):\n    return F.scaled_dot_product_attention(q",
    "%%bash\nF.scaled_dot_product_attention",
]


@pytest.mark.parametrize(("exercise", "source", "told"), HANDED_ON)
def test_a_ready_made_part_is_seen_in_the_source(exercise: str, source: str, told: str) -> None:
    found = read(Definitions([source]), exercise)
    assert any(part.startswith(told) for part in found.parts), found


@pytest.mark.parametrize("source", HONEST)
def test_honest_uses_are_none(source: str) -> None:
    assert read(Definitions([source]), "scaled_dot_product").parts == ()


@pytest.mark.parametrize("name", ["multi_head_attention", "multihead_attention", "attention"])
def test_a_block_may_call_its_heads_what_it_likes(name: str) -> None:
    source = (
        f"class TransformerBlock(nn.Module):\n"
        f"    def __init__(self):\n        self.{name} = MultiHeadAttention(8, 2, 0.1)\n"
        f"    def forward(self, x):\n        return self.{name}(x)\nclass MultiHeadAttention(nn.Module):\n"
        f"    def forward(self, x):\n        return {name}(x)\ndef {name}(x):\n    return x"
    )
    assert read(Definitions([source]), "TransformerBlock").parts == ()
    assert read(Definitions([source]), "MultiHeadAttention").parts == ()


def test_the_answer_may_stand_in_several_cells() -> None:
    cells = [
        "import torch.nn.functional as F",
        "def attend(q):\n    return inner(q)",
        "def inner(q):\n    return F.scaled_dot_product_attention(q, q, q)",
        "%matplotlib inline\ndef scaled_dot_product(q, k, v):\n    return attend(q)",
    ]
    assert read(Definitions(cells), "scaled_dot_product").parts == ("F.scaled_dot_product_attention",)
    assert read(Definitions(cells), "self_attention").parts == ()


@pytest.mark.parametrize("word", ["eval", "exec", "getattr", "import_module"])
def test_a_way_that_cannot_be_read_is_told_and_costs_nothing(word: str) -> None:
    source = f"def scaled_dot_product(q, k, v):\n    return {word}(name)(q)"
    results = [TestResult("test_a", "scaled_dot_product", "a", 2.0, 2.0, "passed")]
    settled, notes = settle(results, [source], {})
    assert settled == results
    assert notes == [
        f"scaled_dot_product reaches for {word}; whether it is built by hand cannot be read from its source. Please "
        "look at it."
    ]


def test_a_modules_own_eval_hides_nothing() -> None:
    source = Definitions(["class BertModel(nn.Module):\n    def f(self):\n        self.eval()"])
    assert read(source, "BertModel").hidden == ()


@pytest.mark.parametrize(
    "deep",
    [
        "    z = " + "+".join("1" * 700),
        "    if z:\n        pass\n" + "    elif z:\n        pass\n" * 1500,
        "    z = " + "[" * 150 + "]" * 150,
        "    global q",
        "    nonlocal z",
        "    from math import *",
    ],
)
def test_an_answer_too_deep_to_walk_or_not_to_be_run_is_read_all_the_same(deep: str) -> None:
    source = Definitions(
        [f"def scaled_dot_product(q, k, v):\n{deep}\n    return F.scaled_dot_product_attention(q, k, v)"]
    )
    assert [part.rpartition(".")[2] for part in read(source, "scaled_dot_product").parts] == [
        "scaled_dot_product_attention"
    ]
    assert read(Definitions([f"if a:\n{deep}\n    def norms(): pass"]), "norms").parts == ()


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_no_right_answer_is_taken_for_a_ready_made_part(exercise: str) -> None:
    stage = STAGE_OF[exercise]
    notebook = nbformat.read(ROOT / "solutions" / stage / f"{stage}.ipynb", as_version=4)
    code = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    solution = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert read(Definitions(solution), exercise).parts == ()
    others = [cell.source for name, cell in code.items() if cell.cell_type == "code" and name != f"{exercise}_answer"]
    for answer in (right_answer(exercise), *alternatives(exercise)):
        assert read(Definitions([*others, answer.source]), exercise).parts == (), answer.name


def seen(function: Callable[[], Any]) -> set[str]:
    with Watch() as watch:
        function()
    return watch.seen


Q = torch.randn(1, 2, 5, 4)
X = torch.randn(2, 3, 8)


@pytest.mark.parametrize(
    ("exercise", "call"),
    [
        ("scaled_dot_product", lambda: F.scaled_dot_product_attention(Q, Q, Q)),
        ("scaled_dot_product", lambda: torch.ops.aten.scaled_dot_product_attention(Q, Q, Q)),
        ("scaled_dot_product", lambda: torch.ops.aten.scaled_dot_product_attention.default(Q, Q, Q)),
        ("scaled_dot_product", lambda: torch._C._nn.scaled_dot_product_attention(Q, Q, Q)),
        ("scaled_dot_product", lambda: stand_ins.scaled_dot_product(Q, Q, Q, 0.0)),
        ("scaled_dot_product", lambda: nn.MultiheadAttention(8, 2).eval()(X, X, X)),
        ("MultiHeadAttention", lambda: nn.MultiheadAttention(8, 2)(X, X, X)),
        ("MultiHeadAttention", lambda: nn.MultiheadAttention(8, 2).forward(X, X, X)),
        ("MultiHeadAttention", lambda: stand_ins.MultiHeadAttention(8, 2, 0.1)(X)),
        ("TransformerBlock", lambda: nn.TransformerEncoderLayer(8, 2)(X)),
        ("TransformerBlock", lambda: stand_ins.TransformerBlock(8, 2, 0.1, 0.1)((X, None))),
        ("BertModel", lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1)(X)),
        ("rnn_cell", lambda: nn.RNNCell(8, 4)(X[0])),
        ("rnn_cell", lambda: torch.rnn_tanh_cell(X[0], X[1], *nn.RNNCell(8, 8).parameters())),
        ("rnn_forward", lambda: nn.RNN(8, 4)(X)),
    ],
)
def test_a_ready_made_part_is_seen_while_it_is_called(exercise: str, call: Callable[[], Any]) -> None:
    assert seen(call) & BY_HAND[exercise].called


def test_parts_that_may_be_used_are_not_forbidden() -> None:
    assert not seen(lambda: nn.GRU(8, 4)(X))
    assert not seen(lambda: stand_ins.scaled_dot_product(Q, Q, Q, 0.0)) & BY_HAND["MultiHeadAttention"].called
    assert not seen(lambda: stand_ins.MultiHeadAttention(8, 2, 0.1)(X)) & BY_HAND["TransformerBlock"].called
    assert not seen(lambda: stand_ins.TransformerBlock(8, 2, 0.1, 0.1)((X, None))) & BY_HAND["BertModel"].called


def test_what_our_own_scenarios_call_is_not_the_students() -> None:
    class Names:
        rnn_forward = staticmethod(lambda *inputs: None)

    weights = list(nn.RNNCell(8, 8).parameters())
    assert not seen(lambda: scenarios.unrolled(Names, X, X[:, 0], *weights))


def test_the_watch_takes_its_hook_away() -> None:
    hooks = nn.modules.module._global_forward_pre_hooks
    before = dict(hooks)
    assert seen(lambda: None) == set()
    assert dict(hooks) == before


def test_the_points_of_one_exercise_go_and_no_others() -> None:
    results = [
        TestResult("test_a", "scaled_dot_product", "a", 2.0, 2.0, "passed"),
        TestResult("test_b", "scaled_dot_product", "b", 1.0, 0.5, "failed", "Half."),
        TestResult("test_c", "scaled_dot_product", "c", 1.0, 0.0, "timed out", "Slow."),
        TestResult("test_d", "norms", "d", 1.0, 1.0, "passed"),
    ]
    settled, notes = settle(results, [], {"scaled_dot_product": {"MultiheadAttention"}, "norms": {"RNN"}})
    assert [(result.earned, result.status) for result in settled] == [
        (0.0, "failed"),
        (0.0, "failed"),
        (0.0, "timed out"),
        (1.0, "passed"),
    ]
    assert settled[0].message == (
        "Inside scaled_dot_product you call MultiheadAttention. Here it is to be built by hand, so this exercise gets "
        "no points. To compare with it in a cell of your own costs nothing."
    )
    assert notes == ["scaled_dot_product is handed on to MultiheadAttention, as seen while it was called."]
