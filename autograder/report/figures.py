"""The report's figures as inline SVG and HTML: nothing to load, text stays readable on a phone."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.plain_text import escaped, number

# Orange to blue by way of near-white: told apart by every kind of colour vision, and dark text reads on all of it.
LOW, MIDDLE, HIGH = (242, 178, 126), (247, 244, 238), (139, 185, 226)
STEPS = (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000)
MOST_COLUMNS = 20
HEIGHT, HEAD, FOOT = 190, 18, 24


def heat(share: float) -> str:
    """The colour for a share of the points, as #rrggbb."""
    share = min(max(share, 0.0), 1.0)
    low, high, part = (LOW, MIDDLE, share * 2) if share < 0.5 else (MIDDLE, HIGH, share * 2 - 1)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(low, high, strict=True))


def bar(share: float, css: str = "") -> str:
    """A horizontal bar filled to a share."""
    return f'<span class="bar {css}"><span style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></span></span>'


def column_width(max_score: float) -> int:
    """Points per column of the histogram."""
    return next((step for step in STEPS if max_score / step <= MOST_COLUMNS), STEPS[-1])


def histogram(totals: Sequence[tuple[str, float]], max_score: float, mean: float) -> str:
    """The distribution of (student, total): a square for each student, stacked over the points."""
    step = column_width(max_score)
    columns: list[list[tuple[str, float]]] = [[] for _ in range(int(max_score // step) + 1)]
    for student, total in sorted(totals, key=lambda pair: pair[1]):
        columns[min(int(total // step), len(columns) - 1)].append((student, total))
    tallest = max(len(column) for column in columns)
    wide = 100 / len(columns)
    block = min((HEIGHT - HEAD - FOOT) / max(tallest, 1), 26)
    ground = HEIGHT - FOOT
    parts = []
    for place, column in enumerate(columns):
        left, middle = place * wide, (place + 0.5) * wide
        for level, (student, total) in enumerate(column):
            parts.append(
                f'<rect x="{left + wide * 0.06:.2f}%" y="{ground - (level + 1) * block:.1f}" width="{wide * 0.88:.2f}%"'
                f' height="{max(block - 1.5, block * 0.8):.1f}" fill="{heat(total / max_score if max_score else 0)}"'
                f' class="student"><title>{escaped(student)}: {number(total)}</title></rect>'
            )
        if column:
            top = ground - len(column) * block - 5
            parts.append(f'<text x="{middle:.2f}%" y="{top:.1f}" class="count">{len(column)}</text>')
        # On a phone every second number is left out.
        css = "axis" if place % 2 == 0 else "axis odd"
        parts.append(f'<text x="{middle:.2f}%" y="{HEIGHT - 7}" class="{css}">{place * step}</text>')
    at = min((mean / step + 0.5 if step == 1 else mean / step) * wide, 100)
    parts.append(f'<line x1="0" x2="100%" y1="{ground + 0.5}" y2="{ground + 0.5}" class="ground"/>')
    parts.append(f'<line x1="{at:.2f}%" x2="{at:.2f}%" y1="4" y2="{ground}" class="mean"/>')
    side, shift = ("end", "-5") if at > 50 else ("start", "5")
    label = f"mean {number(round(mean, 1))}"
    parts.append(f'<text x="{at:.2f}%" y="13" dx="{shift}" class="mean" text-anchor="{side}">{label}</text>')
    opening = f'<svg class="histogram" height="{HEIGHT}" role="img" aria-label="Distribution of totals">'
    return f"{opening}{''.join(parts)}</svg>"
