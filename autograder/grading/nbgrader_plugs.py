"""What nbgrader's own `autograde` runs in place of its steps; named in nbgrader_config.py.

The reading exporter repairs a submission before nbgrader looks at it; `GradeInSandbox` takes the place of `Execute`;
nbgrader's own `SaveAutoGrades` then reads the scores from the outputs of the grade cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.repair import Repaired
from autograder.submission.artefacts import find

from .cache import cached, keep
from .classroom import Classroom
from .grade import grade, ungraded
from .gradebook import put_back_locked, write_comments
from .graded import key_of
from .pool import warm_worker
from .setting import Setting

NOTES = "autograder"


class RepairingExporter(NotebookExporter):
    """Reads a submission whatever its state, and hands nbgrader the repaired notebook."""

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """As nbconvert's, but for the first of nbgrader's two passes, which reads what the student handed in."""
        if not getattr(self.parent, "_sanitizing", False):
            return super().from_filename(filename, resources, **options)
        resources = resources or {}
        classroom = Classroom.find(Path(self.parent.coursedir.root))
        setting = Setting(classroom, resources["nbgrader"]["assignment"])
        path = Path(filename)
        submitted = setting.submitted(path.read_bytes(), [], path.parent)
        repaired = setting.repaired(submitted)
        repaired.notebook.metadata[NOTES] = {
            "notes": repaired.notes,
            "readable": repaired.readable,
            "answered": repaired.answered,
            "basis": submitted.basis,
            "seed": submitted.seed,
            "folder": str(path.parent),
        }
        return self.from_notebook_node(repaired.notebook, resources, **options)


class GradeInSandbox(NbGraderPreprocessor):
    """Runs a repaired notebook and its hidden tests; the grade cells' outputs then carry the scores."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises ClassroomError, HiddenTestError or SandboxMissing; never for what a submission does."""
        told = nb.metadata.pop(NOTES)
        classroom = Classroom.find(Path(self.parent.parent.coursedir.root))
        graded = cached(classroom, key_of(told["basis"]))
        if graded is None:
            repaired = Repaired(nb, told["notes"], told["readable"], told["answered"])
            if repaired.readable:
                stage = resources["nbgrader"]["assignment"]
                handed_in = find(Path(told["folder"]))
                worker = warm_worker(classroom.limits(stage))
                graded = grade(stage, repaired, worker, told["seed"], basis=told["basis"], handed_in=handed_in)
            else:
                graded = ungraded(repaired, told["seed"], told["basis"])
            keep(classroom, graded)
        marked = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
        put_back_locked(graded.notebook, {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in marked})
        resources[NOTES] = graded
        return graded.notebook, resources


class SaveComments(NbGraderPreprocessor):
    """Puts what the hidden tests told into nbgrader's automatic comments, after SaveAutoGrades has set its own."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        names = resources["nbgrader"]
        write_comments(names["db_url"], names["student"], names["assignment"], resources[NOTES])
        return nb, resources
