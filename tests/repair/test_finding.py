"""The notebook that is picked in a submission's folder."""

from __future__ import annotations

import os

import pytest

from autograder.repair import finding, read_submission

NAME = "03_attention.ipynb"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "handed").mkdir()
    return tmp_path / "handed"


def put(folder, name, content=b"{}", age=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return path


@pytest.mark.parametrize("expected", [NAME, "03_attention"])
def test_right_name(folder, expected):
    path = put(folder, NAME, b"right")
    assert read_submission(folder, expected) == finding.Found(path, b"right", [])


def test_other_files_beside_it_do_not_matter(folder):
    path = put(folder, NAME)
    put(folder, "model.pkl")
    put(folder, ".ipynb_checkpoints/03_attention-checkpoint.ipynb")
    put(folder, "__MACOSX/._03_attention.ipynb")
    put(folder, "._03_attention.ipynb")
    assert read_submission(folder, NAME) == finding.Found(path, b"{}", [])


@pytest.mark.parametrize("name", ["My copy (1).ipynb", "03_ATTENTION.ipynb", "03_attention.ipynb.txt", "x.ipynb.json"])
def test_renamed(folder, name):
    path = put(folder, name)
    found = read_submission(folder, NAME)
    assert found.path == path
    assert found.notes == [f"The notebook is named {name}, not {NAME}; taken all the same."]


def test_in_a_folder_of_its_own(folder):
    path = put(folder, f"attention/{NAME}")
    found = read_submission(folder, NAME)
    assert found.path == path
    assert "folder of its own" in found.notes[0]


def test_several_with_the_right_name_among_them(folder):
    path = put(folder, NAME, age=100)
    put(folder, "another.ipynb")
    found = read_submission(folder, NAME)
    assert found.path == path
    assert "2 notebooks were handed in" in found.notes[-1]


def test_several_without_the_right_name_the_newest(folder):
    put(folder, "a.ipynb", age=100)
    path = put(folder, "b.ipynb", age=1)
    put(folder, "c.ipynb", age=50)
    found = read_submission(folder, NAME)
    assert found.path == path
    assert "the newest" in found.notes[-1]


@pytest.mark.parametrize("others", [[], ["notes.txt"], ["model.pkl", "pictures/a.png"]])
def test_none(folder, others):
    for name in others:
        put(folder, name)
    found = read_submission(folder, NAME)
    assert (found.path, found.raw) == (None, None)
    assert found.notes == [f"There is no notebook in the submission's folder; hand in {NAME}."]


def test_no_folder(tmp_path):
    found = read_submission(tmp_path / "nobody", NAME)
    assert found.raw is None
    assert "nothing was handed in" in found.notes[0]


def test_link_is_refused_and_a_plain_file_taken_instead(folder, tmp_path):
    secret = put(tmp_path, "secret.ipynb", b"secret")
    (folder / NAME).symlink_to(secret)
    found = read_submission(folder, NAME)
    assert found.raw is None
    assert f"{NAME} is a link; refused" in found.notes[0]
    other = put(folder, "other.ipynb", b"own")
    assert read_submission(folder, NAME).path == other


def test_a_file_that_becomes_a_link_while_it_is_looked_for_is_refused(folder, tmp_path, monkeypatch):
    secret = put(tmp_path, "secret.ipynb", b"secret")
    path = put(folder, NAME)
    look = finding._notebooks

    def look_and_exchange(where):
        found = look(where)
        path.unlink()
        path.symlink_to(secret)
        return found

    monkeypatch.setattr(finding, "_notebooks", look_and_exchange)
    found = read_submission(folder, NAME)
    assert found.raw is None
    assert f"{NAME} is a link; refused" in found.notes[0]


def test_linked_folders_are_not_entered(folder, tmp_path):
    put(tmp_path, f"elsewhere/{NAME}", b"secret")
    (folder / "inside").symlink_to(tmp_path / "elsewhere")
    assert read_submission(folder, NAME).raw is None
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in read_submission(tmp_path / "linked", NAME).notes[0]


def test_pipe_and_folder_are_refused_without_waiting(folder):
    os.mkfifo(folder / NAME)
    (folder / "b.ipynb").mkdir()
    found = read_submission(folder, NAME)
    assert found.raw is None
    assert any("not a plain file" in note for note in found.notes)


def test_too_large(folder, monkeypatch):
    monkeypatch.setattr(finding, "MAX_BYTES", 2**20)
    put(folder, NAME, b"x" * (2**20 + 1))
    found = read_submission(folder, NAME)
    assert found.raw is None
    assert "clear its outputs" in found.notes[0]
