"""The notebook in a submission's folder, picked without following anything out of it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.plain_files import Refused, TooLarge, is_linked, read_plain
from autograder.repair.reading import MAX_BYTES

_MOST_ENTRIES = 10_000
_NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json|html?))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """The notebook of a submission: its path, its bytes, and what there is to tell; both None if there is none."""

    path: Path | None
    raw: bytes | None
    notes: list[str]


def read_submission(folder: Path, expected: str, trusted: Path | None = None) -> Found:
    """Pick and read the notebook in a submission's folder.

    expected    name of the notebook, with or without .ipynb
    trusted     a folder above it that is no student's; the one that it lies in where None

    The file of that name is taken, else the only notebook, else the newest, in the folder or below it. Links, hard
    links and whatever is not a plain file are refused, and so is a file that is too large. Raises nothing for what is
    in there.
    """
    trusted = trusted or folder.parent
    name = expected if expected.endswith(".ipynb") else f"{expected}.ipynb"
    if is_linked(folder, trusted):
        return Found(None, None, ["The submission's folder is a link; refused. Hand in the folder itself."])
    if not folder.is_dir():
        return Found(None, None, ["There is no submission folder; nothing was handed in."])
    paths, notes = _notebooks(folder)
    paths.sort(key=lambda path: (path.name != name, path.name.lower() != name.lower(), -_modified(path), str(path)))
    for path in paths:
        raw, problem = _read(path, trusted)
        if problem:
            notes.append(f"{_shown(path, folder)} {problem}")
            continue
        if path.name != name:
            notes.append(f"The notebook is named {_shown(path, folder)}, not {name}; taken all the same.")
        elif path.parent != folder:
            notes.append(f"The notebook lies in a folder of its own, {_shown(path, folder)}; taken all the same.")
        if len(paths) > 1:
            reason = "the one with the right name" if path.name == name else "the newest"
            notes.append(f"{len(paths)} notebooks were handed in; {_shown(path, folder)}, {reason}, is graded.")
        return Found(path, raw, notes)
    if not paths:
        notes.append(f"There is no notebook in the submission's folder; hand in {name}.")
    return Found(None, None, notes)


def _notebooks(folder: Path) -> tuple[list[Path], list[str]]:
    """Everything named like a notebook, as few levels down as there is any."""
    notes: list[str] = []
    levels: dict[int, list[Path]] = {}
    count = 0
    for root, folders, files in os.walk(folder, followlinks=False):
        here = Path(root)
        depth = len(here.relative_to(folder).parts)
        # Checkpoints and the shadow files of macOS look like notebooks and are none.
        plain = sorted(entry for entry in folders if not entry.startswith(".") and entry != "__MACOSX")
        folders[:] = [entry for entry in plain if depth < 4 and not (here / entry).is_symlink()]
        count += len(files) + len(folders)
        if count > _MOST_ENTRIES:
            notes.append(f"The folder holds more than {_MOST_ENTRIES:,} files; only the first were looked at.")
            break
        linked = [entry for entry in plain if _NOTEBOOK.search(entry) or (here / entry).is_symlink()]
        for entry in [*files, *linked]:
            if _NOTEBOOK.search(entry) and not entry.startswith("."):
                levels.setdefault(depth, []).append(here / entry)
    return (levels[min(levels)] if levels else []), notes


def _read(path: Path, trusted: Path) -> tuple[bytes | None, str | None]:
    """The bytes of a plain file, or what is wrong with it."""
    try:
        return read_plain(path, trusted, MAX_BYTES), None
    except TooLarge as refused:
        return None, f"{refused}; clear its outputs and hand it in again."
    except Refused as refused:
        return None, f"{refused}; refused. Hand in the file itself."
    except FileNotFoundError:
        return None, "is not there any more."


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _shown(path: Path, folder: Path) -> str:
    name = str(path.relative_to(folder))
    return "".join(letter if letter.isprintable() else "�" for letter in name)
