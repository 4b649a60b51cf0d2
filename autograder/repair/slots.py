"""The released notebook as a row of slots, each of which a student's cell may fill."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from autograder.repair.sources import defined, normal, words

Role = Literal["answer", "written", "locked", "given", "prose"]


@dataclass(frozen=True)
class Slot:
    """A cell of the release.

    role    answer (code) and written (markdown) are the student's; locked cells are the release's own, and so is
            prose; given code (imports, looks) may be edited
    names   what a student's cell must define to be this answer
    """

    index: int
    role: Role
    kind: str
    source: str
    grade_id: str | None
    cell_id: str | None
    tags: frozenset[str]
    names: frozenset[str] = frozenset()
    normal: str = ""
    words: Counter[str] = field(default_factory=Counter, repr=False)

    @property
    def label(self) -> str:
        """How a note names the cell."""
        nouns = {"answer": "answer cell", "written": "written answer", "locked": "grade cell"}
        noun = "text cell" if self.role == "locked" and self.kind != "code" else nouns.get(self.role, "cell")
        first = next((line.strip("# ") for line in self.source.splitlines() if line.strip("# ")), "")
        return f"{noun} {self.grade_id or f'beginning “{first[:40]}”'}"


def slots_of(release: Any) -> list[Slot]:
    """The slots of a released notebook, in its order. A name that two answers define belongs to neither."""
    stubs = [defined(cell.source) if _role(cell) == "answer" else set() for cell in release.cells]
    count = Counter(name for names in stubs for name in names)
    return [
        Slot(
            index=index,
            role=_role(cell),
            kind=cell.cell_type,
            source=cell.source,
            grade_id=cell.metadata.get("nbgrader", {}).get("grade_id"),
            cell_id=cell.get("id"),
            tags=frozenset(cell.metadata.get("tags", [])),
            names=frozenset(name for name in stubs[index] if count[name] == 1),
            normal=normal(cell.source),
            words=words(cell.source),
        )
        for index, cell in enumerate(release.cells)
    ]


def _role(cell: Any) -> Role:
    nbgrader = cell.metadata.get("nbgrader", {})
    if nbgrader.get("solution"):
        return "answer" if cell.cell_type == "code" else "written"
    if nbgrader.get("grade") or nbgrader.get("locked") or nbgrader.get("task"):
        return "locked"
    return "given" if cell.cell_type == "code" else "prose"
