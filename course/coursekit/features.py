"""What a frozen encoder says about reviews, computed once and kept in half precision.

A frozen encoder gives a review the same features in every epoch, so one pass over the reviews is enough:

    kept = keep(encode, reviews, labels)          # once
    for features, attention_mask, y in kept.batches(64, shuffle=True): ...        # as often as you like

Nothing is kept of padding. A token takes 2 bytes per number: 768 bytes with MiniLM, 1,536 with bert-base; how much
that is together is said, and refused where it is more than a bound.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from coursekit import runtime
from coursekit.encoder import encoder_name

CHUNK = 1024
"""Reviews per call of the encoder's function: what a stopped run loses at most."""

AT_MOST = 4 << 30
"""Bytes, 4 GiB: all 17,500 training reviews by MiniLM, cut to 256 tokens, take 2.8 GiB."""

POOL = 16
"""Batches that are sorted by length together: few enough that every epoch mixes the reviews anew."""

_VALUES, _ABOUT = "features.npy", "about.json"

Batch = tuple[Tensor, Tensor, Tensor]


class Features:
    """Features of reviews, one review after the other without padding, and their labels.

    values    (tokens, d_model) float16, the tokens of the first review, then of the second …; perhaps on disk
    lengths   (reviews,) tokens per review
    labels    (reviews,) float32
    """

    def __init__(self, values: Tensor, lengths: Sequence[int], labels: Sequence[float]) -> None:
        if not len(lengths) == len(labels) or sum(lengths) != len(values):
            raise ValueError(
                f"{len(values):,} tokens, {len(lengths):,} reviews of {sum(lengths):,} tokens and {len(labels):,} "
                "labels do not belong together."
            )
        self.values = values
        self.lengths = torch.tensor(lengths, dtype=torch.int64)
        self.labels = torch.tensor(labels, dtype=torch.float32)
        self._starts = [0, *self.lengths.cumsum(0).tolist()]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, review: int) -> Tensor:
        """Features (length, d_model) float16 of one review."""
        if not 0 <= review < len(self):
            raise IndexError(f"There is no review {review}: there are {len(self):,}.")
        return self.values[self._starts[review] : self._starts[review + 1]]

    def __repr__(self) -> str:
        return f"<features of {_size(self.lengths.tolist(), self.values.shape[1])}>"

    @property
    def nbytes(self) -> int:
        """Bytes that the features take, in memory or on disk."""
        return self.values.numel() * self.values.element_size()

    def first(self, count: int) -> Features:
        """The first so many reviews, without a copy."""
        count = min(count, len(self))
        lengths, labels = self.lengths[:count].tolist(), self.labels[:count].tolist()
        return Features(self.values[: self._starts[count]], lengths, labels)

    def batches(self, batch_size: int, shuffle: bool = False, even: int | None = None) -> Batches:
        """Batches of reviews of like lengths; go through them as often as you like.

        shuffle   draw other batches in another order each time, from torch's random numbers
        even      cut each review down to a multiple of so many tokens and batch only equal lengths: a review loses at
                  most even - 1 tokens at its end, and no batch has any padding
        Each batch is (features, attention_mask, labels) on `runtime.device()`: (batch, seq, d_model) float32,
        (batch, seq) int64 with 1 for a real token and 0 for padding, (batch,) float32.
        """
        return Batches(self, batch_size, shuffle, even)


