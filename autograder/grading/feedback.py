"""Feedback pages, made by nbgrader's own generate_feedback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.clean_pages import clean_pages

from .classroom import Classroom, ClassroomError
from .gradebook import nbgrader_config


def write_feedback(classroom: Classroom, stage: str, student: str) -> Path:
    """Make one student's feedback page where it is missing or older than what it shows; returns its path.

    Raises ClassroomError where there is no graded notebook.
    """
    graded = classroom.graded(student, stage) / f"{stage}.ipynb"
    page = classroom.feedback_folder(student, stage) / f"{stage}.html"
    if not graded.exists():
        raise ClassroomError(f"{student} has no graded notebook for {stage}: `autograder grade {stage}` makes it.")
    shown = [path for path in (graded, classroom.gradebook) if path.exists()]
    if page.exists() and page.stat().st_mtime >= max(path.stat().st_mtime for path in shown):
        return page
    config = nbgrader_config(classroom)
    config.CourseDirectory.student_id = student
    _generate(stage, config)
    return page


def write_pages(classroom: Classroom, stage: str, students: Sequence[str]) -> list[Path]:
    """Make the feedback pages of an assignment anew, cleaned, whatever the class's configuration says of that.

    Returns their paths. Raises ClassroomError where none of the students has a graded notebook.
    """
    graded = [student for student in students if any(classroom.graded(student, stage).glob("*.ipynb"))]
    if not graded:
        raise ClassroomError(f"Nobody has a graded notebook for {stage}: `autograder grade {stage}` makes them.")
    pages: list[Path] = []
    for student in graded:
        config = nbgrader_config(classroom)
        clean_pages(config)
        config.CourseDirectory.root = str(classroom.folders.root)
        config.CourseDirectory.student_id = student
        _generate(stage, config)
        pages += sorted(classroom.feedback_folder(student, stage).glob("*.html"))
    return pages


def _generate(stage: str, config: Config) -> None:
    config.CourseDirectory.assignment_id = stage
    config.GenerateFeedback.force = True
    GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
