"""What the tests share: the course's root, and one warm sandbox for all of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox import Limits, Worker

ROOT = Path(__file__).resolve().parents[1]
# nbgrader starts alembic by name when it makes a gradebook.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# A class that is graded once, or a browser, serves the tests of a folder: these stay in one process.
TOGETHER = ("attacks", "browser", "grading")
STAGE_03 = "03_scaled_dot_product_attention"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.parent.name
        if folder in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(folder))


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A warm sandbox whose limits are short, so that a test of a limit is short too."""
    limits = Limits(cell_seconds=3.0, call_seconds=2.0, interrupt_seconds=1.0, submission_seconds=60.0)
    with Worker(limits) as warm:
        yield warm
