"""Grades the submissions of a class on the workers of a Dask cluster.

The workers run in the same environment and see the class folder under the same path, as on any cluster with a shared
file system. They write nothing: results come back, and the command that was called keeps them and the gradebook.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any

from distributed import Client, KilledWorker, as_completed
from distributed.client import Future

from .classroom import ClassroomError
from .graded import Graded
from .pool import Job, NotGraded, grade_job
from .setting import Setting

CONNECT_SECONDS = 30
_one_at_a_time = threading.Lock()


class Cluster:
    """Grades jobs on a cluster. The work begins with the `with` block, its results are taken from `results`.

    address     of the scheduler, "tcp://host:8786"
    resources   what a worker must have been started with, {"GPU": 1}; none: any worker does
    left        jobs that have no result yet; after `results`, those whose workers died again and again

    Raises ClassroomError where there is no scheduler at the address.
    """

    def __init__(
        self, setting: Setting, jobs: list[Job], address: str, resources: dict[str, float] | None = None
    ) -> None:
        self.left = jobs
        self._setting = setting
        self._address = address
        self._resources = resources or None
        self._client: Client | None = None
        self._futures: dict[Future, Job] = {}

    def __enter__(self) -> Cluster:
        if not self.left:
            return self
        try:
            self._client = Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClassroomError(
                f"There is no Dask scheduler at {self._address} ({error}). Start one with `dask scheduler`, and "
                "workers with `dask worker ADDRESS --nworkers auto --nthreads 1`."
            ) from None
        self._futures = {
            self._client.submit(grade_there, self._setting, job, pure=False, retries=0, resources=self._resources): job
            for job in self.left
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close(timeout=5)

    def results(self) -> Iterator[tuple[Job, Graded | NotGraded]]:
        """Each job with its result, as they come.

        Raises SandboxMissing or HiddenTestError, as a worker met them, and ClassroomError where the scheduler is gone.
        """
        for future in self._completed():
            job = self._futures.pop(future)  # the cluster keeps a result as long as there is a future of it
            try:
                error = future.exception()
                done = error if isinstance(error, NotGraded) else None if error else Graded.from_json(future.result())
            except (CancelledError, OSError):  # a result may have been announced and not fetched
                raise ClassroomError(
                    f"The Dask scheduler at {self._address} is gone. What was graded is kept: start it again, and run "
                    "the same command."
                ) from None
            if isinstance(error, KilledWorker):
                continue
            if done is None:
                raise error
            self.left.remove(job)
            yield job, done

    def _completed(self) -> Iterator[Future]:
        return as_completed(list(self._futures), loop=self._client.loop) if self._client is not None else iter(())


def grade_there(setting: Setting, job: Job) -> dict[str, Any]:
    """Grade one submission in a worker's process. Raises ClassroomError where the worker does not see the class."""
    if not setting.classroom.folder.is_dir():
        raise ClassroomError(
            f"The worker on {socket.gethostname()} sees no folder {setting.classroom.folder}. The class must lie on a "
            "file system that all workers share, under the same path."
        )
    with _one_at_a_time:  # pytest and the sandbox of a process serve one submission; workers should have one thread
        return grade_job(setting, job).to_json()
