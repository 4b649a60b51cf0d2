"""Files that a student hands in beside the notebook: trained weights, as safetensors and nothing else.

They are read in the grader's process. safetensors holds numbers and a header of JSON; nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from .errors import NotDone, Unreadable

SUFFIX = ".safetensors"
MAX_BYTES = 64 << 20  # a hundred times a head, five times the classifier of stage 02
MAX_FILES = 8


@dataclass(frozen=True)
class Artefact:
    """What a safetensors file holds: tensors by name, and the strings of its header."""

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str]


@dataclass(frozen=True)
class HandedIn:
    """The safetensors files beside a notebook: name → path, and the hash that each had when it was found."""

    paths: Mapping[str, Path] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def read(self, name: str) -> Artefact:
        """Raises NotDone where there is no such file, Unreadable where it is damaged or has changed."""
        if name not in self.paths:
            raise NotDone(f"There is no file {name} beside the notebook: run the cell that saves it, and hand it in.")
        raw, problem = read_plain(self.paths[name])
        if raw is None:
            raise Unreadable(f"{name} {problem}.")
        if hashlib.sha256(raw).hexdigest() != self.hashes[name]:
            raise Unreadable(f"{name} changed while it was being graded.")
        return parse(raw, name)


def find(folder: Path) -> HandedIn:
    """The safetensors files in a submission's folder, the first MAX_FILES by name. Raises nothing for what is there."""
    paths, hashes, notes = {}, {}, []
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    except OSError:
        names = []
    for name in names[:MAX_FILES]:
        raw, problem = read_plain(folder / name)
        if raw is None:
            notes.append(f"{name} {problem}; it was left out.")
        else:
            paths[name], hashes[name] = folder / name, hashlib.sha256(raw).hexdigest()
    return HandedIn(paths, hashes, tuple(notes))


def read_plain(path: Path) -> tuple[bytes | None, str]:
    """The bytes of a plain file of bearable size, or what is wrong with it. Links are not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return None, f"could not be opened ({error.strerror})"
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return None, "is not a plain file"
        if status.st_size > MAX_BYTES:
            return None, f"has {status.st_size / 2**20:.0f} MB, more than {MAX_BYTES >> 20}"
        return file.read(MAX_BYTES), ""


def parse(raw: bytes, name: str) -> Artefact:
    """Read safetensors from bytes. Raises Unreadable."""
    try:
        tensors = load(raw)
        length = int.from_bytes(raw[:8], "little")
        header: Any = json.loads(raw[8 : 8 + length]).get("__metadata__") or {}
        metadata = {str(key): str(value) for key, value in header.items()}
    except Exception as error:  # the parser has errors of its own, and each means the same to the reader
        raise Unreadable(f"{name} is not a safetensors file ({type(error).__name__}); save it again.") from None
    return Artefact(tensors, metadata)
