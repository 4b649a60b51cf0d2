"""A letter of the JSON that is missing costs no answer but, at most, the one it was missing in."""

from __future__ import annotations

import json
import re
import time
from bisect import bisect

import pytest
from classwork import ANSWERS, MARKS, hand_in, small_release, source_of

from autograder.repair import repair
from autograder.repair.lenient_json import parse

RELEASE = small_release()


def written(form: str) -> str:
    handed = hand_in(RELEASE, ANSWERS)
    if "lists" in form:
        for cell in handed["cells"]:
            cell["source"] = cell["source"].splitlines(keepends=True)
    return json.dumps(handed, ensure_ascii=False, indent=None if "compact" in form else 1)


def structure(text: str) -> list[int]:
    """Where the quotation marks, commas and brackets of the JSON itself stand."""
    places: list[int] = []
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[,:\[\]{}]', text):
        places += [found.start(), found.end() - 1] if found[0].startswith('"') else [found.start()]
    return places


@pytest.mark.parametrize("form", ["indented", "indented lists", "compact", "compact lists"])
@pytest.mark.parametrize("block", range(3))
def test_whatever_single_letter_of_the_json_is_missing_every_answer_is_found(form: str, block: int) -> None:
    text = written(form)
    for at in structure(text)[block * 9 :: 27]:
        damaged = text[:at] + text[at + 1 :]
        repaired = repair(damaged.encode(), RELEASE)
        for grade_id, answer in ANSWERS.items():
            assert source_of(repaired.notebook, grade_id) == answer, (
                text[at - 60 : at],
                text[at],
                text[at + 1 : at + 40],
            )


@pytest.mark.parametrize("form", ["indented", "indented lists", "compact", "compact lists"])
@pytest.mark.parametrize("grade_id", ["norms_answer", "no_scale"])
def test_every_letter_around_an_answer(form: str, grade_id: str) -> None:
    text = written(form)
    starts = [found.start() for found in re.finditer(r'\{\s*"cell_type": "(?:code|markdown)",', text)]
    cell = bisect(starts, text.index(MARKS[grade_id])) - 1
    for at in structure(text):
        if starts[cell] <= at < starts[cell + 1]:
            repaired = repair((text[:at] + text[at + 1 :]).encode(), RELEASE)
            assert source_of(repaired.notebook, grade_id) == ANSWERS[grade_id], (text[at - 60 : at], text[at])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [2, 3]', {"a": 1, "b": [2, 3]}),
        ('{"a": "x" "b": "y"}', {"a": "x", "b": "y"}),
        ('{"a": "x\ny", "b": 1,}', {"a": "x\ny", "b": 1}),
        ('[{"a": 1, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('["a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"source": "a", "b"], "id": "c"}', {"source": ["a", "b"], "id": "c"}),
        ('{"id: "c", "source": "d"}', {"id": "c", "source": "d"}),
        ('{"id": c", "source": "d"}', {"id": "c", "source": "d"}),
        ('{"id": "c, "source": "d"}', {"id": "c", "source": "d"}),
        ('{id": "c", "source": "d"}', {"id": "c", "source": "d"}),
    ],
)
def test_what_is_missing_is_made_up_for(text: str, value: object) -> None:
    assert parse(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        '{"a' + '"x' * 100_000,
        "[" + 'a"b,' * 100_000,
        '{"a": "' + "\n" * 200_000,
        "[" + "x\\" * 200_000,
        '{"a": [' * 50_000,
        "[" + "a " * 300_000,
        "[" + "a " * 300_000 + '"x',
        '["' + " " * 300_000 + '"x',
        '["' + "]" * 300_000 + ',"x',
        "{" * 200_000,
        "{" * 200_000 + "]" * 200_000,
        '{"a": ' * 50_000 + '"source":' * 50_000,
    ],
)
def test_hostile_text_takes_little_time(text: str) -> None:
    started = time.process_time()
    parse(text)
    assert time.process_time() - started < 5
