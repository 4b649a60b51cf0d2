"""Folders and preprocessors of nbgrader, so that its own commands, formgrader and feedback work as they are."""

from pathlib import Path
from typing import Any

import nbgrader

import autograder
from autograder.grading.timestamp import read_timestamps_for_nbgrader

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  given by traitlets when it reads this file

ROOT = Path(__file__).resolve().parent
CLASSROOM = ROOT / "classroom"  # a class in progress; git ignores it
CLASSROOM.mkdir(exist_ok=True)  # SQLite makes the gradebook, but no folder for it

c.CourseDirectory.course_id = "attention"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "course"
c.CourseDirectory.submitted_directory = "classroom/submitted"
c.CourseDirectory.autograded_directory = "classroom/autograded"
c.CourseDirectory.feedback_directory = "classroom/feedback"
c.CourseDirectory.solution_directory = "classroom/solution"
c.CourseDirectory.db_url = f"sqlite:///{CLASSROOM / 'gradebook.db'}"
# nbgrader copies every other file of an assignment into the release; the text notebook is the solution.
c.CourseDirectory.ignore = [
    *(".ipynb_checkpoints", "*.pyc", "__pycache__", "*.py", "*.md", "*.json", "*.toml", "answers", "demo", "feedback")
]

# A notebook that is opened by itself has to find coursekit first.
c.GenerateAssignment.preprocessors.append("autograder.release.install_cell.InstallCell")
c.InstallCell.course = str(ROOT)

# A written answer's mark scheme stands in the cell itself. nbgrader would accept it in task cells only.
c.ClearMarkScheme.enforce_metadata = False

# Nothing that a student handed in is opened but plain files, in formgrader and `nbgrader autograde` as elsewhere.
read_timestamps_for_nbgrader()

# Submissions are repaired while they are read, run in the sandbox, and scored by the hidden tests outside of it;
# nbgrader's own steps do the rest.
c.Autograde.exporter_class = "autograder.grading.nbgrader_plugs.RepairingExporter"
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.OverwriteCells",  # the mark schemes, for whoever grades by hand
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "autograder.grading.nbgrader_plugs.GradeInSandbox",
    "autograder.grading.nbgrader_plugs.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# Points, marks and penalties change without a new graded notebook; a page made before must not stay.
c.GenerateFeedback.force = True

# Beside the course nothing of a class may lie about.
c.ExportPlugin.to = str(CLASSROOM / "nbgrader-grades.csv")

# Feedback and formgrader show what students wrote; nothing of it may act in the reader's browser.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {
    "clean_html": "autograder.report.safe_pages.clean_html",
    "markdown2html": "autograder.report.safe_pages.markdown2html",
    "highlight_code": "autograder.report.safe_pages.highlight_code",
}
c.HTMLExporter.preprocessors = ["autograder.report.safe_pages.SafeOutputs"]
c.HTMLExporter.extra_template_basedirs = [
    str(Path(nbgrader.__file__).parent / "server_extensions/formgrader/templates"),
    str(Path(autograder.__file__).parent / "report/templates"),  # a Content-Security-Policy for both pages
]
