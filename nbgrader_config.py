"""nbgrader's settings for this course. What you set below the call holds."""

from typing import Any

from autograder.nbgrader_setup import configure

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  given by traitlets when it reads this file

configure(c, __file__)

c.CourseDirectory.course_id = "attention"
