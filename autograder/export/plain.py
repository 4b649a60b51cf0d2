"""The rows of classroom/grades.csv, with ids as they are: for programs that join them with others."""

from __future__ import annotations

from autograder.files import write_whole
from autograder.report.grades_csv import grades_csv

from .formats import Export


def write(export: Export) -> None:
    """A row per student and grade cell. Raises ClassroomError, OSError."""
    write_whole(export.path, grades_csv(export.assignments, exact=True))
