"""Each honest damage by itself: what comes back, and what is told."""

from __future__ import annotations

import json
import re
import time

import nbformat
import pytest
from classwork import ANSWERS, MARKS, duplicate, find, hand_in, new_cell, place, raw_of, real_classwork, source_of
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import compute_checksum

from autograder.repair import repair


def assert_whole(repaired, answers=ANSWERS):
    """Every answer is back in its cell, the whole of it."""
    for grade_id, source in answers.items():
        assert source_of(repaired.notebook, grade_id) == source


def assert_valid(notebook, release):
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    kept = {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
    for cell in release.cells:
        if "nbgrader" in cell.metadata:
            assert kept[cell.metadata.nbgrader.grade_id].metadata == cell.metadata
            if cell.metadata.nbgrader.locked:
                assert compute_checksum(kept[cell.metadata.nbgrader.grade_id]) == cell.metadata.nbgrader.checksum


def told(repaired, pattern):
    return any(re.search(pattern, note) for note in repaired.notes)


def strip_marks(handed, *, ids):
    for cell in handed["cells"]:
        cell["metadata"] = {}
        if ids:
            cell.pop("id", None)
    return handed


def test_untouched_release_comes_back_as_it_was(release):
    before = nbformat.writes(release)
    repaired = repair(before.encode(), release)
    assert repaired.notes == []
    assert repaired.readable
    assert repaired.notebook == release
    assert set(repaired.answered.values()) == {"untouched"}
    repaired.notebook.cells[0].source = "changed"
    assert nbformat.writes(release) == before


def test_a_class_of_answers_on_the_real_release(real_release):
    """Marks and ids lost on the notebook that students get: every answer is found all the same."""
    answers = {}
    for cell in real_release.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("solution"):
            grade_id = nbgrader.grade_id
            answers[grade_id] = (
                cell.source.replace("raise NotImplementedError()", f"return '{grade_id}'")
                if cell.cell_type == "code"
                else f"What I think of {grade_id}."
            )
    handed = strip_marks(hand_in(real_release, answers), ids=True)
    repaired = repair(raw_of(handed), real_release)
    assert_whole(repaired, answers)
    assert len(repaired.notebook.cells) == len(real_release.cells)
    assert_valid(repaired.notebook, real_release)


def test_text_typed_into_a_locked_question_becomes_the_answer(real_release):
    handed = hand_in(real_release, {})
    find(handed, "no_scale_question")["source"] += "\n\nWithout it the softmax saturates."
    repaired = repair(raw_of(handed), real_release)
    assert source_of(repaired.notebook, "no_scale") == "Without it the softmax saturates."


def test_real_release_comes_back_as_it_was(real_release):
    repaired = repair(nbformat.writes(real_release).encode(), real_release)
    assert repaired.notes == []
    assert repaired.notebook == real_release


def test_undamaged_answers_need_no_note(release, handed):
    repaired = repair(raw_of(handed), release)
    assert repaired.notes == []
    assert_whole(repaired)
    assert set(repaired.answered.values()) == {"grade_id"}
    assert_valid(repaired.notebook, release)


def test_marks_lost_but_ids_kept(release, handed):
    repaired = repair(raw_of(strip_marks(handed, ids=False)), release)
    assert_whole(repaired)
    assert set(repaired.answered.values()) == {"cell_id"}
    assert told(repaired, "6 answers was|6 answers")
    assert_valid(repaired.notebook, release)


def test_marks_and_ids_lost(release, handed):
    repaired = repair(raw_of(strip_marks(handed, ids=True)), release)
    assert_whole(repaired)
    assert repaired.answered["norms_answer"] == "name"
    assert repaired.answered["no_scale"] == "alignment"
    assert len(repaired.notebook.cells) == len(release.cells)


def test_ids_of_colab_are_read(release, handed):
    for cell in handed["cells"]:
        cell["metadata"] = {"id": cell.pop("id")}
    assert_whole(repair(raw_of(handed), release))


def test_cells_of_every_role_deleted(release, handed):
    keep = [c for c in handed["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    handed["cells"] = keep
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert len(repaired.notebook.cells) == len(release.cells)
    assert "The grade cell norms was missing; put back." in repaired.notes
    assert told(repaired, r"^\d+ released cells were missing; put back\.$")


def test_deleted_answer_is_told_and_nothing_else_lost(release, handed):
    del handed["cells"][place(handed, "norms_answer")]
    repaired = repair(raw_of(handed), release)
    assert "The answer cell norms_answer was missing; put back." in repaired.notes
    assert repaired.answered["norms_answer"] == "missing"
    assert "NotImplementedError" in source_of(repaired.notebook, "norms_answer")


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_answer_turned_to_text_is_code_again(release, handed, kind):
    cell = find(handed, "scaled_dot_product_answer")
    cell["cell_type"] = kind
    del cell["outputs"], cell["execution_count"]
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert told(repaired, f"scaled_dot_product_answer had become a {kind} cell; turned back to code")
    assert_valid(repaired.notebook, release)


def test_written_answer_turned_to_code_is_text_again(release, handed):
    cell = find(handed, "no_scale")
    cell.update(cell_type="code", outputs=[], execution_count=None)
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert_valid(repaired.notebook, release)


def test_edited_grade_cell_and_text_are_the_releases_own(release, handed):
    find(handed, "norms")["source"] = "print('passed')"
    handed["cells"][2]["source"] = "## Exercise 3.1"
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "norms") == "check.norms(norms)"
    assert repaired.notebook.cells[2] == release.cells[2]
    assert told(repaired, "grade cell norms was changed")
    assert told(repaired, "released text stands")


def test_tags_outputs_and_attachments_are_dropped_and_the_tag_is_told(release, handed):
    find(handed, "norms")["metadata"]["tags"] = ["skip-execution"]
    find(handed, "norms_answer")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "10/10"}]
    find(handed, "no_scale")["attachments"] = {"a.svg": {"image/svg+xml": "<script>"}}
    repaired = repair(raw_of(handed), release)
    assert "The tag skip-execution on the grade cell norms was dropped." in repaired.notes
    text = nbformat.writes(repaired.notebook)
    assert "skip-execution" not in text
    assert "10/10" not in text
    assert "script" not in text


