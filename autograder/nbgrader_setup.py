"""What a course's `nbgrader_config.py` sets, so that nbgrader's own commands, formgrader and feedback work as they are.

    from autograder.nbgrader_setup import configure

    configure(get_config(), __file__)

Whatever else stands in that file, below it, holds.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from autograder.clean_pages import clean_pages
from autograder.course import RELEASED, SOURCES
from autograder.grading.timestamp import read_timestamps_for_nbgrader

CLASSROOM = "classroom"
NOT_RELEASED = ("*.py", "*.md", "*.json", "*.toml", "answers", "demo")
"""What else lies in a stage's folder; nbgrader copies every other file of an assignment into the release."""


def configure(c: Any, config_file: str) -> None:
    """Set folders and preprocessors of nbgrader for the course whose nbgrader_config.py this is.

    Raises OSError where the folder of the class cannot be made.
    """
    root = Path(config_file).absolute().parent
    classroom = root / CLASSROOM
    classroom.mkdir(exist_ok=True)  # SQLite makes the gradebook, but no folder for it
    _folders(c, root, classroom)
    _release(c, root)
    _grading(c)
    _pages(c)
    # Beside the course nothing of a class may lie about.
    c.ExportPlugin.to = str(classroom / "nbgrader-grades.csv")


def _folders(c: Any, root: Path, classroom: Path) -> None:
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.source_directory = SOURCES
    c.CourseDirectory.release_directory = RELEASED
    for name in ("submitted", "autograded", "feedback", "solution"):
        setattr(c.CourseDirectory, f"{name}_directory", f"{CLASSROOM}/{name}")
    c.CourseDirectory.db_url = f"sqlite:///{classroom / 'gradebook.db'}"
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", *NOT_RELEASED, "feedback"]


def _release(c: Any, root: Path) -> None:
    # A notebook that is opened by itself has to find the students' package first.
    c.GenerateAssignment.preprocessors.append("autograder.release.install_cell.InstallCell")
    c.InstallCell.course = str(root)
    # A written answer's mark scheme stands in the cell itself. nbgrader would accept it in task cells only.
    c.ClearMarkScheme.enforce_metadata = False


def _grading(c: Any) -> None:
    # Our own commands read this too, for the folders alone; they import nbgrader, which takes seconds, where needed.
    if "nbgrader.coursedir" in sys.modules:
        # Nothing that a student handed in is opened but plain files, in formgrader and nbgrader too.
        read_timestamps_for_nbgrader()
        _list_assignments_only()
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


def _list_assignments_only() -> None:
    """Let formgrader leave out folders of the sources without a notebook of their name; it would list them all."""
    from nbgrader.apps.api import NbGraderAPI

    listed = NbGraderAPI.get_source_assignments
    if listed.__module__ == __name__:
        return

    def with_notebook(self: Any) -> set[str]:
        sources = Path(self.coursedir.format_path(self.coursedir.source_directory, student_id=".", assignment_id="."))
        return {name for name in listed(self) if (sources / name / f"{name}.ipynb").is_file()}

    NbGraderAPI.get_source_assignments = with_notebook


def _pages(c: Any) -> None:
    # Points, marks and penalties change without a new graded notebook; a page made before must not stay.
    c.GenerateFeedback.force = True
    # Feedback and formgrader show what students wrote; nothing of it may act in the reader's browser.
    clean_pages(c)
