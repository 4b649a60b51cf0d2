"""Weights that were handed in are read within bounds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from autograder.codecs import CodecMissing, codecs_for
from autograder.remote import Unreadable
from autograder.remote.artefacts import find, parse


def test_a_header_that_would_fill_the_memory_is_not_read() -> None:
    header = b'{"__metadata__":{' + b",".join(b'"%d":""' % number for number in range(200_000)) + b"}}"
    with pytest.raises(Unreadable, match="is not a safetensors file"):
        parse(len(header).to_bytes(8, "little") + header, "model.safetensors")


def test_links_of_all_kinds_are_left_out_and_what_changes_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    save_file({"w": torch.ones(2)}, tmp_path / "bought.safetensors")
    os.link(tmp_path / "bought.safetensors", folder / "hard.safetensors")
    (folder / "soft.safetensors").symlink_to(tmp_path / "bought.safetensors")
    save_file({"w": torch.ones(2)}, folder / "own.safetensors", {"epochs": "3"})
    handed_in = find(folder)
    assert set(handed_in.paths) == {"own.safetensors"}
    assert [note.split(";")[0] for note in handed_in.notes] == [
        "hard.safetensors is a file with several names (a hard link)",
        "soft.safetensors is a link",
    ]
    assert handed_in.metadata("own.safetensors") == {"epochs": "3"}
    read = handed_in.read("own.safetensors", codecs_for(("torch",)))
    assert read.metadata == {"epochs": "3"}
    assert torch.equal(read.tensors["w"], torch.ones(2))
    as_arrays = handed_in.read("own.safetensors", codecs_for(("numpy",)))
    assert as_arrays.tensors["w"].tolist() == [1.0, 1.0]
    with pytest.raises(CodecMissing, match="asks for no codec with arrays"):
        handed_in.read("own.safetensors")
    (folder / "own.safetensors").unlink()
    (folder / "own.safetensors").symlink_to(tmp_path / "bought.safetensors")
    with pytest.raises(Unreadable, match="is a link"):
        handed_in.read("own.safetensors")
    (tmp_path / "linked").symlink_to(folder)
    assert find(tmp_path / "linked").paths == {}
