"""What students hand in beside the notebook, and the reviews on which it was trained, for all tests of hidden tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from whole_course import COURSE

from autograder.demo.trained import trained_files
from autograder.remote import HandedIn
from autograder.remote.artefacts import find
from coursekit.data import SAMPLE, VARIABLE


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], HandedIn]:
    """What a student of a stage hands in beside the notebook, trained on the bundled sample."""

    @cache
    def handed_in(stage: str) -> HandedIn:
        folder = tmp_path_factory.mktemp("trained")
        for name, content in trained_files(COURSE.stage(stage)).items():
            (folder / name).write_bytes(content)
        return find(folder)

    return handed_in


@pytest.fixture(autouse=True)
def _sample_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(SAMPLE))
