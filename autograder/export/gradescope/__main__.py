"""Grades the one submission of a Gradescope container: `python -m autograder.export.gradescope SUBMISSION RESULTS`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from autograder.grading.by_hand import grade_notebook
from autograder.grading.classroom import Classroom, ClassroomError, write_whole
from autograder.grading.graded import Graded
from autograder.grading.setting import Setting
from autograder.hidden_tests.runner import HiddenTestError
from autograder.report.gradebook import Gradebook
from autograder.report.scores import as_assignment, from_result
from autograder.sandbox import SandboxDied, SandboxMissing

from .image import SETTINGS
from .results import VISIBILITIES, as_json, results


def main(arguments: list[str] | None = None) -> int:
    """Grade the submission as gradescope.json says. Returns the exit status.

    Where we are at fault there is no results.json: Gradescope then says that the autograder failed, which nobody takes
    for a grade.
    """
    parser = argparse.ArgumentParser(prog="run_autograder", description="Grades one submission at Gradescope.")
    parser.add_argument("submission", type=Path, help="folder with what was handed in")
    parser.add_argument("results", type=Path, help="results.json to write")
    options = parser.parse_args(arguments)
    try:
        classroom = Classroom.find()
        settings = _settings(classroom.root / SETTINGS)
        graded = _grade(classroom, settings, options.submission)
    except (ClassroomError, HiddenTestError, SandboxDied, SandboxMissing) as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    result = {"student": "", "assignment": settings["assignment"], **graded.to_json()}
    submission = from_result(result, Gradebook())
    assignment = as_assignment(classroom, submission.assignment, {"": submission})
    write_whole(options.results, as_json(results(assignment, submission, settings["visibility"])))
    print(f"{submission.assignment}: {submission.total:g} points, {submission.status}.")
    return 0


def _settings(path: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = isinstance(settings["assignment"], str) and isinstance(settings["trust_submissions"], bool)
    except (OSError, ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise ClassroomError(f"{path} is missing or damaged: export the zip again and upload it.")
    if settings.get("visibility") not in VISIBILITIES:
        raise ClassroomError(f"In {path}, visibility must be one of {', '.join(VISIBILITIES)}.")
    return settings


def _grade(classroom: Classroom, settings: dict[str, Any], folder: Path) -> Graded:
    stage = settings["assignment"]
    try:
        return grade_notebook(Setting(classroom, stage), folder)
    except SandboxMissing as missing:
        if not settings["trust_submissions"]:
            raise SandboxMissing(
                f"{missing} At Gradescope: its container keeps a submission from everything but this grader. If that "
                "is enough for you, export the zip again with --trust-submissions."
            ) from None
        print(f"No sandbox ({missing}); graded without, as the zip was made to allow.")
    return grade_notebook(Setting(classroom, stage, trust=True), folder)


if __name__ == "__main__":
    sys.exit(main())
