"""Results by the hash of everything they depend on, so that nothing is graded twice."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from autograder.files import write_whole

from .classroom import Classroom
from .graded import Graded


def class_secret(classroom: Classroom) -> str:
    """A random text made once per class: from it and a notebook follow the hidden tests' inputs."""
    path = classroom.folder / ".secret"
    if not path.exists():
        write_whole(path, secrets.token_hex(16))
    return path.read_text()


def _path(classroom: Classroom, key: str) -> Path:
    return classroom.cache / key[:2] / f"{key}.json"


def cached(classroom: Classroom, key: str) -> Graded | None:
    """The result kept under a key, or None. A file that cannot be read counts as none."""
    try:
        return Graded.from_json(json.loads(_path(classroom, key).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(classroom: Classroom, graded: Graded) -> None:
    """Keep a result under its key. Raises OSError."""
    write_whole(_path(classroom, graded.key), json.dumps(graded.to_json()))
