"""Where there is no sandbox: a user without rights who runs the submission, and an end to all that it started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from autograder.grading.classroom import ClassroomError

NAME = "submission"  # setup.sh makes it; AUTOGRADER_USER names another
END_SECONDS = 20.0
PR_SET_CHILD_SUBREAPER = 36


def submission_user() -> str | None:
    """The user's name; None where this process is not root, or no such user is there who could start this Python."""
    name = os.environ.get("AUTOGRADER_USER", NAME)
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError, OSError, subprocess.SubprocessError):
        subprocess.run([sys.executable, "-I", "-c", ""], user=pwd.getpwnam(name).pw_uid, check=True, timeout=60)
        return name
    return None


def keep_to_ourselves(*folders: Path) -> None:
    """Take from everyone else what stands in folders of this user's, which need not exist. Raises OSError."""
    for folder in folders:
        if folder.exists():
            os.chown(folder, os.geteuid(), -1)
            folder.chmod(0o700)


def adopt_orphans() -> None:
    """Become the parent of whatever detaches itself from a process that is started from now on."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(user: str | None) -> None:
    """End every process of the user, and every one that was started from here, detached ones too.

    Raises ClassroomError where some outlive it.
    """
    uid = None if user is None else pwd.getpwnam(user).pw_uid
    end = time.monotonic() + END_SECONDS
    while left := [pid for pid, parents, owner in _processes() if os.getpid() in parents or owner == uid]:
        if time.monotonic() > end:
            raise ClassroomError(
                "Processes of the submission could not be ended, so its results are not to be trusted."
            )
        if uid is not None:
            _end_user(uid)
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _end_user(uid: int) -> None:
    """Signal all of a user's processes at once, so that none can fork in between."""
    if (child := os.fork()) == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def _processes() -> Iterator[tuple[int, list[int], int]]:
    """Number, numbers of all parents, and user of each process that is not over."""
    found: dict[int, tuple[int, int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, LookupError, ValueError):
            lines = Path("/proc", name, "status").read_text(errors="replace").splitlines()
            said = dict(line.split(":", 1) for line in lines if ":" in line)
            if said["State"].split()[0] not in "ZX":
                found[int(name)] = int(said["PPid"]), int(said["Uid"].split()[0])
    for pid, (parent, uid) in found.items():
        parents = [parent]
        while parents[-1] in found and found[parents[-1]][0] not in parents:
            parents.append(found[parents[-1]][0])
        yield pid, parents, uid
