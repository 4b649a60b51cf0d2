"""Fetches what hidden tests measure on: `python solutions/fetch.py STAGE`, where a grading machine is built."""

from __future__ import annotations

import sys
from pathlib import Path

from coursekit.data import IMDB


def main(stage: str) -> str | None:
    """Returns what keeps it from being fetched."""
    tests = Path(__file__).parent / stage / "hidden_tests.py"
    if "solutions.heldout" not in tests.read_text(encoding="utf-8"):
        return None
    folder, why = IMDB.download()
    return None if folder else f"IMDB could not be had: the hub was {why}. Build the autograder again later."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
