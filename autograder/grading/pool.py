"""A process per core, each with a warm sandbox, for the submissions of a class.

This module is what the processes import: nothing of nbgrader, which takes longer to import than a class to grade.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from typing import Any

from autograder.repair import Repaired
from autograder.sandbox import Limits, Worker, workers_wanted

from .grade import grade, ungraded
from .graded import Graded

POOLS = 3
WORTH_A_POOL = 6  # starting processes takes as long as grading so many


@dataclass
class Job:
    """A submission that awaits grading."""

    student: str
    repaired: Repaired
    seed: int
    key: str


def grade_all(
    jobs: list[Job], stage: str, limits: Limits, processes: int | None, run_look: bool, trust: bool
) -> Iterator[tuple[Job, Graded]]:
    """Grade jobs in parallel, and take each off the list when its result is there.

    A pool whose process died is replaced; after POOLS of them, what could not be graded is left on the list.
    Raises SandboxMissing or HiddenTestError.
    """
    for job in [job for job in jobs if not job.repaired.readable]:
        jobs.remove(job)
        yield job, ungraded(job.repaired, job.seed, job.key)
    count = min(processes or workers_wanted(), len(jobs))
    if count <= 1 or len(jobs) < WORTH_A_POOL:
        for job in list(jobs):
            graded = grade(stage, job.repaired, warm_worker(limits, trust), job.seed, run_look)
            jobs.remove(job)
            yield job, graded
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a process per core already
    for _ in range(POOLS):
        try:
            yield from _grade_in_pool(jobs, count, stage, limits, run_look, trust)
        except BrokenProcessPool:
            continue


def _grade_in_pool(
    waiting: list[Job], count: int, stage: str, limits: Limits, run_look: bool, trust: bool
) -> Iterator[tuple[Job, Graded]]:
    if not waiting:
        return
    # One process imports for all of them; it runs nothing, so that it has no threads when it forks.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(count, context) as pool:
        futures: dict[Future[dict[str, Any]], Job] = {
            pool.submit(_grade_one, stage, job, limits, run_look, trust): job for job in waiting
        }
        try:
            for future in as_completed(futures):
                graded = Graded.from_json(future.result())
                waiting.remove(futures[future])
                yield futures[future], graded
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@cache
def warm_worker(limits: Limits, trust: bool = False) -> Worker:
    """The sandbox of the process at hand, started at the first call and kept warm. Raises SandboxMissing."""
    worker = Worker(limits, trust)
    atexit.register(worker.close)
    return worker


def _grade_one(stage: str, job: Job, limits: Limits, run_look: bool, trust: bool) -> dict[str, Any]:
    return grade(stage, job.repaired, warm_worker(limits, trust), job.seed, run_look).to_json()
