"""`autograder check` tells the author of a stage what is forgotten, on a course that somebody has just begun."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from autograder.check import check_stage
from autograder.cli import main
from autograder.course import Course
from autograder.new import new_course

STAGE = "01_lists"
NUMBERS = count()


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of a new course, whose package no other test of this process has imported."""
    new_course(tmp_path / "begun", package=f"begun_{next(NUMBERS)}")
    return tmp_path / "begun"


def found(root: Path, stage: str = STAGE) -> list[str]:
    return list(check_stage(Course(root).stage(stage), root / "classroom"))


def change(root: Path, file: str, edit: Callable[[str], str]) -> None:
    path = root / "solutions" / STAGE / file
    before = path.read_text(encoding="utf-8")
    assert edit(before) != before
    path.write_text(edit(before), encoding="utf-8")


def test_nothing_is_missing_in_a_new_course(begun: Path) -> None:
    assert found(begun) == []


NO_TEST_OF_THE_INPUT = '\n\n@points("scale", 1)\ndef test_the_list_that_went_in'
ANSWERS, TESTS, PUBLIC = "answers/scale.py", "hidden_tests.py", "public_checks.py"


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        pytest.param(
            TESTS,
            lambda text: (
                text + '\n\n@points("scale", 0)\ndef test_it_exists(submission):\n    submission.scale([1], 2)\n'
            ),
            f"solutions/{STAGE}/hidden_tests.py: no wrong answer to scale loses points in test_it_exists:",
            id="a test that no wrong answer fails",
        ),
        pytest.param(
            ANSWERS,
            lambda text: (
                text
                + '\n\nedited("scale", "as_a_sum", "S.", [("factor * number", "sum([number] * 0) + factor * number")],'
                ' caught_by="test_every_number_is_multiplied")\n'
            ),
            f"solutions/{STAGE}/answers: as_a_sum, a wrong answer to scale, loses no points:",
            id="a wrong answer that no test catches",
        ),
        pytest.param(
            TESTS,
            lambda text: text.replace('@points("scale", 1)', '@points("scale", 2)', 1),
            f"solutions/{STAGE}/{STAGE}.py: The grade cell scale has 2 points, and its hidden tests in",
            id="points that differ",
        ),
        pytest.param(
            TESTS,
            lambda text: (
                text + '\n\n@points("shift", 1)\ndef test_shifted(submission):\n    submission.shift([1], 2)\n'
            ),
            "there is no grade cell shift",
            id="points without a grade cell",
        ),
        pytest.param(
            f"{STAGE}.py",
            lambda text: (
                text
                + text[text.index('# %% nbgrader={"grade": false') :]
                .replace("scale", "shift")
                .replace('points": 2', 'points": 3')
            ),
            "The grade cell shift has 3 points, and nobody can earn them",
            id="a grade cell without hidden tests",
        ),
        pytest.param(
            PUBLIC,
            lambda text: text.replace("What should happen", "Try `factor * number`. What should happen"),
            f"solutions/{STAGE}/public_checks.py: hint 1 of scale holds `factor * number",
            id="a hint that holds tokens of the solution",
        ),
        pytest.param(
            PUBLIC,
            lambda text: text.replace('"factor": 2})', '"factor": 2}, answer=([3, 4, 5],))'),
            "public_checks.py: the public check of scale says ✗ to multiplied, which keeps all points in the hidden",
            id="a public check that disagrees with the hidden test",
        ),
        pytest.param(
            ANSWERS,
            lambda text: text.replace("scaled.append(number * factor)", "scaled.append(number + factor)"),
            "test_every_number_is_multiplied takes points from in_a_loop, a right answer to scale",
            id="a right answer that loses points",
        ),
        pytest.param(
            ANSWERS,
            lambda text: text.replace(
                'caught_by="test_the_list_that', 'caught_by="test_every_number_is_multiplied", #'
            ),
            "in_place, a wrong answer to scale, should lose points in test_every_number_is_multiplied",
            id="a wrong answer that is caught elsewhere",
        ),
        pytest.param(
            ANSWERS,
            lambda text: text.replace('@reference("scale")', '@alternative("scale")').split("\n\nedited(")[0],
            f'solutions/{STAGE}/answers: scale has no right answer. Declare one with @reference("scale").',
            id="no right answer",
        ),
        pytest.param(
            TESTS,
            lambda text: text.replace("    numbers = [rng.randint(1, 9) for _ in range(3)]", "    numbers = nowhere"),
            "test_the_list_that_went_in_is_left_alone stops with an error of its own",
            id="a test that is broken itself",
        ),
    ],
)
def test_an_author_is_told_what_is_forgotten(begun: Path, file: str, edit: Callable[[str], str], said: str) -> None:
    change(begun, file, edit)
    assert any(said in sentence for sentence in found(begun)), found(begun)


@pytest.mark.parametrize("file", ["hidden_tests.py", "public_checks.py", "README.md", f"{STAGE}.py"])
def test_a_missing_file_is_named(begun: Path, file: str) -> None:
    (begun / "solutions" / STAGE / file).unlink()
    assert any(sentence.startswith(f"solutions/{STAGE}/{file} is missing:") for sentence in found(begun))


def test_two_wrong_answers_that_do_the_same_are_told_apart_by_nobody(begun: Path) -> None:
    change(
        begun,
        ANSWERS,
        lambda text: text + text[text.index("edited(") : text.index("\n\n\n@misc")].replace("added", "plus"),
    )
    assert any(
        "does what" in sentence and "Write a test that tells them apart" in sentence for sentence in found(begun)
    )


def test_the_command_takes_a_stage_by_the_beginning_of_its_name(
    begun: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(begun)
    assert main(["check", "01"]) == 0
    assert "Nothing to mend." in capsys.readouterr().out
    assert main(["check", "02"]) == 1
    assert f"There are: {STAGE}." in capsys.readouterr().err
