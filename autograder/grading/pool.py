"""A process per core, each with a warm sandbox, for the submissions of a class.

The processes import this module: nothing of nbgrader, which takes longer to import than a class to grade.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any

from autograder.allowed import fewest
from autograder.hidden_tests.runner import HiddenTestError
from autograder.sandbox import Contents, Limits, SandboxDied, SandboxMissing, Worker, workers_wanted

from .classroom import ClassroomError
from .graded import Graded
from .setting import Setting, Submitted

POOLS = 3
AHEAD = 16  # submissions per process whose results may wait to be written: memory stays flat, however large the class
WORTH_A_POOL = 6  # starting processes takes as long as grading so many

_setting: Setting | None = None


@dataclass(frozen=True)
class Job:
    """A notebook of a submission that awaits grading, as it was when the run began.

    anew       run all its hidden tests, even those that have not changed since they were run last
    notebook   its name, "" for the one that is named like the assignment
    """

    student: str
    key: str
    anew: bool = False
    notebook: str = ""


class NotGraded(Exception):
    """One submission that could not be graded, and why; the others can."""


_workers: dict[tuple[Limits, bool | str, frozenset[str], Contents], Worker] = {}


def warm_worker(setting: Setting) -> Worker:
    """The sandbox of the process at hand, started at the first call and kept warm.

    Raises SandboxMissing, or ClassroomError where the settings of the class are wrong.
    """
    key = setting.limits, setting.trust, frozenset(setting.packages), setting.contents
    if key not in _workers:
        limits, trust, packages, contents = key
        worker = _workers[key] = Worker(limits, trust, fewest(setting.assignment), packages, contents)
        atexit.register(worker.close)
    return _workers[key]


def grade_job(setting: Setting, job: Job) -> Graded:
    """Load, repair and grade one submission in this process.

    Raises NotGraded where it changed meanwhile, or where the sandbox was ended or the grader itself failed at it;
    ClassroomError, OSError, SandboxMissing or HiddenTestError where it would be the same for everybody.
    """
    try:
        submitted = setting.load(job.student, job.notebook)
        if submitted.key == job.key:
            return grade_submitted(setting, submitted, None if job.anew else setting.earlier(job.student, submitted))
    except (ClassroomError, OSError, SandboxMissing, HiddenTestError):
        raise
    except SandboxDied as died:
        raise NotGraded(str(died)) from died
    except Exception as error:
        raise NotGraded(
            f"The grader has a fault of its own, which came out here: {type(error).__name__}: {error}"
        ) from error
    raise NotGraded("The submission changed while it was being graded; run the same command again.")


def grade_submitted(setting: Setting, submitted: Submitted, earlier: Graded | None = None) -> Graded:
    """Repair and grade one submission in this process. Raises SandboxMissing or HiddenTestError.

    earlier   a result from which only hidden tests differ: those that have not changed are not run again
    """
    repaired = setting.repaired(submitted)
    if not repaired.readable:
        return setting.ungraded(repaired, submitted)
    return setting.grade(warm_worker(setting), repaired, submitted, earlier)


class Pool:
    """Grades jobs in parallel. The work begins with the `with` block, its results are taken from `results`.

    left    jobs that have no result yet; after `results`, those that have none because their process died again and
            again, for a pool whose process died is replaced POOLS times
    """

    def __init__(self, setting: Setting, jobs: list[Job], processes: int | None = None) -> None:
        self.left = jobs
        self._setting = setting
        self._count = min(processes or workers_wanted(), len(jobs))
        self._alone = self._count <= 1 or len(jobs) < WORTH_A_POOL
        self._executor: ProcessPoolExecutor | None = None
        self._futures: dict[Future[dict[str, Any]], Job] = {}
        self._waiting: Iterator[Job] = iter(())

    def __enter__(self) -> Pool:
        if not self._alone:
            try:
                self._start()
            except BaseException:
                self._end_at_once()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is KeyboardInterrupt and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # who presses the keys again waits for nothing
        if kind is not None:
            self._end_at_once()
        elif self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _end_at_once(self) -> None:
        if self._executor is None:
            return
        # Else the command would wait at its end for what is being graded. From Python 3.14 on, kill_workers does this.
        processes = list((self._executor._processes or {}).values())
        self._executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def _start(self) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # there is a process per core already
        # One process imports for all of them; it runs nothing, so that it has no threads when it forks.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__, type(self._setting).__module__])
        self._executor = ProcessPoolExecutor(self._count, context, _enter, (self._setting,))
        self._waiting = iter(list(self.left))
        self._futures = {}
        self._submit(AHEAD * self._count)

    def _submit(self, count: int) -> None:
        assert self._executor is not None
        self._futures |= {self._executor.submit(_grade, job): job for job in islice(self._waiting, count)}

    def results(self) -> Iterator[tuple[Job, Graded | NotGraded]]:
        """Each job with its result, as they come. Raises SandboxMissing or HiddenTestError."""
        if self._alone:
            for job in list(self.left):
                yield self._take(job, lambda job=job: grade_job(self._setting, job))
            return
        for _ in range(POOLS):
            try:
                while self._futures:
                    for future in wait_for(self._futures, return_when=FIRST_COMPLETED).done:
                        job = self._futures.pop(future)
                        self._submit(1)
                        yield self._take(job, lambda f=future: Graded.from_json(f.result()))
                return
            except BrokenProcessPool:
                self._start()

    def _take(self, job: Job, result: Any) -> tuple[Job, Graded | NotGraded]:
        try:
            graded: Graded | NotGraded = result()
        except NotGraded as told:
            graded = told
        self.left.remove(job)
        return job, graded


def _enter(setting: Setting) -> None:
    global _setting
    _setting = setting
    # Ctrl-C in a terminal reaches every process; what it means here, the command decides. It is not ignored, for what
    # is ignored stays so in the sandbox, where it interrupts a cell.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    threading.Thread(target=_end_with_the_command, daemon=True).start()


def _end_with_the_command() -> None:
    """Where the command is killed, its queue stays open in the hands of these processes, and none would ever end."""
    command = multiprocessing.parent_process()
    if command is not None:
        wait([command.sentinel])
        os._exit(1)


def _grade(job: Job) -> dict[str, Any]:
    assert _setting is not None
    return grade_job(_setting, job).to_json()
