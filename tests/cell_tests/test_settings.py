"""What a course's nbgrader_config.py and limits.toml say is kept to, and what cannot be is said."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import ordinary_course
import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.grading.cell_tests.assignment import check_language
from autograder.grading.cell_tests.configuration import configured
from autograder.grading.cell_tests.files import own_files, with_students
from autograder.grading.cell_tests.grading import grade_cells
from autograder.grading.cell_tests.setting import CellTestsSetting
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.folders import Folders, folders_of
from autograder.grading.graded import SourceCell
from autograder.repair import Repaired
from autograder.sandbox import Limits, Worker


def classroom(folder: Path, config: str = "", limits: str = "") -> Classroom:
    """A course with the example's assignment and these settings."""
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{config}\n")
    if limits:
        (folder / "limits.toml").write_text(limits)
    (folder / "source").mkdir()
    os.symlink(ordinary_course.EXAMPLE / "source/rain", folder / "source/rain")
    return Classroom(folder)


def test_where_nothing_is_said_folders_are_nbgraders(tmp_path: Path) -> None:
    theirs = CourseDirectory(root=str(tmp_path))
    ours = folders_of(tmp_path)
    steps = ("source", "release", "submitted", "autograded", "feedback")
    assert [getattr(ours, step) for step in steps] == [getattr(theirs, f"{step}_directory") for step in steps]
    assert (str(ours.root), ours.structure, ours.course_id) == (theirs.root, theirs.directory_structure, "")
    assert ours.database == theirs.db_url


@pytest.mark.parametrize(
    "structure",
    ["{nbgrader_step}/{student_id}/{assignment_id}", "{nbgrader_step}/{assignment_id}/of-{student_id}"],
)
def test_students_are_found_however_folders_are_nested(tmp_path: Path, structure: str) -> None:
    folders = Folders(tmp_path, structure=structure)
    for student in ("ada", "b.c [1]"):
        folders.place("submitted", student, "ps 1").mkdir(parents=True)
    folders.place("submitted", "cy", "other").mkdir(parents=True)
    assert sorted(folders.students("submitted", "ps 1")) == ["ada", "b.c [1]"]
    assert folders.trunk("submitted") == tmp_path / "submitted"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("raise RuntimeError('no')", r"nbgrader_config\.py cannot be read: RuntimeError: no"),
        ("c.CourseDirectory.directory_structure = '{student_id}/{nbgrader_step}/{assignment_id}'", "must begin with"),
        ("c.CourseDirectory.directory_structure = '{nbgrader_step}/{student_id}'", "must begin with"),
    ],
)
def test_folders_that_cannot_be_used_are_refused(tmp_path: Path, config: str, told: str) -> None:
    with pytest.raises(ClassroomError, match=told):
        _ = classroom(tmp_path, config).folders


def test_a_gradebook_that_is_no_file_is_refused(tmp_path: Path) -> None:
    other = classroom(tmp_path, "c.CourseDirectory.db_url = 'postgresql://me:secret@host/book'")
    with pytest.raises(ClassroomError, match="SQLite") as refused:
        _ = other.gradebook
    assert "secret" not in str(refused.value)


def test_what_is_not_kept_to_is_said(tmp_path: Path) -> None:
    config = Config()
    config.Execute.timeout = 7
    config.Execute.kernel_name = "python3"
    config.Execute.execute_retries = 2
    config.Autograde.autograde_preprocessors = ["nbgrader.preprocessors.Execute", "mine.Steps"]
    config.Autograde.exclude_overwriting = {"rain": ["units.py"]}
    config.Autograde.post_convert_hook = print
    said = configured(classroom(tmp_path), "rain", config)
    assert said.usual["cell_seconds"] == 7
    assert said.students_own == ("units.py",)
    assert said.steps == {}  # neither is among the steps that are configured
    for word in ("adds Steps", "names the kernel python3", "Execute.execute_retries", "Autograde.post_convert_hook"):
        assert any(word in sentence for sentence in said.told), word
    assert len(said.told) == 4


def test_nothing_is_said_of_an_ordinary_configuration(tmp_path: Path) -> None:
    said = configured(classroom(tmp_path), "rain", Config())
    assert said.told == []
    assert said.usual == {"cell_seconds": 30, "submission_seconds": 300}
    assert list(said.steps) == ["IgnorePattern", "LimitOutput"]


def test_another_kernel_is_refused(tmp_path: Path) -> None:
    config = Config()
    config.Execute.kernel_name = "ir"
    with pytest.raises(ClassroomError, match="kernel ir, and this grader runs Python 3 alone"):
        configured(classroom(tmp_path), "rain", config)


