"""A student's names as scenarios meet them."""

from __future__ import annotations

from typing import Any

import torch

from autograder.remote.perform import Names


def notebook_of(**names: Any) -> Names:
    """A notebook that defines these names."""
    return Names(names, torch.float64)
