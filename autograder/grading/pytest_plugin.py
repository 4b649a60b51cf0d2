"""Runs the hidden tests of a stage on one notebook: pytest solutions/STAGE/hidden_tests.py --submission some.ipynb.

`solutions/conftest.py` names this plugin, and before it `autograder.hidden_tests.plugin`.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from autograder.hidden_tests.plugin import stage_of
from autograder.hidden_tests.runner import TARGET

from .by_hand import open_submission


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--submission", type=Path, help="the notebook to test, in the sandbox")
    parser.addoption("--seed", type=int, default=0, help="seed of the random inputs (default 0)")


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Open the notebook while the tests run. Raises ClassroomError or OSError where it cannot be read."""
    path, seed = session.config.getoption("--submission"), session.config.getoption("--seed")
    if path is None or not session.items:
        return (yield)
    with open_submission(path, stage_of(session.items[0].path), seed) as target:
        session.config.stash[TARGET] = target
        return (yield)
