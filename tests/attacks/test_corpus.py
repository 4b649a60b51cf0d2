"""Every attack of the corpus against the grader: nothing is gained, nothing is harmed, and what happened has a name."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from whole_course import ROOT

from autograder.grading.classroom import Classroom
from autograder.grading.grade_class import Summary, grade_class
from autograder.sandbox import Limits

sys.path.insert(0, str(Path(__file__).parent))
from corpus import NEIGHBOUR, STAGE, TARGET, Attack, answer_rightly, attacks, hand_in

pytestmark = pytest.mark.slow
ATTACKS = attacks()
LIMITS = Limits(
    cell_seconds=5.0, call_seconds=2.0, interrupt_seconds=0.5, submission_seconds=40.0, memory_bytes=1 << 30
)
SECRET = "the canary sings at dawn"
HIDDEN = ("def test_padded_tokens_get_no_attention", "softmax_axis(", "@points(")


@dataclass
class Aftermath:
    """What is left when the class has been graded."""

    classroom: Classroom
    canary: Path
    heard: list[bytes]
    summary: Summary

    def result(self, student: str) -> dict[str, Any]:
        found = self.classroom.result(student, STAGE)
        assert found is not None, f"{student} has no result"
        return found

    def scores(self, student: str) -> dict[str, float]:
        return {cell["grade_id"]: cell["score"] for cell in self.result(student)["cells"] if cell["tests"]}


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Aftermath:
    """All attacks graded in one class, with an honest neighbour at either end."""
    folder = tmp_path_factory.mktemp("attacked")
    for name in ("course", "solutions"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    classroom = Classroom(folder)
    canary = tmp_path_factory.mktemp("host") / "canary.txt"
    canary.write_text(SECRET)
    listening = socket.socket(socket.AF_UNIX)
    name = f"attacked-{os.getpid()}"
    listening.bind("\0" + name)
    listening.listen()
    listening.setblocking(False)
    release = json.loads((ROOT / "course" / STAGE / f"{STAGE}.ipynb").read_text(encoding="utf-8"))
    for cell in release["cells"]:
        cell["source"] = "".join(cell["source"])
    places = {"CANARY": str(canary), "CLASS": str(folder), "SOCKET": name}
    for attack in ATTACKS:
        hand_in(attack, release, classroom.submission(attack.name, STAGE), places)
    answer_rightly(release)
    for student in (f"a-{NEIGHBOUR}", f"z-{NEIGHBOUR}"):
        target = classroom.submission(student, STAGE)
        target.mkdir(parents=True)
        (target / f"{STAGE}.ipynb").write_text(json.dumps(release), encoding="utf-8")
    summary = grade_class(classroom, STAGE, limits=LIMITS)
    heard = []
    with contextlib.suppress(BlockingIOError):
        heard.append(listening.accept()[0].recv(100))
    listening.close()
    return Aftermath(classroom, canary, heard, summary)


def test_there_are_enough_attacks_of_every_class() -> None:
    assert len(ATTACKS) >= 60
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    classes = {"forging", "reading", "redirecting", "ending", "exhausting", "escaping", "payloads"}
    assert {attack.kind for attack in ATTACKS} == classes


def test_everybody_is_graded(aftermath: Aftermath) -> None:
    assert aftermath.summary.failed == []
    assert aftermath.summary.graded == len(ATTACKS) + 2


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.kind}/{attack.name}")
def test_the_attack_gains_nothing(aftermath: Aftermath, attack: Attack) -> None:
    scores = aftermath.scores(attack.name)
    full = aftermath.scores(f"a-{NEIGHBOUR}")
    assert scores.get(TARGET, 0.0) <= attack.keeps
    if attack.may is None:
        honest = {name: score for name, score in full.items() if name != TARGET}
        assert {name: score for name, score in scores.items() if name != TARGET} == honest


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.told], ids=lambda attack: attack.name)
def test_what_happened_has_its_name(aftermath: Aftermath, attack: Attack) -> None:
    assert aftermath.result(attack.name)["status"] == attack.told


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.kind}/{attack.name}")
def test_the_attack_shows_nothing_that_is_hidden(aftermath: Aftermath, attack: Attack) -> None:
    notebook = aftermath.classroom.autograded / attack.name / STAGE / f"{STAGE}.ipynb"
    shown = notebook.read_text(encoding="utf-8") + json.dumps(aftermath.result(attack.name))
    assert SECRET not in shown
    for text in HIDDEN:
        assert text not in shown
    for path in notebook.parent.iterdir():
        assert SECRET.encode() not in path.read_bytes()
        assert path.stat().st_size < 64 << 20


@pytest.mark.parametrize("place", ["a", "z"])
def test_the_neighbours_scores_are_untouched(aftermath: Aftermath, place: str) -> None:
    scores = aftermath.scores(f"{place}-{NEIGHBOUR}")
    assert sum(scores.values()) == 15
    assert aftermath.result(f"{place}-{NEIGHBOUR}")["status"] == "graded"


def test_the_host_is_untouched(aftermath: Aftermath) -> None:
    assert aftermath.canary.read_text() == SECRET
    assert [path.name for path in aftermath.canary.parent.iterdir()] == ["canary.txt"]
    assert aftermath.heard == []
    assert not list(Path("/srv").glob("escaped*"))


def test_nothing_of_an_attack_runs_on(aftermath: Aftermath) -> None:
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            assert b"outlives-the-submission" not in environment.read_bytes()
        except OSError:
            continue
