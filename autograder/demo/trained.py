"""Files that made-up students hand in beside their notebooks: models that a stage's `demo/training.py` trains."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from autograder.course import Stage
from autograder.files import write_changed
from autograder.grading.setting import grader_fingerprint

__all__ = ["trained_files"]


@cache
def trained_files(stage: Stage, kept_in: Path | None = None) -> dict[str, bytes]:
    """File name → content for a stage; none where it has no `demo/training.py` with `train() -> dict[str, bytes]`.

    kept_in     folder where they are kept for the next time, and found as long as no code and no version has changed;
                None trains them anew

    Raises OSError where nothing can be written.
    """
    source = stage.folder / "demo" / "training.py"
    if not source.is_file():
        return {}
    train: Callable[[], dict[str, bytes]] = stage.course.module(f"{stage.name}.demo.training").train
    if kept_in is None:
        return train()
    basis = grader_fingerprint(stage).encode() + source.read_bytes()
    folder = kept_in / hashlib.sha256(basis).hexdigest()[:24]
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    if not files:
        files = train()
        for file, content in files.items():
            write_changed(folder / file, content)
    return files
