"""One notebook outside a class: opened for its hidden tests, or graded where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.course import Stage
from autograder.hidden_tests.runner import Target
from autograder.plain_files import Refused, read_plain
from autograder.remote import Submission
from autograder.remote.artefacts import find
from autograder.repair import read_submission, repair
from autograder.repair.reading import MAX_BYTES
from autograder.sandbox import Worker

from .classroom import Classroom, ClassroomError
from .graded import Graded
from .pool import grade_submitted
from .run import NotebookRun
from .setting import Setting


@contextmanager
def open_submission(path: Path, stage: Stage, seed: int) -> Iterator[Target]:
    """The notebook at `path`, repaired and in the sandbox, as a target for the hidden tests of `stage`.

    Raises OSError or ClassroomError where the file cannot be read, ClassroomError where the stage has no release.
    """
    classroom = Classroom.find()
    repaired = repair(_read(path), classroom.released(stage.name))
    for note in repaired.notes:
        print(f"{path.name}: {note}")
    with Worker(classroom.limits(stage.name), contents=stage.contents()) as worker:
        run = NotebookRun(worker, repaired.notebook, worker.limits)
        try:
            submission = Submission(run, seed, find(path.parent), stage.course.codecs)
            yield Target(submission, seed, run.enter, run.order, class_seed=Setting(classroom, stage.name).class_seed)
        finally:
            run.close()


def grade_notebook(setting: Setting, path: Path) -> Graded:
    """Grade the notebook at `path`, or the one in the folder `path`, as it would be graded in the class of `setting`.

    Raises OSError or ClassroomError where the file cannot be read; SandboxMissing or HiddenTestError, which are faults
    of the installation.
    """
    if path.is_dir():
        found = read_submission(path, f"{setting.stage}.ipynb", slots=setting.slots)
        return grade_submitted(setting, setting.submitted(found.raw, found.notes, path))
    return grade_submitted(setting, setting.submitted(_read(path), [], path.parent))


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, path.parent, MAX_BYTES)
    except Refused as refused:
        raise ClassroomError(f"{path} {refused}.") from None
