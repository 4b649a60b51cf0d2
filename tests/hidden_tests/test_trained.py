"""What the demo class has trained is kept, and trained anew when something has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_course import COURSE

from autograder.demo import trained
from autograder.demo.trained import trained_files

STAGE = "02_recurrent_networks"
TRAINING = COURSE.module(f"{STAGE}.demo.training")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """What each training has made, one after the other."""
    made: list[bytes] = []

    def train() -> dict[str, bytes]:
        made.append(b"weights %d" % len(made))
        return {TRAINING.FILE: made[-1]}

    monkeypatch.setattr(TRAINING, "train", train)
    monkeypatch.setattr(trained, "grader_fingerprint", lambda stage: f"as it is, for {stage}")
    yield made
    trained_files.cache_clear()


def ask(kept_in: Path | None) -> bytes:
    """As another command would ask."""
    trained_files.cache_clear()
    return trained_files(COURSE.stage(STAGE), kept_in)[TRAINING.FILE]


def test_a_second_command_finds_what_was_trained(runs: list[bytes], tmp_path: Path) -> None:
    assert [ask(tmp_path), ask(tmp_path), ask(tmp_path / "another")] == [b"weights 0", b"weights 0", b"weights 1"]


def test_a_change_of_the_grader_trains_anew(runs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(tmp_path)
    monkeypatch.setattr(trained, "grader_fingerprint", lambda stage: "otherwise")
    assert ask(tmp_path) == b"weights 1"


def test_nothing_is_kept_unless_asked_for(runs: list[bytes]) -> None:
    assert [ask(None), ask(None)] == [b"weights 0", b"weights 1"]


def test_a_stage_without_accuracy_has_none(tmp_path: Path) -> None:
    assert trained_files(COURSE.stage("03_scaled_dot_product_attention"), tmp_path) == {}
    assert list(tmp_path.iterdir()) == []
