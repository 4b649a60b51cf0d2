"""Lines that a notebook prints: how far a loop is."""

import io
import itertools
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.notebook import lines
from autograder.notebook.lines import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def clock(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Let every look at the clock take so many seconds."""
    ticks = itertools.count()
    monkeypatch.setattr(lines.time, "perf_counter", lambda: step * next(ticks))


def test_progress_redraws_one_line_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    clock(monkeypatch, 40.0)
    assert list(progress(range(3), "counting")) == [0, 1, 2]
    written = sys.stdout.getvalue()  # type: ignore[attr-defined]
    drawn = written.split("\r")[1:]
    assert [line.strip() for line in drawn] == [
        "counting: 0 of 3",
        "counting: 1 of 3, 2 min 40 s left",
        "counting: 2 of 3, 1 min 00 s left",
        "counting: 3 of 3 in 2 min 40 s",
    ]
    assert written.count("\n") == 1
    assert written.endswith("\n")
    lengths = [len(line.rstrip("\n")) for line in drawn]
    assert lengths[3] >= len(drawn[2].rstrip()), "a shorter line leaves nothing of a longer one"


def test_progress_is_drawn_twice_a_second_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    clock(monkeypatch, 0.01)
    assert sum(progress(range(1000), "adding")) == 499_500
    assert 15 <= sys.stdout.getvalue().count("\r") <= 24  # type: ignore[attr-defined]


def test_progress_that_nobody_watches_is_one_line_without_times(capfd: pytest.CaptureFixture[str]) -> None:
    assert len(list(progress(range(1200), "counting"))) == 1200
    assert capfd.readouterr() == ("counting: 1,200 of 1,200\n", "")


def test_progress_knows_no_end_of_what_has_no_length(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress((i for i in range(3)), "counting")) == [0, 1, 2]
    assert capfd.readouterr() == ("counting: 3\n", "")


def test_progress_of_nothing_ends(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(progress([], "counting")) == []
    assert capfd.readouterr() == ("counting: 0 of 0\n", "")


def test_progress_that_is_left_early_ends_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    for i in progress(range(10), "searching"):
        if i == 4:
            break
    assert capfd.readouterr() == ("searching: 4 of 10\n", "")


@pytest.mark.parametrize("watched", [False, True])
def test_a_notebook_is_watched_where_it_may_ask_for_input(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = SimpleNamespace(_allow_stdin=watched)
    monkeypatch.setattr(lines, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    list(progress([1], "counting"))
    assert ("\r" in sys.stdout.getvalue()) == watched  # type: ignore[attr-defined]


def test_an_executed_notebook_keeps_one_line_of_progress() -> None:
    cell = "from autograder.notebook.lines import progress\nfor _ in progress(range(5), 'counting'): pass"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    assert [(output.name, output.text) for output in notebook.cells[0].outputs] == [("stdout", "counting: 5 of 5\n")]
