"""Bytes of a submission to cells, leniently: any encoding, any version of the format, whole or cut off."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from autograder.repair.cleaning import cleaned
from autograder.repair.conflicts import Sides, sides
from autograder.repair.lenient_json import CutText, parse
from autograder.repair.sources import is_python, is_stub, normal

MAX_BYTES = 64 * 2**20
"""Notebooks full of figures have a few tens of MB; more is refused, so that one file cannot fill the memory."""
MAX_CELLS = 2_000

_MOST_KEPT = 50
_MARKDOWN_MAGIC = re.compile(r"\s*%%?(?:markdown|md)[ \t]*\n")

Kind = Literal["code", "markdown", "raw"]


@dataclass(frozen=True)
class Cell:
    """A cell of a submission, reduced to what may be taken over.

    position    its place among the cells that were read, from 0
    grade_ids, cell_ids     the traces it carries; more than one after cells were joined
    tags        kept to tell of them only
    cut         the end of its source is missing
    """

    kind: Kind
    source: str
    position: int
    grade_ids: tuple[str, ...] = ()
    cell_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    cut: bool = False


@dataclass(frozen=True)
class Reading:
    """The cells of a submission and what there is to tell.

    readable   whether anything could be read
    cut        whether that is only a beginning
    kept       texts that were left out because two versions of them were there
    """

    cells: list[Cell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    readable: bool = True
    cut: bool = False
    kept: tuple[str, ...] = ()


def read_cells(raw: bytes | None) -> Reading:
    """Read the cells of a notebook. Never raises; only a file without a single cell is not readable."""
    if raw is None:
        return _nothing("No notebook was handed in; put one into the submission's folder.")
    if len(raw) > MAX_BYTES:
        size = f"{len(raw) / 2**20:.0f} MB"
        return _nothing(f"The file has {size}, more than {MAX_BYTES // 2**20}; clear its outputs and hand it in again.")
    if not raw.strip(b"\0 \t\r\n\xef\xbb\xbf\xff\xfe"):
        return _nothing("The file is empty; save the notebook and hand it in again.")
    foreign = _foreign_format(raw)
    if foreign:
        return _nothing(f"The file is {foreign}, not a notebook; hand in the .ipynb file itself.")
    text, notes = _decode(raw)
    both = sides(text)
    return _read_text(text, notes) if both is None else _read_sides(both, notes)


def _read_sides(both: Sides, notes: list[str]) -> Reading:
    """A file with conflict markers: the side with more answers, and what only the other side has."""
    ours, theirs = _read_text(both.ours, notes), _read_text(both.theirs, notes)
    more = _answers(theirs) - _answers(ours)
    taken, other, name = (theirs, ours, both.theirs_name) if more > 0 else (ours, theirs, both.ours_name)
    why = "which has more answers" if more else "which has as many answers as the other"
    known = {normal(cell.source) for cell in taken.cells}
    kept = [cell.source for cell in other.cells if normal(cell.source) not in known]
    note = (
        f"The file holds two versions, {both.ours_name} and {both.theirs_name}, of a merge that was not finished. "
        f"The version {name} is graded, {why}; what only the other one has is kept at the end of the notebook."
    )
    return replace(taken, notes=[note, *taken.notes], kept=(*taken.kept, *kept[:_MOST_KEPT]))


def _answers(reading: Reading) -> int:
    """Cells that are neither stubs nor empty."""
    return sum(bool(cell.source.strip()) and not _is_placeholder(cell) for cell in reading.cells)


def _is_placeholder(cell: Cell) -> bool:
    return is_stub(cell.source, frozenset()) if cell.kind == "code" else "YOUR ANSWER HERE" in cell.source


def _read_text(text: str, notes: list[str]) -> Reading:
    notes = list(notes)
    parsed = parse(text)
    entries, version_note = _entries(parsed.value)
    if not entries:
        return _without_cells(text, notes)
    if version_note:
        notes.append(version_note)
    cells = [cell for place, entry in enumerate(entries) if (cell := _cell(entry, place)) is not None]
    if len(cells) < len(entries):
        count = len(entries) - len(cells)
        notes.append(f"{count} {'entry was' if count == 1 else 'entries were'} not a cell; left out.")
    if parsed.cut:
        notes.append(f"The file is cut off in or after cell {len(entries)}; everything before that was recovered.")
    elif not parsed.whole:
        notes.append("The file is not proper JSON; what could be read was recovered.")
    cells = [cell for cell in cells if cell.source.strip() or cell.grade_ids or cell.cell_ids]
    if len(cells) > MAX_CELLS:
        notes.append(f"The notebook has {len(cells)} cells; only the first {MAX_CELLS} were read.")
        cells = cells[:MAX_CELLS]
    if not cells:
        return _nothing("The notebook has no cell that can be read; hand in the file that you worked in.")
    kept: list[str] = []
    cells = [_readable(cell, notes, kept) for cell in cells]
    return Reading(cells, notes, cut=parsed.cut, kept=tuple(kept[:_MOST_KEPT]))


def _readable(cell: Cell, notes: list[str], kept: list[str]) -> Cell:
    """A cell without conflict markers, and without what pasting put into its code."""
    called = f"cell {cell.grade_ids[0] if cell.grade_ids else cell.position + 1}"
    both = sides(cell.source)
    if both and not (cell.kind == "code" and is_python(cell.source)):
        versions = [replace(cell, source=source) for source in (both.ours, both.theirs)]
        worths = [(_is_code(each), bool(each.source.strip()), not _is_placeholder(each)) for each in versions]
        first = worths[0] >= worths[1]
        cell, other = versions if first else reversed(versions)
        kept.append(other.source)
        notes.append(
            f"The {called} holds two versions, {both.ours_name} and {both.theirs_name}, of a merge that was not "
            f"finished; {both.ours_name if first else both.theirs_name} is graded, and the other is kept at the end of "
            "the notebook."
        )
    if cell.kind == "code" and not cell.cut and (found := cleaned(cell.source)):
        source, what = found
        cell = replace(cell, source=source)
        notes.append(f"The {called} was no Python with {' and '.join(what)} in it; taken out.")
    if cell.kind == "code" and (text := _MARKDOWN_MAGIC.match(cell.source)):
        cell = replace(cell, kind="markdown", source=cell.source[text.end() :])
    return cell


def _is_code(cell: Cell) -> bool:
    return cell.kind != "code" or is_python(cell.source)


def _nothing(note: str) -> Reading:
    return Reading([], [note], readable=False)


def _without_cells(text: str, notes: list[str]) -> Reading:
    """A script in place of a notebook still holds answers; anything else holds nothing."""
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html", "<?xml")):
        return _nothing("The file is a web page, not a notebook; download the .ipynb file itself and hand it in.")
    if not start.startswith("{") and re.search(r"^(def|class|import|from)\s+\w", text, re.MULTILINE):
        blocks = re.split(r"^# (?:%%.*|In\s?\[[\s\d]*\]:.*)$", text, flags=re.MULTILINE)
        cells = [Cell("code", _clean(block).strip("\n"), place) for place, block in enumerate(blocks) if block.strip()]
        return Reading(cells[:MAX_CELLS], [*notes, "The file is a Python script, not a notebook; its code was taken."])
    return _nothing("The file is not a notebook (no cells were found in it); hand in the .ipynb file itself.")


def _foreign_format(raw: bytes) -> str | None:
    for magic, name in (
        (b"PK\x03\x04", "a ZIP archive"),
        (b"%PDF", "a PDF"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"\x80\x04\x95", "a pickle"),
    ):
        if raw.startswith(magic):
            return name
    return None


def _decode(raw: bytes) -> tuple[str, list[str]]:
    for mark, encoding, name in (
        (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    ):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace"), [f"The file was saved as {name}; read all the same."]
    if b"\0" in raw[:64]:
        encoding = "utf-16-be" if raw[:1] == b"\0" else "utf-16-le"
        return raw.decode(encoding, "replace"), ["The file was saved as UTF-16; read all the same."]
    try:
        return raw.decode("utf-8"), []
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - 3:  # cut off within a character: the JSON will say so
            return raw[: error.start].decode("utf-8"), []
    mixed = raw.decode("utf-8", "surrogateescape")
    broken = sum("\udc80" <= letter <= "\udcff" for letter in mixed)
    proper = sum(letter > "\x7f" for letter in mixed) - broken
    if broken > proper:
        return raw.decode("latin-1"), ["The file was saved as Latin-1; read all the same."]
    text = raw.decode("utf-8", "replace")
    return text, [f"{broken} {'byte' if broken == 1 else 'bytes'} of the file could not be read as text."]


def _entries(value: Any) -> tuple[list[Any], str | None]:
    """The list of cells in what was read, and a note if its format is an old one."""
    if isinstance(value, list):
        # Not every list is one of cells: a script has brackets too.
        return (value if any(isinstance(entry, dict) and "cell_type" in entry for entry in value) else []), None
    if not isinstance(value, dict):
        return [], None
    sheets = value.get("worksheets")
    if isinstance(sheets, list):
        entries = [cell for sheet in sheets if isinstance(sheet, dict) for cell in _list(sheet.get("cells"))]
        version = value.get("nbformat")
        name = f"version {int(version)}" if isinstance(version, (int, float)) and 0 < version < 4 else "an old version"
        if entries:
            return entries, f"The notebook was saved in {name} of the format; converted."
    cells = value.get("cells")
    return (list(cells.values()) if isinstance(cells, dict) else _list(cells)), None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _cell(entry: Any, place: int) -> Cell | None:
    if not isinstance(entry, dict):
        return None
    source, cut = _source(entry)
    metadata = entry.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    nbgrader = metadata.get("nbgrader")
    nbgrader = nbgrader if isinstance(nbgrader, dict) else {}
    if entry.get("cell_type") == "heading":
        source = "# " + source
    return Cell(
        kind=_kind(entry, source),
        source=source,
        position=place,
        grade_ids=_names([nbgrader.get("grade_id")]),
        cell_ids=_names([entry.get("id"), metadata.get("id")]),
        tags=_names(_list(metadata.get("tags"))),
        cut=cut,
    )


def _kind(entry: dict[str, Any], source: str) -> Kind:
    given = entry.get("cell_type")
    if given in ("code", "markdown", "raw"):
        kind: Kind = given
        return kind
    if given in ("heading", "html", "text"):
        return "markdown"
    is_code = {"outputs", "execution_count", "input", "prompt_number"} & entry.keys()
    return "code" if is_code or re.search(r"^(def|class|import|from)\s+\w", source, re.MULTILINE) else "markdown"


def _source(entry: dict[str, Any]) -> tuple[str, bool]:
    value = next((entry[key] for key in ("source", "input", "code", "text") if entry.get(key)), "")
    lines = value if isinstance(value, list) else [value]
    texts = [line for line in lines if isinstance(line, str)]
    if len(texts) > 1 and not any(text.endswith(("\n", "\r")) for text in texts):
        texts = [text + "\n" for text in texts[:-1]] + texts[-1:]  # some editors leave the line ends out
    cut = bool(texts) and isinstance(texts[-1], CutText)
    return _clean("".join(texts)), cut


def _clean(text: str) -> str:
    """One kind of line end, and nothing that cannot be written as UTF-8."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _names(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))
