"""Each system call that SECURITY.md calls refused is tried by a submission, and fails as the filter says."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_course import everything

from autograder.sandbox import Process, Worker, seccomp

SECONDS = 60.0  # for a machine that is busy; none of these cells needs one
MACHINE = os.uname().machine
SIGCHLD = 17
CALL = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
result = libc.syscall({number}, {arguments})
if result == 0 and {forks}:
    os._exit(0)
print(errno.errorcode[ctypes.get_errno()] if result == -1 else result)
"""
REFUSED = sorted(seccomp.REFUSED[MACHINE])
NEW = sorted(seccomp.NEW_NAMESPACE)


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    with Worker(contents=everything()) as worker:
        opened = worker.open()
        yield opened
        opened.close()


def printed(process: Process, source: str) -> str:
    outputs, _, _ = process.run(source, 1, SECONDS)
    return "".join(str(output.get("text", "")) + str(output.get("evalue", "")) for output in outputs).strip()


def called(process: Process, number: int, *arguments: int, forks: bool = False) -> str:
    given = ", ".join(str(argument) for argument in [*arguments, 0, 0, 0, 0, 0][:5])
    return printed(process, CALL.format(number=number, arguments=given, forks=forks))


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_no_notebook_needs_is_refused(process: Process, name: str) -> None:
    assert called(process, seccomp.REFUSED[MACHINE][name]) == "EPERM"


@pytest.mark.parametrize("flag", NEW)
def test_a_new_name_space_is_refused_whatever_else_is_asked_for(process: Process, flag: str) -> None:
    user, number = seccomp.NEW_NAMESPACE["CLONE_NEWUSER"], seccomp.CLONE[MACHINE]
    for flags in (seccomp.NEW_NAMESPACE[flag], seccomp.NEW_NAMESPACE[flag] | user, user | 0x4000):  # CLONE_VFORK
        assert called(process, number, flags | SIGCHLD, forks=True) == "EPERM"
        assert called(process, seccomp.REFUSED[MACHINE]["unshare"], flags) == "EPERM"


def test_of_flags_that_a_filter_cannot_see_there_is_no_call(process: Process) -> None:
    assert called(process, seccomp.CLONE3) == "ENOSYS"


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"])
@pytest.mark.parametrize("call", ["socket", "socketpair"])
def test_only_sockets_within_the_machine_can_be_made(process: Process, family: str, call: str) -> None:
    said = printed(process, f"import socket\nsocket.{call}(socket.{family}, socket.SOCK_DGRAM)")
    assert said == "[Errno 13] Permission denied"


@pytest.mark.parametrize(
    ("what", "source", "says"),
    [
        ("a fork", "import os\npid = os.fork()\nif pid == 0: os._exit(3)\nprint(os.waitpid(pid, 0)[1])", "768"),
        ("a program", "import subprocess\nprint(subprocess.run(['echo', 'hello'], capture_output=True).stdout)", "hel"),
        ("threads", "from concurrent.futures import *\nprint(*ThreadPoolExecutor(4).map(abs, range(-3, 0)))", "3 2 1"),
        ("processes", "import multiprocessing as m\nwith m.Pool(2) as p: print(*p.map(abs, [-3, -2, -1]))", "3 2 1"),
        (
            "torch's own workers",
            "from torch.utils.data import DataLoader\nprint(*(b.item() for b in DataLoader([3, 2, 1], num_workers=1)))",
            "3 2 1",
        ),
        ("a socket pair", "import socket\na, b = socket.socketpair(); a.send(b'3 2 1'); print(b.recv(9))", "3 2 1"),
    ],
    ids=lambda value: value if " " in str(value) and len(str(value)) < 20 else "",
)
def test_what_notebooks_need_is_there(process: Process, what: str, source: str, says: str) -> None:
    assert says in printed(process, source)


def test_security_md_names_only_calls_that_are_tried_here() -> None:
    page = (Path(__file__).parents[2] / "SECURITY.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| a seccomp filter"))
    named = set(re.findall(r"`(\w+)`", row))
    assert {"ptrace", "unshare", "setns", "clone", "clone3", "bpf", "keyctl", "io_uring_setup"} <= named
    assert named <= {*REFUSED, "clone", "clone3"}


def test_both_tables_name_the_same_calls_but_for_those_of_one_machine() -> None:
    assert set(seccomp.REFUSED["x86_64"]) - set(seccomp.REFUSED["aarch64"]) == {"iopl", "ioperm"}
    for machine, numbers in seccomp.REFUSED.items():
        every = [*numbers.values(), seccomp.CLONE[machine], seccomp.CLONE3, *seccomp.SOCKETS[machine]]
        assert len(set(every)) == len(every)
