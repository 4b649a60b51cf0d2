"""The zip for Gradescope: what is in it, and its run_autograder executed on real submissions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from documented import check

from autograder.demo import make_demo_class
from autograder.export import export
from autograder.export.gradescope import __main__ as gradescope
from autograder.export.gradescope.results import results
from autograder.export.gradescope.submission_user import submission_user
from autograder.grading.by_hand import grade_notebook
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.setting import Setting
from autograder.hidden_tests.runner import HiddenTestError
from autograder.report.gradebook import Gradebook
from autograder.report.scores import as_assignment, from_result
from autograder.sandbox import Limits, SandboxDied

ROOT = Path(__file__).resolve().parents[2]
STAGE = "03_scaled_dot_product_attention"
WRITTEN = 3.0  # points of the stage that people grade


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A class folder with the real project and the demo class."""
    folder = tmp_path_factory.mktemp("class")
    for path in ROOT.iterdir():
        if path.name not in ("classroom", ".git", ".venv") and not path.name.endswith("_cache"):
            (folder / path.name).symlink_to(path)
    classroom = Classroom(folder)
    make_demo_class(classroom, STAGE)
    return classroom


@pytest.fixture(scope="module")
def image(classroom: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(classroom, "gradescope-image", tmp_path_factory.mktemp("zip") / "autograder.zip", STAGE)


@pytest.fixture(scope="module")
def source(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Gradescope unpacks it."""
    folder = tmp_path_factory.mktemp("autograder") / "source"
    with zipfile.ZipFile(image) as archive:
        archive.extractall(folder)
    return folder


def student(classroom: Classroom, word: str) -> Path:
    entries = json.loads((classroom.folder / "demo.json").read_text())[STAGE]
    (found,) = (student for student, entry in entries.items() if word in entry["what"])
    return classroom.submission(found, STAGE)


def run(
    source: Path, submission: Path, where: Path, path: str = os.environ["PATH"], user: str = "submission"
) -> subprocess.CompletedProcess[str]:
    """Execute run_autograder as Gradescope does, with the folders elsewhere and nothing of this checkout in sight."""
    environment = {
        "PATH": path,
        "HOME": str(where),
        "AUTOGRADER_SOURCE": str(source),
        "AUTOGRADER_SUBMISSION": str(submission),
        "AUTOGRADER_RESULTS": str(where / "results.json"),
        "AUTOGRADER_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(source), str(source / "course")]),
        "OMP_NUM_THREADS": "1",
        "AUTOGRADER_USER": user,
    }
    script = ["/bin/bash", str(source / "run_autograder")]
    return subprocess.run(script, env=environment, cwd=where, capture_output=True, text=True, timeout=300)


def read(where: Path) -> dict[str, Any]:
    found = json.loads((where / "results.json").read_text())
    check(found)
    return found


def trusting(source: Path, tmp_path: Path) -> Path:
    """The zip as --trust-submissions makes it."""
    copy = shutil.copytree(source, tmp_path / "source")
    settings = json.loads((copy / "gradescope.json").read_text())
    (copy / "gradescope.json").write_text(json.dumps(settings | {"trust_submissions": True}))
    return copy


def test_the_scripts_lie_at_the_root_and_can_be_executed(image: Path) -> None:
    with zipfile.ZipFile(image) as archive:
        for name in ("setup.sh", "run_autograder"):
            entry = archive.getinfo(name)
            assert entry.external_attr >> 16 & 0o111 == 0o111
            assert archive.read(name).startswith(b"#!/usr/bin/env bash\n")


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(source: Path, name: str) -> None:
    subprocess.run(["bash", "-n", str(source / name)], check=True, timeout=30)


def test_the_zip_holds_the_project_and_one_stage_without_solutions(source: Path, classroom: Classroom) -> None:
    inside = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    of_the_stage = ("hidden_tests.py", "scenarios.py", "by_hand.py", "answers/attention.py")
    assert {f"solutions/{STAGE}/{name}" for name in of_the_stage} <= inside
    of_the_course = ("course.py", "recording.py", "draws.py", "fetch.py", "heldout/asking.py")
    assert {f"solutions/{name}" for name in of_the_course} <= inside
    assert f"course/{STAGE}/{STAGE}.ipynb" in inside
    # All that pip looks for in the two packages.
    assert {"pyproject.toml", "README.md", "LICENSE", "constraints.txt"} <= inside
    assert {"course/pyproject.toml", "course/README.md"} <= inside
    others = [name for name in inside if (found := re.search(r"^solutions/(\d\d)_", name)) and found[1] != "03"]
    assert not others
    # Neither the solution nor what makes a class up.
    assert not [name for name in inside if re.search(rf"^solutions/{STAGE}/({STAGE}\.|demo/)", name)]
    assert not [name for name in inside if re.search(r"^(tests|benchmarks)/|__pycache__|/\.ipynb", name)]
    assert {name for name in inside if name.startswith("classroom/")} == {"classroom/.secret"}
    assert (source / "classroom" / ".secret").read_text() == (classroom.folder / ".secret").read_text()


def test_the_same_project_makes_the_same_zip(image: Path, classroom: Classroom, tmp_path: Path) -> None:
    again = export(classroom, "gradescope-image", tmp_path / "a.zip", STAGE)
    assert again.read_bytes() == image.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_the_zip_takes_the_classs_limits_along(classroom: Classroom, tmp_path: Path) -> None:
    limits = classroom.root / "limits.toml"
    limits.write_text(f"[default]\ncores = 2\n[{STAGE}]\ncall_seconds = 9\n[01_tokenization]\ncores = 3\n")
    packed = export(classroom, "gradescope-image", tmp_path / "a.zip", STAGE)
    expected = classroom.limits(STAGE)
    limits.unlink()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "source")
    assert expected == Limits(cores=2, call_seconds=9.0)
    assert Classroom(tmp_path / "source").limits(STAGE) == expected


def test_the_zip_takes_along_which_packages_are_to_be_installed(classroom: Classroom, tmp_path: Path) -> None:
    limits = classroom.root / "limits.toml"
    limits.write_text('[default]\npackages = ["sympy"]\n')
    packed = export(classroom, "gradescope-image", tmp_path / "a.zip", STAGE)
    expected = classroom.packages(STAGE)
    limits.unlink()
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "source")
        assert archive.read("packages.txt").decode() == f"sympy=={expected['sympy']}"
        assert "-r packages.txt" in archive.read("setup.sh").decode()
    assert Classroom(tmp_path / "source").packages(STAGE) == expected


@pytest.mark.slow
def test_run_autograder_grades_as_the_class_is_graded(source: Path, classroom: Classroom, tmp_path: Path) -> None:
    submission = student(classroom, "masks_query_rows")
    done = run(source, submission, tmp_path)
    assert done.returncode == 0, done.stderr
    found = read(tmp_path)
    graded = grade_notebook(Setting(classroom, STAGE), submission / f"{STAGE}.ipynb")
    here = from_result({"student": "ada", "assignment": STAGE, **graded.to_json()}, Gradebook())
    assert found == results(as_assignment(classroom, STAGE, {"ada": here}), here)
    padding = next(test for test in found["tests"] if "padded tokens get no attention" in test["name"])
    assert (padding["status"], padding["score"]) == ("failed", 0.0)
    assert "hides the padded queries" in padding["output"]
    assert done.stdout == f"{STAGE}: {found['score']:g} points, graded.\n"


@pytest.mark.slow
def test_a_trusting_zip_uses_the_sandbox_where_it_can(source: Path, classroom: Classroom, tmp_path: Path) -> None:
    done = run(trusting(source, tmp_path), student(classroom, "The file renamed"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No sandbox" not in done.stdout
    found = read(tmp_path)
    full = sum(test.get("max_score", 0) for test in found["tests"])
    assert found["score"] == full == 18.0 - WRITTEN
    assert "homework final (2).ipynb" in found["output"]


@pytest.mark.slow
def test_an_empty_submission_has_results_too(source: Path, tmp_path: Path) -> None:
    (tmp_path / "submission").mkdir()
    done = run(source, tmp_path / "submission", tmp_path)
    assert done.returncode == 0, done.stderr
    found = read(tmp_path)
    assert found["score"] == 0
    assert "There is no notebook" in found["output"]


@pytest.mark.slow
def test_without_a_sandbox_nothing_is_graded(source: Path, classroom: Classroom, tmp_path: Path) -> None:
    done = run(source, student(classroom, "The solution"), tmp_path, path="/nowhere")
    assert done.returncode == 1
    assert "--trust-submissions" in done.stderr
    assert not (tmp_path / "results.json").exists()


@pytest.mark.slow
def test_without_a_sandbox_a_trusting_zip_grades_all_the_same(
    source: Path, classroom: Classroom, tmp_path: Path
) -> None:
    done = run(trusting(source, tmp_path), student(classroom, "The solution"), tmp_path, path="/nowhere")
    assert done.returncode == 0, done.stderr
    assert "No sandbox" in done.stdout
    assert read(tmp_path)["score"] == 18.0 - WRITTEN


FORGER = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for _ in range(3000):
            for path, text in ((RESULTS, '{"score": 999}'), (MARK, str(time.time()))):
                try:
                    with open(path + str(os.getpid()), "w") as file:
                        file.write(text)
                    os.replace(path + str(os.getpid()), path)
                except OSError:
                    pass
            time.sleep(0.02)
    os._exit(0)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can get at: pytest's own are for one."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["nobody", "a user that is not there"])
def test_a_process_that_detaches_itself_writes_no_results(
    source: Path, classroom: Classroom, open_folder: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AUTOGRADER_USER", user)
        if user == "nobody" and submission_user() is None:
            pytest.skip("only root can run it as another user, who must be able to start this Python")
    zipped, handed_in = trusting(source, open_folder), open_folder / "submission"
    where, marks = open_folder / "results", open_folder / "marks"
    for folder in (where, marks):
        folder.mkdir()
        folder.chmod(0o777)
    shutil.copytree(student(classroom, "The solution"), handed_in)
    (path,) = handed_in.glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    forger = FORGER.replace("RESULTS", repr(str(where / "results.json"))).replace("MARK", repr(str(marks / "mark")))
    answer = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    answer.source += forger
    nbformat.write(notebook, path)

    done = run(zipped, handed_in, where, path="/nowhere", user=user)
    assert done.returncode == 0, done.stderr
    written, last = (where / "results.json").read_text(), (marks / "mark").read_text()
    time.sleep(0.5)
    assert (marks / "mark").read_text() == last
    assert (where / "results.json").read_text() == written
    found = read(where)
    assert found["score"] == 18.0 - WRITTEN
    (told,) = (test for test in found["tests"] if "For instructors" in test["name"])
    assert told["visibility"] == "hidden"
    assert "grades can be forged" in told["output"]
    if user == "nobody":
        assert where.stat().st_mode & 0o777 == 0o700
        assert (zipped / "autograder/hidden_tests").stat().st_mode & 0o777 == 0o700
        assert (marks / "mark").owner() == "nobody"


END_ALL = """
import subprocess, sys
from pathlib import Path
from autograder.export.gradescope.submission_user import end_all, keep_to_ourselves

closed = Path(sys.argv[1])
keep_to_ourselves(closed, closed.with_name("missing"))
script = f"echo 999 > {closed}/results.json; exec sleep 300"
alone = {"start_new_session": True, "stderr": subprocess.DEVNULL}
detached = [subprocess.Popen(["sh", "-c", script], user="nobody", **alone) for _ in range(3)]
end_all("nobody")
for process in detached:
    process.wait(5)  # over, though perhaps not yet asked how
print(list(closed.iterdir()))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of another user")
def test_nothing_of_the_user_is_left_and_our_folders_are_closed_to_him(open_folder: Path) -> None:
    closed = open_folder / "results"
    closed.mkdir()
    closed.chmod(0o777)
    # Among processes of its own: it ends all of this user's, and all that were started from here.
    alone = ["unshare", "--pid", "--fork", "--mount-proc"]
    done = subprocess.run([*alone, sys.executable, "-c", END_ALL, str(closed)], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.slow
def test_messages_name_no_folder_of_the_grader(source: Path, classroom: Classroom, open_folder: Path) -> None:
    zipped, handed_in = trusting(source, open_folder), open_folder / "submission"
    shutil.copytree(student(classroom, "The solution"), handed_in)
    (path,) = handed_in.glob("*.ipynb")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "norms_answer":
            slip = "\n    from coursekit.checks import no_such_name\n    return "
            cell.source = cell.source.replace("\n    return ", slip)
    nbformat.write(notebook, path)
    done = run(zipped, handed_in, open_folder, path="/nowhere")
    assert done.returncode == 0, done.stderr
    text = json.dumps(read(open_folder))
    assert "no_such_name" in text
    assert str(zipped) not in text
    assert sys.prefix not in text


def test_a_sandbox_that_was_ended_is_no_grade(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(setting: Setting, path: Path) -> None:
        raise SandboxDied("The sandbox was ended.")

    monkeypatch.chdir(source)
    monkeypatch.setattr(gradescope, "grade_notebook", ended)
    assert gradescope.main([str(tmp_path), str(tmp_path / "results.json")]) == 1
    assert capsys.readouterr().err == "autograder: The sandbox was ended.\n"
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"assignment": 3, "trust_submissions": true}'])
def test_damaged_settings_are_said_plainly(source: Path, tmp_path: Path, text: str) -> None:
    from autograder.export.gradescope.__main__ import _settings

    path = tmp_path / "gradescope.json"
    path.write_text(text)
    with pytest.raises(ClassroomError, match=r"gradescope\.json is missing or damaged: export the zip again"):
        _settings(path)
    path.write_text('{"assignment": "03", "trust_submissions": true, "visibility": "always"}')
    with pytest.raises(ClassroomError, match="visibility must be one of hidden, after_due_date"):
        _settings(path)


def test_trust_is_written_into_the_zip_only_where_it_is_said(image: Path, classroom: Classroom, tmp_path: Path) -> None:
    for trust, path in ((False, image), (True, tmp_path / "a.zip")):
        if trust:
            export(classroom, "gradescope-image", path, STAGE, trust=True)
        with zipfile.ZipFile(path) as archive:
            assert json.loads(archive.read("gradescope.json")) == {
                "assignment": STAGE,
                "trust_submissions": trust,
                "visibility": "after_published",
            }


def test_a_stage_without_hidden_tests_makes_no_zip(tmp_path: Path) -> None:
    folder = Classroom(tmp_path).release_folder("09_nothing")
    folder.mkdir(parents=True)
    (folder / "09_nothing.ipynb").touch()
    with pytest.raises(HiddenTestError, match="09_nothing"):
        export(Classroom(tmp_path), "gradescope-image", tmp_path / "a.zip", "09_nothing")


def test_half_a_project_makes_no_zip(tmp_path: Path) -> None:
    folder = Classroom(tmp_path).release_folder(STAGE)
    folder.mkdir(parents=True)
    (folder / f"{STAGE}.ipynb").touch()
    tests = tmp_path / "solutions" / STAGE / "hidden_tests.py"
    tests.parent.mkdir(parents=True)
    tests.touch()
    with pytest.raises(ClassroomError, match=r"nbgrader_config\.py is missing"):
        export(Classroom(tmp_path), "gradescope-image", tmp_path / "a.zip", STAGE)
    assert not list(tmp_path.glob("a.zip*"))