def test_metadata_of_marks_cannot_be_changed(release, handed):
    find(handed, "norms")["metadata"]["nbgrader"].update(points=1000, locked=False, solution=True)
    find(handed, "norms_answer")["metadata"]["nbgrader"].update(points=1000, grade=True)
    handed["metadata"] = {"kernelspec": {"name": "bash", "language": "bash", "display_name": "x"}, "evil": 1}
    repaired = repair(raw_of(handed), release)
    assert_valid(repaired.notebook, release)
    assert repaired.notebook.metadata == release.metadata


def test_added_cells_stay_where_they_were(release, handed):
    handed["cells"].insert(place(handed, "norms_answer"), new_cell("def root_two():\n    return 2**0.5"))
    handed["cells"].insert(0, new_cell("import numpy as np"))
    handed["cells"].append(new_cell("My thoughts.", "markdown"))
    repaired = repair(raw_of(handed), release)
    sources = [cell.source for cell in repaired.notebook.cells]
    assert sources[0] == "import numpy as np"
    assert sources[-1] == "My thoughts."
    assert sources.index("def root_two():\n    return 2**0.5") + 1 == sources.index(ANSWERS["norms_answer"])
    assert repaired.notes == []
    assert_valid(repaired.notebook, release)


def test_edited_given_code_is_kept_and_emptied_code_put_back(release, handed):
    handed["cells"][1]["source"] += "\nimport numpy as np"
    handed["cells"][14]["source"] = ""
    repaired = repair(raw_of(handed), release)
    assert repaired.notebook.cells[1].source == release.cells[1].source + "\nimport numpy as np"
    assert repaired.notebook.cells[14] == release.cells[14]


