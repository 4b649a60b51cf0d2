"""What a result depends on, and what is told of a notebook that is not the one of the assignment."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from whole_course import COURSE, ROOT, STAGES

from autograder.grading.classroom import Classroom
from autograder.grading.setting import HERE, Setting, Submitted, engine_files, grader_fingerprint
from autograder.module_graph import imports, reached
from autograder.remote import HandedIn


def told(setting: Setting, stage: str, folder: str, *, marks: bool = True) -> tuple[bool, list[str]]:
    notebook = json.loads((ROOT / folder / stage / f"{stage}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if not marks:
            cell["metadata"] = {}
    repaired = setting.repaired(Submitted(json.dumps(notebook).encode(), [], {}, 0, HandedIn()))
    return repaired.readable, repaired.notes


@pytest.mark.parametrize("folder", ["course", "solutions"])
@pytest.mark.parametrize("marks", [True, False])
def test_every_other_stage_is_called_by_its_name_and_nothing_more(folder: str, marks: bool) -> None:
    for stage in STAGES[2:5]:
        setting = Setting(Classroom.find(ROOT), stage)
        for other in STAGES:
            readable, notes = told(setting, other, folder, marks=marks)
            if other == stage:
                assert readable
            else:
                assert not readable
                assert notes == [f"This is the notebook of {other}; hand in the one of this assignment."]


@pytest.fixture
def deciding(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What goes into the fingerprint of the grader for stage 02, relative to the repository."""
    read_bytes, read = Path.read_bytes, set()

    def noted(path: Path) -> bytes:
        read.add(path)
        return read_bytes(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", noted)
        grader_fingerprint.__wrapped__(COURSE.stage(STAGES[1]))
    return {path.relative_to(ROOT).as_posix() for path in read}


def test_what_decides_a_score_is_found_and_what_only_shows_it_is_not(deciding: set[str]) -> None:
    engine = {"sandbox/zygote.py", "answers/diagnosis.py", "hidden_tests/plugin.py", "hidden_tests/pytest.ini"}
    assert {f"autograder/{name}" for name in engine | {"grading/run.py", "repair/lenient_json.py"}} <= deciding
    shown = tuple(f"autograder/{folder}/" for folder in ("report", "export", "release", "demo"))
    assert not {name for name in deciding if name.startswith(shown)}
    assert deciding.isdisjoint(
        {f"autograder/{name}" for name in ("cli.py", "grading/gradebook.py", "grading/by_hand.py", "demo/classroom.py")}
    )
    assert {"course/coursekit/stand_ins.py", f"course/coursekit/golden/{STAGES[1]}.safetensors"} <= deciding


def test_what_an_author_wrote_decides_the_scores_of_its_own_stage(deciding: set[str]) -> None:
    stage, other = STAGES[1], STAGES[0]
    assert {"solutions/course.py", "solutions/ready_made.py", "solutions/recording.py"} <= deciding
    answers = {path.relative_to(ROOT).as_posix() for path in (ROOT / f"solutions/{stage}/answers").glob("*.py")}
    assert len(answers) > 3
    assert answers | {f"solutions/{stage}/scenarios.py"} <= deciding
    # Of the hidden tests every exercise has a digest of its own; the rest is for students, or for a made-up class.
    names = ("hidden_tests.py", "public_checks.py", f"{stage}.py", f"{stage}.ipynb")
    assert deciding.isdisjoint(f"solutions/{stage}/{name}" for name in names)
    assert not {name for name in deciding if name.startswith((f"solutions/{stage}/demo/", f"solutions/{other}/"))}


def test_imports_are_found_whether_or_not_a_module_is_parsed() -> None:
    for path in sorted(path for path in engine_files() if path.suffix == ".py" and path.is_relative_to(HERE)):
        parsed = {found for found, _ in imports(ast.parse(path.read_text(encoding="utf-8")), path)}
        assert reached([path], ends=parsed - {path}) == parsed | {path}


def test_a_helper_of_the_hidden_tests_is_part_of_what_a_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Setting(Classroom.find(ROOT), STAGES[2])._tests
    read_text = Path.read_text

    def more_tolerant(path: Path, *rest: str, **named: str) -> str:
        text = read_text(path, *rest, **named)
        return text.replace(".clamp(min=1.0)", ".clamp(min=1e9)") if path.name == "reading.py" else text

    monkeypatch.setattr(Path, "read_text", more_tolerant)
    after = Setting(Classroom.find(ROOT), STAGES[2])._tests
    changed = {name for name, _ in before.items() ^ after.items()}
    assert "scaled_dot_product" in changed
    assert changed < set(before), "where nothing is compared so, nothing is run again"
