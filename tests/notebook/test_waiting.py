"""Cells that wait for an exercise."""

from collections.abc import Callable
from typing import Any

import pytest

from autograder.notebook import waiting
from autograder.notebook.waiting import when_done


def done() -> int:
    return 1


def undone() -> None:
    raise NotImplementedError


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect what when_done displays."""
    notices: list[Any] = []
    monkeypatch.setattr(waiting, "display", notices.append)
    return notices


def test_finished_exercise_runs_the_block(shown: list[Any]) -> None:
    reached = []
    with when_done(done):
        reached.append(done())
    assert reached == [1]
    assert shown == []


def test_unfinished_exercise_is_named_and_only_that_one(shown: list[Any]) -> None:
    with when_done(done, undone):
        done()
        undone()
    assert [repr(notice) for notice in shown] == ["○ Finish undone to see this."]
    assert "undone" in shown[0]._repr_html_()


def test_unfinished_part_elsewhere_names_all(shown: list[Any]) -> None:
    with when_done(done, undone):
        raise NotImplementedError
    assert [repr(notice) for notice in shown] == ["○ Finish done and undone to see this."]


def missing_operation() -> None:
    raise NotImplementedError("softmax is not implemented for 'Int'")


def wrong_type() -> None:
    raise TypeError("of the student's making")


@pytest.mark.parametrize("mistake", [missing_operation, wrong_type])
def test_mistakes_are_not_swallowed(mistake: Callable[[], None], shown: list[Any]) -> None:
    with pytest.raises((NotImplementedError, TypeError), match=r"softmax|making"), when_done(mistake):
        mistake()
    assert shown == []
