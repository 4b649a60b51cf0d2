"""What lies beside a notebook: the assignment's own files and the student's, for the working folder of the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from autograder.plain_files import Refused, TooLarge, is_linked, read_plain
from autograder.sandbox import Limits

from ..classroom import Classroom, ClassroomError
from ..timestamp import NAME as TIMESTAMP

IGNORED = (".*", "__pycache__", "*.pyc", "__MACOSX", "*.ipynb", TIMESTAMP)
DEEPEST = 4
SHOWN = 80

Files = list[tuple[str, bytes]]
"""(path below the folder, content) of each, by path."""


def own_files(classroom: Classroom, stage: str, paths: Sequence[str], limits: Limits) -> Files:
    """The assignment's own files. Raises ClassroomError where they are more than a submission may have beside it."""
    folder = classroom.source(stage)
    found = [(path, (folder / path).read_bytes()) for path in paths]
    size = sum(len(content) for _, content in found)
    if size > limits.files_bytes or len(found) > limits.files:
        raise ClassroomError(
            f"{folder} holds {len(found)} files of {size / 2**20:.0f} MiB beside its notebooks, which are copied for "
            f"each submission; the limit is {limits.files} files and {limits.files_bytes >> 20} MiB. Take out what is "
            "not needed, or raise files and files_bytes in limits.toml."
        )
    return found


def with_students(
    own: Files, folder: Path, trusted: Path, limits: Limits, kept: Sequence[str]
) -> tuple[Files, list[str]]:
    """The assignment's files and those that a student handed in beside the notebook, with notes on what was left out.

    folder    of the submission
    trusted   a folder above it that is no student's
    kept      paths at which the student's file counts; elsewhere it makes room for the assignment's
    """
    found, notes = dict(own), []
    size = sum(len(content) for content in found.values())
    for path in [] if is_linked(folder, trusted) else _paths(folder):
        name = path.relative_to(folder).as_posix()
        if name in found and name not in kept:
            continue
        if len(found) >= limits.files:
            notes.append(f"There are more than {limits.files} files beside the notebook; only the first were used.")
            break
        try:
            content = read_plain(path, trusted, max(limits.files_bytes - size, 0))
        except (TooLarge, FileNotFoundError):
            notes.append(f"{_shown(name)} is too large to lie beside the notebook; it was left out.")
        except Refused as refused:
            notes.append(f"{_shown(name)} {refused}; it was left out.")
        else:
            found[name] = content
            size += len(content)
    return sorted(found.items()), notes


def _paths(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder, followlinks=False):
        here = Path(root)
        deep = len(here.relative_to(folder).parts) >= DEEPEST
        folders[:] = [] if deep else sorted(name for name in folders if not _is_ignored(name))
        yield from (here / name for name in sorted(files) if not _is_ignored(name))


def _is_ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in IGNORED)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name[:SHOWN])
