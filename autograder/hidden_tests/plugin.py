"""Fixtures of the hidden tests, and `--submission` for grading one notebook by hand.

pytest solutions/STAGE/hidden_tests.py --submission some.ipynb, where `solutions/conftest.py` names this plugin
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.course import SOURCES, Stage, open_course
from autograder.hidden_tests.runner import TARGET, Target, class_seed_for, rng_for, submission_for
from autograder.remote import Submission


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--submission", type=Path, help="the notebook to test, in the sandbox")
    parser.addoption("--seed", type=int, default=0, help="seed of the random inputs (default 0)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(grade_id, value): a hidden test's grade cell, and its worth there")


class HiddenTests(pytest.Module):
    """The hidden tests of a stage, imported as a module of the course, so that they can import others of it."""

    def _getobj(self) -> ModuleType | None:
        return _stage_of(self.path).module(self.path.stem)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect what lies in the folder of a stage."""
    if module_path.parents[1].name != SOURCES:
        return None
    tests: pytest.Module = HiddenTests.from_parent(parent, path=module_path)
    return tests


def _stage_of(path: Path) -> Stage:
    return open_course(path.resolve().parents[2]).stage(path.parent.name)


@pytest.fixture(scope="session")
def _target(request: pytest.FixtureRequest) -> Iterator[Target]:
    known = request.config.stash.get(TARGET, None)
    if known is not None:
        yield known
        return
    path = request.config.getoption("--submission")
    if path is None:
        pytest.skip("name the notebook to test: --submission some.ipynb")
    from autograder.grading.by_hand import open_submission

    with open_submission(path, _stage_of(request.session.items[0].path), request.config.getoption("--seed")) as target:
        yield target


@pytest.fixture
def submission(_target: Target, request: pytest.FixtureRequest) -> Submission:
    """The student's names as they stood when this test's grade cell was reached."""
    return submission_for(_target, request.node)


@pytest.fixture
def rng(_target: Target, request: pytest.FixtureRequest) -> Any:
    """Random numbers for the test's inputs, from the run's seed and the test's name."""
    return rng_for(_target, request.node)


@pytest.fixture
def class_seed(_target: Target, request: pytest.FixtureRequest) -> int:
    """The seed of what is drawn once for a whole class."""
    return class_seed_for(_target, request.node)