def test_edited_given_code_without_ids_is_recognised(release, handed):
    handed["cells"][1]["source"] += "\nimport numpy as np"
    repaired = repair(raw_of(strip_marks(handed, ids=True)), release)
    assert repaired.notebook.cells[1].source.endswith("import numpy as np")
    assert len(repaired.notebook.cells) == len(release.cells)


# -------------------------------------------------------------------------------------- split, merged, copied


@pytest.mark.parametrize("marks", ["both", "first", "second"])
@pytest.mark.parametrize("line", [1, 5, 6, 7, 8])
def test_function_split_over_two_cells_is_joined(release, handed, marks, line):
    at = place(handed, "scaled_dot_product_answer")
    cell = handed["cells"][at]
    lines = cell["source"].split("\n")
    second = duplicate(cell)
    cell["source"], second["source"] = "\n".join(lines[:line]), "\n".join(lines[line:])
    for part, without in ((cell, "second"), (second, "first")):
        if marks == without:
            part["metadata"] = {}
            part["id"] = f"fresh-{without}"
    handed["cells"].insert(at + 1, second)
    repaired = repair(raw_of(handed), release)
    found = source_of(repaired.notebook, "scaled_dot_product_answer")
    assert [x for x in found.split("\n") if x] == [x for x in lines if x]
    assert told(repaired, "joined")
    assert len(repaired.notebook.cells) == len(release.cells)


def test_helper_split_from_its_answer_stays_before_it(release, handed):
    at = place(handed, "norms_answer")
    helper = duplicate(handed["cells"][at])
    helper["source"] = "def root():\n    return 2**0.5"
    handed["cells"].insert(at, helper)
    repaired = repair(raw_of(handed), release)
    found = source_of(repaired.notebook, "norms_answer")
    assert found.index("def root") < found.index("def norms")
    assert found.endswith(ANSWERS["norms_answer"])


def merge(handed, first, last):
    """JupyterLab's merge: the first cell keeps its marks."""
    cells = handed["cells"][first : last + 1]
    cells[0]["source"] = "\n\n".join(cell["source"] for cell in cells)
    del handed["cells"][first + 1 : last + 1]


def test_answer_merged_with_its_grade_cell(release, handed):
    at = place(handed, "norms_answer")
    merge(handed, at, at + 1)
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert "The grade cell norms was missing; put back." in repaired.notes


def test_text_merged_with_an_answer(release, handed):
    at = place(handed, "norms_answer")
    merge(handed, at - 1, at)
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert repaired.notebook.cells[at - 1] == release.cells[at - 1]


def test_two_answers_in_one_cell_are_parted(release, handed):
    merge(handed, place(handed, "norms_answer"), place(handed, "self_attention_answer"))
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert told(repaired, "stood in one cell")
    assert_valid(repaired.notebook, release)


def test_merged_in_another_order_each_answer_is_defined_in_its_cell(release, handed):
    first, second = find(handed, "norms_answer"), find(handed, "self_attention_answer")
    first["source"] = second["source"] + "\n\ndef helper():\n    pass\n\n" + first["source"]
    handed["cells"].remove(second)
    repaired = repair(raw_of(handed), release)
    assert "def helper" in source_of(repaired.notebook, "norms_answer")
    assert "MARK-NORMS" in source_of(repaired.notebook, "norms_answer")
    assert source_of(repaired.notebook, "self_attention_answer").startswith(ANSWERS["self_attention_answer"])


def test_merged_cell_wins_over_an_empty_stub(release, handed):
    stub = source_of(release, "self_attention_answer")
    find(handed, "norms_answer")["source"] += "\n\n\n" + ANSWERS["self_attention_answer"]
    find(handed, "self_attention_answer")["source"] = stub
    assert_whole(repair(raw_of(handed), release))


