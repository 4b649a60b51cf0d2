"""Processes that grade side by side: few results wait at a time, and one that dies costs nobody anything."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from classes import LIMITS, STAGE, HandedIn

from autograder.grading import pool as module
from autograder.grading.classroom import Classroom
from autograder.grading.pool import Job, Pool
from autograder.grading.setting import Setting

pytestmark = pytest.mark.slow
COUNT = 8


@pytest.fixture
def pool(tmp_path: Path, handed_in: HandedIn, monkeypatch: pytest.MonkeyPatch) -> Pool:
    monkeypatch.setattr(module, "AHEAD", 1)
    classroom: Classroom = handed_in.some(tmp_path, COUNT)
    setting = Setting(classroom, STAGE, LIMITS)
    return Pool(setting, [Job(name, setting.load(name).key) for name in classroom.students(STAGE)], 2)


def test_few_results_wait_however_many_there_are(pool: Pool) -> None:
    with pool:
        done = []
        for job, _ in pool.results():
            done.append(job.student)
            assert len(pool._futures) <= 2
    assert (len(set(done)), pool.left) == (COUNT, [])


def test_a_process_that_dies_is_replaced(pool: Pool) -> None:
    with pool:
        done = []
        for job, _ in pool.results():
            done.append(job.student)
            if len(done) == 2:
                assert pool._executor is not None
                os.kill(next(iter(pool._executor._processes)), signal.SIGKILL)
    assert (len(done), len(set(done)), pool.left) == (COUNT, COUNT, [])
