"""Grades the one submission of a Gradescope container: `python -m autograder.export.gradescope SUBMISSION RESULTS`."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from autograder.course import SOURCES
from autograder.files import write_whole
from autograder.grading.by_hand import grade_notebook
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.graded import Graded
from autograder.grading.setting import Setting
from autograder.hidden_tests.runner import HiddenTestError
from autograder.report.gradebook import Gradebook
from autograder.report.scores import as_assignment, from_result
from autograder.sandbox import SandboxDied, SandboxMissing

from .image import SETTINGS
from .results import VISIBILITIES, as_json, results
from .submission_user import adopt_orphans, end_all, keep_to_ourselves, submission_user

FORGEABLE = (
    "Graded without a sandbox, as the zip was made to allow: grades can be forged. The submission had the network, and "
)
AS_NOBODY = (
    "ran beside the grader as a user of its own, who can neither read the hidden tests nor write results, as far as "
    "this container keeps users apart."
)
AS_GRADER = (
    "ran as the same user as the grader: it could read the hidden tests, change the grader, and write results of its "
    "own. Look at surprising scores, or grade the submission again where there is a sandbox."
)


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
        graded, warning = _grade(classroom, settings, options.submission, options.results)
    except (ClassroomError, HiddenTestError, SandboxDied, SandboxMissing) as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 1
    result = {"student": "", "assignment": settings["assignment"], **graded.to_json()}
    submission = from_result(result, Gradebook())
    assignment = as_assignment(classroom, submission.assignment, {"": submission})
    found = results(assignment, submission, settings["visibility"])
    for entry in (found, *found["tests"]):
        entry["output"] = _without_paths(entry["output"], classroom.root)
    if warning:
        told = {"name": "For instructors: graded without a sandbox", "output": warning, "output_format": "text"}
        found["tests"].insert(0, {**told, "visibility": "hidden"})
    write_whole(options.results, as_json(found))
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


def _grade(classroom: Classroom, settings: dict[str, Any], folder: Path, results: Path) -> tuple[Graded, str]:
    """The graded submission, and what instructors must know of how it was graded: nothing where that was as usual."""
    stage = settings["assignment"]
    try:
        return grade_notebook(Setting(classroom, stage), folder), ""
    except SandboxMissing as missing:
        if not settings["trust_submissions"]:
            raise SandboxMissing(
                f"{missing} At Gradescope: its container keeps a submission from everything but this grader. If that "
                "is enough for you, export the zip again with --trust-submissions."
            ) from None
        print(f"No sandbox ({missing}); graded without, as the zip was made to allow.")
    user = submission_user()
    if user is not None:
        own = (SOURCES, "classroom")
        keep_to_ourselves(results.absolute().parent, *(classroom.root / name for name in own))
    adopt_orphans()
    try:
        graded = grade_notebook(Setting(classroom, stage, trust=user or True), folder)
    finally:
        end_all(user)
    warning = FORGEABLE + (AS_GRADER if user is None else AS_NOBODY)
    print(warning)
    return graded, warning


def _without_paths(text: str, root: Path) -> str:
    """The text with the grader's own files named without their folders."""
    folders = "|".join(re.escape(str(folder)) for folder in (root, sys.prefix, sys.base_prefix))
    return re.sub(rf"(?:{folders})(?:/[\w.+@-]+)*/([\w.+@-]+)", r"\1", text)


if __name__ == "__main__":
    sys.exit(main())
