"""What nbgrader's own `autograde` runs in place of its steps; named in nbgrader_config.py.

The reading exporter repairs a submission before nbgrader looks at it; `GradeInSandbox` takes the place of `Execute`;
`SaveGrades` takes that of `SaveAutoGrades`.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.hidden_tests.runner import HiddenTestError
from autograder.remote import HandedIn
from autograder.repair import Repaired

from .cache import cached, keep
from .classroom import Classroom, ClassroomError
from .grade import grade, ungraded
from .gradebook import GradebookWriter, put_back_locked, save_grades
from .graded import key_of
from .points import check_points
from .pool import warm_worker
from .setting import Setting
from .timestamp import NAME as TIMESTAMP
from .timestamp import read_timestamp

NOTES = "autograder"


class RepairingExporter(NotebookExporter):
    """Reads a submission whatever its state, and hands nbgrader the repaired notebook.

    nbgrader copies a submission's files before it reads them, links and all. It is therefore shown a folder of
    stand-ins: a notebook without content for each submission, and the timestamp as far as it can be read.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.handed_in = HandedIn()  # the trained weights beside the notebook that was read last
        self._shown = TemporaryDirectory(prefix="submissions")
        autograde, coursedir = self.parent, self.parent.coursedir
        classroom = Classroom.find(Path(coursedir.root))
        self._sources = _known_to_the_gradebook(autograde, classroom)
        for assignment in autograde.assignments:
            stage, student = Path(assignment).name, Path(assignment).parent.name
            folder = Path(self._shown.name, student, stage)
            folder.mkdir(parents=True)
            (folder / f"{stage}.ipynb").touch()
            text, _ = read_timestamp(classroom.submission(student, stage), classroom.submitted)
            if text:
                (folder / TIMESTAMP).write_text(text + "\n", encoding="utf-8")
        # In formgrader its own course folder lives on: this converter gets one of its own.
        kept = {name: getattr(coursedir, name) for name in coursedir.trait_names(config=True)}
        kept["submitted_directory"] = self._shown.name
        autograde.coursedir = CourseDirectory(parent=coursedir.parent, **kept)
        autograde.init_notebooks()

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """As nbconvert's, but for the first of nbgrader's two passes, which reads what the student handed in."""
        if not self.parent._sanitizing:
            return super().from_filename(filename, resources, **options)
        resources = resources or {}
        setting = _setting(self.parent.coursedir, resources)
        submitted = setting.load(resources["nbgrader"]["student"])
        self.handed_in = submitted.handed_in
        repaired = setting.repaired(submitted)
        # nbgrader would take a mark scheme, which the release has lost, for a change of the student's.
        put_back_locked(repaired.notebook, self._sources[setting.stage])
        repaired.notebook.metadata[NOTES] = {
            "notes": repaired.notes,
            "readable": repaired.readable,
            "answered": repaired.answered,
            "basis": submitted.basis,
            "seed": submitted.seed,
        }
        return self.from_notebook_node(repaired.notebook, resources, **options)


def _known_to_the_gradebook(autograde: Autograde, classroom: Classroom) -> dict[str, dict[str, str]]:
    """Let the gradebook know the assignments that are to be graded, as `autograder grade` does.

    Returns the sources of their marked cells, by assignment and grade_id. Raises NbGraderException, after a sentence.
    """
    sources = {}
    try:
        with GradebookWriter(classroom) as book:
            for stage in sorted({Path(assignment).name for assignment in autograde.assignments}):
                check_points(classroom, stage)
                book.ensure_assignment(stage, classroom.released(stage))
                sources[stage] = book.sources(stage)
    except (ClassroomError, HiddenTestError) as error:
        autograde.log.error("%s", error)
        raise NbGraderException(str(error)) from None
    return sources


def _setting(coursedir: CourseDirectory, resources: dict[str, Any]) -> Setting:
    return Setting(Classroom.find(Path(coursedir.root)), resources["nbgrader"]["assignment"])


class GradeInSandbox(NbGraderPreprocessor):
    """Runs a repaired notebook and its hidden tests; the grade cells' outputs then carry the scores."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Raises ClassroomError, HiddenTestError or SandboxMissing; never for what a submission does."""
        told = nb.metadata.pop(NOTES)
        setting = _setting(self.parent.parent.coursedir, resources)
        graded = cached(setting.classroom, key_of(told["basis"]))
        if graded is None or graded.test_errors:
            repaired = Repaired(nb, told["notes"], told["readable"], told["answered"])
            if repaired.readable:
                graded = grade(
                    setting.assignment,
                    repaired,
                    warm_worker(setting),
                    told["seed"],
                    basis=told["basis"],
                    handed_in=self.parent.handed_in,
                    class_seed=setting.class_seed,
                )
            else:
                graded = ungraded(repaired, told["seed"], told["basis"])
            keep(setting.classroom, graded)
            for sentence in graded.test_errors:
                self.log.warning("Test error, which needs you: %s", sentence)
        marked = [cell for cell in nb.cells if "nbgrader" in cell.metadata]
        put_back_locked(graded.notebook, {cell.metadata["nbgrader"]["grade_id"]: cell.source for cell in marked})
        resources[NOTES] = graded
        return graded.notebook, resources


class SaveGrades(NbGraderPreprocessor):
    """Takes the place of SaveAutoGrades: scores, what the hidden tests told, and which marks by hand still stand."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write into the gradebook's rows of the submission, which nbgrader has made."""
        names = resources["nbgrader"]
        classroom = Classroom.find(Path(self.parent.parent.coursedir.root))
        for told in save_grades(classroom, names["assignment"], names["student"], resources[NOTES]):
            self.log.warning("%s", told)
        return nb, resources
