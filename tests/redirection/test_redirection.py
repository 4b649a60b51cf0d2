"""What is told of exercises that are done by hand: what was refused, and what cannot be read. Nothing costs points."""

from __future__ import annotations

import pytest
from whole_course import COURSE

from autograder.hidden_tests.runner import TestResult
from autograder.redirection import notes_on

STAGE = "03_scaled_dot_product_attention"
EARNED = [TestResult("test_a", "scaled_dot_product", "a", 2.0, 2.0, "passed")]
NONE = [TestResult("test_a", "scaled_dot_product", "a", 2.0, 0.0, "failed")]


def notes(source: str, results: list[TestResult] = EARNED) -> list[str]:
    return notes_on(COURSE.stage(STAGE), [source], results, {})


def test_what_was_refused_is_told() -> None:
    refused = {"scaled_dot_product": ["torch.scaled_dot_product_attention"]}
    assert notes_on(COURSE.stage(STAGE), ["def scaled_dot_product(): pass"], NONE, refused) == [
        "scaled_dot_product calls torch.scaled_dot_product_attention, which was refused: it is to be built by hand."
    ]


@pytest.mark.parametrize(
    ("way", "source"),
    [
        ("exec", "def scaled_dot_product(q):\n    exec(text)"),
        ("eval", "scaled_dot_product = eval(text)"),
        ("ctypes", "import ctypes\ndef scaled_dot_product(q):\n    return ctypes.CDLL(path)"),
        ("marshal", "from marshal import loads\ndef scaled_dot_product(q):\n    return loads(raw)"),
        (
            "CodeType",
            "import types\ndef inner(q):\n    return types.CodeType(1)\ndef scaled_dot_product(q):\n"
            "    return inner(q)",
        ),
    ],
)
def test_code_that_the_source_does_not_show_is_told(way: str, source: str) -> None:
    (note,) = notes(source)
    assert note.startswith("scaled_dot_product reaches for ")
    assert way in note
    assert note.endswith("whether it is built by hand cannot be read from its source. Please look at it.")


@pytest.mark.parametrize(
    "source",
    ["%%bash\ndef scaled_dot_product(q", "globals()['scaled_' + 'dot_product'] = 3", "x = '" + "a" * 300_000 + "'"],
)
def test_an_answer_that_is_not_found_in_the_source_is_told(source: str) -> None:
    assert notes(source) == [
        "scaled_dot_product is defined in a cell that cannot be read; whether it is built by hand cannot be read from "
        "its source. Please look at it."
    ]


@pytest.mark.parametrize("source", ["%%bash\ndef scaled_dot_product(q", "def scaled_dot_product(q):\n    exec(text)"])
def test_an_answer_that_earns_nothing_needs_no_look(source: str) -> None:
    assert notes(source, NONE) == []


@pytest.mark.parametrize(
    "source",
    [
        "def scaled_dot_product(q):\n    return F.scaled_dot_product_attention(q, q, q)",
        "def scaled_dot_product(q):\n    model.eval()\n    return re.compile('x')",
        "def scaled_dot_product(q):\n    return q\ndef test():\n    exec(text)",
        'def scaled_dot_product(q):\n    """Not with exec()."""\n    return q  # eval',
        "def scaled_dot_product(q):\n    return getattr(q, 'sum')()",
    ],
)
def test_what_can_be_read_is_not_told(source: str) -> None:
    assert notes(source) == []


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("def scaled_dot_product(q):\n    return F.scaled_dot_product_attention(q)", "scaled_dot_product_attention"),
        ("from torch.nn import MultiheadAttention\ndef scaled_dot_product(q):\n    return q", ""),
        ("from torch.nn import RNN\ndef scaled_dot_product(q):\n    return RNN(q)", "RNN"),
        ("def scaled_dot_product(q):\n    attention = q.softmax(-1)\n    return attention @ q, attention", ""),
    ],
)
def test_where_nothing_is_taken_away_the_source_is_read(source: str, named: str) -> None:
    found = notes_on(COURSE.stage(STAGE), [source], EARNED, {}, all_there=True)
    assert [note.partition(". It is ")[0] for note in found] == ([f"scaled_dot_product names {named}"] if named else [])
    assert notes(source) == []
