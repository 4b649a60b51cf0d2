"""The warm interpreter. It imports what notebooks import, runs nothing of a student, and forks once per submission.

Run inside bubblewrap with the number of its control socket as argument, the parts that it has and what it has of a
course as JSON, and names of the libraries that it does not have; or without bubblewrap and with `trusted` for the
parts. For every request on that socket, which brings two more sockets, and perhaps an archive of what lies beside the
notebook, it forks the *runner* of a submission, as process 1 of a new process namespace: when that ends, the kernel
ends everything the student started. The interpreter then says so on the second socket, which the student's code never
has.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autograder.codecs import Codecs, codecs_for
from autograder.remote.perform import Scenarios
from autograder.remote.wire import Channel, Closed, WireError

from . import refusals, seccomp
from .contents import Contents
from .ready_made import ALL, Parts
from .session import Session

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x00020000, 0x08000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    0x4000,
    0x40000,
)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 1, 4, 24, 38, 47
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
MADV_HUGEPAGE, MADV_COLLAPSE, HUGE_PAGE = 14, 25, 2 << 20
SCRATCH = "/scratch"

# What the first cell costs IPython is paid once.
FIRST_CELL = "1 + 1"

# The first traceback of a process imports what colours it, for 120 ms of 140.
FAILING_CELL = "def fails():\n    raise ValueError\nfails()"

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def warm_up(warm: Sequence[str], codecs: Codecs) -> None:
    """Import what notebooks import, and do what takes long once. No thread may be left running."""
    for name in warm:
        with contextlib.suppress(ModuleNotFoundError):  # of a library that this interpreter does not have
            importlib.import_module(name)
    codecs.warm_up()
    if "torch" in codecs.names:
        importlib.import_module(f"{__package__}.devices")  # where a notebook names one


def _take_names(names: Sequence[str]) -> None:
    """Put a refusal in the place of names of the course's own package, "package.module.name"."""
    for full in names:
        module, _, name = full.rpartition(".")
        setattr(importlib.import_module(module), name, refusals.Absent(f"{full.partition('.')[0]}'s {name}"))


def _fail_once(shell: Any) -> None:
    """Let a cell fail, and leave nothing of it behind."""
    shell.run(FAILING_CELL, 0)
    shell.error = None
    shell.user_ns.pop("fails")
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)


def _new_mounts(limits: dict[str, int]) -> None:
    _check(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC), "unshare")
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    options = f"size={limits['scratch_bytes']},nr_inodes={limits['scratch_files']},mode=700".encode()
    for place in (SCRATCH, "/dev/shm"):
        _check(libc.mount(b"tmpfs", place.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options), f"mount {place}")
    if any(prefix.startswith("/tmp/") for prefix in (sys.prefix, sys.base_prefix)):
        # Python itself lies there and must stay in sight; TMPDIR points elsewhere.
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV
        _check(libc.mount(b"none", b"/tmp", None, flags, None), "make /tmp read-only")
    else:
        _check(libc.mount(b"tmpfs", b"/tmp", b"tmpfs", MS_NOSUID | MS_NODEV, options), "mount /tmp")
    if libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None) != 0:
        # An unprivileged user may not mount a second /proc; an empty one hides the warm interpreter just as well.
        _check(libc.mount(b"tmpfs", b"/proc", b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"size=4k"), "hide /proc")


def _gain_none() -> None:
    """Let no program that is started from here gain a capability; what this process has, it keeps."""
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    empty = (ctypes.c_uint32 * 6)(*([0] * 6))
    _check(libc.syscall(SYS_CAPSET[os.uname().machine], header, empty), "drop capabilities")
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")


