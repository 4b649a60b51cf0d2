"""A Dask cluster on this machine, whose parts can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

DASK = str(Path(sys.executable).parent / "dask")


class DaskCluster:
    """A scheduler and two workers of one thread each, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._run("scheduler", "--host", "127.0.0.1", "--port", str(port))
        for _ in range(2):
            self.start_worker()

    def start_worker(self, *options: str) -> None:
        arguments = ("worker", self.address, "--nthreads", "1", "--local-directory", str(self._folder), *options)
        self.workers.append(self._run(*arguments))

    def _run(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with open(self._folder / "dask.log", "ab") as log:
            return subprocess.Popen(
                [DASK, *arguments, "--no-dashboard"], stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)  # its children too
        process.wait()

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                self.kill(process)
