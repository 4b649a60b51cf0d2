"""`autograder export`: where it writes, and what it refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from results_by_hand import STAGE, a_class, a_result, release, two_scores

from autograder.cli import main
from autograder.export import FORMATS, export
from autograder.grading.classroom import ClassroomError
from autograder.report import write_grades


@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if not one.image])
def test_every_format_is_written_by_the_command(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_class(tmp_path, two_scores("ada", 6, 2))
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--format", name]) == 0
    path = tmp_path / "classroom" / FORMATS[name].file
    assert capsys.readouterr().out == f"Written: {path}\n"
    assert path.is_dir() if FORMATS[name].folder else "ada" in path.read_text()


def test_csv_is_the_table_of_the_report(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2), two_scores("bob", 1, 0))
    other = export(classroom, "csv", tmp_path / "new folder" / "scores.csv")
    assert other.read_bytes() == write_grades(classroom).read_bytes()


def test_one_assignment_does_not_take_the_place_of_all(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2), a_result("bob", assignment="04_heads"))
    whole = write_grades(classroom).read_bytes()
    path = export(classroom, "csv", stage=STAGE)
    with path.open(newline="") as file:
        assert {row["assignment"] for row in csv.DictReader(file)} == {STAGE}
    assert write_grades(classroom).read_bytes() == whole


def test_a_class_without_results_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ClassroomError, match=r"no results in .*classroom/results .* autograder grade STAGE"):
        export(a_class(tmp_path), "canvas")


def test_an_assignment_without_results_is_told_what_to_do(tmp_path: Path) -> None:
    release(tmp_path, ("4.1", "heads"), stage="04_heads")
    classroom = a_class(tmp_path, two_scores("ada", 6, 2))
    with pytest.raises(ClassroomError, match=r"no results .* autograder grade 04_heads"):
        export(classroom, "canvas", stage="04_heads")
    with pytest.raises(ClassroomError, match="Did you mean 04_heads"):
        export(classroom, "canvas", stage="04_head")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    classroom = a_class(tmp_path, two_scores("ada", 6, 2))
    with pytest.raises(ClassroomError, match=r"is a folder, and canvas writes a file.* --output"):
        export(classroom, "canvas", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ClassroomError, match=r"is a file, and gradescope writes a folder.* --output"):
        export(classroom, "gradescope", tmp_path / "file")


def test_options_that_do_nothing_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_class(tmp_path, two_scores("ada", 6, 2))
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--format", "json", "--roster", "r.csv"]) == 1
    assert "of no use to json, only to canvas and moodle" in capsys.readouterr().err
    assert main(["export", "--format", "csv", "--trust-submissions"]) == 1
    assert "is for gradescope-image" in capsys.readouterr().err
    assert main(["export", "--format", "gradescope-image"]) == 1
    assert "--assignment STAGE" in capsys.readouterr().err
