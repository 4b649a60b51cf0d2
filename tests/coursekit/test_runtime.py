"""Seed, device, profile, cost of a call, and cells that wait for an exercise."""

import io
import itertools
import random
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from coursekit import runtime


def done() -> int:
    return 1


def undone() -> None:
    raise NotImplementedError


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect what when_done displays."""
    notices: list[Any] = []
    monkeypatch.setattr(runtime, "display", notices.append)
    return notices


def draws() -> list[float]:
    return [random.random(), float(np.random.rand()), torch.rand(()).item()]


def test_a_seed_repeats_every_source_of_random_numbers() -> None:
    runtime.set_seed(7)
    first = draws()
    runtime.set_seed(7)
    assert draws() == first
    runtime.set_seed(8)
    assert not set(draws()) & set(first)


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_environment_chooses_the_profile(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_PROFILE", name)
    assert runtime.profile().name == name


@pytest.mark.parametrize(("gpu", "name"), [(True, "gpu"), (False, "cpu")])
def test_profile_fits_the_machine(gpu: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSEKIT_PROFILE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert runtime.profile().name == name
    assert runtime.device().type == ("cuda" if gpu else "cpu")


def test_unknown_profile_names_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_PROFILE", "tpu")
    with pytest.raises(ValueError, match=r"'tpu'.*cpu, gpu"):
        runtime.profile()


def test_cpu_profile_stays_off_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_PROFILE", "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.device().type == "cpu"


def test_gpu_profile_without_a_gpu_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_PROFILE", "gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert runtime.device().type == "cpu"


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_the_profile_chooses_between_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_PROFILE", name)
    assert runtime.choose(cpu="cpu", gpu="gpu") == name
    assert runtime.choose(cpu={"d_model": 3}, gpu={"d_model": 9})["d_model"] == {"cpu": 3, "gpu": 9}[name]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def clock(monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    """Let every look at the clock take so many seconds."""
    ticks = itertools.count()
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: step * next(ticks))


def test_progress_redraws_one_line_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    clock(monkeypatch, 40.0)
    assert list(runtime.progress(range(3), "counting")) == [0, 1, 2]
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
    assert sum(runtime.progress(range(1000), "adding")) == 499_500
    assert 15 <= sys.stdout.getvalue().count("\r") <= 24  # type: ignore[attr-defined]


def test_progress_that_nobody_watches_is_one_line_without_times(capfd: pytest.CaptureFixture[str]) -> None:
    assert len(list(runtime.progress(range(1200), "counting"))) == 1200
    assert capfd.readouterr() == ("counting: 1,200 of 1,200\n", "")


def test_progress_knows_no_end_of_what_has_no_length(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(runtime.progress((i for i in range(3)), "counting")) == [0, 1, 2]
    assert capfd.readouterr() == ("counting: 3\n", "")


def test_progress_of_nothing_ends(capfd: pytest.CaptureFixture[str]) -> None:
    assert list(runtime.progress([], "counting")) == []
    assert capfd.readouterr() == ("counting: 0 of 0\n", "")


def test_progress_that_is_left_early_ends_its_line(capfd: pytest.CaptureFixture[str]) -> None:
    for i in runtime.progress(range(10), "searching"):
        if i == 4:
            break
    assert capfd.readouterr() == ("searching: 4 of 10\n", "")


@pytest.mark.parametrize("watched", [False, True])
def test_a_notebook_is_watched_where_it_may_ask_for_input(watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = SimpleNamespace(_allow_stdin=watched)
    monkeypatch.setattr(runtime, "get_ipython", lambda: SimpleNamespace(kernel=kernel))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    list(runtime.progress([1], "counting"))
    assert ("\r" in sys.stdout.getvalue()) == watched  # type: ignore[attr-defined]


def test_an_executed_notebook_keeps_one_line_of_progress() -> None:
    cell = "from coursekit import runtime\nfor _ in runtime.progress(range(5), 'counting'): pass"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    assert [(output.name, output.text) for output in notebook.cells[0].outputs] == [("stdout", "counting: 5 of 5\n")]


def test_finished_exercise_runs_the_block(shown: list[Any]) -> None:
    reached = []
    with runtime.when_done(done):
        reached.append(done())
    assert reached == [1]
    assert shown == []


def test_unfinished_exercise_is_named_and_only_that_one(shown: list[Any]) -> None:
    with runtime.when_done(done, undone):
        done()
        undone()
    assert [repr(notice) for notice in shown] == ["○ Finish undone to see this."]
    assert "undone" in shown[0]._repr_html_()


def test_unfinished_part_elsewhere_names_all(shown: list[Any]) -> None:
    with runtime.when_done(done, undone):
        raise NotImplementedError
    assert [repr(notice) for notice in shown] == ["○ Finish done and undone to see this."]


def missing_operation() -> None:
    raise NotImplementedError("softmax is not implemented for 'Int'")


def wrong_type() -> None:
    raise TypeError("of the student's making")


@pytest.mark.parametrize("mistake", [missing_operation, wrong_type])
def test_mistakes_are_not_swallowed(mistake: Callable[[], None], shown: list[Any]) -> None:
    with pytest.raises((NotImplementedError, TypeError), match=r"softmax|making"), runtime.when_done(mistake):
        mistake()
    assert shown == []


def test_kept_bytes_are_those_of_the_saved_tensors() -> None:
    x = torch.ones(10, 10, dtype=torch.float64, requires_grad=True)
    assert runtime.measure(lambda x: x.exp(), x).kept_bytes == 800
    assert runtime.measure(lambda x: x * x, x).kept_bytes == 800, "a tensor that is kept twice counts once"
    assert runtime.measure(lambda x: x + 1, x).kept_bytes == 0
    assert runtime.measure(lambda x: x.exp(), x.detach()).kept_bytes == 0


def test_measured_seconds_are_those_of_the_fastest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 5.0, 10.0, 12.0, 20.0, 29.0, 30.0, 31.0])
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: next(ticks))
    assert runtime.measure(done, patience=6.0).seconds == 2.0, "at least three calls"
    assert next(ticks) == 30.0, "and no more once patience is spent"
