"""Accuracies of stage 02 on IMDB: `python benchmarks/recurrent.py --profile cpu` prints a table and writes it.

The models and the training loop are the right answers to the exercises. On a processor: what the notebook shows. On a
GPU: besides, every row of the table that the course's figures are compared with; `--jobs` trains so many models at a
time, and an epoch then takes longer. Reviews come from where `load_imdb` finds them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from autograder.answers import bank_of
from autograder.course import open_course
from coursekit import load_imdb, runtime
from coursekit.stand_ins import build_vocab, tokenize

RESULTS = Path(__file__).parent / "results" / "recurrent.json"
right_answer = bank_of(open_course(Path(__file__).resolve().parents[1]).stage("02_recurrent_networks")).right
LSTMClassifier, GRUClassifier = right_answer("LSTMClassifier").function, right_answer("GRUClassifier").function
run_experiment, evaluate = right_answer("run_experiment").function, right_answer("evaluate").function
train, count = right_answer("train").function, right_answer("count_parameters").function

Row = dict[str, Any]


class Reviews:
    """Encoded reviews with their labels, in splits."""

    def __init__(self, whole: bool, test_size: int) -> None:
        """`whole`: 35,000/5,000/10,000 of all 50,000; else 17,500/7,500 of the training split, and the test split."""
        imdb = load_imdb()
        texts = list(imdb["train"]["text"]) + list(imdb["test"]["text"])
        self.labels = list(imdb["train"]["label"]) + list(imdb["test"]["label"])
        half, draw = len(imdb["train"]), torch.Generator().manual_seed(2)
        if whole:
            order = torch.randperm(len(texts), generator=draw).tolist()
            first, second = 7 * len(order) // 10, 8 * len(order) // 10
            self.train, self.valid, self.test = order[:first], order[first:second], order[second:][:test_size]
        else:
            order = torch.randperm(half, generator=draw).tolist()
            self.train, self.valid = order[: 7 * half // 10], order[7 * half // 10 :]
            self.test = (half + torch.randperm(len(texts) - half, generator=draw)[:test_size]).tolist()
        self.vocab = build_vocab((texts[i] for i in self.train), min_freq=5, max_size=25_000)
        self.encoded = {i: tokenize(texts[i], self.vocab) for i in (*self.train, *self.valid, *self.test)}

    def batches(self, chosen: list[int], batch_size: int, max_length: int, shuffle: bool = False) -> Batches:
        """Batches of the chosen reviews, cut to `max_length` words."""
        ids = [torch.tensor(self.encoded[i][:max_length] or [1]) for i in chosen]
        return Batches(ids, torch.tensor([float(self.labels[i]) for i in chosen]), batch_size, shuffle)


class Batches:
    """Batches (ids, lengths, labels) of reviews of like length."""

    def __init__(self, ids: list[Tensor], labels: Tensor, batch_size: int, shuffle: bool) -> None:
        self.ids, self.labels, self.batch_size, self.shuffle = ids, labels, batch_size, shuffle

    def __len__(self) -> int:
        return math.ceil(len(self.ids) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        jitter = torch.rand(len(self.ids)) * (10 if self.shuffle else 0)
        lengths = torch.tensor([len(review) for review in self.ids])
        groups = list((lengths + jitter).argsort().split(self.batch_size))
        for number in torch.randperm(len(groups)).tolist() if self.shuffle else range(len(groups)):
            group = groups[number]
            ids = pad_sequence([self.ids[i] for i in group.tolist()], batch_first=True)
            yield ids.to(runtime.device()), lengths[group], self.labels[group].to(runtime.device())


class PackedRNN(LSTMClassifier):  # type: ignore[misc, valid-type]
    """The packed classifier with plain cells in the place of the LSTM's."""

    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        lstm = self.rnn
        self.rnn = _OneState(
            nn.RNN(
                lstm.input_size,
                lstm.hidden_size,
                lstm.num_layers,
                batch_first=True,
                dropout=lstm.dropout,
                bidirectional=lstm.bidirectional,
            )
        )


class _OneState(nn.Module):
    """Gives (outputs, (state, None)), as an LSTM would."""

    def __init__(self, layer: nn.RNN) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, packed: Any) -> Any:
        outputs, hidden = self.layer(packed)
        return outputs, (hidden, None)


