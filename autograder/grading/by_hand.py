"""One notebook, opened for its hidden tests outside a class: for an instructor who looks into a single case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder.hidden_tests.runner import Target
from autograder.repair import repair
from autograder.sandbox import Worker
from autograder.submission import Submission
from autograder.submission.artefacts import find

from .classroom import released_notebook
from .run import NotebookRun


@contextmanager
def open_submission(path: Path, stage: str, seed: int) -> Iterator[Target]:
    """The notebook at `path`, repaired and in the sandbox, as a target for the hidden tests of `stage`.

    Raises OSError where the file cannot be read, ClassroomError where the stage has no release.
    """
    repaired = repair(path.read_bytes(), released_notebook(stage))
    for note in repaired.notes:
        print(f"{path.name}: {note}")
    with Worker() as worker:
        run = NotebookRun(worker, repaired.notebook, worker.limits)
        try:
            yield Target(Submission(run, seed, find(path.parent)), seed, run.enter, run.order)
        finally:
            run.close()
