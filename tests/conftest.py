"""What the tests share: the course's root, and one warm sandbox for all of them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import nbgrader.api
import pytest
from whole_course import STAGES, everything, exercises
from xdist.scheduler import LoadScopeScheduling

from autograder.course import SOURCES
from autograder.sandbox import Limits, Worker

ROOT = Path(__file__).resolve().parents[1]
# nbgrader starts alembic by name when it makes a gradebook.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# And for every new one it takes seconds to say the same.
nbgrader.api.get_alembic_version = cache(nbgrader.api.get_alembic_version)
SECONDS = json.loads((ROOT / "benchmarks/results/test_suite.json").read_text(encoding="utf-8"))["seconds"]
# A browser and the environments for it serve all tests of their folder: these stay in one process.
TOGETHER = ("browser", "export")
# A class that is graded once serves the tests of a file, or of those the tests of a stage.
BY_FILE = ("attacks", "cell_tests", "grading")
STAGE_03 = "03_scaled_dot_product_attention"


class Together(LoadScopeScheduling):
    """Hands out what shares a class, a browser or gradings as one, and all other tests singly.

    They come as `pytest_collection_modifyitems` has put them.

    pytest-xdist's own groups (3.8) are written into an attribute that pytest 9.2 no longer has.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        folder = Path(path).parent.name
        shared = re.search(r"(test_bank|test_demo_class)\.py::\w+\[(\w+)", nodeid)
        if shared:
            return f"{path} {shared[2]}"
        return folder if folder in TOGETHER else path if folder in BY_FILE else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return Together(config, log)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stage", action="append", default=[], help="leave out tests of other stages' exercises; may be repeated"
    )


def stages_of(item: pytest.Item) -> set[str]:
    """The stages whose exercises, answers or notebooks a test is made for, by its parameters; none for most tests."""
    callspec = getattr(item, "callspec", None)
    found = set()
    for value in callspec.params.values() if callspec else ():
        name = value.stem if isinstance(value, Path) else getattr(value, "exercise", value)
        if isinstance(name, str):
            found |= {name} & set(STAGES) or {stage for stage in STAGES if name in exercises(stage)}
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first, so that at the end no process waits long for another."""
    if wanted := {stage for given in config.getoption("stage") for stage in STAGES if stage.startswith(given)}:
        others = [item for item in items if (found := stages_of(item)) and not found & wanted]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in set(others)]
    items.sort(key=lambda item: -SECONDS.get(item.nodeid.partition("::")[0], 0.0))


def _modules_of_the_course() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == SOURCES}


@pytest.fixture(autouse=True)
def _one_course() -> Iterator[None]:
    """Modules of one course only are imported at a time; after a test with another, those of this one are there again.

    What a module of tests has imported of them is then still what hidden tests use.
    """
    before = _modules_of_the_course()
    yield
    if sys.modules.get(SOURCES) is not before.get(SOURCES):
        for name in _modules_of_the_course():
            del sys.modules[name]
        sys.modules.update(before)


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A warm sandbox whose limits are short, so that a test of a limit is short too."""
    limits = Limits(cell_seconds=3.0, call_seconds=2.0, interrupt_seconds=1.0, submission_seconds=60.0)
    with Worker(limits, contents=everything()) as warm:
        yield warm
