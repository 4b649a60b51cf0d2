"""The one door through which anything that stands in a submission is read.

What a student handed in may be a link to a solution or to a device, a pipe without an end, a second name of somebody
else's file, or larger than the memory. None of these is read; what is read is a plain file of the student's own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path


class Refused(Exception):
    """Something in a submission is not read. The text says why, in words that follow its name."""


class TooLarge(Refused):
    """A plain file of more bytes than are read."""


def read_plain(path: Path, trusted: Path, max_bytes: int) -> bytes:
    """The bytes of a plain file that has no other name.

    trusted     a folder above the file that is no student's: what lies between the two must be no link
    max_bytes   of a file with more, nothing is read

    Each step is taken from the folder opened before it, and the last check is made on the open file, so that nothing
    that is exchanged meanwhile is followed. Raises FileNotFoundError, Refused or TooLarge.
    """
    *folders, name = _steps(path, trusted)
    try:
        with ExitStack() as stack:
            here = stack.enter_context(_opened(str(trusted), os.O_DIRECTORY))
            for folder in folders:
                here = stack.enter_context(_opened_folder(folder, here))
            # Some devices act when they are opened, so the name is looked at first.
            _check(os.stat(name, dir_fd=here, follow_symlinks=False), max_bytes)
            with (
                _opened(name, os.O_NOFOLLOW | os.O_NONBLOCK, here) as number,
                open(number, "rb", closefd=False) as file,
            ):
                _check(os.fstat(number), max_bytes)
                raw = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"could not be read ({error.strerror})") from None
    if len(raw) > max_bytes:
        raise TooLarge("grew while it was read")
    return raw


def is_linked(folder: Path, trusted: Path) -> bool:
    """Whether a folder, or one between it and the trusted folder, is a link."""
    return any(step.is_symlink() for step in [folder, *folder.parents][: len(_steps(folder, trusted))])


def _steps(path: Path, trusted: Path) -> tuple[str, ...]:
    steps = path.relative_to(trusted).parts
    if ".." in steps:
        raise Refused("does not lie in the submission's folder")
    return steps


@contextmanager
def _opened(name: str, flags: int, folder: int | None = None) -> Iterator[int]:
    number = os.open(name, os.O_RDONLY | os.O_CLOEXEC | flags, dir_fd=folder)
    try:
        yield number
    finally:
        os.close(number)


def _opened_folder(name: str, folder: int) -> AbstractContextManager[int]:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise Refused("lies behind a link")
    return _opened(name, os.O_DIRECTORY | os.O_NOFOLLOW, folder)


def _check(status: os.stat_result, max_bytes: int) -> None:
    """Raises Refused or TooLarge."""
    if stat.S_ISLNK(status.st_mode):
        raise Refused("is a link")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("is not a plain file")
    if status.st_nlink > 1:
        raise Refused("is a file with several names (a hard link)")
    if status.st_size > max_bytes:
        raise TooLarge(f"has {_size(status.st_size)}, more than {_size(max_bytes)}")


def _size(count: int) -> str:
    return f"{count / 2**20:.0f} MB" if count >= 2**20 else f"{count} bytes"
