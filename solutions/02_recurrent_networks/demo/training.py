"""A sentiment classifier of stage 02, trained on the bundled sample in seconds."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from autograder.answers import bank_of
from autograder.course import open_course
from coursekit import checkpoints
from coursekit.data import SAMPLE
from coursekit.stand_ins import build_vocab, tokenize

STAGE = open_course(Path(__file__).resolve().parents[3]).stage(Path(__file__).parents[1].name)
FILE = "sentiment_lstm.safetensors"
MAX_LENGTH = 256
EPOCHS, BATCH, RATE = 5, 25, 0.01


def train() -> dict[str, bytes]:
    """File name → content. Deterministic, and leaves the caller's random numbers as they are."""
    reviews = [json.loads(line) for line in (SAMPLE / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    vocab = build_vocab([review["text"] for review in reviews], min_freq=2)
    encoded = [torch.tensor(tokenize(review["text"], vocab)[:MAX_LENGTH]) for review in reviews]
    labels = torch.tensor([float(review["label"]) for review in reviews])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        model = bank_of(STAGE).right("sentiment_classifier").function(len(vocab))
        _fit(model, encoded, labels)
    with tempfile.TemporaryDirectory() as folder:
        words = sorted(vocab, key=vocab.__getitem__)
        path = checkpoints.save(Path(folder, FILE), model, vocabulary=words, max_length=MAX_LENGTH)
        return {FILE: path.read_bytes()}


def _fit(model: nn.Module, encoded: list[torch.Tensor], labels: torch.Tensor) -> None:
    nn.init.normal_(model.embedding.weight, std=0.1)  # type: ignore[arg-type, union-attr]
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    order = list(range(len(encoded)))
    for epoch in range(EPOCHS):
        random.Random(epoch).shuffle(order)
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            ids = pad_sequence([encoded[i] for i in chosen], batch_first=True)
            logits = model(ids, torch.tensor([len(encoded[i]) for i in chosen]))
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(logits[:, 0], labels[chosen]).backward()
            optimizer.step()
    model.eval()
