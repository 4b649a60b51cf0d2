"""Small models trained on the bundled sample of reviews, for the demo class and the tests.

One module per stage that grades accuracy, with `train() -> dict[str, bytes]`: the file to hand in beside the notebook.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path

from autograder.grading.setting import grader_fingerprint
from autograder.release.manifest import write

__all__ = ["trained_files"]


@cache
def trained_files(stage: str, kept_in: Path | None = None) -> dict[str, bytes]:
    """File name → content for a stage, "02_recurrent_networks"; none where it grades no accuracy. Takes half a minute.

    kept_in     folder where they are kept for the next time, and found as long as no code and no version has changed;
                None trains them anew

    Raises OSError where nothing can be written.
    """
    name = f"{__name__}.stage_{stage.split('_')[0]}"
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        return {}
    train: Callable[[], dict[str, bytes]] = importlib.import_module(name).train
    if kept_in is None:
        return train()
    basis = grader_fingerprint(stage).encode() + Path(found.origin).read_bytes()
    folder = kept_in / hashlib.sha256(basis).hexdigest()[:24]
    files = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}
    if not files:
        files = train()
        for file, content in files.items():
            write(folder / file, content)
    return files
