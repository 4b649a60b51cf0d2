"""The notebook that is picked in a submission's folder."""

from __future__ import annotations

import io
import os
import stat
import tracemalloc
import zipfile

import pytest
from classwork import ANSWERS, hand_in, raw_of, small_release

from autograder.repair import archive, finding, read_submission, slots_of

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


# ------------------------------------------------------------------------------------------- which of several counts

RELEASE = small_release()
SLOTS = slots_of(RELEASE)
CODE = [grade_id for grade_id in ANSWERS if grade_id.endswith("_answer")]


def answered(*grade_ids):
    """A notebook as it is handed in, with these answers."""
    return raw_of(hand_in(RELEASE, {grade_id: ANSWERS[grade_id] for grade_id in grade_ids}))


STUB, SOME, MORE, ALL = answered(), answered(CODE[0]), answered(*CODE[:2]), answered(*ANSWERS)
SAME = ALL + b"\n"
CUT = ALL[: ALL.rindex(b"MARK-COST") + 200]


def foreign():
    """A notebook of another assignment: other marks, ids and names."""
    handed = hand_in(RELEASE, ANSWERS)
    for cell in handed["cells"]:
        cell["id"] = "x" + cell["id"]
        cell["source"] = "Another text. " + cell["source"] if cell["cell_type"] == "markdown" else "y = 1"
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] += "_elsewhere"
    return raw_of(handed)


@pytest.mark.parametrize(
    ("files", "taken", "reason"),
    [
        ({NAME: STUB, "03_attention (1).ipynb": ALL}, "03_attention (1).ipynb", "most answers"),
        ({NAME: ALL, "03_attention (1).ipynb": STUB}, NAME, "most answers"),
        (
            {NAME: SOME, "03_attention-1.ipynb": MORE, "03_attention-2.ipynb": STUB},
            "03_attention-1.ipynb",
            "most answers",
        ),
        ({NAME: b"", "03_attention_1.ipynb": SOME}, "03_attention_1.ipynb", "this assignment can be read"),
        ({NAME: ALL[:300], "final copy.ipynb": SOME}, "final copy.ipynb", "this assignment can be read"),
        ({NAME: foreign(), "other.ipynb": SOME}, "other.ipynb", "this assignment can be read"),
        ({NAME: STUB, "ready.ipynb": foreign()}, NAME, "this assignment can be read"),
        ({NAME: CUT, "again.ipynb": ALL}, "again.ipynb", "that is whole"),
        ({NAME: STUB, "begun.ipynb": ALL[: ALL.index(b"cell-05")]}, "begun.ipynb", "most answers"),
        ({NAME: SAME, "03_attention (1).ipynb": ALL}, "03_attention (1).ipynb", "highest number"),
        (
            {"ada_1_2_03_attention-2.ipynb": ALL, "ada_1_9_03_attention-10.ipynb": SAME},
            "ada_1_9_03_attention-10.ipynb",
            "highest number",
        ),
        (
            {"03_attention copy.ipynb": SAME, "03_attention copy 2.ipynb": ALL},
            "03_attention copy 2.ipynb",
            "highest number",
        ),
        ({"03_attention-Copy1.ipynb": ALL, NAME: SAME}, "03_attention-Copy1.ipynb", "highest number"),
        ({"old/03_attention (3).ipynb": ALL, NAME: SAME}, NAME, "fewest folders"),
        ({"old/03_attention.ipynb": ALL, NAME: STUB}, "old/03_attention.ipynb", "most answers"),
        ({"b.ipynb": ALL, "a.ipynb": SAME}, "b.ipynb", "last by its name"),
        ({NAME: ALL, "z.ipynb": SAME}, NAME, "right name"),
    ],
)
def test_of_several_the_one_with_the_most_answers_then_the_highest_number(folder, files, taken, reason):
    for name, content in files.items():
        put(folder, name, content)
    found = read_submission(folder, NAME, slots=SLOTS)
    assert found.path == folder / taken
    assert found.raw == files[taken]
    (note,) = [note for note in found.notes if "notebooks were handed in" in note]
    assert f"{len(files)} notebooks were handed in; {taken}" in note
    assert reason in note
    assert all(name in note.partition("Not graded: ")[2] for name in files if name != taken)


def test_the_newest_where_all_else_is_equal_and_never_called_so_where_it_is_not(folder):
    put(folder, "a.ipynb", ALL, age=100)
    path = put(folder, "b.ipynb", SAME, age=1)
    put(folder, "c.ipynb", ALL + b" ", age=50)
    found = read_submission(folder, NAME, slots=SLOTS)
    assert found.path == path
    assert "saved last" in found.notes[-1]
    put(folder, "c.ipynb", ALL + b" ", age=1)
    found = read_submission(folder, NAME, slots=SLOTS)
    assert "last by its name" in found.notes[-1]
    assert not any("newest" in note or "saved last" in note for note in found.notes)


