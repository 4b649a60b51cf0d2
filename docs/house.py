"""Draw the packages of the project and their imports into docs/house.svg: who stands on whom.

python docs/house.py

A box is a package, or a module that lies in none. It stands one floor above the highest of those that it imports; an
arrow leads from whoever imports to what is imported, dark to the floor below and light to those further down. Packages
that import each other, directly or by way of others, share a floor, and the arrows between them are red.
"""

from __future__ import annotations

import ast
import html
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "house.svg"
ENGINE, STUDENTS = "autograder", "coursekit"
FOLDERS = {ENGINE: ROOT / ENGINE, STUDENTS: ROOT / "course" / STUDENTS}
WIDTH, HEIGHT, GAP, RISE, MARGIN = 190, 74, 18, 76, 24
"""Pixels: a box, the gap between two boxes, between two floors, and around them all."""
LETTERS, LINES = 29, 3
"""What fits into a box below its name."""
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #334155 }
.name { font-size: 14px; font-weight: 600; fill: #0f172a }
rect { fill: #f8fafc; stroke: #64748b; rx: 6px }
.students rect { fill: #ecfdf5; stroke: #059669 }
path { fill: none; stroke: #475569; marker-end: url(#head) }
.far { stroke: #cbd5e1 }
.round { stroke: #dc2626; stroke-width: 2 }
"""

Imports = dict[str, set[str]]


def main() -> None:
    """Draw the house as it stands."""
    PICTURE.write_text(picture(), encoding="utf-8")
    print(
        f"docs/{PICTURE.name}: {len(floors(imports()))} floors, {len(cycles(imports()))} groups that import each other"
    )


def imports() -> Imports:
    """Package → the packages that it imports."""
    graph = grimp.build_graph(*FOLDERS, cache_dir=None)
    result: Imports = {box: set() for module in graph.modules if (box := box_of(module))}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            ends = box_of(module), box_of(imported)
            if all(ends) and ends[0] != ends[1]:
                result[str(ends[0])].add(str(ends[1]))
    return result


def box_of(module: str) -> str | None:
    """The box in which a module lies: the engine's by their own names, all that students have as one."""
    package, *names = module.split(".")
    return STUDENTS if package == STUDENTS else f"{ENGINE}.{names[0]}" if names else None


def cycles(edges: Mapping[str, set[str]]) -> list[set[str]]:
    """Groups of packages each of which reaches all others of its group."""
    reach = {box: reached(box, edges) for box in edges}
    groups = {frozenset({box, *(other for other in reach[box] if box in reach[other])}) for box in edges}
    return sorted((set(group) for group in groups if len(group) > 1), key=min)


def reached(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """All packages that one imports, directly or by way of others."""
    found: set[str] = set()
    waiting = [*edges[start]]
    while waiting:
        box = waiting.pop()
        if box not in found:
            found.add(box)
            waiting += edges[box]
    return found


def floors(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """The packages of each floor, the lowest floor first; on a floor they stand in the order of their names."""
    group = {box: frozenset([box]) for box in edges}
    group |= {box: frozenset(members) for members in cycles(edges) for box in members}
    heights: dict[frozenset[str], int] = {}

    def height(members: frozenset[str]) -> int:
        if members not in heights:
            below = {group[other] for box in members for other in edges[box]} - {members}
            heights[members] = 1 + max(map(height, below), default=-1)
        return heights[members]

    result: list[list[str]] = [[] for _ in range(1 + max(height(group[box]) for box in edges))]
    for box in sorted(edges):
        result[height(group[box])].append(box)
    return result


# Drawing ----------------------------------------------------------------------------------------------------------


def picture() -> str:
    """The house as SVG. The same imports give the same text."""
    edges = imports()
    storeys = floors(edges)
    widest = max(map(len, storeys))
    width, height = 2 * MARGIN + widest * (WIDTH + GAP) - GAP, 2 * MARGIN + len(storeys) * (HEIGHT + RISE) - RISE
    places = {
        box: (
            (width - len(storey) * (WIDTH + GAP) + GAP) // 2 + place * (WIDTH + GAP),
            height - MARGIN - HEIGHT - floor * (HEIGHT + RISE),
        )
        for floor, storey in enumerate(storeys)
        for place, box in enumerate(storey)
    }
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>The packages of the project and what they import</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" style="fill: #ffffff; stroke: none; rx: 0"/>',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" style="fill: #475569; stroke: none"/></marker></defs>',
        *sorted(arrows(edges, places), key=lambda arrow: ("far" not in arrow, arrow)),
        *(drawn(box, *places[box]) for box in sorted(places)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def arrows(edges: Mapping[str, set[str]], places: Mapping[str, tuple[int, int]]) -> Iterable[str]:
    """A curve for each import."""
    together = {box: number for number, members in enumerate(cycles(edges)) for box in members}
    for box, below in edges.items():
        for other in below:
            (x, y), (to_x, to_y) = places[box], places[other]
            x, to_x = x + WIDTH // 2, to_x + WIDTH // 2
            what = f"<title>{box} imports {other}</title>"
            if box in together and together.get(other) == together[box]:
                bow = f"M{x} {y}C{x} {y - RISE} {to_x} {to_y - RISE} {to_x} {to_y}"
                yield f'<path class="round" d="{bow}">{what}</path>'
                continue
            y += HEIGHT
            bend = max(RISE // 2, (to_y - y) // 2)
            far = ' class="far"' if to_y - y > RISE else ""
            yield f'<path{far} d="M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}">{what}</path>'


def drawn(box: str, x: int, y: int) -> str:
    """A box with its name and what its docstring says first."""
    said = textwrap.wrap(summary(box), LETTERS, max_lines=LINES, placeholder=" …")
    texts = [f'<text class="name" x="{x + 10}" y="{y + 20}">{box.removeprefix(f"{ENGINE}.")}</text>']
    texts += (
        f'<text x="{x + 10}" y="{y + 36 + 14 * line}">{html.escape(text)}</text>' for line, text in enumerate(said)
    )
    kind = "students" if box == STUDENTS else "engine"
    return f'<g class="{kind}"><rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}"/>{"".join(texts)}</g>'


def summary(box: str) -> str:
    """The first sentence of a package's docstring."""
    package, *names = box.split(".")
    folder = FOLDERS[package].joinpath(*names)
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split()).partition(". ")[0].rstrip(".:")


if __name__ == "__main__":
    main()
