"""load_imdb: each source in its turn, wrong folders by name, no hanging, and the bundled sample."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict
from huggingface_hub import constants

from coursekit import sources
from coursekit.checking.notebook import lines
from coursekit.data import SAMPLE, load_imdb

SAMPLE_SIZES = {split: len((SAMPLE / f"{split}.jsonl").read_text().splitlines()) for split in ("train", "test")}
REAL_IMDB = Path(__file__).parents[3] / "shared" / "data" / "imdb"


def table(texts: list[str], labels: list[int] | None = None) -> pa.Table:
    return pa.table({"text": texts} if labels is None else {"text": texts, "label": labels})


def write_parquet(folder: Path, marker: str = "", pattern: str = "{split}.parquet", unsupervised: bool = True) -> Path:
    """A folder as on the hub: three reviews to train, two to test, one without a label."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table([f"{marker}a", "b", "c"], [0, 1, 1]), folder / pattern.format(split="train"))
    pq.write_table(table(["d", "e"], [1, 0]), folder / pattern.format(split="test"))
    if unsupervised:
        pq.write_table(table(["f"]), folder / pattern.format(split="unsupervised"))
    return folder


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No folder named, an empty cache, and no network: not even a look-up of a name."""
    monkeypatch.delenv("COURSEKIT_IMDB", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "no_cache"))
    monkeypatch.setattr(lines, "_said", set())

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the network is blocked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def is_sample(reviews: DatasetDict) -> bool:
    return {split: len(data) for split, data in reviews.items()} == SAMPLE_SIZES


@pytest.mark.parametrize("pattern", ["{split}.parquet", "{split}-00000-of-00001.parquet"])
@pytest.mark.parametrize("subfolder", [".", "plain_text"])
def test_reads_parquet_as_on_the_hub(tmp_path: Path, pattern: str, subfolder: str) -> None:
    write_parquet(tmp_path / subfolder, pattern=pattern)
    reviews = load_imdb(tmp_path)
    assert reviews["train"][:] == {"text": ["a", "b", "c"], "label": [0, 1, 1]}
    assert reviews["test"][:] == {"text": ["d", "e"], "label": [1, 0]}
    assert reviews["unsupervised"][:] == {"text": ["f"], "label": [-1]}
    assert reviews["train"].features["label"].names == ["neg", "pos"]


def test_joins_the_parts_of_a_split(tmp_path: Path) -> None:
    write_parquet(tmp_path, unsupervised=False)
    (tmp_path / "train.parquet").unlink()
    for part in range(2):
        pq.write_table(table([f"part {part}"], [part]), tmp_path / f"train-0000{part}-of-00002.parquet")
    assert load_imdb(tmp_path)["train"]["text"][:] == ["part 0", "part 1"]


def test_reads_what_save_to_disk_wrote(tmp_path: Path) -> None:
    saved = DatasetDict(
        train=Dataset.from_dict({"text": ["a", "b"], "label": [0, 1], "more": [1, 2]}).select([1, 0]),
        test=Dataset.from_dict({"text": ["c"], "label": [1], "more": [3]}),
    )
    saved.save_to_disk(tmp_path / "saved")
    reviews = load_imdb(tmp_path / "saved")
    assert set(reviews) == {"train", "test"}
    assert reviews["train"][:] == {"text": ["b", "a"], "label": [1, 0]}


def test_the_environment_names_a_folder_and_the_argument_beats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEKIT_IMDB", str(write_parquet(tmp_path / "environment", "environment ")))
    assert load_imdb()["train"]["text"][0] == "environment a"
    assert load_imdb(write_parquet(tmp_path / "argument", "argument "))["train"]["text"][0] == "argument a"


@pytest.mark.parametrize("name", ["datasets--stanfordnlp--imdb", "datasets--imdb"])
def test_the_local_cache_comes_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cache = tmp_path / "cache"
    snapshots = cache / name / "snapshots"
    write_parquet(snapshots / "complete" / "plain_text", pattern="{split}-00000-of-00001.parquet")
    started = snapshots / "started" / "plain_text"
    started.mkdir(parents=True)
    pq.write_table(table(["half"], [0]), started / "train-00000-of-00001.parquet")
    os.utime(snapshots / "started", (time.time() + 60,) * 2)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    assert load_imdb()["train"]["text"][:] == ["a", "b", "c"]


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs, with one data set."""

    files: dict[str, bytes]
    revision = "a" * 40

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        body, status = b"{}", 200
        if path.startswith("/api/datasets/stanfordnlp/imdb/revision/") or path == "/api/datasets/stanfordnlp/imdb":
            siblings = [{"rfilename": name} for name in self.files]
            body = json.dumps({"id": "stanfordnlp/imdb", "sha": self.revision, "siblings": siblings}).encode()
        elif path.startswith("/api/datasets/stanfordnlp/imdb/tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": "b" * 40} for name, data in self.files.items()
            ]
            body = json.dumps(entries).encode()
        elif "/resolve/" in path:
            body = self.files[path.split("/", 6)[6]]
        elif path != "/":
            status = 404
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body) & 0xFFFFFFFF:08x}"')
        self.send_header("X-Repo-Commit", self.revision)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    folder = write_parquet(tmp_path / "on_the_hub" / "plain_text", "hub ", "{split}-00000-of-00001.parquet")
    Hub.files = {f"plain_text/{file.name}": file.read_bytes() for file in folder.iterdir()} | {"README.md": b"IMDB"}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own: huggingface_hub reads its environment once, on import."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "COURSEKIT_"))}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | environment,
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_downloads_from_the_hub_and_then_needs_it_no_more(hub: str, tmp_path: Path) -> None:
    code = "from coursekit import load_imdb; print(load_imdb()['train']['text'][0])"
    first = in_a_process(code, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "home"))
    assert first.stdout.splitlines()[-1] == "hub a", first.stderr
    assert "downloaded from the hub" in first.stdout
    assert not list((tmp_path / "home").rglob("README.md")), "Only the reviews are downloaded."
    second = in_a_process(code, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "home"))
    assert second.stdout.splitlines()[-1] == "hub a", second.stderr
    assert "local Hugging Face cache" in second.stdout