class Batches:
    """The batches of `Features.batches`."""

    def __init__(self, features: Features, batch_size: int, shuffle: bool, even: int | None) -> None:
        if batch_size < 1 or (even is not None and even < 1):
            raise ValueError(f"batch_size is {batch_size} and even is {even}; both should be at least 1.")
        self.features, self.batch_size, self.shuffle = features, batch_size, shuffle
        lengths = features.lengths
        # A review that is shorter than a multiple is left as it is, in a batch of its own length.
        self._lengths = lengths if even is None else torch.where(lengths < even, lengths, lengths - lengths % even)
        self._even = even is not None

    def __len__(self) -> int:
        if not self._even:
            return -(-len(self.features) // self.batch_size)
        return sum(-(-count // self.batch_size) for count in self._lengths.bincount().tolist())

    def __iter__(self) -> Iterator[Batch]:
        for chosen in self._draw():
            yield self._batch(chosen)

    def _draw(self) -> list[list[int]]:
        """Numbers of the reviews of each batch: equal in length, or neighbours in length within a pool of batches."""
        size, count = self.batch_size, len(self.features)
        lengths = self._lengths.tolist()
        order = torch.randperm(count).tolist() if self.shuffle else list(range(count))
        pool = POOL * size if self.shuffle and not self._even else max(count, 1)
        batches = []
        for start in range(0, count, pool):
            some = sorted(order[start : start + pool], key=lengths.__getitem__)
            alike = [list(group) for _, group in groupby(some, lengths.__getitem__)] if self._even else [some]
            batches += [group[i : i + size] for group in alike for i in range(0, len(group), size)]
        return [batches[i] for i in torch.randperm(len(batches))] if self.shuffle else batches

    def _batch(self, chosen: list[int]) -> Batch:
        device, lengths = runtime.device(), self._lengths[chosen]
        reviews = [self.features[i][:length] for i, length in zip(chosen, lengths.tolist(), strict=True)]
        padded = pad_sequence(reviews, batch_first=True)
        mask = (torch.arange(padded.shape[1]) < lengths[:, None]).long()
        return padded.to(device).float(), mask.to(device), self.features.labels[chosen].to(device)


def keep(
    encode: Callable[[list[list[int]]], Sequence[Tensor]],
    reviews: Sequence[list[int]],
    labels: Sequence[float],
    *,
    folder: str | os.PathLike[str] | None = None,
    at_most: int = AT_MOST,
    text: str = "encoding reviews",
) -> Features:
    """Encode every review once and keep the features.

    encode    gives for a list of reviews the features of each, (its length, d_model), in their order
    reviews   ids of each, with [CLS] and [SEP], without padding
    labels    1 for positive, 0 for negative
    folder    where to keep them on disk; they are then read from there as needed, and a run that was stopped goes on
              where it was. None: in memory.
    at_most   bytes that they may take
    text      what is said while it runs

    Raises ValueError when they would take more than `at_most`, when `encode` returns something else than asked for, or
    when the folder holds features of other reviews.
    """
    lengths = [len(review) for review in reviews]
    if not lengths or len(lengths) != len(labels) or min(lengths) == 0:
        raise ValueError(f"{len(lengths):,} reviews with {len(labels):,} labels: each needs a label, and a token.")
    store = _Store(Path(folder) if folder is not None else None, lengths, at_most)
    todo = range(store.done, len(lengths), CHUNK)
    for start in runtime.progress(todo, text) if todo else todo:
        chunk = [list(review) for review in reviews[start : start + CHUNK]]
        store.add(encode(chunk))
    return Features(store.finished(), lengths, labels)


class _Store:
    """Features while they are being computed, in an array in memory or in a file."""

    def __init__(self, folder: Path | None, lengths: list[int], at_most: int) -> None:
        self.folder, self.lengths, self.at_most = folder, lengths, at_most
        self.done = 0
        self._array: np.ndarray | None = None
        if folder is None or not (folder / _ABOUT).is_file():
            return
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["lengths"] != lengths:
            raise ValueError(f"{folder} holds features of other reviews. Name another folder, or delete this one.")
        self.done = about["done"]
        self._array = np.load(folder / _VALUES, mmap_mode="r+")

    def add(self, features: Sequence[Tensor]) -> None:
        """Keep the features of the next reviews."""
        wanted = self.lengths[self.done : self.done + CHUNK]
        shapes = [tuple(item.shape) for item in features]
        width = shapes[0][-1] if shapes and shapes[0] else 0
        for length, shape in zip(wanted, shapes, strict=False):
            if shape != (length, width):
                raise ValueError(f"The features of a review of {length} tokens have the shape {shape}.")
        if len(shapes) != len(wanted):
            raise ValueError(f"{len(wanted)} reviews were to be encoded, and {len(shapes)} came back.")
        array = self._array if self._array is not None else self._make(width)
        start = sum(self.lengths[: self.done])
        for length, item in zip(wanted, features, strict=True):
            array[start : start + length] = item.detach().to("cpu", torch.float16).numpy()
            start += length
        self.done += len(wanted)
        self._note()

    def finished(self) -> Tensor:
        assert self._array is not None
        return torch.from_numpy(self._array)

    def _make(self, width: int) -> np.ndarray:
        shape = (sum(self.lengths), width)
        size, where = _size(self.lengths, width), "in memory" if self.folder is None else f"in {self.folder}"
        if shape[0] * width * 2 > self.at_most:
            raise ValueError(
                f"Features of {size}, more than the {_bytes(self.at_most)} that at_most allows. Take fewer reviews, "
                "cut them shorter, or raise at_most if there is room."
            )
        print(f"Keeping features of {size} {where}.")
        if self.folder is None:
            self._array = np.empty(shape, np.float16)
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._array = np.lib.format.open_memmap(self.folder / _VALUES, "w+", np.float16, shape)
        return self._array

    def _note(self) -> None:
        """Write down how far it is, after the features themselves are on disk."""
        if self.folder is None:
            return
        assert isinstance(self._array, np.memmap)
        self._array.flush()
        partial = self.folder / f"{_ABOUT}.partial"
        partial.write_text(json.dumps({"done": self.done, "lengths": self.lengths}), encoding="utf-8")
        os.replace(partial, self.folder / _ABOUT)


def fast_arithmetic(device: torch.device | None = None) -> AbstractContextManager[object]:
    """Let matrix products run in bfloat16 inside the block, where the processor has instructions for it.

    With these (AMX or AVX-512 BF16 on a CPU, or a GPU from 2020 on) an encoder reads several times as fast; without
    them bfloat16 is slower than float32, and the block changes nothing.

    device   where the products are; None: `runtime.device()`
    """
    device = device or runtime.device()
    if device.type == "cuda":
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    # torch would keep the converted weights as long as the block is open, and so train on stale ones.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False) if able else nullcontext()


def reader_facts(bert: nn.Module) -> dict[str, str | int]:
    """What to save beside a head, so that it can be used again: name and number of layers of its encoder."""
    config: Any = bert.config
    return {"encoder": encoder_name(config) or "another encoder", "encoder_layers": config.num_hidden_layers}


def _size(lengths: Sequence[int], width: int) -> str:
    tokens = sum(lengths)
    return f"{len(lengths):,} reviews: {tokens:,} tokens of {width} numbers, {_bytes(2 * tokens * width)}"


def _bytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
