"""What the command `autograder` takes for a stage, and what it says where it cannot."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import whole_course
from whole_course import COURSE, FOLDERS

from autograder import cli
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.hidden_tests import runner
from coursekit.data import SAMPLE, VARIABLE

STAGES = ("01_tokenization", "03_attention", "03_attention_again", "10_more")


@pytest.fixture
def classroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    """A class with four assignments; ada handed in two of them, bob one."""
    (tmp_path / "nbgrader_config.py").write_text(FOLDERS)
    for stage in STAGES:
        (tmp_path / "course" / stage).mkdir(parents=True)
        (tmp_path / "course" / stage / f"{stage}.ipynb").touch()
    for student, stage in (("ada", STAGES[0]), ("ada", STAGES[3]), ("bob", STAGES[0])):
        (tmp_path / "classroom/submitted" / student / stage).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return Classroom(tmp_path)


@pytest.fixture
def graded(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that the command grades; the second assignment cannot be."""
    found: list[str] = []

    def grade(classroom: Classroom, stage: str, options: argparse.Namespace | None = None) -> int:
        if stage == STAGES[1]:
            raise ClassroomError("Its points differ.")
        found.append(stage)
        return 0

    monkeypatch.setattr(cli, "_grade_stage", grade)
    return found


@pytest.mark.parametrize(
    ("arguments", "stages"),
    [
        (["01_tokenization"], ["01_tokenization"]),
        (["01"], ["01_tokenization"]),
        (["1"], ["01_tokenization"]),
        (["10"], ["10_more"]),
        (["01_tok"], ["01_tokenization"]),
        (["03_attention_"], ["03_attention_again"]),
        (["10", "03_attention_again", "01", "10_more"], ["01_tokenization", "03_attention_again", "10_more"]),
        (["--all"], ["01_tokenization", "10_more"]),
        (["--all", "--student", "bob"], ["01_tokenization"]),
    ],
)
def test_stages_are_named_by_as_much_as_tells_them(graded: list[str], arguments: list[str], stages: list[str]) -> None:
    assert cli.main(["grade", *arguments]) == 0
    assert graded == stages


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["0"], "There is no assignment '0' in "),
        (["03"], "'03' is the beginning of 03_attention, 03_attention_again. Write more of the name."),
        (["tokenisation"], "Did you mean 01_tokenization?"),
        (["01", "01_tokeniztion"], "Did you mean 01_tokenization?"),
        ([], "Which stage? Name one or more, or say --all. There are: 01_tokenization, 03_attention, "),
        ([""], "There is no assignment ''"),
        (["--all", "01"], "Name stages, or say --all, but not both."),
        (["--all", "--student", "eve"], "eve handed in nothing: see "),
    ],
)
def test_what_names_no_stage_is_told_in_a_sentence(
    graded: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert cli.main(["grade", *arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert graded == []


def test_a_stage_that_cannot_be_graded_does_not_keep_the_others_from_it(
    graded: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["grade", "01", "03_attention", "10"]) == 1
    assert graded == ["01_tokenization", "10_more"]
    assert capsys.readouterr().err == "autograder: 03_attention: Its points differ.\n"


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "autograder 0.1.0\n"


@pytest.mark.parametrize("stage", whole_course.STAGES)
def test_reviews_are_spoken_of_where_accuracy_is_graded_and_nowhere_else(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
    told: list[str] = []
    runner.make_ready(COURSE.stage(stage), [], 0, told.append)
    assert ["Accuracy is graded on made-up reviews" in sentence for sentence in told] == (
        [True] if stage[:2] in ("02", "07") else []
    )