def test_offline_mode_asks_no_hub(hub: str, tmp_path: Path) -> None:
    code = "from coursekit import load_imdb; print(load_imdb().num_rows)"
    run = in_a_process(code, HF_ENDPOINT=hub, HF_HOME=str(tmp_path / "home"), HF_HUB_OFFLINE="1")
    assert run.stdout.splitlines()[-1] == str(SAMPLE_SIZES), run.stderr
    assert "offline mode is on" in run.stdout


def test_without_a_network_the_sample_comes_at_once_and_says_so_once(capfd: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    assert is_sample(load_imdb())
    assert time.perf_counter() - start < 3
    said, errors = capfd.readouterr()
    assert "not IMDB but the bundled sample" in said
    assert "hf download stanfordnlp/imdb --repo-type dataset" in said
    assert errors == ""
    load_imdb()
    assert capfd.readouterr().out == ""


def hang(seconds: float) -> Callable[..., None]:
    def hangs(*args: object, **kwargs: object) -> None:
        time.sleep(seconds)
        raise OSError("too late")

    return hangs


@pytest.mark.parametrize("where", ["look-up of the name", "connection"])
def test_a_network_that_swallows_everything_costs_the_time_limit(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "HUB_TIMEOUT", 0.5)
    if where == "connection":
        monkeypatch.setattr(socket, "create_connection", hang(6))
    else:
        monkeypatch.setattr(socket, "getaddrinfo", hang(6))
    start = time.perf_counter()
    assert is_sample(load_imdb())
    assert time.perf_counter() - start < 3


def test_a_download_that_fails_falls_back_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources, "_answers", lambda endpoint: True)
    start = time.perf_counter()
    assert is_sample(load_imdb())
    assert time.perf_counter() - start < 20
    assert re.search(r"the hub was reachable, but the download failed with \w+\.", capsys.readouterr().out)


def test_a_wrong_path_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = tmp_path / "wrong"
    with pytest.raises(FileNotFoundError, match=rf"{wrong} does not exist.*the argument path.*correct it"):
        load_imdb(wrong)
    monkeypatch.setenv("COURSEKIT_IMDB", str(wrong))
    with pytest.raises(FileNotFoundError, match=rf"{wrong} does not exist.*environment variable COURSEKIT_IMDB"):
        load_imdb()
    wrong.write_text("")
    with pytest.raises(FileNotFoundError, match="is a file, not a folder"):
        load_imdb()


