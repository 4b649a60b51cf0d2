"""Control groups: the kernel's own count and limit of a submission's memory, processes and CPU.

An rlimit counts address space, not memory, and does not bind the root user's processes; a control group binds all.
Version 1 and 2 are known, wherever this process may make a group: as root, or in a session that systemd delegated
(`systemd-run --user --scope -p Delegate=yes autograder grade …`).
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

MOUNT = Path("/sys/fs/cgroup")
NAME = "autograder-{pid}-{number}"
CPU_PERIOD = 100_000  # microseconds
TRIES = 50

_made = 0


@dataclass(frozen=True)
class ControlGroup:
    """One group, in one folder (version 2) or one per controller (version 1).

    A group serves one submission after the other: they all end before the next begins.
    """

    memory: Path
    pids: Path
    cpu: Path | None

    def add(self, pid: int) -> None:
        """Put a process into the group, and with it all that it will start. Raises OSError."""
        for folder in {self.memory, self.pids, *([self.cpu] if self.cpu else [])}:
            (folder / "cgroup.procs").write_text(str(pid))

    def memory_kills(self) -> int:
        """How many processes the kernel has ended in this group for want of memory."""
        return _counted(self._memory_counts, b"oom_kill")

    def refused_processes(self) -> int:
        """How often the group had as many processes as it may."""
        return _counted(self._process_counts, b"max")

    @cached_property
    def _memory_counts(self) -> BinaryIO | None:
        return _opened(self.memory / "memory.events") or _opened(self.memory / "memory.oom_control")

    @cached_property
    def _process_counts(self) -> BinaryIO | None:
        return _opened(self.pids / "pids.events")

    def close(self) -> None:
        """Remove the group. One whose last process is still on its way out is waited for."""
        for file in (self._memory_counts, self._process_counts):
            if file is not None:
                file.close()
        for folder in {self.memory, self.pids, *([self.cpu] if self.cpu else [])}:
            for _ in range(TRIES):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)


def make(memory_bytes: int, processes: int, cores: int, mount: Path = MOUNT) -> ControlGroup | None:
    """A new group with these limits, or None where this process may make none."""
    global _made
    _made += 1
    name = NAME.format(pid=os.getpid(), number=_made)
    own = _own_groups()
    for place in _unified_places(mount, own):
        _remove_left_over(place)
        group = _first_existing(place / name, {"memory.max", "pids.max"})
        if group is not None:
            with contextlib.suppress(OSError):
                (group / "memory.max").write_text(str(memory_bytes))
                (group / "pids.max").write_text(str(processes))
                _write_if_there(group / "memory.swap.max", "0")
                _write_if_there(group / "cpu.max", f"{cores * CPU_PERIOD} {CPU_PERIOD}")
                return ControlGroup(group, group, None)
            group.rmdir()
    folders = {}
    for kind, wanted in (("memory", "memory.limit_in_bytes"), ("pids", "cgroup.procs"), ("cpu", "cpu.cfs_quota_us")):
        place = mount / kind / own.get(kind, "/").lstrip("/")
        _remove_left_over(place)
        group = _first_existing(place / name, {wanted})
        if group is not None:
            folders[kind] = group
    try:
        (folders["memory"] / "memory.limit_in_bytes").write_text(str(memory_bytes))
        (folders["pids"] / "pids.max").write_text(str(processes))
        _write_if_there(folders["memory"] / "memory.memsw.limit_in_bytes", str(memory_bytes))
        if "cpu" in folders:
            _write_if_there(folders["cpu"] / "cpu.cfs_period_us", str(CPU_PERIOD))
            _write_if_there(folders["cpu"] / "cpu.cfs_quota_us", str(cores * CPU_PERIOD))
        return ControlGroup(folders["memory"], folders["pids"], folders.get("cpu"))
    except (KeyError, OSError):
        for folder in folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()
        return None


def _own_groups() -> dict[str, str]:
    """Controller → this process's group; "" for the unified hierarchy."""
    found = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, kinds, path = line.split(":", 2)
            for kind in kinds.split(","):
                found[kind] = path
    return found


def _unified_places(mount: Path, own: dict[str, str]) -> Iterator[Path]:
    """Groups of version 2 below which a group may be made: this process's own, and the one above."""
    if not (mount / "cgroup.controllers").exists():
        return
    here = mount / own.get("", "/").lstrip("/")
    for place in (here, here.parent):
        if place != mount.parent:
            # Refused where the group has processes of its own; then its parent may already hand the controllers on.
            _write_if_there(place / "cgroup.subtree_control", "+memory +pids +cpu")
            yield place


def _first_existing(group: Path, wanted: set[str]) -> Path | None:
    """Make a group; None where that is not allowed, or where it lacks the files wanted."""
    try:
        group.mkdir()
    except OSError:
        return None
    if all((group / name).exists() for name in wanted):
        return group
    with contextlib.suppress(OSError):
        group.rmdir()
    return None


def _write_if_there(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        if path.exists():
            path.write_text(text)


def _remove_left_over(place: Path) -> None:
    """Remove the groups of graders that were killed before they could."""
    with contextlib.suppress(OSError):
        for folder in place.glob("autograder-*-*"):
            found = re.fullmatch(r"autograder-(\d+)-\d+", folder.name)
            if found and not Path("/proc", found[1]).exists():
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _opened(path: Path) -> BinaryIO | None:
    with contextlib.suppress(OSError):
        return open(path, "rb", buffering=0)
    return None


def _counted(file: BinaryIO | None, word: bytes) -> int:
    """A count of the kernel's. The file stays open, for it is asked after every call into a submission."""
    if file is not None:
        with contextlib.suppress(OSError, ValueError):
            for line in os.pread(file.fileno(), 4096, 0).splitlines():
                key, _, value = line.partition(b" ")
                if key == word:
                    return int(value)
    return 0