def test_all_in_one_cell(release, handed):
    everything = "\n\n".join(
        cell["source"] for cell in handed["cells"] if cell["cell_type"] == "code" and "plots" not in cell["source"]
    )
    handed["cells"] = [new_cell(everything)]
    repaired = repair(raw_of(handed), release)
    for grade_id in ("norms_answer", "self_attention_answer", "linear_attention_answer"):
        assert MARKS[grade_id] in source_of(repaired.notebook, grade_id)
    assert_valid(repaired.notebook, release)


def test_plots_and_experiments_in_that_cell_get_their_own_again_and_are_not_run(release, handed):
    everything = "\n\n".join(cell["source"] for cell in handed["cells"] if cell["cell_type"] == "code")
    handed["cells"] = [new_cell(everything)]
    repaired = repair(raw_of(handed), release)
    (shown,) = [cell for cell in repaired.notebook.cells if "plots." in cell.source]
    assert shown.metadata["tags"] == ["look"]
    for grade_id in ("norms_answer", "self_attention_answer", "linear_attention_answer"):
        assert MARKS[grade_id] in source_of(repaired.notebook, grade_id)


def test_one_cell_that_holds_a_whole_stage_takes_less_than_a_second():
    work = real_classwork("02_recurrent_networks")
    handed = hand_in(work.release, work.answers)
    everything = "\n\n".join(cell["source"] for cell in handed["cells"] if cell["cell_type"] == "code")
    handed["cells"] = [new_cell(everything)]
    started = time.process_time()
    repaired = repair(raw_of(handed), work.release)
    assert time.process_time() - started < 1
    looks = [cell for cell in work.release.cells if "look" in cell.metadata.get("tags", [])]
    answers = "\n".join(source_of(repaired.notebook, grade_id) for grade_id in work.answers)
    assert looks
    assert not any(cell.source in answers for cell in looks)


@pytest.mark.parametrize("changed_one", ["first", "last"])
def test_of_copies_the_changed_one_is_taken(release, handed, changed_one):
    at = place(handed, "norms_answer")
    stub = duplicate(handed["cells"][at])
    stub["source"] = source_of(release, "norms_answer")
    handed["cells"].insert(at + 1 if changed_one == "first" else at, stub)
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert told(repaired, "norms_answer was there 2 times; the last one that was changed is taken")


def test_of_changed_copies_the_last_is_taken(release, handed):
    copied = duplicate(find(handed, "norms_answer"))
    copied["source"] = copied["source"].replace("MARK-NORMS", "LATER")
    handed["cells"].append(copied)
    repaired = repair(raw_of(handed), release)
    assert "LATER" in source_of(repaired.notebook, "norms_answer")
    assert not any("MARK-NORMS" in cell.source for cell in repaired.notebook.cells)


def test_answer_typed_into_a_new_cell_replaces_the_stub(release, handed):
    cell = find(handed, "norms_answer")
    at = handed["cells"].index(cell)
    handed["cells"].insert(at + 1, new_cell(cell["source"]))
    cell["source"] = source_of(release, "norms_answer")
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert repaired.answered["norms_answer"] == "name"
    assert told(repaired, "held no answer")


def test_experiment_after_the_answer_does_not_replace_it(release, handed):
    handed["cells"].append(new_cell("def norms(beta):\n    return 'an experiment'"))
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert repaired.notebook.cells[-1].source.endswith("'an experiment'")
    assert repaired.notes == []


def test_experiment_does_not_replace_an_answer_without_marks(release, handed):
    strip_marks(handed, ids=True)["cells"].append(new_cell("def norms(beta):\n    return 'an experiment'"))
    assert_whole(repair(raw_of(handed), release))


def test_mark_on_the_answer_to_another_exercise(release, handed):
    first, second = find(handed, "norms_answer"), find(handed, "self_attention_answer")
    first["metadata"], second["metadata"] = second["metadata"], first["metadata"]
    assert_whole(repair(raw_of(handed), release))


def test_cells_in_reverse_order(release, handed):
    handed["cells"].reverse()
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert len(repaired.notebook.cells) == len(release.cells)


