"""When a submission was handed in: timestamp.txt, which nbgrader's exchange and zip_collect lay beside the notebook."""

from __future__ import annotations

from pathlib import Path

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