def _limit(limits: dict[str, int]) -> None:
    for name, key in (
        (resource.RLIMIT_AS, "address_bytes"),
        (resource.RLIMIT_FSIZE, "scratch_bytes"),
        (resource.RLIMIT_NOFILE, "open_files"),
        (resource.RLIMIT_NPROC, "processes"),
    ):
        resource.setrlimit(name, (limits[key], limits[key]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _unpack(number: int) -> None:
    """Lay the files of an archive into the working folder."""
    with os.fdopen(number, "rb") as packed, tarfile.open(fileobj=packed, mode="r:") as archive:
        archive.extractall(filter="data")


def _runner(
    shell: Any,
    scenarios: Scenarios,
    codecs: Codecs,
    data: socket.socket,
    orders: socket.socket,
    limits: dict[str, int],
    trusted_scratch: str | None,
    beside: Sequence[int],
) -> None:
    """Process 1 of a submission's name space. It says p, by which the grader learns its number, and waits for g.

    As process 1 it gets no signal from inside that it has no handler for: the grader alone can kill or stop it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # where no name space ends with the interpreter
    try:
        orders.sendall(b"p")
        os.setsid()
        if trusted_scratch is None:
            _new_mounts(limits)
            _drop_capabilities()
            seccomp.apply(other_programs=not refusals.hiding())
        _limit(limits)
        os.chdir(trusted_scratch or SCRATCH)
        if orders.recv(1) != b"g":
            return
        for number in beside:
            _unpack(number)
    except (OSError, tarfile.TarError) as error:
        orders.sendall(b"e" + str(error).encode())
        return
    orders.close()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    Session(shell, scenarios, codecs, Channel(data, limits["message_bytes"])).serve()


@dataclass
class _Running:
    """A submission's first process.

    over      a file that can be read from when it has ended
    orders    the socket on which the grader is told so
    scratch   its folder, where that does not go with its name space
    """

    pid: int
    over: int
    orders: socket.socket
    scratch: str | None

    def fileno(self) -> int:
        return self.over

    def forget(self) -> None:
        """Close what a process forked later should not have."""
        os.close(self.over)
        self.orders.close()

    def bury(self) -> None:
        """Collect its exit status, remove what it leaves, and tell the grader."""
        _, status = os.waitpid(self.pid, 0)
        if self.scratch is not None:
            _kill_session(self.pid)
            shutil.rmtree(self.scratch, ignore_errors=True)
        with contextlib.suppress(OSError):  # the grader may have gone on
            self.orders.sendall(b"d%d" % os.waitstatus_to_exitcode(status))
        self.forget()


def _kill_session(runner: int) -> None:
    """Without a name space of its own, a trusted submission's processes are those of its session."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(name)) == runner:
                os.kill(int(name), signal.SIGKILL)


def _collapse_memory() -> None:
    """Put the interpreter's memory into huge pages where the kernel can (Linux 6.1): a fork then copies 512 times less.

    Copying and freeing the page tables of a few hundred megabytes is most of what a fork and its end cost: without this
    they take 13 ms more, a tenth of a submission's time.
    """
    with open("/proc/self/maps") as maps:
        lines = [line.split() for line in maps]
    for span, permissions, _, _, inode, *_ in lines:
        start, end = (int(part, 16) for part in span.split("-"))
        start, end = -(-start // HUGE_PAGE) * HUGE_PAGE, end // HUGE_PAGE * HUGE_PAGE
        if permissions == "rw-p" and inode == "0":
            for address in range(start, end, HUGE_PAGE):
                libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(HUGE_PAGE), MADV_HUGEPAGE)
                libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(HUGE_PAGE), MADV_COLLAPSE)


class _FirstToGo:
    """Within it, processes are born that the kernel ends before this one and the grader, where memory is full."""

    def __init__(self) -> None:
        self.file = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self._usual = os.read(self.file, 16)

    def __enter__(self) -> None:
        os.pwrite(self.file, b"1000", 0)

    def __exit__(self, *_: object) -> None:
        os.pwrite(self.file, self._usual, 0)


class _Zygote:
    """The warm interpreter's side of its control socket."""

    def __init__(
        self,
        shell: Any,
        scenarios: Scenarios,
        codecs: Codecs,
        control: Channel,
        first_to_go: _FirstToGo,
        trusted: bool,
    ) -> None:
        self.shell = shell
        self.scenarios = scenarios
        self.codecs = codecs
        self.control = control
        self.first_to_go = first_to_go
        self.trusted = trusted
        self.own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self.running: list[_Running] = []
        # What every submission will need: better refused now, in words, than at the first one.
        self._new_process_namespace()
        self._old_process_namespace()

    def serve(self) -> None:
        """Fork for every request, and bury who has ended, until the grader goes."""
        while True:
            watched: list[Any] = [self.control.sock, *self.running]
            ready = select.select(watched, [], [])[0]
            for ended in [process for process in self.running if process in ready]:
                self.running.remove(ended)
                ended.bury()
            if self.control.sock not in ready:
                continue
            try:
                message, _, fds = self.control.receive_fds(None)
            except (Closed, WireError):
                return
            data, orders = (socket.socket(fileno=fd) for fd in fds[:2])
            try:
                self._start(data, orders, message["limits"], fds[2:])
            except OSError as error:
                orders.sendall(b"e" + str(error).encode())
                orders.close()
            data.close()
            for number in fds[2:]:
                os.close(number)

    def _start(self, data: socket.socket, orders: socket.socket, limits: dict[str, int], beside: Sequence[int]) -> None:
        scratch = tempfile.mkdtemp(prefix="submission-") if self.trusted else None
        self._new_process_namespace()
        with self.first_to_go:
            pid = os.fork()
        if pid == 0:
            try:
                self.control.close()
                os.close(self.own_processes)
                os.close(self.first_to_go.file)
                for other in self.running:
                    other.forget()
                _runner(self.shell, self.scenarios, self.codecs, data, orders, limits, scratch, beside)
            finally:
                os._exit(0)
        self._old_process_namespace()
        self.running.append(_Running(pid, os.pidfd_open(pid), orders, scratch))

    def _new_process_namespace(self) -> None:
        if not self.trusted:
            _check(libc.unshare(CLONE_NEWPID), "make a process namespace")

    def _old_process_namespace(self) -> None:
        if not self.trusted:
            _check(libc.setns(self.own_processes, CLONE_NEWPID), "return to the own process namespace")


def main() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    first_to_go = _FirstToGo()
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    control = Channel(socket.socket(fileno=int(sys.argv[1])), 1 << 20)
    trusted = sys.argv[2] == "trusted"
    parts = ALL if trusted else Parts.from_json(sys.argv[2])
    contents = Contents.from_json(sys.argv[3])
    restricted = parts.families is not None
    codecs = codecs_for(contents.codecs)  # whose libraries look for others when they are imported
    if restricted:
        refusals.hide_libraries(sys.argv[4:])
    warm_up(contents.warm, codecs)
    if restricted:
        refusals.take_operators(parts, contents.ready_made)
        _take_names(contents.ready_made.absent)
    scenarios = Scenarios(contents.scenarios)
    if not trusted:
        _gain_none()
        seccomp.prepare(other_programs=not refusals.hiding())
    from .recorder import Shell

    shell = Shell.recording()
    with contextlib.suppress(ModuleNotFoundError):  # a course may do without matplotlib
        shell.enable_matplotlib("inline")
    shell.run(FIRST_CELL, 0)
    _fail_once(shell)
    zygote = _Zygote(shell, scenarios, codecs, control, first_to_go, trusted)
    gc.collect()
    gc.freeze()
    _collapse_memory()
    threads = len(os.listdir("/proc/self/task"))
    control.send({"ready": True, "threads": threads})
    zygote.serve()


if __name__ == "__main__":
    main()