def test_helper_moves_up_with_the_answer_that_uses_it(release, handed):
    """Answer and helper stood at the end; the answer goes back up, and must find its helper there."""
    cell = find(handed, "norms_answer")
    handed["cells"].remove(cell)
    cell["source"] = "def norms(beta):\n    return root() * beta, beta, root() * beta"
    handed["cells"] += [new_cell("def root():\n    return 2**0.5"), cell]
    sources = [c.source for c in repair(raw_of(handed), release).notebook.cells]
    assert sources.index("def root():\n    return 2**0.5") < sources.index(cell["source"])


def test_helper_in_a_look_cell_is_run(release, handed):
    look = next(cell for cell in handed["cells"] if cell["metadata"].get("tags") == ["look"])
    look["source"] += "\n\ndef root():\n    return 2**0.5"
    find(handed, "norms_answer")["source"] = "def norms(beta):\n    return root() * beta, beta, root() * beta"
    repaired = repair(raw_of(handed), release)
    assert repaired.notebook.cells[5].metadata.get("tags") == []
    assert told(repaired, "is run too, because an answer uses root")


# ---------------------------------------------------------------------------------------------- written answers


def test_written_answer_below_its_cell(release, handed):
    find(handed, "no_scale")["source"] = "YOUR ANSWER HERE"
    handed["cells"].insert(place(handed, "no_scale") + 1, new_cell(ANSWERS["no_scale"], "markdown"))
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert repaired.answered["no_scale"] == "alignment"


def test_written_answer_typed_into_the_question(release, handed):
    at = place(handed, "no_scale")
    handed["cells"][at - 1]["source"] += "\n\n" + ANSWERS["no_scale"]
    handed["cells"][at]["source"] = "YOUR ANSWER HERE"
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert repaired.notebook.cells[at - 1] == release.cells[at - 1]


def test_text_added_to_prose_is_kept_behind_it(release, handed):
    handed["cells"][15]["source"] += "\n\nRemember for the exam."
    cells = repair(raw_of(handed), release).notebook.cells
    assert cells[15] == release.cells[15]
    assert cells[16].source == "Remember for the exam."
    assert len(cells) == len(release.cells) + 1


def test_helper_typed_into_a_grade_cell_is_run_before_it(release, handed):
    find(handed, "norms")["source"] = "root = 2**0.5\ncheck.norms(norms)"
    find(handed, "norms_answer")["source"] = "def norms(beta):\n    return root * beta, beta, root * beta"
    cells = repair(raw_of(handed), release).notebook.cells
    assert [cell.source for cell in cells[8:10]] == ["root = 2**0.5", "check.norms(norms)"]


def test_written_answer_split_in_two(release, handed):
    at = place(handed, "no_scale")
    second = duplicate(handed["cells"][at])
    second["source"] = "And a second thought."
    handed["cells"].insert(at + 1, second)
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"] + "\n\nAnd a second thought."


# ------------------------------------------------------------------------------------------------ bytes of a file


@pytest.mark.parametrize(
    ("encode", "note"),
    [
        (lambda text: b"\xef\xbb\xbf" + text.encode(), "byte order mark"),
        (lambda text: text.encode("utf-16"), "UTF-16"),
        (lambda text: text.encode("utf-16-be"), "UTF-16"),
        (lambda text: text.encode("utf-32"), "UTF-32"),
        (lambda text: text.replace("\n", "\r\n").encode(), None),
        (lambda text: text.encode() + b"\x00garbage \xc3\xa9{{{", "not proper JSON"),
        (lambda text: b"\n\n" + text.encode(), None),
        (lambda text: text.replace('"source"', '"source" ').replace("},", "}").encode(), "not proper JSON"),
    ],
)
def test_encodings(release, handed, encode, note):
    repaired = repair(encode(raw_of(handed).decode()), release)
    assert_whole(repaired)
    assert note is None or told(repaired, note)


