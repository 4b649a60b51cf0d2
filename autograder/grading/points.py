"""Whether the points of a release are those that its hidden tests give."""

from __future__ import annotations

from autograder.course import open_course
from autograder.release.agreement import differing_points

from .classroom import Classroom, ClassroomError


def check_points(classroom: Classroom, stage: str) -> None:
    """Raises ClassroomError where released grade cells and hidden tests do not have the same points."""
    if sentences := differing_points(open_course(classroom.root).stage(stage), classroom.released(stage)):
        notebook = classroom.release_folder(stage) / f"{stage}.ipynb"
        raise ClassroomError(f"{notebook}: {' '.join(sentences)} Then `make release`, and grade again.")
