"""The warm interpreter. It imports what notebooks import, runs nothing of a student, and forks once per submission.

Run inside bubblewrap with the number of its control socket as argument, or without bubblewrap and with `trusted` as a
second one. For every request on that socket, which brings two more sockets, it forks a *warden* into a new process
namespace. The warden makes the scratch file systems, forks the *runner* that executes the student's cells, and
interrupts it on command; when it ends, the kernel ends everything the student started.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from . import seccomp
from .session import Session
from .wire import Channel, Closed, WireError

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

# What the first cell costs IPython, and the first operations torch, is paid once. Small ones start no thread.
FIRST_CELL = """
import torch
torch.manual_seed(0)
for dtype in (torch.float32, torch.float64):
    x = torch.randn(2, 3, dtype=dtype)
    x = torch.dropout(torch.softmax((x @ x.T).masked_fill(torch.eye(2) > 0, -1e9), -1), 0.5, True)
repr(x)
del torch, dtype, x
"""

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def warm_up() -> None:
    """Import what a notebook of the course imports. No torch operation is run: its thread pools must not exist."""
    import matplotlib.pyplot  # noqa: F401
    import numpy  # noqa: F401
    import torch
    import transformers  # noqa: F401
    from torch.utils._python_dispatch import TorchDispatchMode
    from transformers import AutoTokenizer, BertModel, BertTokenizerFast  # noqa: F401

    import coursekit.checkpoints
    import coursekit.checks
    import coursekit.data
    import coursekit.earlier
    import coursekit.encoder
    import coursekit.features
    import coursekit.plots
    import coursekit.runtime
    import coursekit.stand_ins  # noqa: F401

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    with TorchDispatchMode():
        pass  # its first use imports more


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


def _enter_scratch(limits: dict[str, int], trusted: bool) -> str:
    """Make the submission's scratch folder, and all the rest of its mounts; returns its path."""
    if trusted:
        return tempfile.mkdtemp(prefix="submission-")
    _new_mounts(limits)
    return SCRATCH


def _drop_capabilities() -> None:
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)
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


def _runner(shell: Any, channel: Channel, limits: dict[str, int], scratch: str, trusted: bool) -> None:
    os.setsid()
    if not trusted:
        _drop_capabilities()
        seccomp.apply()
    _limit(limits)
    os.chdir(scratch)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    Session(shell, channel).serve()


def _warden(shell: Any, data: socket.socket, control: socket.socket, limits: dict[str, int], trusted: bool) -> None:
    """Process 1 of a submission; when it ends, all of the submission has ended.

    It says p, so that the grader can put it into its control group, and waits for g.
    Orders then: i interrupts the runner, x ends; so do the runner's end and a closed socket.
    """
    # Process 1 gets the signals of its own name space that it has handlers for, and Python has one for this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control.sendall(b"p")
    if control.recv(1) != b"g":
        return
    try:
        scratch = _enter_scratch(limits, trusted)
        runner = os.fork()
    except OSError as error:
        control.sendall(b"e" + str(error).encode())
        return
    if runner == 0:
        control.close()
        try:
            _runner(shell, Channel(data, limits["message_bytes"]), limits, scratch, trusted)
        finally:
            os._exit(0)
    data.close()
    try:
        _watch(runner, control)
    finally:
        if trusted:
            _kill_session(runner)
            shutil.rmtree(scratch, ignore_errors=True)


def _watch(runner: int, control: socket.socket) -> None:
    wake, notify = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(notify, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        watched: list[Any] = [control, wake]
        ready = select.select(watched, [], [], 1.0)[0]
        if wake in ready:
            os.read(wake, 4096)
        for pid, status in _reaped():
            if pid == runner:
                control.sendall(b"d%d" % os.waitstatus_to_exitcode(status))
                return
        if control in ready:
            for command in control.recv(64) or b"x":
                if command == ord("i"):
                    os.kill(runner, signal.SIGINT)
                elif command == ord("x"):
                    return


def _reaped() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def _kill_session(runner: int) -> None:
    """Without a name space of its own, a trusted submission's processes are those of its session."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(name)) == runner:
                os.kill(int(name), signal.SIGKILL)


def _collapse_memory() -> None:
    """Put the interpreter's memory into huge pages where the kernel can (Linux 6.1): a fork then copies 512 times less.

    Copying and freeing the page tables of a few hundred megabytes is most of what a fork and its end cost.
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


def main() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    control = Channel(socket.socket(fileno=int(sys.argv[1])), 1 << 20)
    trusted = sys.argv[2:] == ["trusted"]
    warm_up()
    from .recorder import Shell

    shell = Shell.recording()
    shell.enable_matplotlib("inline")
    shell.run(FIRST_CELL, 0)
    own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    if not trusted:
        # What every submission will need: better refused now, in words, than at the first one.
        _check(libc.unshare(CLONE_NEWPID), "make a process namespace")
        _return_to(own_processes)
    gc.collect()
    gc.freeze()
    _collapse_memory()
    threads = len(os.listdir("/proc/self/task"))
    control.send({"ready": True, "threads": threads})
    while True:
        try:
            message, _, fds = control.receive_fds(None)
        except (Closed, WireError):
            return
        _start(shell, control, message["limits"], fds, own_processes, trusted)
        for _ in _reaped():
            pass


def _return_to(own_processes: int) -> None:
    _check(libc.setns(own_processes, CLONE_NEWPID), "return to the own process namespace")


def _start(
    shell: Any, control: Channel, limits: dict[str, int], fds: list[int], own_processes: int, trusted: bool
) -> None:
    data, orders = (socket.socket(fileno=fd) for fd in fds)
    try:
        if not trusted:
            _check(libc.unshare(CLONE_NEWPID), "unshare")
        pid = os.fork()
    except OSError as error:
        orders.sendall(b"e" + str(error).encode())
        return
    if pid == 0:
        try:
            control.close()
            os.close(own_processes)
            _warden(shell, data, orders, limits, trusted)
        finally:
            os._exit(0)
    data.close()
    orders.close()
    if not trusted:
        _return_to(own_processes)


if __name__ == "__main__":
    main()
