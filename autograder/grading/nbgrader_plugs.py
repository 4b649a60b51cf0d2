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

from autograder.repair import Repaired, repair
from autograder.sandbox import Limits

from .cache import cached, class_secret, keep
from .classroom import Classroom
from .grade import grade, seed_of, submission_key, ungraded
from .gradebook import write_comments
from .graded import Graded
from .pool import warm_worker

NOTES = "autograder"


def grade_repaired(classroom: Classroom, stage: str, repaired: Repaired) -> Graded:
    """Grade one repaired submission of a class, from the cache where it was graded before. Raises OSError."""
    limits = Limits()
    seed = seed_of(repaired.notebook, class_secret(classroom))
    key = submission_key(stage, repaired, seed, limits)
    graded = cached(classroom, key)
    if graded is None:
        graded = (
            grade(stage, repaired, warm_worker(limits), seed) if repaired.readable else ungraded(repaired, seed, key)
        )
        keep(classroom, graded)
    return graded


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
        repaired = repair(Path(filename).read_bytes(), classroom.released(resources["nbgrader"]["assignment"]))
        told = {"notes": repaired.notes, "readable": repaired.readable, "answered": repaired.answered}
        repaired.notebook.metadata[NOTES] = told
        return self.from_notebook_node(repaired.notebook, resources, **options)


class GradeInSandbox(NbGraderPreprocessor):
    """Runs a repaired notebook and its hidden tests; the grade cells' outputs then carry the scores."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises ClassroomError, HiddenTestError or SandboxMissing; never for what a submission does."""
        told = nb.metadata.pop(NOTES)
        names = resources["nbgrader"]
        classroom = Classroom.find(Path(self.parent.parent.coursedir.root))
        repaired = Repaired(nb, told["notes"], told["readable"], told["answered"])
        graded = grade_repaired(classroom, names["assignment"], repaired)
        resources[NOTES] = graded
        return graded.notebook, resources


class SaveComments(NbGraderPreprocessor):
    """Puts what the hidden tests told into nbgrader's automatic comments, after SaveAutoGrades has set its own."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        names = resources["nbgrader"]
        write_comments(names["db_url"], names["student"], names["assignment"], resources[NOTES])
        return nb, resources