def test_a_folder_without_a_split_is_an_error(tmp_path: Path) -> None:
    (write_parquet(tmp_path) / "test.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path} holds no test split.*test\.parquet"):
        load_imdb(tmp_path)


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = write_parquet(tmp_path) / "train.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{file} cannot be read.*again"):
        load_imdb(tmp_path)


def test_a_damaged_saved_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(ValueError, match="save_to_disk but cannot be read"):
        load_imdb(tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"review": ["a"], "label": [0]}, "has the columns review, label; expected text and label"),
        ({"text": ["a"], "label": ["positive"]}, "whole-number labels"),
        ({"text": ["a"], "label": [4]}, r"has the label 4; expected \[0, 1\]"),
    ],
)
def test_other_columns_are_an_error(tmp_path: Path, columns: dict[str, list[object]], message: str) -> None:
    pq.write_table(pa.table(columns), write_parquet(tmp_path) / "train.parquet")
    with pytest.raises(ValueError, match=rf"{tmp_path}: the train split .*{message}"):
        load_imdb(tmp_path)


@pytest.mark.skipif(not REAL_IMDB.is_dir(), reason=f"the real IMDB is not at {REAL_IMDB}")
def test_the_real_reviews() -> None:
    reviews = load_imdb(REAL_IMDB)
    assert reviews.num_rows == {"train": 25_000, "test": 25_000, "unsupervised": 50_000}
    for split in ("train", "test"):
        assert Counter(reviews[split]["label"][:]) == {0: 12_500, 1: 12_500}
    assert any("<br />" in text for text in reviews["train"]["text"][:20])


def test_the_sample_is_what_its_generator_writes() -> None:
    from solutions.heldout import sample as sample_reviews

    assert sample_reviews.SIZES == SAMPLE_SIZES
    for path, content in sample_reviews.files().items():
        assert path.read_text(encoding="utf-8") == content, f"{path.name} is stale: python -m solutions.heldout.sample"
    assert {path.name for path in sample_reviews.files()} == {path.name for path in SAMPLE.iterdir()}


def test_the_sample_has_what_the_stages_need() -> None:
    reviews = load_imdb(SAMPLE)
    texts = [text for data in reviews.values() for text in data["text"][:]]
    assert len(set(texts)) == len(texts) >= 200
    for data in reviews.values():
        assert sum(data["label"][:]) * 2 == len(data)
        assert len(set(data["label"][:20])) == 2, "shuffled"
    assert sum("<br />" in text for text in texts) > len(texts) / 2
    lengths = [len(text.split()) for text in texts]
    assert min(lengths) >= 25
    assert max(lengths) <= 200
    assert not any(re.search(r"[{}]", text) for text in texts), "an unfilled slot"


def test_a_toy_classifier_learns_from_the_sample() -> None:
    """Naive Bayes on words: far better than chance on the test split, and much worse with the labels shifted."""

    def words(text: str) -> list[str]:
        return re.findall("[a-z]+", text.lower())

    def accuracy(train: list[tuple[str, int]], test: list[tuple[str, int]]) -> float:
        counts = [
            Counter(word for text, label in train if label == wanted for word in words(text)) for wanted in (0, 1)
        ]
        size = len(counts[0] | counts[1])
        totals = [sum(count.values()) + size for count in counts]

        def score(text: str) -> float:
            return sum(
                math.log((counts[1][word] + 1) / totals[1]) - math.log((counts[0][word] + 1) / totals[0])
                for word in words(text)
            )

        return sum((score(text) > 0) == bool(label) for text, label in test) / len(test)

    reviews = load_imdb(SAMPLE)
    train, test = ([(row["text"], row["label"]) for row in reviews[split]] for split in ("train", "test"))
    assert accuracy(train, test) > 0.9
    shifted = [(text, label) for (text, _), (_, label) in zip(train, train[1:] + train[:1], strict=True)]
    assert accuracy(shifted, test) < 0.75
