"""Collects the hidden tests of a stage, and gives them their fixtures."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autograder.course import SOURCES, Stage, open_course
from autograder.hidden_tests.runner import TARGET, Target, class_seed_for, rng_for, submission_for
from autograder.remote import Submission


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(grade_id, value): a hidden test's grade cell, and its worth there")


class HiddenTests(pytest.Module):
    """The hidden tests of a stage, imported as a module of the course, so that they can import others of it."""

    def _getobj(self) -> ModuleType | None:
        return stage_of(self.path).module(self.path.stem)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect what lies in the folder of a stage."""
    if module_path.parents[1].name != SOURCES:
        return None
    tests: pytest.Module = HiddenTests.from_parent(parent, path=module_path)
    return tests


def stage_of(path: Path) -> Stage:
    """The stage whose hidden tests lie in a file."""
    return open_course(path.resolve().parents[2]).stage(path.parent.name)


@pytest.fixture(scope="session")
def _target(request: pytest.FixtureRequest) -> Target:
    found = request.config.stash.get(TARGET, None)
    if found is None:
        pytest.skip("name the notebook to test: --submission some.ipynb")
    return found


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
