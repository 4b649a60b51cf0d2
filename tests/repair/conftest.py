from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from classwork import ANSWERS, Handed, hand_in, small_release

REAL = Path(__file__).parents[2] / "course/03_scaled_dot_product_attention/03_scaled_dot_product_attention.ipynb"


@pytest.fixture
def release():
    return small_release()


@pytest.fixture
def handed(release) -> Handed:
    """The small release with every exercise answered, as plain JSON to be damaged."""
    return hand_in(release, ANSWERS)


@pytest.fixture
def real_release():
    if not REAL.exists():
        pytest.skip("course/ is not built")
    return nbformat.read(REAL, as_version=4)
