"""Pictures for the notebooks: heat maps, curves, bars, and boxes and arrows for attention and recurrence.

Every function shows exactly one picture where it is called, also inside `with when_done(...)`, and returns None.
Given `ax` (matplotlib Axes, for instance from `panels`), it draws there and shows nothing.
Colours are Okabe and Ito's, which colour-blind readers can tell apart; curves differ in dash and marker as well.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from IPython.display import display

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))
MARKERS = "os^Dvx"
INK = "#222222"
GREY = "#777777"
DOTS_PER_INCH = 144  # twice what is shown, so that it stays sharp on a dense screen
WIDTH = 7.2  # inches: fits a notebook column without scrolling

Values = Sequence[float] | torch.Tensor


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
    matrix = torch.as_tensor(weights).detach().to("cpu", torch.float64)
    columns = rows if columns is None else columns
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"weights have shape {tuple(matrix.shape)}, but there are {len(rows)} row names "
            f"and {len(columns)} column names. Pick one review and one head first."
        )
    height = 1.3 + 0.42 * len(rows)
    with _canvas(ax, (min(WIDTH, 2.6 + 0.75 * len(columns)), height), title or colour_label or "heat map") as ax:
        image = ax.imshow(matrix.numpy(), aspect="auto", **_scale(matrix))
        ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(rows)), rows)
        ax.set(title=title, xlabel=column_label, ylabel=row_label)
        ax.tick_params(length=0)
        if matrix.numel() <= 150:
            _number_squares(ax, matrix, image)
        for column, hidden in enumerate(() if mask is None else torch.as_tensor(mask).tolist()):
            if hidden:
                ax.axvspan(column - 0.5, column + 0.5, fill=False, hatch="///", edgecolor=GREY, linewidth=0)
        if colour_label is not None:
            bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
            bar.set_label(colour_label)
            bar.outline.set_visible(False)


def _scale(matrix: torch.Tensor) -> dict[str, Any]:
    low, high = matrix.min().item(), matrix.max().item()
    if low < 0:
        largest = max(-low, high)
        return {"cmap": "PuOr_r", "vmin": -largest, "vmax": largest}
    return {"cmap": "cividis", "vmin": 0.0, "vmax": high if high > 1.001 else 1.0}


def _number_squares(ax: Axes, matrix: torch.Tensor, image: Any) -> None:
    whole = bool((matrix == matrix.round()).all())
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            value = matrix[row, column].item()
            red, green, blue, _ = image.cmap(image.norm(value))
            ink = INK if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
            text = f"{value:.0f}" if whole else f"{value:.2f}"
            ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=9)


def curves(
    x: Values,
    lines: Mapping[str, Values],
    *,
    x_label: str,
    y_label: str,
    title: str = "",
    bands: Mapping[str, tuple[Values, Values]] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    ax: Axes | None = None,
) -> None:
    """Draw each of `lines` (name → values) over `x`, with a legend if there is more than one.

    bands   name of a line → (lower, upper) values, shaded behind it
    log_x   logarithmic axis; ticks stand at the values of x
    """
    points = _floats(x)
    with _canvas(ax, (5.6, 3.4), title or y_label) as ax:
        for number, (name, values) in enumerate(lines.items()):
            colour = COLOURS[number % len(COLOURS)]
            dash, marker = DASHES[number % len(DASHES)], MARKERS[number % len(MARKERS)]
            style: dict[str, Any] = {"linestyle": dash, "marker": marker}
            ax.plot(points, _floats(values), color=colour, label=name, markersize=4.5, linewidth=1.8, **style)
            if bands and name in bands:
                low, high = bands[name]
                ax.fill_between(points, _floats(low), _floats(high), color=colour, alpha=0.18, linewidth=0)
        if log_x:
            ax.set_xscale("log", base=2)
            ax.set_xticks(points, [f"{point:g}" for point in points])
            ax.minorticks_off()
        elif all(point == round(point) for point in points):
            ax.locator_params(axis="x", integer=True)  # there is no epoch 1.5
        if log_y:
            ax.set_yscale("log")
        _finish(ax, title, x_label, y_label)
        if len(lines) > 1:
            ax.legend(frameon=False)


def bars(
    labels: Sequence[str],
    groups: Mapping[str, Values],
    *,
    y_label: str,
    x_label: str = "",
    title: str = "",
    ax: Axes | None = None,
) -> None:
    """Draw one bar per label for each of `groups` (name → values), side by side, with a legend for several groups."""
    width = 0.8 / len(groups)
    with _canvas(ax, (min(WIDTH, 1.6 + 0.9 * len(labels)), 2.9), title or y_label) as ax:
        for number, (name, values) in enumerate(groups.items()):
            places = [place - 0.4 + width * (number + 0.5) for place in range(len(labels))]
            hatch = ("", "//", "..", "xx")[number % 4]
            colour = COLOURS[number % len(COLOURS)]
            ax.bar(places, _floats(values), width, color=colour, label=name, hatch=hatch, edgecolor="white")
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set_xticks(range(len(labels)), labels)
        _finish(ax, title, x_label, y_label)
        if len(groups) > 1:
            ax.legend(frameon=False)


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
    with _canvas(None, (WIDTH, 2.5), "Q times K transposed, scaled and softmaxed, gives T × T weights; times V") as ax:
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
    with _canvas(None, (WIDTH, 2.0), f"a recurrent network reads {' '.join(words[:real])}") as ax:
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


@contextmanager
def panels(count: int, *, height: float = 2.9) -> Iterator[Sequence[Axes]]:
    """Make one picture of `count` plots side by side; give the Axes to draw on, show the picture at the end."""
    figure = _new_figure(WIDTH * (1.0 if count < 3 else 1.35), height)
    axes = [figure.add_subplot(1, count, number + 1) for number in range(count)]
    yield axes
    _show(figure, "; ".join(ax.get_title() or ax.get_ylabel() for ax in axes))


@contextmanager
def _canvas(ax: Axes | None, size: tuple[float, float], says: str) -> Iterator[Axes]:
    """Give the Axes to draw on: the caller's, or those of a new picture that is shown at the end."""
    if ax is not None:
        yield ax
        return
    figure = _new_figure(*size)
    yield figure.add_subplot()
    _show(figure, says)


def _new_figure(width: float, height: float) -> Figure:
    """Make a figure outside pyplot: nothing to close, and nothing that a notebook would show a second time."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _show(figure: Figure, says: str) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    width = round(figure.get_figwidth() * DOTS_PER_INCH / 2)
    display(
        {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": f"[picture: {says}]"},
        metadata={"image/png": {"width": width}},
        raw=True,
    )


def _finish(ax: Axes, title: str, x_label: str, y_label: str) -> None:
    ax.set(title=title, xlabel=x_label, ylabel=y_label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.7)
    ax.set_axisbelow(True)


def _floats(values: Values) -> list[float]:
    return torch.as_tensor(values).detach().to("cpu", torch.float64).tolist()
