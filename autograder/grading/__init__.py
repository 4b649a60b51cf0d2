"""Grades submissions: `grade` one as a pure function, `grade_class` all in parallel, into nbgrader's gradebook."""
