"""What a result depends on, and what is told of a notebook that is not the one of the assignment."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from autograder.grading.classroom import Classroom
from autograder.grading.setting import HERE, Setting, Submitted, engine_files
from autograder.module_graph import imports, reached
from autograder.release import ROOT, stages
from autograder.submission import HandedIn

STAGES = stages()


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


def test_what_decides_a_score_is_found_and_what_only_shows_it_is_not() -> None:
    found = {path.relative_to(HERE).as_posix() for path in engine_files() if path.is_relative_to(HERE)}
    assert {"sandbox/zygote.py", "scenarios/recurrent.py", "misconceptions/stage_01/pieces.py"} <= found
    assert {"hidden_tests/pytest.ini", "hidden_tests/conftest.py", "grading/run.py", "repair/lenient_json.py"} <= found
    assert not {name for name in found if name.startswith(("report/", "export/", "release/", "hidden_tests/test_"))}
    assert found.isdisjoint({"cli.py", "demo.py", "grading/gradebook.py", "hidden_tests/reading.py"})
    assert [path for path in engine_files() if path.parent.name == "golden"]


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
