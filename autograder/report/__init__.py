"""What a class did, for its instructor: the report page, the table of grades, the gradebook in a terminal.

`safe_pages` belongs to nbgrader's own pages (feedback, formgrader): it keeps what students wrote from acting there.
"""

from autograder.report.grades_csv import write_grades
from autograder.report.page import write_report
from autograder.report.terminal import course_table, gradebook_table

__all__ = ["course_table", "gradebook_table", "write_grades", "write_report"]
