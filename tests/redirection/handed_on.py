"""Answers to exercises that are done by hand: some hand them on to what is ready-made, some only name it.

`cases/` has a file for each exercise and one for all, with a case per section, which begins "=== what it tries"; each
case is put into the section "frame" where there is one.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent / "cases"
LONG = "x" * 210_000  # more than is read of a cell


def _cases(path: Path) -> dict[str, str]:
    _, *sections = path.read_text(encoding="utf-8").split("\n=== ")
    parts = dict(section.split("\n", 1) for section in sections)
    frame = parts.pop("frame", "{case}")
    return {name: frame.replace("{case}", source).replace("{long}", LONG) for name, source in parts.items()}


HANDED_ON = {path.stem: _cases(path) for path in sorted(HERE.glob("*.txt")) if path.stem != "honest"}
"""Exercise → what is tried → source; none may earn a point."""

HONEST = _cases(HERE / "honest.txt")
"""What is named → source, with {answer} in the place of the right answer to whichever exercise."""
