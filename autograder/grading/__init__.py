"""Grades submissions: one as a pure function, a class in parallel, and either way into nbgrader's gradebook."""

from .classroom import Classroom, ClassroomError
from .grade import grade
from .grade_class import Summary, grade_class
from .graded import CellScore, Graded

__all__ = ["CellScore", "Classroom", "ClassroomError", "Graded", "Summary", "grade", "grade_class"]
