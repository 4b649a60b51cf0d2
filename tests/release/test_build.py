"""A release is built once, rebuilt only where something changed, and says what is stale."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from whole_course import COURSE, ROOT, STAGES

from autograder.release import ReleaseError, build, register, release, stale
from autograder.release.agreement import disagreements
from autograder.release.golden import GoldenFiles, public_exercises

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
    assert release(small_course, log=lines.append) == [small_course / SOLUTION, small_course / STUDENT]
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
    assert release(small_course, log=silent) == []
    assert snapshot(small_course) == before

    # Built again from the same sources, it is the same to the byte.
    assert release(small_course, log=silent, force=True) == []

    # A changed source makes stale all that comes from it, by name and with the remedy.
    text = small_course / TEXT
    text.write_text(text.read_text().replace('print("two', 'print("one\\ntwo'))
    sentences = [str(item) for item in stale(small_course)]
    assert sentences[0] == f"{SOLUTION} is stale: {TEXT} changed since it was built. Run `make release`."
    assert sentences[1].startswith(f"{STUDENT} is stale: {SOLUTION}, from which it is built, is stale.")
    release(small_course, ["99_small"], silent)
    assert stale(small_course) == []

    # A released notebook that somebody edited, and one that somebody deleted.
    student_path = small_course / STUDENT
    student_path.write_text(student_path.read_text() + " ")
    assert [str(item) for item in stale(small_course)] == [
        f"{STUDENT} is stale: it was changed by hand. Run `make release`."
    ]
    student_path.unlink()
    assert stale_paths(small_course) == [STUDENT]
    assert release(small_course, log=silent) == [student_path]


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
    release(small_course, log=silent)
    before = text.read_text()
    text.write_text(before.replace(old, new, 1))
    assert text.read_text() != before
    with monkeypatch.context() as patched:
        patched.setattr(build, "execute", refuse)
        assert release(small_course, log=silent) == [small_course / SOLUTION, small_course / STUDENT]
    assert stale(small_course) == []
    # It is what running it would have given.
    assert release(small_course, log=silent, force=True) == []


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
    release(small_course, log=silent)
    changed = small_course / path
    before = changed.read_text()
    changed.write_text(before.replace(old, new, 1))
    assert changed.read_text() != before
    monkeypatch.setattr(build, "execute", refuse)
    with pytest.raises(AssertionError, match="was run"):
        release(small_course, log=silent)


def test_outputs_that_somebody_edited_are_not_kept(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(small_course, log=silent)
    for path, old, new in ((SOLUTION, "checked", "right"), (TEXT, "A small stage", "A smaller stage")):
        file = small_course / path
        file.write_text(file.read_text().replace(old, new))
    monkeypatch.setattr(build, "execute", refuse)
    with pytest.raises(AssertionError, match="was run"):
        release(small_course, log=silent)


def test_an_edit_while_it_is_built_makes_it_stale(small_course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = small_course / TEXT
    execute = build.execute

    def edited_meanwhile(*notebook: Any) -> Any:
        executed = execute(*notebook)
        text.write_text(text.read_text() + "# one more line\n")
        return executed

    monkeypatch.setattr(build, "execute", edited_meanwhile)
    release(small_course, log=silent)
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
        release(small_course, log=silent)
    assert "99_small" in str(refused.value)
    assert not (small_course / STUDENT).exists()


PROSE = """# %% [markdown]
# # 99 · A small stage
#
# `3 points` · a minute

# %% [markdown]
# | | exercise | minutes | points |
# |---|---|---|---|
# | 9.1 | `double` | 5 | 2 |
# | 9.2 | on paper | 5 | |
# | 9.3 ▲ | ✎ | 5 | 1 |

# %% [markdown]
# ## Exercise 9.1 · Twice
#
# `●○○` difficulty · 5 min · 2 points in two parts
#
# ### 9.1a
# `●○○` difficulty · 5 min · 2 points
"""
EXERCISE_9_3 = """# %% [markdown]
# ## Exercise 9.2 · On paper
# `●○○` difficulty · 5 min · no points

# %% [markdown]
# ## Exercise 9.3 · ✎ Why?
# `●○○` difficulty · 5 min · 1 point

