"""What the kernel counts and refuses: memory and processes; and what is told of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from whole_course import everything

from autograder.sandbox import Limits, Process, ProcessEnded, Worker, cgroups

MEMORY = 768 << 20
PROCESSES = 24
SECONDS = 60.0  # for a machine that is busy; none of these cells needs one


@pytest.fixture(scope="module")
def small_worker() -> Iterator[Worker]:
    limits = Limits(
        memory_bytes=MEMORY, processes=PROCESSES, cell_seconds=SECONDS, call_seconds=5.0, interrupt_seconds=1.0
    )
    with Worker(limits, contents=everything()) as worker:
        if worker.group is None:
            pytest.skip("Control groups cannot be made here: they take root, or a delegated systemd scope.")
        yield worker


@pytest.fixture
def process(small_worker: Worker) -> Iterator[Process]:
    opened = small_worker.open()
    yield opened
    opened.close()


def printed(process: Process, source: str) -> str:
    outputs, _, _ = process.run(source, 1, SECONDS)
    return "".join(str(output.get("text", "")) + str(output.get("evalue", "")) for output in outputs)


def test_memory_that_is_used_is_limited_and_the_end_has_its_name(process: Process) -> None:
    with pytest.raises(ProcessEnded) as ended:
        process.run("import torch\nkept = [torch.ones(32 << 20) for _ in range(12)]", 1, SECONDS)
    assert ended.value.kind == "out of memory"
    assert str(ended.value) == "ran out of memory: it may use 0.75 GiB"


def test_memory_is_limited_over_all_processes_of_a_submission_together(process: Process) -> None:
    source = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        block = bytearray(256 << 20)\n"
        "        for place in range(0, len(block), 4096): block[place] = 1\n"
        "        time.sleep(60); os._exit(0)\n"
        "os.wait()\n"
    )
    assert process._group is not None
    before = process._group.memory_kills()
    with contextlib.suppress(ProcessEnded):  # whether the kernel chooses the first process is its own affair
        process.run(source, 1, SECONDS)
    assert process._group.memory_kills() > before


def test_the_next_submission_has_all_memory_to_itself(small_worker: Worker) -> None:
    for _ in range(2):
        opened = small_worker.open()
        assert printed(opened, "import torch\nprint(torch.ones(32 << 20).sum().item())") == f"{float(32 << 20)}\n"
        opened.close()


def test_a_submission_is_born_in_its_group_and_the_grader_stays_outside(small_worker: Worker) -> None:
    assert small_worker.group is not None
    opened = small_worker.open()
    inside = (small_worker.group.pids / "cgroup.procs").read_text().split()
    opened.close()
    assert len(inside) == 2  # with the warm interpreter
    assert str(os.getpid()) not in inside


def test_where_memory_is_full_the_submission_goes_first(process: Process) -> None:
    assert printed(process, "print(open('/proc/self/oom_score_adj').read())").split() == ["1000"]


FORK_BOMB = (
    "import os, time\nstarted = 0\ntry:\n    while started < 500:\n"
    "        if os.fork() == 0:\n            time.sleep(60); os._exit(0)\n        started += 1\n"
    "except OSError as error:\n    print(started, error.strerror)"
)


def test_a_fork_bomb_meets_its_limit_and_is_told(process: Process) -> None:
    said = printed(process, FORK_BOMB)
    assert "Resource temporarily unavailable" in said
    assert int(said.split()[0]) < PROCESSES
    assert process.attempts() == [f"tried to start more than {PROCESSES} processes and threads"]
    assert process.attempts() == []


def test_when_a_submission_is_closed_all_its_processes_are_gone(small_worker: Worker) -> None:
    for _ in range(10):
        opened = small_worker.open()
        printed(opened, FORK_BOMB)
        opened.close()
        group = small_worker.group
        assert group is not None
        assert int((group.pids / "pids.current").read_text()) == 1  # the warm interpreter


def test_what_was_killed_is_gone_when_the_next_submission_begins(small_worker: Worker) -> None:
    for _ in range(10):
        opened = small_worker.open()
        printed(opened, FORK_BOMB)
        opened.kill()
        after = small_worker.open()
        group = small_worker.group
        assert group is not None
        assert int((group.pids / "pids.current").read_text()) == 2  # the warm interpreter, and the next submission
        after.close()


def test_a_try_at_the_network_is_refused_and_told(process: Process) -> None:
    source = "import urllib.request\nurllib.request.urlopen('http://192.0.2.1/', timeout=2)"
    assert "denied" in printed(process, source)
    assert process.attempts() == ["tried the network, which is not there"]


def test_starting_a_program_is_told(process: Process) -> None:
    assert printed(process, "import subprocess\nprint(subprocess.run(['true']).returncode)") == "0\n"
    assert process.attempts() == ["tried to start another program"]


def test_a_worker_leaves_no_control_group_behind() -> None:
    with Worker(Limits(memory_bytes=MEMORY), contents=everything()) as worker:
        group = worker.group
        worker.open().close()
    if group is None:
        pytest.skip("Control groups cannot be made here.")
    assert not group.memory.exists()
    assert not group.pids.exists()


class FakeKernel:
    """Makes the files of a control group when a folder is made, as the kernel does."""

    def __init__(self, files: dict[str, list[str]], patch: pytest.MonkeyPatch) -> None:
        plain = Path.mkdir

        def mkdir(path: Path, *args: object, **options: object) -> None:
            plain(path)
            for kind, names in files.items():
                if kind in path.parts or kind == "":
                    for name in names:
                        (path / name).write_text("")

        patch.setattr(Path, "mkdir", mkdir)


def test_version_2_takes_one_group_with_all_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "user.slice"
    own.mkdir()
    (tmp_path / "cgroup.controllers").write_text("memory pids cpu")
    (own / "cgroup.subtree_control").write_text("")
    monkeypatch.setattr(cgroups, "_own_groups", lambda: {"": "/user.slice"})
    FakeKernel({"": ["memory.max", "pids.max", "cpu.max", "memory.swap.max", "cgroup.procs"]}, monkeypatch)
    group = cgroups.make(1 << 30, 50, 2, mount=tmp_path)
    assert group is not None
    assert group.memory == group.pids
    assert group.memory.parent == own
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids +cpu"
    texts = {path.name: path.read_text() for path in group.memory.iterdir()}
    assert texts["memory.max"] == str(1 << 30)
    assert (texts["pids.max"], texts["cpu.max"], texts["memory.swap.max"]) == ("50", "200000 100000", "0")
    group.add(123)
    assert (group.memory / "cgroup.procs").read_text() == "123"
    (group.memory / "memory.events").write_text("low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\n")
    (group.memory / "pids.events").write_text("max 3\n")
    assert (group.memory_kills(), group.refused_processes()) == (1, 3)


def test_where_no_group_can_be_made_there_is_none(tmp_path: Path) -> None:
    assert cgroups.make(1 << 30, 50, 1, mount=tmp_path) is None
