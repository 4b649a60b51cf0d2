"""The bank: enough answers, told apart by name and sentence, and ready to be pasted into a notebook."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from whole_course import COURSE, ROOT, STAGES, alternatives, bank, exercises, right_answer, stage_module

from autograder.answers import Answer, Bank, bank_of, reference
from autograder.course import Course
from autograder.release.golden import public_exercises
from autograder.release.notebooks import read_text_notebook

STAGE_OF = {exercise: stage for stage in STAGES for exercise in exercises(stage)}
ANSWERS: list[Answer] = [
    answer for name in STAGE_OF for answer in (right_answer(name), *alternatives(name), *bank(name))
]

# The heart of each stage: so many wrong and so many right answers, in these exercises together.
HEARTS = [
    (["build_vocab", "tokenize"], 10, 5),
    (["RNNClassifier", "LSTMClassifier", "GRUClassifier"], 10, 5),
    (["train", "evaluate"], 10, 5),
    (["scaled_dot_product"], 18, 10),
    (["MultiHeadAttention"], 10, 5),
    (["TransformerBlock"], 10, 5),
    (["mask_inputs", "BertModel"], 10, 5),
    (["BERTGRUSentiment"], 10, 5),
]


def named(answer: Answer) -> str:
    return f"{answer.exercise}-{answer.name}"


@pytest.mark.parametrize(("names", "wrong", "right"), HEARTS)
def test_there_are_enough_answers_to_the_heart_of_a_stage(names: list[str], wrong: int, right: int) -> None:
    assert sum(len(bank(name)) for name in names) >= wrong
    assert sum(len(alternatives(name)) for name in names) >= right


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_every_exercise_has_wrong_and_right_answers(exercise: str) -> None:
    assert len(bank(exercise)) >= 3
    assert len(alternatives(exercise)) >= 2


@pytest.mark.parametrize("stage", STAGES)
def test_every_exercise_has_a_public_check(stage: str) -> None:
    assert set(public_exercises(COURSE.stage(stage))) == set(exercises(stage))


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_misconceptions_have_names_and_sentences_of_their_own(exercise: str) -> None:
    wrong = bank(exercise)
    assert len({entry.name for entry in wrong}) == len(wrong)
    assert len({entry.sentence for entry in wrong}) == len(wrong)


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_misconceptions_name_a_hidden_test_of_their_exercise(exercise: str) -> None:
    hidden_tests = stage_module(STAGE_OF[exercise], "hidden_tests")
    for entry in bank(exercise):
        (mark,) = getattr(hidden_tests, entry.caught_by).pytestmark
        assert mark.args[0] == exercise, entry.name


@pytest.mark.parametrize("exercise", STAGE_OF)
def test_sentences_give_no_code(exercise: str) -> None:
    for entry in bank(exercise):
        assert entry.sentence.endswith((".", "?"))
        assert len(entry.sentence) < 320
        assert not re.search(r"`|torch\.|F\.|masked_fill|dim=|\w\(\w+, ", entry.sentence), entry.sentence


@cache
def notebook_names(stage: str) -> set[str]:
    """What the notebook of a stage has imported and defined for its answers: what its cells give that are run."""
    notebook = read_text_notebook(ROOT / "solutions" / stage / f"{stage}.py")
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in notebook.cells:
            graded = cell.metadata.get("nbgrader", {}).get("grade")
            if cell.cell_type == "code" and not graded and "look" not in cell.metadata.get("tags", []):
                exec(cell.source, names)
    return {*names, *dir(builtins)}


def globals_used(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_used(constant)


@pytest.mark.parametrize("answer", ANSWERS, ids=named)
def test_source_can_be_pasted_into_an_answer_cell(answer: Answer) -> None:
    (definition,) = ast.parse(answer.source).body
    assert isinstance(definition, ast.FunctionDef | ast.ClassDef)
    assert definition.name == answer.exercise
    assert not definition.decorator_list
    own = {"__name__", "__module__", "__qualname__", "__class__"}
    local = {node.name for node in ast.walk(definition) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    used = set(globals_used(compile(answer.source, "answer", "exec")))
    assert used <= notebook_names(STAGE_OF[answer.exercise]) | own | local


@pytest.mark.parametrize("look_up", [bank, alternatives, right_answer])
def test_an_unknown_exercise_is_named(look_up) -> None:
    with pytest.raises(KeyError, match="no_such_exercise"):
        look_up("no_such_exercise")


def test_a_stage_without_answers_has_no_exercises() -> None:
    assert exercises("99_nothing") == []


TWICE = """from autograder.answers import alternative, edited, edited_alternative, misconception, reference


@reference("twice")
def doubled(x):
    return x + x


@misconception("twice", "Sentence.", caught_by="test_none")
def squared(x):
    return x * x


"""


def declared(folder: Path, text: str) -> Bank:
    """The bank of a course whose only stage has these answers."""
    answers = folder / "solutions" / "01_small" / "answers"
    answers.mkdir(parents=True)
    (answers / "twice.py").write_text(TWICE + text)
    return bank_of(Course(folder).stage("01_small"))


def test_answers_are_found_in_the_folder_of_their_stage(tmp_path: Path) -> None:
    found = declared(tmp_path, 'edited_alternative("twice", "times_two", [("x + x", "2 * x")])\n')
    assert found.exercises == ["twice"]
    assert found.right("twice").function(4) == 8
    assert [answer.name for answer in found.alternatives("twice")] == ["times_two"]
    assert [answer.name for answer in found.wrong("twice")] == ["squared"]
    # The course of this repository is found again.
    assert COURSE.module("draws").__file__ == str(ROOT / "solutions/draws.py")
    assert right_answer("norms").exercise == "norms"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('@reference("twice")\ndef another(x):\n    return 2 * x\n', "two references"),
        ('@alternative("twice")\ndef doubled(x):\n    return 2 * x\n', "two answers named"),
        ('edited("twice", "squared", "Sentence.", [("x + x", "x")], caught_by="test_none")\n', "two answers named"),
        ('edited("twice", "gone", "Sentence.", [("y", "")], caught_by="test_none")\n', "stands 0 times"),
        ('edited_alternative("no_such_exercise", "orphan", [])\n', "declared before it"),
    ],
)
def test_an_author_is_told_what_cannot_be_declared(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        declared(tmp_path, text)


def test_answers_are_not_declared_outside_of_their_bank() -> None:
    with pytest.raises(RuntimeError, match="bank_of"):
        reference("twice")(lambda x: 2 * x)