def test_copies_of_the_same_content_are_told_as_such(folder):
    put(folder, NAME, ALL)
    put(folder, "03_attention (1).ipynb", ALL)
    assert "all with the same content" in read_submission(folder, NAME, slots=SLOTS).notes[-1]


# ------------------------------------------------------------------------------------ what is there without a notebook


def pack(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["handed in.zip", "x.ipynb", "deeper/a.ZIP"])
@pytest.mark.parametrize("inside", [NAME, f"attention/{NAME}", "x (1).ipynb", "../../outside.ipynb", "/etc/x.ipynb"])
def test_notebook_in_an_archive(folder, name, inside):
    put(folder, name, pack({"__MACOSX/._x.ipynb": b"shadow", ".x.ipynb": b"hidden", inside: ALL, "a.png": b""}))
    found = read_submission(folder, NAME, slots=SLOTS)
    assert found.raw == ALL
    assert found.notes == [f"The notebook was taken out of an archive: {inside} in {name}."]
    assert not (folder.parent / "outside.ipynb").exists()


def test_of_an_archive_and_a_stub_beside_it_the_answers_count(folder):
    put(folder, NAME, STUB)
    put(folder, "all.zip", pack({NAME: ALL, "other.ipynb": foreign(), "head.safetensors": b"x"}))
    found = read_submission(folder, NAME, slots=SLOTS)
    assert found.raw == ALL
    assert any("Trained weights in the archive all.zip are not read" in note for note in found.notes)


def test_archives_that_are_no_use_are_told(folder, monkeypatch):
    def notes(content):
        put(folder, "a.zip", content)
        found = read_submission(folder, NAME, slots=SLOTS)
        assert found.raw is None
        return " ".join(found.notes)

    link = zipfile.ZipInfo(NAME)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "is a link" in notes(pack({link: "/etc/passwd"}))
    assert "only report.html; hand in" in notes(pack({"report.html": b"<html>"}))
    assert "damaged" in notes(pack({NAME: ALL})[:-30])
    whole = bytearray(pack({NAME: ALL}))
    whole[200:260] = bytes(60)
    assert "damaged" in notes(bytes(whole))
    assert "packed in a way" in notes(pack({NAME: ALL}, zipfile.ZIP_LZMA))
    monkeypatch.setattr(finding, "MAX_BYTES", 2**20)
    assert "more than 1 MB" in notes(pack({NAME: bytes(2**27)}))
    monkeypatch.setattr(archive, "MAX_ENTRIES", 5)
    assert "more than 5 files" in notes(pack({f"{n}.txt": b"" for n in range(6)}))


def test_a_bomb_is_not_unpacked(folder, monkeypatch):
    monkeypatch.setattr(finding, "MAX_BYTES", 2**21)
    put(folder, "bomb.zip", pack({f"{n}.ipynb": bytes(2**25) for n in range(4)}))
    tracemalloc.start()
    found = read_submission(folder, NAME, slots=SLOTS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.raw is None
    assert peak < 2**23


@pytest.mark.parametrize("name", ["03_attention.json", "03_attention", "notes.txt", "03_attention.ipynb.bak"])
def test_a_notebook_under_another_name(folder, name):
    path = put(folder, name, ALL)
    put(folder, "data.json", b'{"a": 1}')
    found = read_submission(folder, NAME, slots=SLOTS)
    assert found.path == path
    assert found.notes == [f"The notebook is named {name}, not {NAME}; taken all the same."]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], "There is no notebook: the submission's folder is empty. Hand in"),
        (["timestamp.txt", ".DS_Store"], "There is no notebook: the submission's folder is empty. Hand in"),
        (["notes.txt"], "only notes.txt. Hand in"),
        (["report.html"], "only report.html (a web page). Hand in"),
        (["a.py", "b.pdf"], "only a.py (a Python script), b.pdf (a PDF). Hand in"),
        (["model.pkl", "pictures/a.png"], "only model.pkl, pictures/a.png. Hand in"),
        ([f"{n}.png" for n in range(7)], "4.png and 2 more. Hand in"),
    ],
)
def test_without_a_notebook_it_is_said_what_was_there(folder, files, told):
    for name in files:
        put(folder, name)
    found = read_submission(folder, NAME)
    assert (found.path, found.raw) == (None, None)
    (note,) = found.notes
    assert told in note
    assert NAME in note


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
    look = finding._files

    def look_and_exchange(where):
        found = look(where)
        path.unlink()
        path.symlink_to(secret)
        return found

    monkeypatch.setattr(finding, "_files", look_and_exchange)
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
