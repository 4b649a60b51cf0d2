"""The gradebook's file, which others may have locked, or damaged."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy.exc import DatabaseError, OperationalError

from .classroom import ClassroomError

Does = TypeVar("Does", bound=Callable[..., Any])

LONGEST_WAIT = 60.0  # seconds
WORTH_TELLING = 1.0
PAUSE = 0.2
TRIES = 5


class GradebookUnusable(ClassroomError):
    """Nobody's result can be written; what was graded is kept in the cache."""


def wait_until_free(path: Path, to_write: bool = True) -> None:
    """Wait, with one message, for whoever has locked the gradebook.

    to_write   wait for those who read it too
    Raises GradebookUnusable after LONGEST_WAIT seconds, and where the file is no database that can be used.
    """
    start, told = time.monotonic(), False
    while path.exists():
        try:
            _try(path, to_write)
            return
        except sqlite3.Error as error:
            if not _is_locked(error):
                raise unusable(path, error) from None
        waited = time.monotonic() - start
        if waited >= LONGEST_WAIT:
            raise GradebookUnusable(
                f"{path} has been locked by another program for {LONGEST_WAIT:.0f} s: by Formgrader, an nbgrader "
                "command or a program that shows databases. Close it and run the same command again; what was graded "
                "is kept."
            )
        if not told and waited >= WORTH_TELLING:
            print(f"{path} is locked by another program; waiting up to {LONGEST_WAIT:.0f} s for it.", file=sys.stderr)
            told = True
        time.sleep(PAUSE)


def _try(path: Path, to_write: bool) -> None:
    mode = "rw" if to_write else "ro"
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True, timeout=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE" if to_write else "BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.rollback()


def _is_locked(error: BaseException) -> bool:
    return "locked" in str(error)


def unusable(path: Path, error: BaseException) -> GradebookUnusable:
    """The error for a gradebook that cannot be read or written, with the remedy."""
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return GradebookUnusable(
        f"{path} cannot be read ({reason}). If nbgrader was updated, run `nbgrader db upgrade`; if the file is "
        "damaged, move it away and run `autograder grade STAGE`: the scores come back from the results, and what was "
        f"given by hand from {path.parent / 'marks'}."
    )


def patient(method: Does) -> Does:
    """Let a method of something with a `path` wait for a gradebook that somebody else has locked meanwhile."""

    @wraps(method)
    def waits(self: Any, *arguments: Any, **options: Any) -> Any:
        for tries_left in reversed(range(TRIES)):
            try:
                return method(self, *arguments, **options)
            except OperationalError as error:
                if not _is_locked(error):
                    raise
                wait_until_free(self.path)
                if not tries_left:
                    raise unusable(self.path, error) from None
            except DatabaseError as error:
                if type(error) is not DatabaseError:  # its kinds are about rows, it alone is about the file
                    raise
                raise unusable(self.path, error) from None

    return waits  # type: ignore[return-value]
