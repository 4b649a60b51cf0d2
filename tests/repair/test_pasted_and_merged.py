"""What pasting, merging and renaming do to answers: what can be taken out is, and what cannot is told."""

from __future__ import annotations

import json

import pytest
from classwork import ANSWERS, find, hand_in, new_cell, place, raw_of, source_of

from autograder.repair import repair
from autograder.repair.cleaning import cleaned
from autograder.repair.conflicts import sides

NORMS = ANSWERS["norms_answer"]


def told(repaired, *words):
    return any(all(word in note for word in words) for note in repaired.notes)


def repaired_with(release, handed, source, grade_id="norms_answer"):
    find(handed, grade_id)["source"] = source
    return repair(raw_of(handed), release)


# ------------------------------------------------------------------------------------------------------- pasted code


@pytest.mark.parametrize(
    ("pasted", "what"),
    [
        (f"```python\n{NORMS}\n```", "code block"),
        (f"```\n{NORMS}\n```\n", "code block"),
        (NORMS.replace("    ", "\u00a0\u00a0\u00a0\u00a0"), "blanks"),
        (NORMS.replace(" = ", "\u00a0=\u202f"), "blanks"),
        ("\ufeff" + NORMS, "invisible"),
        (NORMS.replace("return", "return\u200b"), "invisible"),
        ("\ufeff~~~py\n" + NORMS.replace(" * ", " *\u00a0") + "\n~~~", "blanks"),
    ],
)
def test_what_pasting_put_in_is_taken_out_and_told(release, handed, pasted, what):
    repaired = repaired_with(release, handed, pasted)
    assert source_of(repaired.notebook, "norms_answer") == NORMS
    assert told(repaired, "norms_answer", what)


@pytest.mark.parametrize(
    ("pasted", "clean"),
    [
        ("print(“now”)", 'print("now")'),
        ("name = ‘x’", "name = 'x'"),
        ("print(“it’s”)", 'print("it’s")'),
        ("Here is the code:\n```python\nx = 1\n```\nIt works.", "# Here is the code:\n\nx = 1\n\n# It works."),
        ("```python\nx = 'a\u00a0b'\n```", "x = 'a\u00a0b'"),
    ],
)
def test_no_more_is_taken_out_than_must_be(pasted, clean):
    assert cleaned(pasted)[0] == clean


@pytest.mark.parametrize(
    "source",
    [
        "x = '“quoted” and\u00a0blank \u200b'",
        '"""\n```python\nx = 1\n```\n"""',
        "print(“a”",
        "x = 'it’s",
        "x = ‘it’s’",
        "",
        "```",
        "%%markdown\n```\nx\n```",
    ],
)
def test_what_is_python_or_is_none_either_way_is_left_alone(source):
    assert cleaned(source) is None


def test_fenced_answer_in_a_cell_that_became_text(release, handed):
    cell = find(handed, "norms_answer")
    cell["cell_type"] = "markdown"
    repaired = repaired_with(release, handed, f"```python\n{NORMS}\n```")
    assert source_of(repaired.notebook, "norms_answer") == NORMS


# --------------------------------------------------------------------------------------------------------- conflicts


def conflict(ours, theirs):
    return f"<<<<<<< HEAD\n{ours}\n=======\n{theirs}\n>>>>>>> work of tuesday\n"


STUB = "def norms(beta):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.mark.parametrize(
    ("source", "taken", "kept"),
    [
        (conflict(NORMS, "def norms(beta):\n    return 'theirs'"), NORMS, "'theirs'"),
        (conflict(STUB, NORMS), NORMS, "NotImplementedError"),
        (conflict("", NORMS), NORMS, ""),
        (conflict("def norms(beta:", NORMS), NORMS, "def norms(beta:"),
        ("import math\n" + conflict(NORMS, STUB), "import math\n" + NORMS, "NotImplementedError"),
        (f"<<<<<<< HEAD\n{NORMS}\n||||||| base\nold\n=======\n{STUB}\n>>>>>>> x", NORMS, "NotImplementedError"),
    ],
)
def test_conflict_within_a_cell(release, handed, source, taken, kept):
    repaired = repaired_with(release, handed, source)
    assert source_of(repaired.notebook, "norms_answer").rstrip("\n") == taken
    assert told(repaired, "norms_answer", "two versions", "merge")
    last = repaired.notebook.cells[-1]
    assert last.cell_type == "raw"
    assert kept in last.source


def two_versions(ours, theirs):
    """The conflict that git leaves in two notebooks that differ in some lines."""
    lines, others = (json.dumps(handed, indent=1).split("\n") for handed in (ours, theirs))
    assert len(lines) == len(others)
    merged = []
    for line, other in zip(lines, others, strict=True):
        merged += [line] if line == other else ["<<<<<<< HEAD", line, "=======", other, ">>>>>>> theirs"]
    return "\n".join(merged).encode()