def test_latin_1(release, handed):
    text = raw_of(handed).decode().replace("√", "").replace("✎", "")
    repaired = repair(text.encode("latin-1"), release)
    assert "über die Schlüssel" in source_of(repaired.notebook, "scaled_dot_product_answer")
    assert told(repaired, "Latin-1")


def test_line_ends_within_sources(release, handed):
    for cell in handed["cells"]:
        cell["source"] = [line + "\r\n" for line in cell["source"].split("\n")]
    repaired = repair(raw_of(handed), release)
    assert {k: source_of(repaired.notebook, k).rstrip("\n") for k in ANSWERS} == ANSWERS


def test_sources_as_lists_without_line_ends(release, handed):
    for cell in handed["cells"]:
        cell["source"] = cell["source"].split("\n")
    assert_whole(repair(raw_of(handed), release))


@pytest.mark.parametrize("version", [3, 2])
def test_old_formats(release, handed, version):
    cells = []
    for cell in handed["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"] if version == 3 else {}}
        key = "input" if cell["cell_type"] == "code" else "source"
        cells.append({**old, key: cell["source"], "language": "python", "collapsed": False, "outputs": []})
    old = {"nbformat": version, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]}
    repaired = repair(json.dumps(old).encode(), release)
    assert_whole(repaired)
    assert told(repaired, f"version {version} of the format")
    assert_valid(repaired.notebook, release)


def test_cut_off_anywhere(release, handed):
    """Whole cells are never lost, and the cell that was cut is taken as far as it goes."""
    raw = raw_of(handed)
    for length in range(len(raw) - 1, 0, -97):
        repaired = repair(raw[:length], release)
        complete = [grade_id for grade_id, mark in MARKS.items() if _whole_cell_before(raw, mark, length)]
        for grade_id in complete:
            assert source_of(repaired.notebook, grade_id) == ANSWERS[grade_id]
        assert_valid(repaired.notebook, release)


def _whole_cell_before(raw, mark, length):
    return raw.index(b'"\n', raw.index(mark.encode())) < length


def test_cut_within_an_answer_keeps_its_beginning(release, handed):
    raw = raw_of(handed)
    repaired = repair(raw[: raw.index(b"MARK-SELF") + len("MARK-SELF\\n    return F.softm")], release)
    found = source_of(repaired.notebook, "self_attention_answer")
    assert found.startswith("def self_attention(x):\n    # MARK-SELF")
    compile(found, "answer", "exec")
    assert told(repaired, "cut off")
    assert told(repaired, "end of the answer cell self_attention_answer is lost")


def test_merge_conflict_markers(release, handed):
    lines = raw_of(handed).decode().split("\n")
    lines[3:3] = ["<<<<<<< HEAD"]
    lines += ["=======", ">>>>>>> mine"]
    assert_whole(repair("\n".join(lines).encode(), release))


def test_script_in_place_of_a_notebook(release):
    script = "# %%\nimport math\n\n# %%\n" + "\n\n# %%\n".join(ANSWERS[k] for k in ANSWERS if k.endswith("_answer"))
    repaired = repair(script.encode(), release)
    for grade_id in ANSWERS:
        if grade_id.endswith("_answer"):
            assert source_of(repaired.notebook, grade_id) == ANSWERS[grade_id]


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (None, "No notebook"),
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\x00" * 100, "empty"),
        (b"hello", "not a notebook"),
        (b"<!DOCTYPE html><html>def x", "web page"),
        (b"PK\x03\x04abc", "ZIP"),
        (b"%PDF-1.4", "PDF"),
        (b"\x80\x04\x95abc", "pickle"),
        (b"{}", "not a notebook"),
        (b"[]", "not a notebook"),
        (b"null", "not a notebook"),
        (b'{"cells": 3}', "not a notebook"),
        (b'{"cells": [null, 3]}', "no cell that can be read"),
        (bytes(range(256)) * 10, "not a notebook|no cell"),
        (b"[" * 500_000, "not a notebook"),
        (b'{"a":' * 200_000, "not a notebook"),
        (b'{"cells": ' + b"9" * 10_000 + b"}", "not a notebook"),
    ],
)
def test_nothing_to_recover_is_said(release, raw, word):
    repaired = repair(raw, release)
    assert not repaired.readable
    assert repaired.notebook == release
    assert len(repaired.notes) == 1
    assert re.search(word, repaired.notes[0])
    assert set(repaired.answered.values()) == {"missing"}


