"""What is told of a notebook that is not the one of the assignment."""

from __future__ import annotations

import json

import pytest

from autograder.grading.classroom import Classroom
from autograder.grading.setting import Setting, Submitted
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
