"""What stage 07 reaches on IMDB with a frozen encoder, and what encoding once saves over its epochs.

COURSEKIT_IMDB=folder python benchmarks/fine_tuning.py [--profile cpu|gpu] [--cache folder]

Trains the head of the solution, on features by the solution's `encode_once`, from several seeds: the epoch with the
best validation loss is tested on reviews of the test split that decided nothing. Then measures epochs that encode the
reviews anew each time. What is done is kept in the cache folder (features, seconds, the epoch of a seed) and in the
results, so that a stopped run goes on; `--fresh` starts again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))
HERE = Path(__file__).resolve().parent
STAGE = "07_bert_gru"
RESULTS = HERE / "results" / "fine_tuning.json"
COURSE_EPOCHS = 15
SPLIT_SEED = 7


@dataclass(frozen=True)
class Sizes:
    """What a profile trains and measures.

    every_epochs    epochs measured with encoding in each
    every_reviews   training reviews of these epochs
    """

    train: int
    valid: int
    test: int
    small: bool
    max_length: int
    encode_batch: int
    hidden_dim: int
    n_layers: int
    dropout: float
    batch_size: int
    rate: float
    epochs: int
    seeds: tuple[int, ...]
    every_epochs: int
    every_reviews: int
    even: int | None
    at_most: int


SIZES = {
    "cpu": Sizes(
        train=17_500,
        valid=3_000,
        test=4_000,
        small=True,
        max_length=256,
        encode_batch=32,
        hidden_dim=64,
        n_layers=1,
        dropout=0.25,
        batch_size=128,
        rate=2e-3,
        epochs=6,
        seeds=(0, 1, 2),
        every_epochs=2,
        every_reviews=4_096,
        even=16,
        at_most=4 << 30,
    ),
    "gpu": Sizes(
        train=17_500,
        valid=7_500,
        test=25_000,
        small=False,
        max_length=256,
        encode_batch=128,
        hidden_dim=256,
        n_layers=2,
        dropout=0.25,
        batch_size=128,
        rate=1e-3,
        epochs=15,
        seeds=(0, 1, 2),
        every_epochs=2,
        every_reviews=17_500,
        even=None,
        at_most=12 << 30,
    ),
}


class Clock:
    """Seconds of work: on the clock on the wall, and of this process on all cores."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what happens in the block, work queued on a GPU included."""
        import torch

        wall, cpu = time.perf_counter(), time.process_time()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu

    def seconds(self) -> dict[str, float]:
        """Both, rounded."""
        return {"wall": round(self.wall, 1), "cpu": round(self.cpu, 1)}


class Setting:
    """Encoder, reviews and sizes of a profile, and where things are kept."""

    def __init__(self, profile: str, sizes: Sizes, cache: Path) -> None:
        os.environ["COURSEKIT_PROFILE"] = profile
        from coursekit import load_encoder, load_imdb, runtime
        from coursekit.encoder import GRADED_LAYERS

        self.profile, self.sizes, self.cache = profile, sizes, cache
        self.tokenizer, bert = load_encoder(num_hidden_layers=GRADED_LAYERS, small=sizes.small)
        self.bert = bert.to(runtime.device())
        splits = load_imdb()
        train = list(zip(splits["train"]["text"], splits["train"]["label"], strict=True))
        test = list(zip(splits["test"]["text"], splits["test"]["label"], strict=True))
        random.Random(SPLIT_SEED).shuffle(train)
        random.Random(SPLIT_SEED).shuffle(test)
        held_out = round(0.7 * len(train))
        self.reviews = {
            "train": train[:held_out][: sizes.train],
            "valid": train[held_out:][: sizes.valid],
            "test": test[: sizes.test],
        }

    @property
    def encoder(self) -> str:
        """Name, layers and width of the encoder."""
        config = self.bert.config
        name = "all-MiniLM-L6-v2" if config.hidden_size == 384 else "bert-base-uncased"
        return f"{name}, {config.num_hidden_layers} layers, {config.hidden_size} wide"

    def ids(self, split: str) -> list[list[int]]:
        """Ids of the reviews of a split, cut."""
        texts = [text for text, _ in self.reviews[split]]
        ids: list[list[int]] = self.tokenizer(texts, truncation=True, max_length=self.sizes.max_length)["input_ids"]
        return ids

    def labels(self, split: str) -> list[float]:
        """Labels of the reviews of a split."""
        return [float(label) for _, label in self.reviews[split]]

    def encode(self, ids: list[list[int]]) -> list[Any]:
        """Features of reviews, by the solution of the exercise."""
        from autograder.answers import bank_of
        from autograder.course import open_course
        from coursekit.features import fast_arithmetic

        with fast_arithmetic():
            encode_once = bank_of(open_course(HERE.parent).stage(STAGE)).right("encode_once").function
            features: list[Any] = encode_once(self.bert, ids, self.sizes.encode_batch)
        return features

    def features(self, split: str) -> tuple[Any, dict[str, float]]:
        """Features of a split, and the seconds that encoding took, also where that was an earlier run's."""
        from coursekit.features import keep

        seconds = self.cache / f"{split}.json"
        spent = json.loads(seconds.read_text()) if seconds.exists() else {"wall": 0.0, "cpu": 0.0}

        def encode(ids: list[list[int]]) -> list[Any]:
            clock = Clock()
            with clock.running():
                features = self.encode(ids)
            for kind, count in clock.seconds().items():
                spent[kind] = round(spent[kind] + count, 1)
            seconds.write_text(json.dumps(spent))
            return features

        kept = keep(
            encode,
            self.ids(split),
            self.labels(split),
            folder=self.cache / split,
            at_most=self.sizes.at_most,
            text=f"encoding {split} reviews, thousands",
        )
        return kept, spent

    def model(self, seed: int) -> Any:
        """A new model of the solution; its encoder is only there to be read."""
        from autograder.answers import bank_of
        from autograder.course import open_course
        from coursekit import runtime

        sizes = self.sizes
        runtime.set_seed(seed)
        build = bank_of(open_course(HERE.parent).stage(STAGE)).right("BERTGRUSentiment").function
        return build(self.bert, sizes.hidden_dim, 1, sizes.n_layers, True, sizes.dropout).to(runtime.device())


