"""Each plot function shows one picture, with what a reader needs to understand it."""

import base64
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from coursekit import plots
from coursekit.checking.notebook import plots as general

X = [1, 2, 4]
DRAWINGS: dict[str, Callable[..., None]] = {
    "heat_map": lambda **more: plots.heat_map(torch.eye(2), ["a", "b"], **more),
    "curves": lambda **more: plots.curves(X, {"one": X, "two": [3, 2, 1]}, x_label="T", y_label="time (s)", **more),
    "bars": lambda **more: plots.bars(["a", "b"], {"x": [1, -1], "y": [2, 0]}, y_label="feeling", **more),
}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Collect what the functions display."""
    pictures: list[dict[str, Any]] = []
    monkeypatch.setattr(general, "display", lambda data, **_: pictures.append(data))
    return pictures


@pytest.fixture
def ax() -> Any:
    return Figure().add_subplot()


@pytest.mark.parametrize("name", DRAWINGS)
def test_shows_exactly_one_picture_and_returns_nothing(name: str, shown: list[dict[str, Any]]) -> None:
    assert DRAWINGS[name]() is None
    assert len(shown) == 1
    assert base64.b64decode(shown[0]["image/png"]).startswith(b"\x89PNG")
    assert shown[0]["text/plain"].startswith("[picture: ")


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_on_given_axes_and_shows_nothing(name: str, shown: list[dict[str, Any]], ax: Any) -> None:
    DRAWINGS[name](ax=ax)
    assert shown == []
    assert ax.has_data()


@pytest.mark.parametrize("name", DRAWINGS)
def test_axes_are_labelled(name: str, ax: Any) -> None:
    DRAWINGS[name](ax=ax, title="What it shows", x_label="T") if name == "bars" else DRAWINGS[name](ax=ax)
    assert ax.get_xlabel()
    assert ax.get_ylabel()


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_picture_byte_for_byte(name: str, shown: list[dict[str, Any]]) -> None:
    DRAWINGS[name]()
    DRAWINGS[name]()
    assert shown[0] == shown[1]


def test_heat_map_refuses_a_whole_batch() -> None:
    with pytest.raises(ValueError, match="Pick one review and one head"):
        plots.heat_map(torch.zeros(1, 1, 2, 2), ["a", "b"])


def test_heat_map_numbers_every_square_and_hatches_padding(ax: Any) -> None:
    plots.heat_map([[0.25, 0.75], [0.5, 0.5]], ["a", "b"], mask=[0, 1], ax=ax)
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.75", "0.50", "0.50"]
    assert [patch.get_hatch() for patch in ax.patches] == ["///"]


def test_weights_share_one_colour_scale(ax: Any) -> None:
    plots.heat_map([[0.1, 0.2]], ["a"], ["x", "y"], ax=ax)
    assert ax.images[0].get_clim() == (0, 1)


def test_colour_scale_can_be_left_out(ax: Any) -> None:
    plots.heat_map([[0.1, 0.2]], ["a"], ["x", "y"], colour_label=None, ax=ax)
    assert len(ax.figure.axes) == 1


def test_negative_numbers_put_zero_in_the_middle(ax: Any) -> None:
    plots.heat_map([[-3.0, 1.0]], ["a"], ["x", "y"], ax=ax)
    assert ax.images[0].get_clim() == (-3, 3)


def test_heat_map_takes_tensors_that_need_gradients(ax: Any) -> None:
    plots.heat_map(torch.eye(2, requires_grad=True), ["a", "b"], ax=ax)
    assert ax.images[0].get_array().tolist() == [[1, 0], [0, 1]]


def test_curves_draw_values_bands_and_logarithmic_axes(ax: Any) -> None:
    bands = {"two": ([2, 1, 0.5], [4, 3, 2])}
    plots.curves(X, {"one": X, "two": [3, 2, 1]}, bands=bands, log_x=True, log_y=True, x_label="T", y_label="s", ax=ax)
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 2, 4], [3, 2, 1]]
    assert len(ax.collections) == 1
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "4"]


def test_curves_differ_in_more_than_colour(ax: Any) -> None:
    DRAWINGS["curves"](ax=ax)
    assert len({(line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 2


def test_bars_of_two_groups_stand_side_by_side(ax: Any) -> None:
    DRAWINGS["bars"](ax=ax)
    assert [bar.get_height() for bar in ax.patches] == [1, -1, 2, 0]
    assert len({round(bar.get_x(), 6) for bar in ax.patches}) == 4


def test_panels_are_one_picture(shown: list[dict[str, Any]]) -> None:
    with plots.panels(2) as (left, right):
        DRAWINGS["curves"](ax=left, title="speed")
        DRAWINGS["bars"](ax=right, title="mood")
    assert [picture["text/plain"] for picture in shown] == ["[picture: speed; mood]"]


def test_a_broken_panel_shows_no_half_picture(shown: list[dict[str, Any]]) -> None:
    with pytest.raises(NotImplementedError), plots.panels(2):
        raise NotImplementedError
    assert shown == []


def test_attention_boxes_name_every_size(shown: list[dict[str, Any]]) -> None:
    plots.attention_boxes()
    assert len(shown) == 1
    assert "T × T" in shown[0]["text/plain"]


@pytest.mark.parametrize("padded", [0, 2])
def test_unrolled_says_what_is_read(shown: list[dict[str, Any]], padded: int) -> None:
    plots.unrolled(["slow", "start", "[PAD]", "[PAD]"][: 2 + padded], padded)
    assert len(shown) == 1
    assert "reads slow start]" in shown[0]["text/plain"]


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = "import sys, coursekit.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