# %% [markdown] nbgrader"""
README = """Two stages, 3 points, and more.

| stage | you write | minutes | points |
|---|---|---|---|
| [99 Small](99_small/99_small.ipynb) | `double` | 10 | 3 |
"""


@pytest.fixture
def with_prose(small_course: Path) -> Path:
    """The small course, with points stated wherever they can be."""
    text = small_course / TEXT
    with_heading = text.read_text().replace("# %% [markdown]\n# # 99 · A small stage\n", PROSE)
    text.write_text(with_heading.replace("# %% [markdown] nbgrader", EXERCISE_9_3))
    (small_course / "course").mkdir()
    for path in ("README.md", "course/README.md"):
        (small_course / path).write_text(README)
    return small_course


def test_points_that_agree_are_released(with_prose: Path) -> None:
    assert len(release(with_prose, log=silent)) == 2


@pytest.mark.parametrize(
    ("path", "old", "new", "sentences"),
    [
        (TEXT, "`3 points`", "`4 points`", ["The first cell says 4 points, and the grade cells have 3 points"]),
        (
            TEXT,
            "`double` | 5 | 2 |",
            "`double` | 5 | 1 |",
            [
                "The rows of the table of exercises come to 2 points, and the grade cells to 3 points",
                "The table says 1 point for exercise 9.1, and cell exercise-9-1-twice says 2 points",
            ],
        ),
        (
            TEXT,
            "2 points in two",
            "2.5 points in two",
            [
                "The table says 2 points for exercise 9.1, and cell exercise-9-1-twice says 2.5 points",
                "Cell exercise-9-1-twice says 2.5 points for exercise 9.1, and the grade cells of the exercise",
            ],
        ),
        (TEXT, "min · 2 points\n", "min · 1 point\n", ["says 1 point, and the grade cells below it have 2 points"]),
        (
            TEXT,
            '"points": 1,',
            '"points": 0.5,',
            [
                "The first cell says 3 points, and the grade cells have 2.5 points",
                "come to 3 points, and the grade cells to 2.5 points",
                "says 1 point for exercise 9.3, and the grade cells of the exercise have 0.5 points",
                "README.md: The table says 3 points for stage 99, and its grade cells have 2.5 points",
                "course/README.md: It says stages, 3 points, and all grade cells have 2.5 points",
            ],
        ),
        ("course/README.md", "| 10 | 3 |", "| 10 | 13 |", ["course/README.md: The table says 13 points for stage 99"]),
        ("README.md", "stages, 3 points", "stages, 100 points", ["README.md: It says stages, 100 points, and all"]),
    ],
)
def test_points_that_disagree_are_not_released(
    with_prose: Path, path: str, old: str, new: str, sentences: list[str]
) -> None:
    release(with_prose, log=silent)
    file = with_prose / path
    assert file.read_text().count(old) >= 1
    file.write_text(file.read_text().replace(old, new))
    before = snapshot(with_prose)
    with pytest.raises(ReleaseError) as refused:
        release(with_prose, log=silent)
    for sentence in sentences:
        assert sentence in str(refused.value)
    assert all(f"{path}:" in line or "README" in line for line in str(refused.value).splitlines()[1:])
    assert snapshot(with_prose) == before


STAGE = "03_scaled_dot_product_attention"
ADDED = """# %% nbgrader={"grade": false, "grade_id": "doubled_answer", "locked": false, "points": 0, "schema_version": 3, "solution": true, "task": false}
def doubled(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "doubled", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
check.doubled(doubled)
"""  # noqa: E501


@pytest.fixture
def real_stage(small_course: Path) -> Path:
    """A course with a stage that has hidden tests and public checks, as it was built."""
    for path in (f"solutions/{STAGE}", f"course/{STAGE}", "course/coursekit/checking", "course/coursekit/golden"):
        shutil.copytree(ROOT / path, small_course / path)
    shutil.copy(ROOT / "solutions/release.json", small_course / "solutions")
    for path in (ROOT / "solutions").glob("*.py"):
        shutil.copy(path, small_course / "solutions")
    shutil.rmtree(small_course / "solutions/99_small")
    return small_course


