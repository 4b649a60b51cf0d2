"""Notebooks inside of a ZIP archive, read in memory: nothing is unpacked to disk, and no path of it is followed."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAX_ENTRIES = 10_000
MAX_NOTEBOOKS = 12
_ENTRY = b"PK\x01\x02"  # where the archive's list of contents begins an entry
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class NotUnpacked(Exception):
    """Why an archive, or something in it, is not read, in words that follow its name."""


@dataclass(frozen=True)
class Packed:
    """A notebook in an archive: the name it has there, its bytes, and when it was saved."""

    name: str
    raw: bytes
    saved: tuple[int, ...]


def is_archive(raw: bytes) -> bool:
    """Whether bytes begin as a ZIP archive does."""
    return raw.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def contents(raw: bytes) -> list[zipfile.ZipInfo]:
    """What an archive holds, without folders and what macOS hides in it. Raises NotUnpacked."""
    if raw.count(_ENTRY) > MAX_ENTRIES:
        raise NotUnpacked(f"holds more than {MAX_ENTRIES:,} files")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, MemoryError):
        raise NotUnpacked("is a damaged ZIP archive") from None
    return [entry for entry in entries if not entry.is_dir() and not _is_hidden(entry.filename)]


def notebooks(raw: bytes, max_bytes: int) -> Iterator[Packed | tuple[str, str]]:
    """The notebooks in an archive, in its order; for one that cannot be read, its name and why. Raises NotUnpacked.

    max_bytes   of a notebook, unpacked; of all notebooks together no more than twice as many are read
    """
    found = [entry for entry in contents(raw) if entry.filename.lower().endswith(".ipynb")]
    left = 2 * max_bytes
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for entry in found[:MAX_NOTEBOOKS]:
            if stat.S_ISLNK(entry.external_attr >> 16):
                yield entry.filename, "is a link; refused"
                continue
            try:
                if entry.compress_type not in _READ:
                    raise NotImplementedError
                with archive.open(entry) as file:
                    # What the archive says of its sizes may be wrong: what comes out is counted.
                    content = file.read(min(max_bytes, left) + 1)
            except RuntimeError:  # among them NotImplementedError
                yield entry.filename, "is encrypted, or packed in a way that is not read; pack it again without"
            except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, MemoryError):
                yield entry.filename, "is damaged"
            else:
                if len(content) > min(max_bytes, left):
                    yield entry.filename, f"has more than {max_bytes // 2**20} MB; clear its outputs"
                    continue
                left -= len(content)
                yield Packed(entry.filename, content, entry.date_time)


def _is_hidden(name: str) -> bool:
    steps = name.replace("\\", "/").split("/")
    return any((step.startswith(".") and step.strip(".")) or step == "__MACOSX" for step in steps)
