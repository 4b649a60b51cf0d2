"""The notebook in a submission's folder, picked without following anything out of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.plain_files import Refused, TooLarge, is_linked, read_plain
from autograder.repair.archive import NotUnpacked, Packed, contents, is_archive, notebooks
from autograder.repair.kinship import Content, content_of
from autograder.repair.reading import MAX_BYTES
from autograder.repair.slots import Slot

_MOST_ENTRIES = 10_000
_MOST_OFFERS = 12
_MOST_BYTES = 2 * MAX_BYTES
"""Notebooks, and bytes of them, whose content is compared; more are no honest hand-in."""
_NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json|html?|zip))?$", re.IGNORECASE)
_MAY_BE_ONE = ("", ".json", ".txt", ".ipynb~", ".bak", ".download")
_NUMBER = re.compile(r"(?:\((\d{1,4})\)|[-_ ](?:copy|copie|kopie) ?(\d{0,4})|[-_](\d{1,4}))$", re.IGNORECASE)
_KINDS = {
    ".html": "a web page",
    ".htm": "a web page",
    ".mhtml": "a web page",
    ".pdf": "a PDF",
    ".py": "a Python script",
    ".docx": "a text document",
    ".safetensors": "trained weights",
    ".rar": "an archive that is not read; use ZIP",
    ".7z": "an archive that is not read; use ZIP",
    ".gz": "an archive that is not read; use ZIP",
    ".tgz": "an archive that is not read; use ZIP",
}
_NOT_THEIRS = {"timestamp.txt"}


@dataclass(frozen=True)
class Found:
    """The notebook of a submission: its path, its bytes, and what there is to tell; both None if there is none.

    The path is that of the archive where the notebook was in one.
    """

    path: Path | None
    raw: bytes | None
    notes: list[str]


@dataclass(frozen=True)
class _Offer:
    """A file that may be the notebook, without its bytes.

    shown      how a note names it
    name       its own, without folders
    depth      how many folders down it lies
    modified   when it was saved: the file's time, and for what was in an archive the one that stands there
    """

    path: Path
    shown: str
    name: str
    depth: int
    modified: tuple[Any, ...]
    digest: str
    content: Content
    packed_in: str | None = None


# What decides between two offers, in this order, and how a note says it.
_REASONS: list[tuple[Callable[[_Offer, str], Any], str]] = [
    (lambda offer, _: offer.content.belongs, "the only one in which this assignment can be read"),
    (lambda offer, _: offer.content.done, "the one with the most answers"),
    (lambda offer, _: offer.content.whole, "the one that is whole"),
    (lambda offer, _: -offer.depth, "the one that lies in the fewest folders"),
    (lambda offer, name: _number(offer.name, name), "the one with the highest number in its name"),
    (lambda offer, _: offer.modified, "the one that was saved last"),
    (lambda offer, name: offer.name == name, "the one with the right name"),
    (lambda offer, _: offer.shown, "the last by its name"),
]


def read_submission(
    folder: Path,
    expected: str,
    trusted: Path | None = None,
    slots: Sequence[Slot] = (),
    others: Set[str] = frozenset(),
) -> Found:
    """Pick and read the notebook in a submission's folder.

    expected    name of the notebook, with or without .ipynb
    trusted     a folder above it that is no student's; the one that it lies in where None
    slots       of the release, by which answers are counted
    others      names of the assignment's other notebooks, which are not this one

    Of several, also in folders below and in ZIP archives, the one is taken that is of this assignment and has the most
    answers; then the one with the highest number in its name, such as (1), and then the newest. The notes name the
    others. Links, hard links and whatever is not a plain file are refused, and so is a file that is too large. Raises
    nothing for what is in there.
    """
    trusted = trusted or folder.parent
    name = expected if expected.endswith(".ipynb") else f"{expected}.ipynb"
    if is_linked(folder, trusted):
        return Found(None, None, ["The submission's folder is a link; refused. Hand in the folder itself."])
    if not folder.is_dir():
        return Found(None, None, ["There is no submission folder; nothing was handed in."])
    found, notes = _files(folder)
    files = [path for path in found if path.name not in others]
    files.sort(key=lambda path: (path.name != name, len(path.parts), str(path)))
    by_name = [path for path in files if _NOTEBOOK.search(path.name) or path.suffix.lower() == ".zip"]
    perhaps = [path for path in files if path not in by_name and path.suffix.lower() in _MAY_BE_ONE]
    picking = _Picking(folder, name, trusted, slots, notes)
    picking.alone = len(by_name) == 1 and not perhaps
    picking.look_at(by_name)
    if not any(offer.content.belongs for offer in picking.offers):
        picking.look_at(perhaps, only_notebooks=True)
    if picking.best is None:
        if not by_name or not notes:
            notes.append(_nothing_to_grade(files, folder, name))
        return Found(None, None, notes)
    picking.tell()
    return Found(picking.best.path, picking.raw, notes)


class _Picking:
    """The notebooks that a folder offers, compared one after another; only the best one's bytes are kept."""

    def __init__(self, folder: Path, name: str, trusted: Path, slots: Sequence[Slot], notes: list[str]) -> None:
        self.folder, self.name, self.trusted, self.slots, self.notes = folder, name, trusted, slots, notes
        self.offers: list[_Offer] = []
        self.bytes = 0
        self.alone = False  # nothing to compare with: matching it with the release is left to repair
        self.best: _Offer | None = None
        self.raw: bytes | None = None

    def look_at(self, paths: list[Path], *, only_notebooks: bool = False) -> None:
        for path in paths:
            if len(self.offers) >= _MOST_OFFERS or self.bytes > _MOST_BYTES:
                self.notes.append("There are more notebooks than are compared; some were not looked at.")
                return
            shown = _shown(path, self.folder)
            raw, problem = _read(path, self.trusted)
            if raw is None:
                self.notes.append(f"{shown} {problem}")
            elif is_archive(raw):
                self._unpack(path, shown, raw)
            elif not only_notebooks or _looks_like_a_notebook(raw):
                depth = len(path.relative_to(self.folder).parts) - 1
                self._offer(raw, path=path, shown=shown, name=path.name, depth=depth, modified=(_modified(path), ()))

    def _unpack(self, path: Path, shown: str, raw: bytes) -> None:
        try:
            found = list(self._unpacked(path, shown, raw))
            names = [entry.filename for entry in contents(raw)]
        except NotUnpacked as problem:
            self.notes.append(f"{shown} {problem}; hand in {self.name} itself.")
            return
        if not found:
            what = _listed([_printable(name) for name in names])
            self.notes.append(f"The archive {shown} holds no notebook, only {what or 'nothing'}; hand in {self.name}.")
        if any(name.endswith(".safetensors") for name in names):
            self.notes.append(f"Trained weights in the archive {shown} are not read; hand them in beside the notebook.")

    def _unpacked(self, path: Path, shown: str, raw: bytes) -> Iterator[str]:
        above = len(path.relative_to(self.folder).parts)
        for packed in notebooks(raw, MAX_BYTES):
            if not isinstance(packed, Packed):
                name, problem = packed
                self.notes.append(f"{_printable(name)} in {shown} {problem}.")
                yield name
                continue
            inside = PurePosixPath(packed.name.replace("\\", "/"))
            self._offer(
                packed.raw,
                path=path,
                shown=f"{_printable(packed.name)} in {shown}",
                name=inside.name,
                depth=above + len(inside.parts) - 1,
                modified=(_modified(path), packed.saved),
                packed_in=shown,
            )
            yield packed.name

    def _offer(self, raw: bytes, **what: Any) -> None:
        content = Content() if self.alone and "packed_in" not in what else content_of(raw, self.slots)
        offer = _Offer(digest=hashlib.sha256(raw).hexdigest(), content=content, **what)
        self.offers.append(offer)
        self.bytes += len(raw)
        if self.best is None or self._rank(offer) > self._rank(self.best):
            self.best, self.raw = offer, raw

    def _rank(self, offer: _Offer) -> tuple[Any, ...]:
        return tuple(key(offer, self.name) for key, _ in _REASONS)

    def tell(self) -> None:
        """Say which notebook is taken, and why, and which are not."""
        best = self.best
        assert best is not None
        if best.packed_in:
            self.notes.append(f"The notebook was taken out of an archive: {best.shown}.")
        elif best.name != self.name:
            self.notes.append(f"The notebook is named {best.shown}, not {self.name}; taken all the same.")
        elif best.depth:
            self.notes.append(f"The notebook lies in a folder of its own, {best.shown}; taken all the same.")
        others = sorted((offer for offer in self.offers if offer is not best), key=self._rank, reverse=True)
        if not others:
            return
        others_differ = [offer for offer in others if offer.digest != best.digest]
        names = _listed([offer.shown for offer in others])
        count = f"{len(self.offers)} notebooks were handed in"
        if not others_differ:
            self.notes.append(f"{count}, all with the same content: {best.shown} is graded, beside it {names}.")
            return
        pairs = zip(self._rank(best), self._rank(others_differ[0]), _REASONS, strict=True)
        reason = next(words for ours, theirs, (_, words) in pairs if ours != theirs)
        self.notes.append(f"{count}; {best.shown}, {reason}, is graded. Not graded: {names}.")


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """Everything in a folder, and in those below it, that is not hidden; links too, which are refused later."""
    notes: list[str] = []
    found: list[Path] = []
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
        unopened = [entry for entry in plain if _NOTEBOOK.search(entry) or (here / entry).is_symlink()]
        shown = [entry for entry in files if not entry.startswith(".") and (depth or entry not in _NOT_THEIRS)]
        found += [here / entry for entry in [*shown, *unopened]]
    return found, notes


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


def _looks_like_a_notebook(raw: bytes) -> bool:
    return raw[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" and b'"cell_type"' in raw


def _number(name: str, expected: str) -> int:
    """The number that a browser, a learning platform or a file manager put behind a name; 0 without one."""
    stem = re.sub(r"(\.\w+)+$", "", name).rstrip()
    found = _NUMBER.search(stem.rpartition(expected.removesuffix(".ipynb"))[2])
    return int(next((digits for digits in found.groups() if digits), 1)) if found else 0


def _nothing_to_grade(files: list[Path], folder: Path, name: str) -> str:
    if not files:
        return f"There is no notebook: the submission's folder is empty. Hand in {name}."
    names = [_shown(path, folder) + _kind(path) for path in files]
    return (
        f"There is no notebook in the submission's folder, only {_listed(names)}. Hand in {name}, the notebook itself."
    )


def _kind(path: Path) -> str:
    kind = _KINDS.get(path.suffix.lower())
    return f" ({kind})" if kind else ""


def _listed(names: list[str], most: int = 5) -> str:
    shown, rest = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _shown(path: Path, folder: Path) -> str:
    return _printable(str(path.relative_to(folder)))


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in name[:200])
