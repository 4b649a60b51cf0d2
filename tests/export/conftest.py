"""Classes with results written by hand, as the tests of the report have them, and the zip for Gradescope."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))  # results_by_hand

from autograder.report import scores
from autograder.report.gradebook import Gradebook


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts late penalties into the gradebook: student → points, for one assignment."""

    def put(stage: str, **points: float) -> None:
        penalties = {(stage, student): penalty for student, penalty in points.items()}
        monkeypatch.setattr(scores, "read_gradebook", lambda path: Gradebook(penalties=penalties))

    return put
