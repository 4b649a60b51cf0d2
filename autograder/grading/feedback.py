"""Feedback pages, made by nbgrader's own generate_feedback."""

from __future__ import annotations

from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from .classroom import Classroom, ClassroomError
from .gradebook import nbgrader_config


def write_feedback(classroom: Classroom, stage: str, student: str) -> Path:
    """Make one student's feedback page where it is missing or older than what it shows; returns its path.

    Raises ClassroomError where there is no graded notebook.
    """
    graded = classroom.autograded / student / stage / f"{stage}.ipynb"
    page = classroom.feedback / student / stage / f"{stage}.html"
    if not graded.exists():
        raise ClassroomError(f"{student} has no graded notebook for {stage}: `autograder grade {stage}` makes it.")
    shown = [path for path in (graded, classroom.folder / "gradebook.db") if path.exists()]
    if page.exists() and page.stat().st_mtime >= max(path.stat().st_mtime for path in shown):
        return page
    config = nbgrader_config(classroom)
    config.CourseDirectory.assignment_id = stage
    config.CourseDirectory.student_id = student
    config.GenerateFeedback.force = True
    GenerateFeedback(coursedir=CourseDirectory(config=config), config=config).start()
    return page
