"""Pictures for the notebooks: heat maps of attention, curves, bars, and boxes and arrows for attention and recurrence.

Every function shows exactly one picture where it is called, also inside `with when_done(...)`, and returns None.
Given `ax` (matplotlib Axes, for instance from `panels`), it draws there and shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from coursekit.checking.notebook import plots as general
from coursekit.checking.notebook.plots import COLOURS, GREY, INK, WIDTH, Values, canvas
from coursekit.checking.notebook.plots import bars as bars
from coursekit.checking.notebook.plots import curves as curves
from coursekit.checking.notebook.plots import panels as panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def heat_map(
    weights: Values,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    title: str = "",
    row_label: str = "asks (query)",
    column_label: str = "is asked (key)",
    colour_label: str | None = "attention weight",
    mask: Values | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw a matrix as coloured, numbered squares.

    weights       (len(rows), len(columns)); weights in [0, 1] share one scale, anything else gets a scale of its own,
                  with 0 in the middle if there are negative numbers
    columns       names of the columns, by default those of the rows
    colour_label  what the colours mean, written beside their scale; None draws no scale
    mask          (len(columns),), 1 for columns to hatch, such as padding

    Raises ValueError if sizes and names do not fit.
    """
    shape, names = tuple(torch.as_tensor(weights).shape), rows if columns is None else columns
    if shape != (len(rows), len(names)):
        raise ValueError(
            f"weights have shape {shape}, but there are {len(rows)} row names and {len(names)} column names. Pick one "
            "review and one head first."
        )
    general.heat_map(
        weights,
        rows,
        columns,
        title=title,
        row_label=row_label,
        column_label=column_label,
        colour_label=colour_label,
        mask=mask,
        ax=ax,
    )


def attention_boxes(seq_len: int = 5, d_k: int = 4, d_v: int = 3, padded: int = 1) -> None:
    """Draw scaled dot-product attention of one head as boxes with their sizes.

    Squares are numbers: Q (seq_len, d_k) times Kᵀ (d_k, seq_len) gives the weights (seq_len, seq_len), whose last
    `padded` columns are hatched; weights times V (seq_len, d_v) gives the values (seq_len, d_v).
    """
    boxes = [
        ("Q", seq_len, d_k, "T × dₖ", "·"),
        ("Kᵀ", d_k, seq_len, "dₖ × T", "→"),
        ("attention", seq_len, seq_len, "T × T", "·"),
        ("V", seq_len, d_v, "T × dᵥ", "="),
        ("values", seq_len, d_v, "T × dᵥ", ""),
    ]
    with canvas(None, (WIDTH, 2.5), "Q times K transposed, scaled and softmaxed, gives T × T weights; times V") as ax:
        left = 0.0
        for number, (name, rows, columns, size, then) in enumerate(boxes):
            _draw_box(ax, left, rows, columns, COLOURS[number % len(COLOURS)])
            ax.text(left + columns / 2, rows / 2 + 0.55, name, ha="center", va="bottom", fontsize=12, weight="bold")
            ax.text(left + columns / 2, -rows / 2 - 0.35, size, ha="center", va="top", color=GREY)
            if name == "attention":
                _hatch_columns(ax, left, seq_len, padded)
            gap = 2.9 if then == "→" else 1.1
            ax.text(left + columns + gap / 2, 0, then, ha="center", va="center", fontsize=16)
            if then == "→":
                ax.text(left + columns + gap / 2, 0.55, "÷ √dₖ\nsoftmax", ha="center", va="bottom", fontsize=9)
            left += columns + gap
        ax.set_xlim(-0.3, left - 0.8)
        ax.set_ylim(-seq_len / 2 - 2.2, seq_len / 2 + 1.6)
        ax.set_aspect("equal")
        ax.axis("off")


def _draw_box(ax: Axes, left: float, rows: int, columns: int, colour: str) -> None:
    from matplotlib.patches import Rectangle

    for row in range(rows):
        for column in range(columns):
            corner = (left + column, rows / 2 - row - 1)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=colour, alpha=0.3, edgecolor="white", linewidth=1.5))
    ax.add_patch(Rectangle((left, -rows / 2), columns, rows, fill=False, edgecolor=colour, linewidth=1.8))


def _hatch_columns(ax: Axes, left: float, seq_len: int, padded: int) -> None:
    from matplotlib.patches import Rectangle

    corner = (left + seq_len - padded, -seq_len / 2)
    ax.add_patch(Rectangle(corner, padded, seq_len, facecolor="white", hatch="////", edgecolor=GREY, linewidth=0.8))
    below = (left + seq_len - padded / 2, -seq_len / 2 - 1.1)
    ax.text(*below, "padding: 0", ha="center", va="top", color=GREY, fontsize=9)


def unrolled(words: Sequence[str], padded: int = 0) -> None:
    """Draw a recurrent network in time: one cell per word, each handing its state to the next.

    words    what the cells read, from left to right
    padded   how many of the last words are padding; their cells are hatched
    """
    from matplotlib.patches import FancyBboxPatch

    arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    real = len(words) - padded
    with canvas(None, (WIDTH, 2.0), f"a recurrent network reads {' '.join(words[:real])}") as ax:
        for place, word in enumerate(words):
            is_real = place < real
            colour = COLOURS[0] if is_real else GREY
            box: dict[str, Any] = {"boxstyle": "round,pad=0.05", "edgecolor": colour, "linewidth": 1.6}
            ax.add_patch(FancyBboxPatch((place - 0.25, -0.25), 0.5, 0.5, facecolor="white", **box))
            hatch = "" if is_real else "////"
            ax.add_patch(
                FancyBboxPatch((place - 0.25, -0.25), 0.5, 0.5, facecolor=colour, alpha=0.25, hatch=hatch, **box)
            )
            ax.text(place, 0, "cell", ha="center", va="center", color=INK)
            ax.annotate("", (place, -0.32), (place, -0.78), arrowprops=arrow)
            ax.text(place, -0.88, word, ha="center", va="top", color=INK if is_real else GREY)
            ax.annotate("", (place + 0.68, 0), (place + 0.32, 0), arrowprops=arrow)
            ax.text(place + 0.5, 0.12, f"$h_{{{place + 1}}}$", ha="center", va="bottom", color=INK)
        ax.annotate("", (-0.32, 0), (-0.68, 0), arrowprops=arrow)
        ax.text(-0.5, 0.12, "$h_0$", ha="center", va="bottom", color=INK)
        if padded:
            ax.text(real - 0.5, 0.52, "the review ends here", ha="center", va="bottom", color=COLOURS[1])
            ax.annotate("", (real - 0.5, 0.3), (real - 0.5, 0.52), arrowprops={**arrow, "color": COLOURS[1]})
        ax.set_xlim(-0.8, len(words) - 0.2)
        ax.set_ylim(-1.25, 0.85)
        ax.axis("off")
