"""Attacks on the graded accuracy: answers that were learned by heart, and not by reading, are worth what a coin is."""

from __future__ import annotations

import json
import random
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file
from whole_course import COURSE, ROOT, right_answer

from autograder.demo.trained import trained_files
from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import grade_class
from coursekit.data import SAMPLE, VARIABLE
from coursekit.words import STOP_WORDS
from solutions.heldout import sample

sys.path.insert(0, str(Path(__file__).parent))
from corpus import Attack, attacks

pytestmark = pytest.mark.slow
STAGE, TARGET = "02_recurrent_networks", "sentiment_classifier"
HONEST = "honest"
BY_HEART = attacks(STAGE)
PUBLIC = 1200
SIGMAS = 5


def words(text: str) -> list[str]:
    """The words of a review as grading reads them."""
    return [word for word in re.findall(r"[^\W\d_]+", re.sub(r"<[^>]*>", " ", text.lower())) if word not in STOP_WORDS]


@dataclass
class Graded:
    """What became of one submission: what its author was told of its accuracy, the notes, and the points of 1.75."""

    told: str
    notes: str
    score: float


@contextmanager
def reviews_from(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield


def public_reviews(folder: Path) -> list[tuple[str, int]]:
    """A test split that everybody has, in a folder like IMDB's. Returns its reviews with their labels."""
    draw = random.Random(11)
    rows = [(sample.review(number % 2, draw), number % 2) for number in range(PUBLIC)]
    text = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return rows


def hand_in(folder: Path, answers: dict[str, str], files: dict[str, bytes] | None = None) -> None:
    """A notebook with some answers, and files beside it."""
    notebook = json.loads((ROOT / "course" / STAGE / f"{STAGE}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        cell["source"] = answers.get(grade_id.removesuffix("_answer"), cell["source"])
    folder.mkdir(parents=True)
    (folder / f"{STAGE}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)


def attack_with(attack: Attack, folder: Path, public: list[tuple[str, int]]) -> None:
    names: dict[str, Any] = {}
    exec("import random\nimport torch\nfrom torch import nn\n" + attack.code, names)
    tensors, vocabulary, longest = names["hand_in"](public, words)
    hand_in(folder, {TARGET: attack.code})
    metadata = {"vocabulary": json.dumps(vocabulary), "max_length": str(longest)}
    save_file(tensors, folder / "sentiment_lstm.safetensors", metadata)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Graded]:
    """All attacks graded, each where those reviews are asked that it has learned, and an honest classifier beside."""
    folder, imdb = tmp_path_factory.mktemp("by-heart"), tmp_path_factory.mktemp("imdb")
    public = public_reviews(imdb)
    found = {}
    for asked, source in (("the test split", imdb), ("the sample", SAMPLE)):
        root = folder / source.name
        root.mkdir()
        for name in ("course", "solutions"):
            (root / name).symlink_to(ROOT / name)
        shutil.copy(ROOT / "nbgrader_config.py", root)
        classroom = Classroom(root)
        for attack in BY_HEART:
            if attack.asked == asked:
                attack_with(attack, classroom.submission(attack.name, STAGE), public)
        honest = classroom.submission(HONEST, STAGE)
        needed = ("LSTMClassifier", TARGET)
        hand_in(honest, {name: right_answer(name).source for name in needed}, trained_files(COURSE.stage(STAGE)))
        with reviews_from(source):
            assert grade_class(classroom, STAGE).failed == []
        for student in classroom.students(STAGE):
            result = classroom.result(student, STAGE)
            assert result is not None
            (cell,) = [cell for cell in result["cells"] if cell["grade_id"] == TARGET]
            test = cell["tests"][1]
            found[f"{student}, {asked}"] = Graded(test["message"] or "", " ".join(result["events"]), test["earned"])
    return found


@pytest.mark.parametrize("attack", BY_HEART, ids=lambda attack: attack.name)
def test_what_was_learned_by_heart_is_worth_what_a_coin_is(graded: dict[str, Graded], attack: Attack) -> None:
    result = graded[f"{attack.name}, {attack.asked}"]
    if attack.noted is not None:
        assert attack.noted in result.notes
        return
    figures = re.search(r"right on ([\d.]+)% of ([\d,]+) reviews", result.told)
    if figures is None:
        assert "the same logit" in result.told
        assert result.score == 0
    else:
        chance = 50 + 100 * SIGMAS * (0.25 / int(figures[2].replace(",", ""))) ** 0.5
        assert float(figures[1]) < chance


@pytest.mark.parametrize("asked", ["the test split", "the sample"])
def test_honest_work_is_paid_in_full_and_raises_no_doubt(graded: dict[str, Graded], asked: str) -> None:
    result = graded[f"{HONEST}, {asked}"]
    assert result.score == 1.75
    assert "table of answers" not in result.notes
    assert "asked about twice" not in result.notes


def test_a_table_of_answers_is_noted(graded: dict[str, Graded]) -> None:
    assert "Are they a table of answers?" in graded["hashes_of_reviews, the test split"].notes


def test_a_reader_of_one_word_is_noted(graded: dict[str, Graded]) -> None:
    assert "read only" in graded["answers_by_position_of_one_word, the test split"].notes