def test_an_exercise_that_only_the_notebook_knows_is_named_before_anything_is_built(real_stage: Path) -> None:
    text = real_stage / f"solutions/{STAGE}/{STAGE}.py"
    text.write_text(text.read_text() + "\n" + ADDED)
    before = snapshot(real_stage)
    lines: list[str] = []
    with pytest.raises(ReleaseError) as refused:
        release(real_stage, log=lines.append)
    told = str(refused.value)
    assert f'{STAGE}.py: The grade cell doubled calls check.doubled, and there is no such check: add "doubled"' in told
    assert 'doubled has 1 point, and nobody can earn them: write a hidden test with @points("doubled", …)' in told
    assert "The first cell says 18 points, and the grade cells have 19 points" in told
    assert lines == []
    assert snapshot(real_stage) == before


def test_a_public_check_without_a_right_answer_is_named(real_stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_another = public_exercises(COURSE.stage(STAGE)) | {"doubled": public_exercises(COURSE.stage(STAGE))["norms"]}
    monkeypatch.setattr("autograder.release.agreement.public_exercises", lambda stage: with_another)
    with pytest.raises(ReleaseError, match=f"solutions/{STAGE}/public_checks.py: doubled has no right answer"):
        release(real_stage, log=silent)


def test_points_of_a_grade_cell_and_of_its_hidden_tests_agree_or_nothing_is_built(real_stage: Path) -> None:
    text = real_stage / f"solutions/{STAGE}/{STAGE}.py"
    text.write_text(re.sub(r'("grade_id": "norms",.*?"points": )1', r"\g<1>2", text.read_text()))
    before = snapshot(real_stage)
    with pytest.raises(ReleaseError) as refused:
        release(real_stage, log=silent)
    assert (
        f"The grade cell norms has 2 points, and its hidden tests in solutions/{STAGE}/hidden_tests.py have 1 point: "
        "make them the same."
    ) in str(refused.value)
    assert snapshot(real_stage) == before


def test_a_grade_cell_that_went_is_missed_by_its_hidden_tests(real_stage: Path) -> None:
    text = real_stage / f"solutions/{STAGE}/{STAGE}.py"
    text.write_text(
        text.read_text()
        .replace('"grade_id": "norms"', '"grade_id": "lengths"')
        .replace("norms_answer", "lengths_answer")
    )
    with pytest.raises(
        ReleaseError, match=r"hidden tests of norms in .* have 1 point, but there is no grade cell norms"
    ):
        release(real_stage, log=silent)


def test_where_a_later_step_fails_an_earlier_one_is_taken_back(
    real_stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other golden tensors, and a solution that fails.
    monkeypatch.setattr(build, "golden_files", lambda stage: GoldenFiles(b"tensors", "text"))
    text = real_stage / f"solutions/{STAGE}/{STAGE}.py"
    text.write_text(text.read_text().replace("# %%\nimport math", "# %%\nraise ValueError\nimport math", 1))
    (real_stage / f"course/coursekit/golden/{STAGE}.json").unlink()
    before = snapshot(real_stage)
    lines: list[str] = []
    with pytest.raises(ReleaseError, match="a cell of the solution fails"):
        release(real_stage, log=lines.append)
    assert [line.split(": ")[1] for line in lines] == ["computing golden tensors …", "running the solution …"]
    assert {path: content for path, (_, content) in snapshot(real_stage).items()} == {
        path: content for path, (_, content) in before.items()
    }


def test_the_points_of_the_course_agree() -> None:
    assert disagreements(STAGES, COURSE) == []


def test_an_unknown_stage_is_refused_with_the_known_ones(small_course: Path) -> None:
    with pytest.raises(ReleaseError, match="no stage '98_other' in solutions/"):
        release(small_course, ["98_other"])


def test_a_gradebook_learns_the_assignment_without_changing_the_release(small_course: Path, tmp_path: Path) -> None:
    from nbgrader.api import Gradebook

    with pytest.raises(ReleaseError, match="make release"):
        register("99_small", f"sqlite:///{tmp_path}/gradebook.db", small_course)
    release(small_course, log=silent)
    before = snapshot(small_course / "course")
    for _ in range(2):
        register("99_small", f"sqlite:///{tmp_path}/gradebook.db", small_course)
    assert snapshot(small_course / "course") == before
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        cells = {cell.name: cell.max_score for cell in gradebook.find_notebook("99_small", "99_small").grade_cells}
    assert cells == {"double": 2.0, "why": 1.0}
