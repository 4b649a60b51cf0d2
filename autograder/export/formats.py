"""The list of formats, and what all of them work on.

Importing this is light, for the command line lists the formats: what a format needs is imported when it is written.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.grading.classroom import Classroom, ClassroomError

from .roster import Roster, read_roster

if TYPE_CHECKING:
    from autograder.report.scores import Assignment, Submission


@dataclass(frozen=True)
class Format:
    """One format of the scores.

    module   the module of this package that writes it, with `write(export: Export) -> None`
    file     name of what is written into classroom/ where no path is given; one without a suffix is a folder
    what     a few words for the help
    roster   whether a roster is of use
    image    whether it holds the grader, and no scores
    """

    module: str
    file: str
    what: str
    roster: bool = False
    image: bool = False

    @property
    def folder(self) -> bool:
        """Whether a folder is written, not a file."""
        return "." not in self.file


FORMATS = {
    "csv": Format("plain", "scores.csv", "a row per student and exercise, for programs"),
    "json": Format("course", "grades.json", "everything, tests and messages included"),
    "canvas": Format("canvas", "canvas.csv", "gradebook import of Canvas", roster=True),
    "moodle": Format("moodle", "moodle.csv", "grade import of Moodle", roster=True),
    "gradescope": Format("gradescope.results", "gradescope", "a results.json per submission"),
    "gradescope-image": Format("gradescope.image", "autograder.zip", "this grader, to run at Gradescope", image=True),
}


@dataclass(frozen=True)
class Export:
    """What is to be written, and where.

    stage    the only assignment to write, or None for all of them
    roster   the names that students have in the other system
    trust    for an image: grade without bubblewrap where it is not permitted
    """

    classroom: Classroom
    path: Path
    stage: str | None = None
    roster: Roster | None = None
    trust: bool = False

    @cached_property
    def assignments(self) -> list[Assignment]:
        """The assignments with their scores, as the report has them. Raises ClassroomError where there are none."""
        from autograder.report.scores import read_scores

        found = read_scores(self.classroom)
        if self.stage is not None:
            found = [assignment for assignment in found if assignment.name == self.stage]
            if not found:
                self.classroom.check_stage(self.stage)
        if not found:
            stage = self.stage or "STAGE"
            raise ClassroomError(
                f"There are no results in {self.classroom.results} to export. Grade first: autograder grade {stage}"
            )
        return found

    @cached_property
    def students(self) -> dict[str, dict[str, Submission]]:
        """Student → assignment → submission, by student."""
        found: dict[str, dict[str, Submission]] = {}
        for assignment in self.assignments:
            for submission in assignment.submissions:
                found.setdefault(submission.student, {})[assignment.name] = submission
        return dict(sorted(found.items()))


def export(
    classroom: Classroom,
    name: str,
    path: Path | None = None,
    stage: str | None = None,
    roster: Path | None = None,
    trust: bool = False,
) -> Path:
    """Write the scores in the format of that name, and return where. Raises ClassroomError, OSError."""
    wanted = FORMATS[name]
    if roster is not None and not wanted.roster:
        takers = " and ".join(known for known, one in FORMATS.items() if one.roster)
        raise ClassroomError(f"--roster {roster} is of no use to {name}, only to {takers}. Leave it out.")
    if trust and not wanted.image:
        raise ClassroomError(f"--trust-submissions is for gradescope-image: {name} runs no submission. Leave it out.")
    if wanted.image and stage is None:
        raise ClassroomError("Gradescope takes one autograder per assignment: name it with --assignment STAGE.")
    if path is None:
        path = classroom.folder / (wanted.file if stage is None else f"{stage}-{wanted.file}")
    if path.exists() and path.is_dir() != wanted.folder:
        kinds = ("file", "folder") if wanted.folder else ("folder", "file")
        raise ClassroomError(f"{path} is a {kinds[0]}, and {name} writes a {kinds[1]}. Name another with --output.")
    order = Export(classroom, path, stage, None if roster is None else read_roster(roster), trust)
    importlib.import_module(f"autograder.export.{wanted.module}").write(order)
    return path
