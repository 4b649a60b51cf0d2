"""Seed, device, profile, and what a call costs."""

import random

import numpy as np
import pytest
import torch

from coursekit import runtime


def done() -> int:
    return 1


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
