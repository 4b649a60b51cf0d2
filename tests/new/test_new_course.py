"""A new course works as it is written: it is checked, released, handed in and graded, and no file is edited."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import Course, CourseError
from autograder.new import new_course

STAGE = "01_lists"
RIGHT = "def scale(numbers, factor):\n    return [factor * number for number in numbers]"
IN_PLACE = RIGHT.replace("return [", "numbers[:] = [") + "\n    return numbers"


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", "import sys; from autograder.cli import main; sys.exit(main())", *words]
    return subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=600)


def hand_in(root: Path, student: str, answer: str) -> None:
    notebook = json.loads((root / "course" / STAGE / f"{STAGE}.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "scale_answer":
            cell["source"] = answer
    folder = root / "classroom" / "submitted" / student / STAGE
    folder.mkdir(parents=True)
    (folder / f"{STAGE}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def test_a_class_is_graded_with_it(tmp_path: Path) -> None:
    root = tmp_path / "My lists"
    new_course(root)
    built = command(root, "release")
    assert built.returncode == 0, built.stderr
    released = (root / "course" / STAGE / f"{STAGE}.ipynb").read_text(encoding="utf-8")
    assert "raise NotImplementedError()" in released
    assert "factor * number" not in released
    hand_in(root, "ada", RIGHT)
    hand_in(root, "bob", IN_PLACE)
    hand_in(root, "cy", "def scale(numbers, factor):\n    raise NotImplementedError()")
    graded = command(root, "grade", "1")
    assert graded.returncode == 0, graded.stderr
    results = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (root / "classroom/results" / STAGE).iterdir()
    }
    scores = {student: [cell["score"] for cell in result["cells"]] for student, result in results.items()}
    assert scores == {"ada": [2.0], "bob": [1.0], "cy": [0.0]}
    assert "Begin a new one." in json.dumps(results["bob"])
    assert command(root, "report").returncode == 0


def test_its_package_is_named_after_the_folder_or_as_its_author_says(tmp_path: Path) -> None:
    new_course(tmp_path / "2nd year: maps!")
    assert (tmp_path / "2nd year: maps!" / "course" / "course_kit" / "__init__.py").is_file()
    new_course(tmp_path / "b", package="map_tools")
    assert 'package="map_tools"' in (tmp_path / "b" / "solutions" / "course.py").read_text(encoding="utf-8")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(CourseError, match="not empty"):
        new_course(tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("package", ["json", "class", "a-b", "größe", "numpy"])
def test_a_package_that_cannot_be_had_is_refused(tmp_path: Path, package: str) -> None:
    with pytest.raises(CourseError, match=package):
        new_course(tmp_path / "new", package=package)
    assert not (tmp_path / "new").exists()


def test_a_package_that_has_got_nothing_from_the_engine_yet_is_no_strangers(tmp_path: Path) -> None:
    new_course(tmp_path / "own", package="not_yet_released")
    shutil.rmtree(tmp_path / "own/course/not_yet_released/checking")
    course = Course(tmp_path / "own")
    folder = tmp_path / "own/course/not_yet_released"
    assert [course.package_folder, course.package_folder] == [folder, folder]
