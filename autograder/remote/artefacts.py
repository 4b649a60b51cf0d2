"""Files that a student hands in beside the notebook: trained weights, as safetensors and nothing else.

They are read in the grader's process. safetensors holds numbers and a header of JSON; nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.codecs import PLAIN, Block, Codecs
from autograder.plain_files import Refused, is_linked, read_plain

from .errors import NotDone, Unreadable
from .wire import read_blocks

SUFFIX = ".safetensors"
MAX_BYTES = 64 << 20  # a hundred times a head, five times the classifier of stage 02
MAX_FILES = 8


@dataclass(frozen=True)
class Artefact:
    """What a safetensors file holds: tensors by name, those of the course's first codec, and the header's strings."""

    tensors: dict[str, Any]
    metadata: dict[str, str]


@dataclass(frozen=True)
class HandedIn:
    """The safetensors files beside a notebook: name → path, and the hash that each had when it was found.

    trusted   a folder above them that is no student's
    """

    paths: Mapping[str, Path] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trusted: Path = Path()

    def metadata(self, name: str) -> dict[str, str]:
        """The strings in the header of a file; none where there is no such file, or it cannot be read."""
        try:
            return parse(self._content(name), name)[1]
        except (NotDone, Unreadable):
            return {}

    def read(self, name: str, codecs: Codecs = PLAIN) -> Artefact:
        """Raises NotDone where there is no such file, Unreadable where it is damaged or has changed.

        Raises CodecMissing where no codec of the course has a kind of array.
        """
        blocks, metadata = parse(self._content(name), name)
        try:
            return Artefact({key: codecs.array(block) for key, block in blocks.items()}, metadata)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"{name} holds numbers of a kind that cannot be read here: {error}.") from None

    def _content(self, name: str) -> bytes:
        if name not in self.paths:
            raise NotDone(f"There is no file {name} beside the notebook: run the cell that saves it, and hand it in.")
        try:
            raw = read_plain(self.paths[name], self.trusted, MAX_BYTES)
        except (Refused, FileNotFoundError) as refused:
            raise Unreadable(f"{name} {_why(refused)}.") from None
        if hashlib.sha256(raw).hexdigest() != self.hashes[name]:
            raise Unreadable(f"{name} changed while it was being graded.")
        return raw


def find(folder: Path, trusted: Path | None = None) -> HandedIn:
    """The safetensors files in a submission's folder, the first MAX_FILES by name. Raises nothing for what is there.

    trusted   a folder above it that is no student's; the one that it lies in where None
    """
    trusted = trusted or folder.parent
    if is_linked(folder, trusted):
        return HandedIn()
    paths, hashes, notes = {}, {}, []
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    except OSError:
        names = []
    for name in names[:MAX_FILES]:
        try:
            hashes[name] = hashlib.sha256(read_plain(folder / name, trusted, MAX_BYTES)).hexdigest()
            paths[name] = folder / name
        except (Refused, FileNotFoundError) as refused:
            notes.append(f"{name} {_why(refused)}; it was left out.")
    return HandedIn(paths, hashes, tuple(notes), trusted)


def _why(refused: Refused | FileNotFoundError) -> str:
    return str(refused) if isinstance(refused, Refused) else "is not there any more"


def parse(raw: bytes, name: str) -> tuple[dict[str, Block], dict[str, str]]:
    """The blocks and the header's strings of safetensors. Raises Unreadable."""
    try:
        blocks = read_blocks(raw)
        length = int.from_bytes(raw[:8], "little")
        header: Any = json.loads(raw[8 : 8 + length]).get("__metadata__") or {}
        metadata = {str(key): str(value) for key, value in header.items()}
    except Exception as error:  # the parser has errors of its own, and each means the same to the reader
        raise Unreadable(f"{name} is not a safetensors file ({type(error).__name__}); save it again.") from None
    return blocks, metadata