@pytest.mark.parametrize(
    ("kernel", "refused"),
    [
        ({"name": "ir", "display_name": "R", "language": "R"}, True),
        ({"name": "julia-1.9", "display_name": "Julia 1.9"}, True),
        ({"name": "python2", "display_name": "Python 2", "language": "python"}, True),
        ({"name": "python", "display_name": "Python", "language": "python"}, False),
        ({"name": "conda-env-mine-py", "display_name": "mine", "language": "python"}, False),
        ({}, False),
    ],
)
def test_a_notebook_in_another_language_is_refused(kernel: dict[str, str], refused: bool) -> None:
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": kernel} if kernel else {})
    if refused:
        with pytest.raises(ClassroomError, match=r"ps1\.ipynb is for the kernel .* Grade it with `nbgrader autograde`"):
            check_language(Path("ps1.ipynb"), notebook)
    else:
        check_language(Path("ps1.ipynb"), notebook)


def test_too_much_beside_the_notebooks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassroomError, match=r"holds 2 files .* raise files and files_bytes in limits\.toml"):
        own_files(classroom(tmp_path), "rain", ["rain.csv", "units.py"], Limits(files_bytes=100))


def test_of_a_students_files_plain_ones_are_taken_and_links_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "ada"
    (folder / "data").mkdir(parents=True)
    (folder / "data/mine.csv").write_text("1")
    (folder / "units.py").write_text("mine")
    (folder / "large").write_bytes(bytes(300))
    (folder / "problem1.ipynb").write_text("{}")
    (folder / "secret").symlink_to("/etc/passwd")
    own = [("units.py", b"theirs")]
    files, notes = with_students(own, folder, tmp_path, Limits(files_bytes=200), ())
    assert files == [("data/mine.csv", b"1"), ("units.py", b"theirs")]
    assert notes == [
        "large is too large to lie beside the notebook; it was left out.",
        "secret is a link; it was left out.",
    ]
    kept, _ = with_students(own, folder, tmp_path, Limits(files_bytes=200), ("units.py",))
    assert dict(kept)["units.py"] == b"mine"


def setting(course: Classroom) -> CellTestsSetting:
    from autograder.grading.cell_tests.learning import open_setting

    return open_setting(course, "rain", None, False, None, teach=False)[0]


def test_libraries_that_cells_import_are_imported_ahead(tmp_path: Path) -> None:
    found = setting(classroom(tmp_path))
    assert found.contents.warm == ("numpy",)
    assert ("NBGRADER_EXECUTION", "autograde") in found.contents.environment
    assert found.limits.cell_seconds == 30


def test_limits_toml_comes_first(tmp_path: Path) -> None:
    found = setting(classroom(tmp_path, "c.Execute.timeout = 5", '[rain]\nwarm = ["json"]\ncell_seconds = 9\n'))
    assert found.contents.warm == ("json",)
    assert found.limits.cell_seconds == 9
    assert found.limits.submission_seconds == 240


def graded(worker: Worker, source: str, answer: str = "") -> tuple[float | None, str, str | None]:
    """Score, status and message of a test cell worth 2 points, behind an answer."""
    marks = {"grade": True, "solution": False, "locked": True, "grade_id": "test", "points": 2, "schema_version": 3}
    notebook = nbformat.v4.new_notebook()
    notebook.cells.append(nbformat.v4.new_code_cell(answer))
    notebook.cells.append(nbformat.v4.new_code_cell("", metadata={"nbgrader": marks}))
    cells = {"test": SourceCell(source, "code", True, None, 2.0)}
    result = grade_cells(Repaired(notebook, [], True, {}), cells, worker, [("data.txt", b"4")], {}, {"": "x"})
    (cell,) = result.cells
    return cell.score, cell.status, cell.tests[0].message


@pytest.mark.parametrize(
    ("source", "score", "status"),
    [
        ("assert open('data.txt').read() == '4'", 2.0, "graded"),
        ("assert False, 'no'", 0.0, "graded"),
        ("1.5", 1.5, "graded"),
        ("0", 0.0, "graded"),
        ("-1", 2.0, "graded"),  # nbgrader finds that strange, and gives all
        ("'text'", 2.0, "graded"),
        ("5", 2.0, "test error"),  # nbgrader ends at it
        ("raise NotImplementedError", 0.0, "not done"),
        ("import sys; print('x', file=sys.stderr)", 0.0, "graded"),
        ("import os; os._exit(0)", 0.0, "crashed"),
        ("while True: pass", 0.0, "timed out"),
        ("", 2.0, "graded"),
    ],
)
def test_scores_are_read_as_nbgrader_reads_them(worker: Worker, source: str, score: float, status: str) -> None:
    assert graded(worker, source)[:2] == (score, status)


def test_a_submission_that_ends_every_process_passes_no_test(worker: Worker) -> None:
    score, _, message = graded(worker, "import os; os._exit(1)", "import os; os._exit(1)")
    assert score == 0.0
    assert message
