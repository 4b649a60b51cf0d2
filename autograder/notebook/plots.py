"""Pictures for the notebooks: heat maps, curves and bars.

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

from IPython.display import display

from ..public_checks.values import in_float64

if TYPE_CHECKING:
    import numpy
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))
MARKERS = "os^Dvx"
INK = "#222222"
GREY = "#777777"
DOTS_PER_INCH = 144  # twice what is shown, so that it stays sharp on a dense screen
WIDTH = 7.2  # inches: fits a notebook column without scrolling

Values = Any
"""Numbers: a list, an array, or a tensor on any device."""


def heat_map(
    weights: Values,
    rows: Sequence[str],
    columns: Sequence[str] | None = None,
    *,
    title: str = "",
    row_label: str = "",
    column_label: str = "",
    colour_label: str | None = "",
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
    matrix = in_float64(weights)
    columns = rows if columns is None else columns
    if matrix.shape != (len(rows), len(columns)):
        raise ValueError(
            f"weights have shape {matrix.shape}, but there are {len(rows)} row names and {len(columns)} column names. "
            "Pick one matrix first, of one example."
        )
    height = 1.3 + 0.42 * len(rows)
    with canvas(ax, (min(WIDTH, 2.6 + 0.75 * len(columns)), height), title or colour_label or "heat map") as ax:
        image = ax.imshow(matrix, aspect="auto", **_scale(matrix))
        ax.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(len(rows)), rows)
        ax.set(title=title, xlabel=column_label, ylabel=row_label)
        ax.tick_params(length=0)
        if matrix.size <= 150:
            _number_squares(ax, matrix, image)
        for column, hidden in enumerate(() if mask is None else in_float64(mask).tolist()):
            if hidden:
                ax.axvspan(column - 0.5, column + 0.5, fill=False, hatch="///", edgecolor=GREY, linewidth=0)
        if colour_label is not None:
            bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
            bar.set_label(colour_label)
            bar.outline.set_visible(False)


def _scale(matrix: numpy.ndarray) -> dict[str, Any]:
    low, high = matrix.min().item(), matrix.max().item()
    if low < 0:
        largest = max(-low, high)
        return {"cmap": "PuOr_r", "vmin": -largest, "vmax": largest}
    return {"cmap": "cividis", "vmin": 0.0, "vmax": high if high > 1.001 else 1.0}


def _number_squares(ax: Axes, matrix: numpy.ndarray, image: Any) -> None:
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
    with canvas(ax, (5.6, 3.4), title or y_label) as ax:
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
    with canvas(ax, (min(WIDTH, 1.6 + 0.9 * len(labels)), 2.9), title or y_label) as ax:
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


@contextmanager
def panels(count: int, *, height: float = 2.9) -> Iterator[Sequence[Axes]]:
    """Make one picture of `count` plots side by side; give the Axes to draw on, show the picture at the end."""
    figure = _new_figure(WIDTH * (1.0 if count < 3 else 1.35), height)
    axes = [figure.add_subplot(1, count, number + 1) for number in range(count)]
    yield axes
    _show(figure, "; ".join(ax.get_title() or ax.get_ylabel() for ax in axes))


@contextmanager
def canvas(ax: Axes | None, size: tuple[float, float], says: str) -> Iterator[Axes]:
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
    return list(in_float64(values).tolist())
