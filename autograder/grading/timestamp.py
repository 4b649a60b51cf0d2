"""When a submission was handed in: timestamp.txt, which nbgrader's exchange and zip_collect lay beside the notebook."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from autograder.plain_files import Refused, is_linked, read_plain

NAME = "timestamp.txt"
MAX_BYTES = 256  # "2015-02-02 15:58:23.948203 America/Argentina/ComodRivadavia" has 60


def read_timestamp(folder: Path, trusted: Path) -> tuple[str, list[str]]:
    """What timestamp.txt says, empty where there is none that is read, and what was wrong with it.

    folder    of the submission
    trusted   a folder above it that is no student's
    """
    if is_linked(folder, trusted):
        return "", []  # of such a folder nothing is read
    try:
        return read_plain(folder / NAME, trusted, MAX_BYTES).decode("utf-8", "replace").strip(), []
    except FileNotFoundError:
        return "", []
    except Refused as refused:
        return "", [f"{NAME} {refused}; it was left out, so that nobody knows when this was handed in."]


def timestamp_of(text: str) -> datetime.datetime | None:
    """When a submission was handed in, from the text of its timestamp.txt; None for one that nobody can read."""
    from nbgrader.utils import parse_utc  # nbgrader takes a second to import, and processes that only grade do without

    try:
        return parse_utc(text or None)
    except Exception:  # the parser takes any text, and has many ways to fail at a hostile one
        return None


def read_timestamps_for_nbgrader() -> None:
    """From here on nbgrader's own commands and formgrader read timestamp.txt as `read_timestamp` does.

    They would follow a link, wait for a pipe, and end the whole run at a text that is no date.
    """
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    def existing(coursedir: Any, dest_path: str) -> datetime.datetime | None:
        folder = Path(dest_path)
        text, notes = read_timestamp(folder, folder.parents[1])
        for note in notes:
            coursedir.log.warning("%s: %s", folder, note)
        return timestamp_of(text)

    def submitted(api: Any, assignment_id: str, student_id: str) -> datetime.datetime | None:
        coursedir = api.coursedir
        return existing(coursedir, coursedir.format_path(coursedir.submitted_directory, student_id, assignment_id))

    CourseDirectory.get_existing_timestamp = existing
    NbGraderAPI.get_submitted_timestamp = submitted
