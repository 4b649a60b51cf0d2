"""A release is built once, rebuilt only where something changed, and says what is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.release import ReleaseError, build, register, release, stale

TEXT = "solutions/99_small/99_small.py"
SOLUTION = "solutions/99_small/99_small.ipynb"
STUDENT = "course/99_small/99_small.ipynb"


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def silent(_: str) -> None:
    pass


def stale_paths(root: Path) -> list[str]:
    return [item.path for item in stale(root)]


def test_a_release_is_built_once_and_follows_its_sources(small_course: Path) -> None:
    assert stale_paths(small_course) == [SOLUTION, STUDENT]
    lines: list[str] = []
    assert release(log=lines.append, root=small_course) == [small_course / SOLUTION, small_course / STUDENT]
    assert len(lines) == 2

    solution = nbformat.read(small_course / SOLUTION, as_version=4)
    assert [output.text for cell in solution.cells for output in cell.get("outputs", [])] == [
        "two\nlines\n",
        "checked\n",
    ]
    student = nbformat.read(small_course / STUDENT, as_version=4)
    assert [cell.id for cell in student.cells] == [
        "99-a-small-stage",
        "99-a-small-stage-2",
        "double_answer",
        "double",
        "why",
    ]
    assert student.cells[2].source.endswith("# YOUR CODE HERE\n    raise NotImplementedError()")
    assert student.cells[4].source == "YOUR ANSWER HERE"
    assert not any(cell.get("outputs") for cell in student.cells)

    # A second run changes no file, not even its time.
    before = snapshot(small_course)
    assert stale(small_course) == []
    assert release(log=silent, root=small_course) == []
    assert snapshot(small_course) == before

    # Built again from the same sources, it is the same to the byte.
    assert release(log=silent, root=small_course, force=True) == []

    # A changed source makes stale all that comes from it, by name and with the remedy.
    text = small_course / TEXT
    text.write_text(text.read_text().replace('print("two', 'print("one\\ntwo'))
    sentences = [str(item) for item in stale(small_course)]
    assert sentences[0] == f"{SOLUTION} is stale: {TEXT} changed since it was built. Run `make release`."
    assert sentences[1].startswith(f"{STUDENT} is stale: {SOLUTION}, from which it is built, is stale.")
    release(["99_small"], log=silent, root=small_course)
    assert stale(small_course) == []

    # A released notebook that somebody edited, and one that somebody deleted.
    student_path = small_course / STUDENT
    student_path.write_text(student_path.read_text() + " ")
    assert [str(item) for item in stale(small_course)] == [
        f"{STUDENT} is stale: it was changed by hand. Run `make release`."
    ]
    student_path.unlink()
    assert stale_paths(small_course) == [STUDENT]
    assert release(log=silent, root=small_course) == [student_path]


def refuse(*_: Any) -> None:
    raise AssertionError("The solution was run.")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# # 99 · A small stage", "# # 99 · A smaller stage\n#\n# With a word more."),
        ("# %% nbgrader", "# %% [markdown]\n# A cell more.\n\n# %% nbgrader"),
        ('"double", "locked": true, "points": 2', '"double", "locked": true, "points": 3'),
    ],
)
def test_outputs_are_kept_where_only_prose_or_points_changed(
    small_course: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    text = small_course / TEXT
    release(log=silent, root=small_course)
    before = text.read_text()
    text.write_text(before.replace(old, new, 1))
    assert text.read_text() != before
    with monkeypatch.context() as patched:
        patched.setattr(build, "execute", refuse)
        assert release(log=silent, root=small_course) == [small_course / SOLUTION, small_course / STUDENT]
    assert stale(small_course) == []
    # It is what running it would have given.
    assert release(log=silent, root=small_course, force=True) == []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (TEXT, 'print("checked")', 'print("seen")'),
        (TEXT, "# Because one", "# Since one"),  # a notebook may read its written answers
        (TEXT, '# %%\nprint("two', '# %% tags=["raises-exception"]\nprint("two'),
        ("constraints.txt", "", "# another\n"),
    ],
)
def test_whatever_else_changed_the_solution_is_run(
    small_course: Path, monkeypatch: pytest.MonkeyPatch, path: str, old: str, new: str
) -> None:
    release(log=silent, root=small_course)
    changed = small_course / path
    before = changed.read_text()
    changed.write_text(before.replace(old, new, 1))
    assert changed.read_text() != before
    monkeypatch.setattr(build, "execute", refuse)
    with pytest.raises(AssertionError, match="was run"):
        release(log=silent, root=small_course)


def test_outputs_that_somebody_edited_are_not_kept(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(log=silent, root=small_course)
    for path, old, new in ((SOLUTION, "checked", "right"), (TEXT, "A small stage", "A smaller stage")):
        file = small_course / path
        file.write_text(file.read_text().replace(old, new))
    monkeypatch.setattr(build, "execute", refuse)
    with pytest.raises(AssertionError, match="was run"):
        release(log=silent, root=small_course)


def test_an_edit_while_it_is_built_makes_it_stale(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = small_course / TEXT
    execute = build.execute

    def edited_meanwhile(*notebook: Any) -> Any:
        executed = execute(*notebook)
        text.write_text(text.read_text() + "# one more line\n")
        return executed

    monkeypatch.setattr(build, "execute", edited_meanwhile)
    release(log=silent, root=small_course)
    assert stale_paths(small_course) == [SOLUTION, STUDENT]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("return x + x", "return x +", "a cell of the solution fails"),
        ('print("checked")', "import sys; print('oops', file=sys.stderr)", "cell double writes to stderr"),
        ("double_answer", "twice_answer", "no answer cell double_answer stands before the grade cell double"),
        ("double_answer", "double", "two cells have the grade_id double"),
        ("    ### END SOLUTION\n", "", "no end solution statement found"),
    ],
)
def test_a_solution_that_cannot_be_released_is_refused_in_words(
    small_course: Path, old: str, new: str, sentence: str
) -> None:
    text = small_course / TEXT
    text.write_text(text.read_text().replace(old, new))
    with pytest.raises(ReleaseError, match=sentence) as refused:
        release(log=silent, root=small_course)
    assert "99_small" in str(refused.value)
    assert not (small_course / STUDENT).exists()


def test_an_unknown_stage_is_refused_with_the_known_ones(small_course: Path) -> None:
    with pytest.raises(ReleaseError, match="no stage '98_other' in solutions/"):
        release(["98_other"], root=small_course)


def test_a_gradebook_learns_the_assignment_without_changing_the_release(small_course: Path, tmp_path: Path) -> None:
    from nbgrader.api import Gradebook

    with pytest.raises(ReleaseError, match="make release"):
        register("99_small", f"sqlite:///{tmp_path}/gradebook.db", root=small_course)
    release(log=silent, root=small_course)
    before = snapshot(small_course / "course")
    for _ in range(2):
        register("99_small", f"sqlite:///{tmp_path}/gradebook.db", root=small_course)
    assert snapshot(small_course / "course") == before
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        cells = {cell.name: cell.max_score for cell in gradebook.find_notebook("99_small", "99_small").grade_cells}
    assert cells == {"double": 2.0, "why": 1.0}