class BagOfWords(nn.Module):
    """Logistic regression on the counts of words, over the root of the review's length."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.weight = nn.EmbeddingBag(vocab_size, 1, mode="sum", padding_idx=0)
        nn.init.zeros_(self.weight.weight)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return 10 * self.weight(ids) / lengths.to(ids.device)[:, None] ** 0.5 + self.bias


USUAL: Row = {
    "seed": 2,
    "optimizer": "Adam",
    "lr": 1e-3,
    "epochs": 5,
    "batch_size": 64,
    "max_length": 256,
    "kind": "LSTM",
    "embedding_dim": 1,
    "hidden_dim": 100,
    "n_layers": 1,
    "dropout_rate": 0.0,
    "bidirectional": False,
    "head": "last",
    "spread": 1.0,
    "forget": 0.0,
}
OPTIMIZERS = {"SGD": 1e-3, "Adagrad": 1e-2, "RMSprop": 1e-3, "Adam": 1e-3}
BEST: Row = {
    "lr": 1.5e-3,
    "epochs": 2,
    "embedding_dim": 64,
    "hidden_dim": 48,
    "dropout_rate": 0.5,
    "spread": 0.1,
    "forget": 1.0,
}


def rows(profile: str) -> dict[str, Row]:
    """Name → settings that differ from the usual ones; "part": a number of training reviews, "whole": which split."""
    bag = {"kind": "bag of words", "lr": 1e-2, "epochs": 4, "max_length": 10_000}
    small = {"part": 2500, "max_length": 80, "batch_size": 32, "epochs": 3, "embedding_dim": 50, "hidden_dim": 50}
    plain = {"kind": "RNN", "optimizer": "SGD", "embedding_dim": 100, "hidden_dim": 256}
    found: dict[str, Row] = {"bag of words": bag, "notebook's LSTM": BEST}
    if profile == "cpu":
        lab = {**small, "dropout_rate": 0.2, "spread": 0.1, "forget": 1.0, "lr": 3e-3}
        found["RNN, unpacked, SGD 0.001"] = {**plain, "part": 2500, "max_length": 80, "batch_size": 32, "epochs": 1}
        flat = {**lab, "optimizer": "SGD", "head": "flatten", "spread": 1.0}
        found["lab: LSTM, flat head, SGD 0.001"] = {**flat, "lr": 1e-3}
        found["lab: LSTM, flat head, SGD 0.1"] = {**flat, "lr": 0.1}
        for name, lr in {"Adagrad": 3e-2, "RMSprop": 3e-3, "Adam": 3e-3}.items():
            found[f"lab: LSTM, {name} {lr:g}"] = {**lab, "optimizer": name, "lr": lr}
        changes: dict[str, Row] = {
            "GRU": {"kind": "GRU"},
            "2 layers": {"n_layers": 2},
            "hidden 100": {"hidden_dim": 100},
            "embedding 1": {"embedding_dim": 1},
            "flat head": {"head": "flatten"},
            "compound": {"n_layers": 2, "hidden_dim": 64, "embedding_dim": 64, "epochs": 5},
        }
        found |= {f"lab: {name}": {**lab, **change} for name, change in changes.items()}
        return found
    found["GRU, as the notebook's LSTM"] = {**BEST, "kind": "GRU"}
    found["RNN, unpacked, SGD 0.001"] = plain
    better = {"kind": "packed RNN", "optimizer": "Adam", "bidirectional": True, "n_layers": 2, "dropout_rate": 0.5}
    found["RNN, packed, 2 layers, both directions, Adam"] = {**plain, **better, "spread": 0.1}
    for head in ("flatten", "last"):
        course: Row = {"whole": True, "head": head}
        for kind in ("LSTM", "GRU"):
            for name, lr in OPTIMIZERS.items():
                found[f"{head}: {kind}, {name} {lr:g}"] = {**course, "kind": kind, "optimizer": name, "lr": lr}
            found[f"{head}: {kind}, SGD 0.1"] = {**course, "kind": kind, "optimizer": "SGD", "lr": 0.1}
        for n_layers in (2, 3, 4):
            found[f"{head}: {n_layers} layers"] = {**course, "n_layers": n_layers}
        for hidden_dim in (150, 220, 320):
            found[f"{head}: hidden {hidden_dim}"] = {**course, "hidden_dim": hidden_dim}
        found[f"{head}: embedding 150"] = {**course, "embedding_dim": 150}
        found[f"{head}: compound"] = {**course, "hidden_dim": 150, "embedding_dim": 150, "n_layers": 2}
    return found


def build(hparams: Row) -> nn.Module:
    """A model with random weights."""
    size = hparams["vocab_size"]
    if hparams["kind"] == "bag of words":
        return BagOfWords(size).to(runtime.device())
    if hparams["kind"] == "RNN":
        sizes = size, hparams["embedding_dim"], hparams["hidden_dim"], 1
        return right_answer("RNNClassifier").function(*sizes).to(runtime.device())
    kind = {"LSTM": LSTMClassifier, "GRU": GRUClassifier, "packed RNN": PackedRNN}[hparams["kind"]]
    model = kind(
        size,
        hparams["embedding_dim"],
        hparams["hidden_dim"],
        1,
        hparams["n_layers"],
        hparams["dropout_rate"],
        0,
        hparams["bidirectional"],
        hparams["head"],
        hparams["max_length"],
    )
    with torch.no_grad():
        model.embedding.weight *= hparams["spread"]
        if hparams["kind"] == "LSTM":
            for name, bias in model.rnn.named_parameters():
                if name.startswith("bias_ih"):  # its second quarter belongs to the forget gate
                    bias[model.rnn.hidden_size :][: model.rnn.hidden_size] += hparams["forget"]
    return model.to(runtime.device())


reviews = lru_cache(Reviews)


def run(name: str, changes: Row, test_size: int) -> Row:
    """Train one row and test the model of its best epoch."""
    torch.set_num_threads(1)  # matrices this small are done sooner by one thread than by several that wait
    hparams = {**USUAL, **changes}
    data = reviews(hparams.pop("whole", False), test_size)
    hparams["vocab_size"] = len(data.vocab)
    chosen, length = data.train[: hparams.pop("part", None)], hparams["max_length"]
    training = data.batches(chosen, hparams["batch_size"], length, shuffle=True)
    validation = data.batches(data.valid, 250, length)
    start, used = time.perf_counter(), time.process_time()
    history, model = run_experiment(hparams, build, (training, validation), train, evaluate)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    best = min(range(len(history)), key=lambda epoch: history[epoch]["valid_loss"])
    _, accuracy = evaluate(model, data.batches(data.test, 250, length), nn.BCEWithLogitsLoss())
    return {
        "name": name,
        "hparams": hparams,
        "reviews": [len(chosen), len(data.valid), len(data.test)],
        "parameters": count(model),
        "history": [{key: round(value, 4) for key, value in epoch.items()} for epoch in history],
        "best_epoch": best + 1,
        "test_accuracy": round(accuracy, 4),
        "seconds_per_epoch": round(seconds / len(history), 1),
        "cpu_seconds_per_epoch": round(used / len(history), 1),
    }


def line(row: Row) -> str:
    """A row of the table."""
    best = row["history"][row["best_epoch"] - 1]
    return (
        f"{row['name']:45} {row['parameters']:10,} {best['valid_accuracy']:6.3f} {row['test_accuracy']:6.3f} "
        f"{row['best_epoch']:3} of {len(row['history'])} {row['seconds_per_epoch']:7.1f}"
    )


def main() -> None:
    """Run the rows of a profile."""
    parser = argparse.ArgumentParser(description="Accuracies of stage 02 on IMDB")
    parser.add_argument("--profile", choices=("cpu", "gpu"), default=runtime.profile().name)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--test-size", type=int, default=None, help="test reviews at most")
    parser.add_argument("--jobs", type=int, default=1, help="models trained at a time")
    options = parser.parse_args()
    test_size = options.test_size or (5000 if options.profile == "cpu" else 25_000)
    os.environ["COURSEKIT_PROFILE"] = options.profile
    chosen = {name: changes for name, changes in rows(options.profile).items() if options.only in name}
    device = torch.cuda.get_device_name() if runtime.device().type == "cuda" else platform.processor() or "processor"
    report = {
        "command": " ".join(["python", "benchmarks/recurrent.py", *sys.argv[1:]]),
        "seed": USUAL["seed"],
        "device": device,
        "jobs": options.jobs,
        "torch": torch.__version__,
        "rows": [],
    }
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results[options.profile] = report
    print(f"{'':45} {'parameters':>10} {'valid':>6} {'test':>6} {'best':>8} {'s/epoch':>7}")
    # A process that has used a GPU cannot be forked.
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for row in pool.map(run, chosen, chosen.values(), [test_size] * len(chosen)):
            print(line(row), flush=True)
            report["rows"].append(row)
            if not options.only:  # a part of the table does not replace the whole
                RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