def test_conflict_in_the_json_takes_the_side_with_more_answers_and_keeps_the_other(release):
    stub = source_of(release, "norms_answer")
    ours = hand_in(release, ANSWERS | {"norms_answer": stub, "no_scale": "What only HEAD says."})
    theirs = hand_in(release, ANSWERS)
    repaired = repair(two_versions(ours, theirs), release)
    assert source_of(repaired.notebook, "norms_answer") == NORMS
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"]
    assert told(repaired, "two versions", "“theirs” is graded", "more answers")
    assert any("What only HEAD says." in cell.source for cell in repaired.notebook.cells if cell.cell_type == "raw")


def test_conflict_in_the_json_takes_head_where_both_have_as_many(release):
    ours, theirs = (hand_in(release, ANSWERS | {"norms_answer": f"{NORMS}\n# {who}"}) for who in ("us", "them"))
    repaired = repair(two_versions(ours, theirs), release)
    assert source_of(repaired.notebook, "norms_answer").endswith("# us")
    assert told(repaired, "“HEAD” is graded", "as many")
    assert repaired.notebook.cells[-1].source.endswith("# them")


def test_marks_that_are_no_conflict():
    assert sides("a\n=======\nb") is None
    assert sides("<<<<<<< a\nb\n") is None
    assert sides("x = '<<<<<<< '") is None


# ------------------------------------------------------------------------------------------------- names and places


def test_a_definition_below_the_answer_counts_and_is_told(release, handed):
    older = new_cell("def norms(beta):\n    return 'an older one'")
    handed["cells"].insert(place(handed, "norms_answer") + 1, older)
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "norms_answer") == NORMS
    assert told(repaired, "norms_answer defines norms again", "later definition counts")


def test_a_definition_below_that_is_not_run_or_of_another_name_is_not_told(release, handed):
    at = place(handed, "scaled_dot_product_answer")
    handed["cells"][at + 1 : at + 1] = [new_cell("def helper(x):\n    return x"), new_cell("scaled_dot_product(1)")]
    assert repair(raw_of(handed), release).notes == []


@pytest.mark.parametrize("name", ["norms2", "Norms", "norms_v2", "my_norms", "norm", "norms_new"])
def test_a_name_that_is_nearly_right_is_told(release, handed, name):
    repaired = repaired_with(release, handed, NORMS.replace("norms", name))
    expected = name not in ("my_norms", "norm")
    assert told(repaired, f"You defined {name}", "asks for norms") is expected


def test_a_nearly_right_name_below_the_stub_is_told_and_one_beside_an_answer_is_not(release, handed):
    handed["cells"].append(new_cell("def self_attention2(x):\n    return x\n\ndef norms_old(x):\n    return x"))
    find(handed, "self_attention_answer")["source"] = source_of(release, "self_attention_answer")
    repaired = repair(raw_of(handed), release)
    assert repaired.notes == [
        "You defined self_attention2; the answer cell self_attention_answer asks for self_attention. Rename it."
    ]


# --------------------------------------------------------------------------------------------------- written answers


@pytest.mark.parametrize("magic", ["%%markdown", "%md", "%%md"])
def test_written_answer_in_a_code_cell_for_text(release, handed, magic):
    cell = find(handed, "no_scale")
    cell.update(cell_type="code", outputs=[], execution_count=None, source=f"{magic}\n{ANSWERS['no_scale']}")
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"]
    cell["metadata"], cell["id"] = {}, "fresh"
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"]


def test_written_answer_moved_without_its_mark_is_found(release, handed):
    cell = find(handed, "no_scale")
    handed["cells"].remove(cell)
    handed["cells"].insert(3, new_cell(ANSWERS["no_scale"], "markdown"))
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"]
    assert repaired.answered["no_scale"] == "alignment"


def test_written_answers_that_may_be_anywhere_wait_for_a_person(release, handed):
    for grade_id in ("no_scale", "linear_cost"):
        handed["cells"].remove(find(handed, grade_id))
        handed["cells"].insert(3, new_cell(ANSWERS[grade_id], "markdown"))
    repaired = repair(raw_of(handed), release)
    assert {repaired.answered[grade_id] for grade_id in ("no_scale", "linear_cost")} == {"elsewhere"}
    for grade_id in ("no_scale", "linear_cost"):
        assert ANSWERS[grade_id] in source_of(repaired.notebook, grade_id)
        assert told(repaired, grade_id, "a person has to look")


def test_sentences_typed_into_a_cell_for_code_are_a_written_answer(release, handed):
    cell = find(handed, "no_scale")
    cell.update(cell_type="code", outputs=[], execution_count=None, metadata={}, id="fresh")
    repaired = repair(raw_of(handed), release)
    assert source_of(repaired.notebook, "no_scale") == ANSWERS["no_scale"]