def test_a_notebook_of_another_assignment_is_one_clear_sentence(release, handed):
    handed["cells"][0]["source"] = "# Something else"
    for number, cell in enumerate(handed["cells"]):
        cell["id"] = f"other-{number}"
        cell["source"] = "A text." if cell["cell_type"] == "markdown" and number else cell["source"]
        cell["source"] = f"def other_{number}(x):\n    return x" if cell["cell_type"] == "code" else cell["source"]
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"]["grade_id"] += "_of_another"
    repaired = repair(raw_of(handed), release)
    assert not repaired.readable
    assert repaired.notebook == release
    sentence = "None of the cells of this notebook “Something else” belongs to this assignment; hand in the right one."
    assert repaired.notes == [sentence]
    repaired = repair(raw_of(handed), release, other=lambda cells: "04_something")
    assert repaired.notes == ["This is the notebook of 04_something; hand in the one of this assignment."]


def test_a_notebook_of_this_assignment_is_never_taken_for_another(release, handed):
    answers = [cell for cell in handed["cells"] if "MARK-" in cell["source"]]
    for cells in (handed["cells"], answers, handed["cells"][:8]):
        repaired = repair(raw_of({**handed, "cells": cells}), release, other=lambda cells: None)
        assert repaired.readable
    repaired = repair(raw_of(strip_marks(hand_in(release, {}), ids=True)), release)
    assert repaired.readable


def test_deep_and_large_json_beside_answers(release, handed):
    deep = raw_of(handed).decode().rstrip().rstrip("}") + ', "deep": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert_whole(repair(deep.encode(), release))
    handed["cells"] += [new_cell(f"x{n} = {n}") for n in range(5_000)]
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert told(repaired, "only the first 2000 were read")


def test_fields_of_the_wrong_type(release, handed):
    cells = handed["cells"]
    cells[0]["metadata"] = None
    cells[1]["outputs"] = "none"
    cells[2]["source"] = {"a": 1}
    cells[5]["metadata"] = {"tags": 7, "nbgrader": []}
    cells[6]["id"] = 5
    cells[7]["metadata"]["tags"] = [None, {}, "x"]
    cells[14]["metadata"] = {"nbgrader": {"grade_id": ["x"]}}
    cells[20]["source"] = ["a", None, 3, ["b"]]
    cells.insert(3, None)
    cells.insert(3, "text")
    cells.append({})
    handed["metadata"] = []
    handed["nbformat"] = "four"
    repaired = repair(raw_of(handed), release)
    assert_whole(repaired)
    assert_valid(repaired.notebook, release)
    assert told(repaired, "2 entries were not a cell")


def test_letters_that_cannot_be_written(release, handed):
    find(handed, "norms_answer")["source"] += "\n# \ud800"
    repaired = repair(json.dumps(handed).encode(), release)
    nbformat.writes(repaired.notebook).encode("utf-8")
    assert "MARK-NORMS" in source_of(repaired.notebook, "norms_answer")


def test_duplicate_ids_everywhere(release, handed):
    for cell in handed["cells"]:
        cell["id"] = "same"
    assert_whole(repair(raw_of(handed), release))


def test_what_is_done_to_a_repaired_notebook_leaves_the_release_alone(release):
    before = nbformat.writes(release)
    notebook = repair(None, release).notebook
    for cell in notebook.cells:
        cell.source = "x"
        cell.metadata["tags"] = ["x"]
        cell["outputs"] = [1]
    notebook.metadata["x"] = 1
    notebook.cells.clear()
    assert nbformat.writes(release) == before