def train_epoch(model: Any, batches: Any, optimizer: Any) -> float:
    """One epoch on features; returns the mean loss."""
    import torch

    from coursekit.features import fast_arithmetic

    model.train()
    total, count = 0.0, 0
    for features, mask, labels in batches:
        optimizer.zero_grad()
        with fast_arithmetic():
            logits = model.classify(features, mask)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float()[:, 0], labels)
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(labels), count + len(labels)
    return total / count


def evaluate(model: Any, batches: Any) -> tuple[float, float]:
    """Mean loss and accuracy."""
    import torch

    from coursekit.features import fast_arithmetic

    model.eval()
    loss, right, count = 0.0, 0, 0
    with torch.no_grad():
        for features, mask, labels in batches:
            with fast_arithmetic():
                logits = model.classify(features, mask).float()[:, 0]
            loss += torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum").item()
            right += ((logits > 0) == (labels > 0.5)).sum().item()
            count += len(labels)
    return loss / count, right / count


def train(setting: Setting, seed: int, kept: dict[str, Any]) -> dict[str, Any]:
    """Train the head for all epochs, and test the epoch of the best validation loss."""
    import torch

    sizes = setting.sizes
    model = setting.model(seed)
    head = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(head, lr=sizes.rate)
    epochs: list[dict[str, Any]] = []
    best: tuple[float, dict[str, Any]] = (float("inf"), {})
    stopped = setting.cache / f"seed_{seed}.pt"
    if stopped.exists():
        state = torch.load(stopped)
        epochs, best = state["epochs"], state["best"]
        model.load_state_dict(state["head"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
    for epoch in range(len(epochs) + 1, sizes.epochs + 1):
        clock = Clock()
        with clock.running():
            loss = train_epoch(model, kept["train"].batches(sizes.batch_size, True, sizes.even), optimizer)
        valid_loss, valid_accuracy = evaluate(model, kept["valid"].batches(256))
        epochs.append(
            {
                "train_loss": round(loss, 4),
                "valid_loss": round(valid_loss, 4),
                "valid_accuracy": round(valid_accuracy, 4),
                "seconds": clock.seconds(),
            }
        )
        print(
            f"seed {seed}, epoch {epoch:2}: training loss {loss:.3f}, validation loss {valid_loss:.3f}, accuracy "
            f"{valid_accuracy:.1%}, {clock.wall:.0f} s",
            flush=True,
        )
        parts = {name: part for name, part in model.state_dict().items() if not name.startswith("bert.")}
        if valid_loss < best[0]:
            best = valid_loss, deepcopy(parts)
        state = {"epochs": epochs, "best": best, "head": parts, "optimizer": optimizer.state_dict()}
        torch.save({**state, "random": torch.get_rng_state()}, stopped)
    model.load_state_dict(best[1], strict=False)
    _, accuracy = evaluate(model, kept["test"].batches(256))
    stopped.unlink()
    print(f"seed {seed}: test accuracy {accuracy:.2%}", flush=True)
    losses = [epoch["valid_loss"] for epoch in epochs]
    return {
        "seed": seed,
        "test_accuracy": round(accuracy, 4),
        "best_epoch": 1 + losses.index(min(losses)),
        "parameters": sum(parameter.numel() for parameter in head),
        "epochs": epochs,
    }


def encode_every_epoch(setting: Setting, note: Callable[[list[Any]], None], done: list[Any]) -> list[Any]:
    """Seconds of epochs that read every training review with the encoder, and train the head on what they read."""
    import torch

    from coursekit.features import Features

    sizes = setting.sizes
    ids, labels = setting.ids("train")[: sizes.every_reviews], setting.labels("train")[: sizes.every_reviews]
    model = setting.model(0)
    head = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(head, lr=sizes.rate)
    epochs = list(done)
    while len(epochs) < sizes.every_epochs:
        clock = Clock()
        order = torch.randperm(len(ids)).tolist()
        with clock.running():
            for start in range(0, len(ids), 1024):
                chosen = order[start : start + 1024]
                encoded = setting.encode([ids[i] for i in chosen])
                lengths = [len(ids[i]) for i in chosen]
                fresh = Features(torch.cat(encoded), lengths, [labels[i] for i in chosen])
                train_epoch(model, fresh.batches(sizes.batch_size, True, sizes.even), optimizer)
        epochs.append(clock.seconds())
        note(epochs)
        print(f"encoding in the epoch: {clock.wall:.0f} s", flush=True)
    return epochs


def summary(profile: dict[str, Any]) -> dict[str, Any]:
    """What the runs of a profile say together."""
    found: dict[str, Any] = {}
    runs = profile.get("runs", [])
    if runs:
        accuracies = [run["test_accuracy"] for run in runs]
        found["test_accuracy_mean"] = round(statistics.mean(accuracies), 4)
        found["test_accuracy_spread"] = round(statistics.stdev(accuracies), 4) if len(runs) > 1 else None
        found["test_accuracy_lowest"] = min(accuracies)
    every = profile.get("every_epoch_seconds", [])
    if runs and every:
        for kind in ("wall", "cpu"):
            heads = [epoch["seconds"][kind] for epoch in runs[0]["epochs"]]
            head = statistics.mean(heads)
            once = profile["encoding_seconds"]["train"][kind] + COURSE_EPOCHS * head
            more = profile["sizes"]["train"] / profile["sizes"]["every_reviews"]
            anew = COURSE_EPOCHS * more * statistics.mean(epoch[kind] for epoch in every)
            found[kind] = {
                "head_epoch": round(head, 1),
                "encoding_pass": profile["encoding_seconds"]["train"][kind],
                "epoch_with_encoding": round(anew / COURSE_EPOCHS, 1),
                "encode_once_15_epochs": round(once),
                "encode_every_15_epochs_extrapolated": round(anew),
                "speed_up": round(anew / once, 2),
            }
    return found


def show(name: str, profile: dict[str, Any]) -> None:
    """Print the table of a profile."""
    found = profile["summary"]
    print(f"\n{name}: {profile['encoder']}")
    print(f"{'seed':>6}{'best epoch':>12}{'test accuracy':>15}")
    for run in profile["runs"]:
        print(f"{run['seed']:6}{run['best_epoch']:12}{run['test_accuracy']:15.2%}")
    for kind in ("wall", "cpu"):
        if kind in found:
            print(f"{kind} seconds: " + ", ".join(f"{key} {value}" for key, value in found[kind].items()))


def main() -> None:
    """Run what is not done yet, write after each part, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=SIZES, help="default: the one that fits the machine")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "fine_tuning_features")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has done")
    parser.add_argument("--only-encode", action="store_true", help="stop when all features are kept")
    options = parser.parse_args()
    import torch
    import transformers

    from coursekit import runtime

    name = options.profile or runtime.profile().name
    sizes = SIZES[name]
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"profiles": {}}
    cache = options.cache / name
    if options.fresh:
        results["profiles"].pop(name, None)
        shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    setting = Setting(name, sizes, cache)
    about = {"encoder": setting.encoder, "sizes": json.loads(json.dumps(asdict(sizes)))}
    profile = results["profiles"].get(name, {})
    if {key: profile.get(key) for key in about} != about:
        profile = {**about, "runs": []}
    results["profiles"][name] = profile

    def write() -> None:
        profile["command"] = f"python benchmarks/fine_tuning.py --profile {name}"
        profile["date"] = date.today().isoformat()
        processor = f"{os.cpu_count()} cores, {platform.machine()}"
        profile["machine"] = torch.cuda.get_device_name() if runtime.device().type == "cuda" else processor
        profile["versions"] = {"torch": torch.__version__, "transformers": transformers.__version__}
        profile["summary"] = summary(profile)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")

    kept = {}
    for split in setting.reviews:
        kept[split], seconds = setting.features(split)
        profile.setdefault("encoding_seconds", {})[split] = seconds
    if options.only_encode:
        return
    for seed in sizes.seeds:
        if seed not in [run["seed"] for run in profile["runs"]]:
            profile["runs"].append(train(setting, seed, kept))
            write()

    def note(epochs: list[Any]) -> None:
        profile["every_epoch_seconds"] = epochs
        write()

    encode_every_epoch(setting, note, profile.get("every_epoch_seconds", []))
    write()
    show(name, profile)


if __name__ == "__main__":
    main()
