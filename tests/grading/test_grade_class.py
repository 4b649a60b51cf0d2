"""A small class: what is graded again and what is kept, and what can go wrong around it."""

from __future__ import annotations

import csv
import datetime
import errno
import fcntl
import importlib.metadata
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classes import LIMITS, STAGE, change_release, new_classroom, own_copy
from nbgrader.api import Gradebook
from whole_course import COURSE

from autograder import cli
from autograder.course import Stage
from autograder.grading import grade as grading
from autograder.grading import grade_class as module
from autograder.grading import gradebook
from autograder.grading.by_hand import grade_notebook
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.grade_class import grade_class
from autograder.grading.setting import Setting
from autograder.hidden_tests import runner
from autograder.report.scores import read_scores
from autograder.sandbox import Limits, Parts, Process, Worker

pytestmark = pytest.mark.slow


def scores(classroom: Classroom) -> dict[str, dict[str, float | None]]:
    with Gradebook(classroom.gradebook_url) as book:
        return {
            submission.student.id: {grade.name: grade.auto_score for grade in submission.notebooks[0].grades}
            for submission in book.assignment_submissions(STAGE)
        }


def grade(classroom: Classroom, **options: Any) -> str:
    return str(grade_class(classroom, STAGE, limits=LIMITS, **options))


def notebook(classroom: Classroom, student: str) -> Path:
    return classroom.submission(student, STAGE) / f"{STAGE}.ipynb"


def test_a_second_run_grades_nothing_and_a_change_only_itself(small: Classroom) -> None:
    assert grade(small) == "3 graded, 0 from the cache, 0 unchanged"
    before = scores(small)
    assert sum(score or 0 for score in before["ada"].values()) == 15
    assert sum(score or 0 for score in before["bob"].values()) == 0
    assert grade(small) == "0 graded, 0 from the cache, 3 unchanged"

    shutil.copy(notebook(small, "ada"), notebook(small, "bob"))
    assert grade(small) == "0 graded, 1 from the cache, 2 unchanged"
    after = scores(small)
    assert after["bob"] == before["ada"]
    assert {name: after[name] for name in ("ada", "cy")} == {name: before[name] for name in ("ada", "cy")}


def test_a_lost_gradebook_is_written_again_without_grading(small: Classroom) -> None:
    grade(small)
    before = scores(small)
    (small.folder / "gradebook.db").unlink()
    assert grade(small) == "0 graded, 3 from the cache, 0 unchanged"
    assert scores(small) == before


def test_what_a_person_graded_survives_a_regrade(small: Classroom) -> None:
    grade(small)
    with Gradebook(small.gradebook_url) as book:
        given = book.find_grade("no_scale", STAGE, STAGE, "ada")
        given.manual_score, given.needs_manual_grade = 1.5, False
        book.find_comment("no_scale", STAGE, STAGE, "ada").manual_comment = "Nearly."
        changed = book.find_grade("norms", STAGE, STAGE, "cy")
        changed.manual_score = 0.25
        book.db.commit()
    assert grade(small, force=True) == "3 graded, 0 from the cache, 0 unchanged"
    with Gradebook(small.gradebook_url) as book:
        assert book.find_grade("no_scale", STAGE, STAGE, "ada").score == 1.5
        assert book.find_comment("no_scale", STAGE, STAGE, "ada").comment == "Nearly."
        assert book.find_grade("norms", STAGE, STAGE, "cy").score == 0.25


def test_a_new_written_answer_waits_for_its_own_mark(small: Classroom) -> None:
    grade(small)
    with Gradebook(small.gradebook_url) as book:
        given = book.find_grade("no_scale", STAGE, STAGE, "ada")
        given.manual_score, given.needs_manual_grade = 1.5, False
        book.db.commit()
    handed_in = notebook(small, "ada").read_text()
    changed = nbformat.reads(handed_in, as_version=4)
    (answer,) = (cell for cell in changed.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "no_scale")
    answer.source = "I have thought again: it saturates."

    def shown() -> tuple[float | None, bool]:
        (assignment,) = read_scores(small)
        (ada,) = (submission for submission in assignment.submissions if submission.student == "ada")
        with Gradebook(small.gradebook_url) as book:
            needs = book.find_grade("no_scale", STAGE, STAGE, "ada").needs_manual_grade
        return ada.cells["no_scale"].score, needs

    assert shown() == (1.5, False)
    for regrade in (
        lambda: grade(small),
        lambda: run_nbgrader(small, "autograde", STAGE, "--student", "ada", "--force"),
    ):
        nbformat.write(changed, notebook(small, "ada"))
        regrade()
        assert shown() == (None, True)
        notebook(small, "ada").write_text(handed_in)
        regrade()
        assert shown() == (1.5, False)
    (small.folder / "gradebook.db").unlink()
    assert grade_class(small, STAGE, limits=LIMITS).put_back == {"ada"}
    assert shown() == (1.5, False)


def test_stock_nbgrader_gives_the_same_scores_and_comments(small: Classroom, tmp_path: Path) -> None:
    grade(small)
    ours = scores(small)
    comments = _comments(small)
    shutil.rmtree(small.autograded)
    shutil.rmtree(small.cache)
    for command in (
        ["db", "assignment", "remove", STAGE, "--force"],
        ["generate_assignment", STAGE, "--create", "--force", "--CourseDirectory.release_directory=stock_release"],
        ["autograde", STAGE],
        ["generate_feedback", STAGE],
        ["export"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command], cwd=small.root, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert scores(small) == ours
    assert _comments(small) == comments
    page = (small.feedback / "cy" / STAGE / f"{STAGE}.html").read_text()
    lost = next(comment for comment in comments["cy"].values() if comment and comment != "No response.")
    assert lost.split(": ", 1)[1][:40] in page
    assert "ada" in (small.folder / "nbgrader-grades.csv").read_text()
    assert not (small.root / "grades.csv").exists()


def test_penalties_follow_due_date_and_extension_as_nbgraders_own_do(small: Classroom) -> None:
    for student, day in (("ada", 3), ("bob", 4), ("cy", 5)):
        (small.submission(student, STAGE) / "timestamp.txt").write_text(f"2026-02-0{day} 00:00:00 UTC")
    assert grade(small) == "3 graded, 0 from the cache, 0 unchanged"
    with (small.root / "nbgrader_config.py").open("a") as config:
        config.write("\nget_config().LateSubmissionPlugin.penalty_method = 'zero'\n")

    def penalties() -> dict[str, float]:
        with Gradebook(small.gradebook_url) as book:
            found = book.assignment_submissions(STAGE)
            return {submission.student.id: submission.late_submission_penalty for submission in found}

    def ours_and_nbgraders() -> tuple[dict[str, float], dict[str, float]]:
        assert grade(small) == "0 graded, 0 from the cache, 3 unchanged"
        ours = penalties()
        command = [sys.executable, "-m", "nbgrader", "autograde", STAGE, "--force"]
        done = subprocess.run(command, cwd=small.root, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        return ours, penalties()

    with Gradebook(small.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 4)
        book.db.commit()
    ours, nbgraders = ours_and_nbgraders()
    assert ours == nbgraders
    assert ours["ada"] == ours["bob"] == 0 < ours["cy"]
    with Gradebook(small.gradebook_url) as book:
        book.find_assignment(STAGE).duedate = datetime.datetime(2026, 2, 2)
        book.find_submission(STAGE, "cy").extension = datetime.timedelta(days=3)
        book.db.commit()
    told = grade_class(small, STAGE, limits=LIMITS, dry_run=True).penalties
    assert [(change.student, change.after) for change in told] == [("ada", 15.0), ("cy", None)]
    ours, nbgraders = ours_and_nbgraders()
    assert ours == nbgraders == {"ada": 15.0, "bob": 0.0, "cy": 0.0}


def test_nbgraders_own_autograde_works_in_a_fresh_clone(small: Classroom) -> None:
    assert not small.folder.joinpath("gradebook.db").exists()
    said = run_nbgrader(small, "autograde", STAGE)
    assert "WARNING" not in said
    assert "ERROR" not in said
    found = scores(small)
    assert sum(score or 0 for score in found["ada"].values()) == 15
    assert "MARK SCHEME" in (small.autograded / "ada" / STAGE / f"{STAGE}.ipynb").read_text()
    grade(small)
    assert scores(small) == found


def test_what_keeps_nbgraders_own_autograde_from_it_is_a_sentence(small: Classroom) -> None:
    (small.root / "solutions").unlink()
    command = [sys.executable, "-m", "nbgrader", "autograde", STAGE]
    done = subprocess.run(command, cwd=small.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert f"solutions/{STAGE}/{STAGE}.ipynb is missing" in done.stderr
    assert "Traceback" not in done.stderr


@dataclass
class OwnTests:
    """A copy of what the stage has, whose hidden tests are then those that are run."""

    folder: Path

    @property
    def text(self) -> str:
        return (self.folder / "hidden_tests.py").read_text()

    def rewrite(self, text: str) -> None:
        (self.folder / "hidden_tests.py").write_text(text)
        self.forget()

    def forget(self) -> None:
        for name, imported in list(sys.modules.items()):  # the next command would be another process
            if (getattr(imported, "__file__", None) or "").startswith(str(self.folder)):
                del sys.modules[name]
        runner._collected.cache_clear()


@pytest.fixture
def tests(small: Classroom) -> Iterator[OwnTests]:
    own = OwnTests(own_copy(small, "solutions", STAGE))
    yield own
    own.forget()


def test_points_that_differ_from_those_of_the_hidden_tests_stop_grading(small: Classroom) -> None:
    def one_more(cell: dict[str, Any]) -> None:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "norms":
            cell["metadata"]["nbgrader"]["points"] += 1

    change_release(small, one_more)
    with pytest.raises(ClassroomError) as told:
        grade(Classroom(small.root))
    assert str(told.value) == (
        f"{small.root}/course/{STAGE}/{STAGE}.ipynb: The grade cell norms has 2 points, and its hidden tests in "
        f"solutions/{STAGE}/hidden_tests.py have 1 point: make them the same. Then `make release`, and grade again."
    )
    assert not small.results.exists()
    command = [sys.executable, "-m", "nbgrader", "autograde", STAGE]
    done = subprocess.run(command, cwd=small.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert str(told.value) in done.stderr
    assert "Traceback" not in done.stderr


def test_points_that_changed_after_grading_are_the_same_everywhere(small: Classroom, tests: OwnTests) -> None:
    grade(small)
    tests.rewrite(tests.text.replace('@points("norms", 0.5)', '@points("norms", 1.50)'))
    run_nbgrader(small, "generate_feedback", STAGE)

    def two_more(cell: dict[str, Any]) -> None:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "norms":
            cell["metadata"]["nbgrader"]["points"] += 2

    change_release(small, two_more)
    small = Classroom(small.root)
    assert grade(small) == "3 graded, 0 from the cache, 0 unchanged"
    run_nbgrader(small, "generate_feedback", STAGE)
    run_nbgrader(small, "export", "--to", str(small.root / "exported.csv"))
    with open(small.root / "exported.csv", newline="") as file:
        exported = {row["student_id"]: row for row in csv.DictReader(file)}
    (assignment,) = read_scores(small)
    with Gradebook(small.gradebook_url) as book:
        assert book.find_assignment(STAGE).max_score == assignment.max_score == 20
        for submission in assignment.submissions:
            found = book.find_submission(STAGE, submission.student)
            row = exported[submission.student]
            assert found.score == submission.total == float(row["score"])
            assert found.max_score == float(row["max_score"]) == 20
    page = (small.feedback / "ada" / STAGE / f"{STAGE}.html").read_text()
    assert "17.0 / 20.0" in page
    result = small.result("ada", STAGE)
    assert result is not None
    (norms,) = (cell for cell in result["cells"] if cell["grade_id"] == "norms")
    assert f"{norms['score']} / {norms['max_score']}" in page


def run_nbgrader(classroom: Classroom, *arguments: str) -> str:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def _comments(classroom: Classroom) -> dict[str, dict[str, str | None]]:
    with Gradebook(classroom.gradebook_url) as book:
        return {
            submission.student.id: {note.name: note.auto_comment for note in submission.notebooks[0].comments}
            for submission in book.assignment_submissions(STAGE)
        }


def test_a_mark_scheme_is_there_for_whoever_grades_and_not_for_students(small: Classroom) -> None:
    grade(small, students=["ada"])
    released = (small.root / "course" / STAGE / f"{STAGE}.ipynb").read_text()
    graded = (small.autograded / "ada" / STAGE / f"{STAGE}.ipynb").read_text()
    assert "MARK SCHEME" not in released
    assert "MARK SCHEME" in graded


def test_one_notebook_can_be_looked_into_by_hand(small: Classroom) -> None:
    file = COURSE.stage(STAGE).hidden_tests
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(file), "--submission"]
    right = subprocess.run([*command, notebook(small, "ada")], cwd=small.root, capture_output=True, text=True)
    assert right.returncode == 0, right.stdout[-2000:]
    wrong = subprocess.run([*command, notebook(small, "cy")], cwd=small.root, capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "Told:" in wrong.stdout


def test_an_empty_folder_and_a_text_file_are_told_and_everybody_else_is_graded(small: Classroom) -> None:
    notebook(small, "bob").unlink()
    notebook(small, "cy").write_text("I could not open Jupyter, here is my answer: 42")
    assert grade(small) == "3 graded, 0 from the cache, 0 unchanged"
    assert sum(score or 0 for score in scores(small)["ada"].values()) == 15
    for student in ("bob", "cy"):
        assert set(scores(small)[student].values()) == {0}
        result = small.result(student, STAGE)
        assert result is not None
        assert result["status"] == "not readable"
        assert "hand in" in " ".join(result["repairs"]).lower()


def test_a_full_disk_fails_one_submission_and_is_told(small: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    write = module.write_whole

    def write_until_full(path: Path, text: str) -> None:
        if "cy" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, text)

    monkeypatch.setattr(module, "write_whole", write_until_full)
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert summary.graded == 2
    [(student, sentence)] = summary.failed
    assert student == "cy"
    assert "No space left on device" in sentence
    assert "run the same command again" in sentence
    monkeypatch.undo()
    assert grade(small) == "0 graded, 1 from the cache, 2 unchanged"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_loses_nothing(small: Classroom, tmp_path_factory: pytest.TempPathFactory) -> None:
    grade(small, students=["ada"])
    kept = scores(small)["ada"]
    used = sum(path.stat().st_size for path in small.folder.rglob("*") if path.is_file())
    disk = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={used + 150_000}", "tmpfs", disk], check=True)
    try:
        shutil.copytree(small.folder, disk, dirs_exist_ok=True)
        shutil.rmtree(small.folder)
        small.folder.symlink_to(disk)
        (disk / "ballast").write_bytes(b"\0" * max(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 8192, 0))
        code, said = run_cli(small, "grade", STAGE)
        assert code == 1
        assert "No space left on device" in said or "disk is full" in said
        assert "Traceback" not in said
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        code, said = run_cli(small, "grade", STAGE)
        assert code == 0, said
        assert scores(small)["ada"] == kept
        assert set(scores(small)) == {"ada", "bob", "cy"}
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def run_cli(classroom: Classroom, *arguments: str, **environment: str) -> tuple[int, str]:
    command = [sys.executable, "-c", "import sys; from autograder.cli import main; sys.exit(main())", *arguments]
    done = subprocess.run(
        command, cwd=classroom.root, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )
    return done.returncode, done.stdout + done.stderr


def test_plots_are_drawn_when_asked_for(small: Classroom) -> None:
    grade(small, students=["ada"])
    without = (small.autograded / "ada" / STAGE / f"{STAGE}.ipynb").read_text()
    grade(small, students=["ada"], run_look=True)
    drawn = (small.autograded / "ada" / STAGE / f"{STAGE}.ipynb").read_text()
    assert without.count("image/png") == 0
    assert drawn.count("image/png") >= 5
    assert sum(score or 0 for score in scores(small)["ada"].values()) == 15


def test_a_submission_that_changes_while_it_waits_is_told(small: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    load = module.Setting.load

    def load_and_change(setting: Any, student: str, *rest: Any) -> Any:
        submitted = load(setting, student, *rest)
        if student == "cy":
            notebook(small, "cy").write_text("something else")
        return submitted

    monkeypatch.setattr(module.Setting, "load", load_and_change)
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert summary.graded == 2
    assert summary.failed == [("cy", "The submission changed while it was being graded; run the same command again.")]


def test_a_fault_of_the_grader_costs_nobody_else_anything(small: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_on = grading.notes_on

    def fails_at_the_solution(stage: Stage, sources: list[str], results: list[Any], *rest: Any) -> Any:
        if sum(result.earned for result in results) == 15:
            raise RecursionError("too deep")
        return notes_on(stage, sources, results, *rest)

    monkeypatch.setattr(grading, "notes_on", fails_at_the_solution)
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert summary.failed == [
        ("ada", "The grader has a fault of its own, which came out here: RecursionError: too deep")
    ]
    assert set(scores(small)) == {"bob", "cy"}


def test_a_result_that_cannot_be_written_costs_nobody_else_anything(
    small: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    comments_of = gradebook.comments_of

    def odd_for_bob(graded: Any) -> dict[str, Any]:
        comments = comments_of(graded)
        nothing_done = {comment for comment in comments.values() if comment} == {gradebook.NO_RESPONSE}
        return {name: ["no text"] for name in comments} if nothing_done else comments

    with monkeypatch.context() as patch:
        patch.setattr(gradebook, "comments_of", odd_for_bob)  # the last of the rows that are added
        summary = grade_class(small, STAGE, limits=LIMITS)
    [(student, told)] = summary.failed
    assert student == "bob"
    assert told.startswith("The result could not be written: ")
    assert "\n" not in told
    assert set(scores(small)) == {"ada", "cy"}
    again = grade_class(small, STAGE, limits=LIMITS)
    assert (again.graded, again.from_cache, again.unchanged) == (0, 1, 2)
    assert set(scores(small)) == {"ada", "bob", "cy"}


@pytest.mark.parametrize("when", ["perform", "run"])
def test_a_sandbox_that_is_ended_from_outside_costs_nobody_anything(
    small: Classroom, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    grade(small)
    undisturbed = scores(small)
    (small.folder / "gradebook.db").unlink()
    shutil.rmtree(small.results)
    shutil.rmtree(small.cache)
    left = killed_at(monkeypatch, when, {7})
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert not left
    assert (summary.graded, summary.failed) == (3, [])
    assert scores(small) == undisturbed


def test_a_sandbox_that_is_ended_again_and_again_leaves_no_score(
    small: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(monkeypatch, "perform", set(range(10_000)))
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert sorted(student for student, _ in summary.failed) == ["ada", "bob", "cy"]
    assert all(said.startswith("The sandbox was ended from outside") for _, said in summary.failed)
    assert scores(small) == {}


def killed_at(monkeypatch: pytest.MonkeyPatch, method: str, numbers: set[int]) -> set[int]:
    """Kill the warm interpreter before the calls of these numbers. Returns the numbers that have not come yet."""
    opened: list[Worker] = []
    left = set(numbers)
    count = itertools.count()
    opens, does = Worker.open, getattr(Process, method)

    def noted(worker: Worker, parts: Parts, *rest: Any) -> Process:
        opened.append(worker)
        return opens(worker, parts, *rest)

    def killing(process: Process, *rest: Any) -> Any:
        if (number := next(count)) in left:
            left.remove(number)
            opened[-1].interpreters[-1].kill()
        return does(process, *rest)

    monkeypatch.setattr(Worker, "open", noted)
    monkeypatch.setattr(Process, method, killing)
    return left


def test_the_report_is_a_command(small: Classroom) -> None:
    grade(small)
    code, said = run_cli(small, "report")
    assert code == 0, said
    assert "<html" in (small.folder / "report.html").read_text()
    assert (small.folder / "grades.csv").read_text().count("\n") == 1 + 3 * 10


def test_an_assignment_that_does_not_exist_is_a_sentence(small: Classroom) -> None:
    code, said = run_cli(small, "grade", "03_scaled_dot_produkt_attention")
    assert code == 1
    assert f"Did you mean {STAGE}?" in said
    assert "Traceback" not in said


def test_a_missing_bubblewrap_is_a_sentence(small: Classroom, tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "alembic").symlink_to(Path(sys.executable).parent / "alembic")
    code, said = run_cli(small, "grade", STAGE, PATH=str(bin_folder))
    assert code == 1
    assert "apt-get install bubblewrap" in said
    assert "Traceback" not in said
    code, said = run_cli(small, "grade", STAGE, "--trust-submissions", PATH=str(bin_folder))
    assert code == 0, said
    assert "3 graded" in said


def test_outside_of_a_course_it_says_where_to_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.chdir(tmp_path)
    try:
        assert cli.main(["grade", STAGE]) == 1
    finally:
        os.chdir(Path(__file__).parent)
    assert "change to the course's folder" in capsys.readouterr().err


def test_nobody_handed_in(tmp_path: Path) -> None:
    with pytest.raises(ClassroomError, match="Nobody handed in"):
        grade(new_classroom(tmp_path))


def test_an_unknown_student_is_named(small: Classroom) -> None:
    with pytest.raises(ClassroomError, match="zoe handed in nothing"):
        grade(small, students=["ada", "zoe"])


def test_two_runs_at_once_are_refused(small: Classroom) -> None:
    with open(small.folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ClassroomError, match="Another grading run"):
            grade(small)


def test_a_damaged_cache_is_no_harm(small: Classroom) -> None:
    grade(small, students=["ada"])
    for path in small.cache.rglob("*.json"):
        path.write_text(path.read_text()[:100])
    shutil.rmtree(small.results)
    assert grade(small, students=["ada"]) == "1 graded, 0 from the cache, 0 unchanged"


def test_other_seeds_give_the_same_scores(small: Classroom) -> None:
    seen = []
    for secret in ("one", "two", "three"):
        (small.folder / ".secret").write_text(secret)
        grade(small)
        seen.append(scores(small))
    assert seen[0] == seen[1] == seen[2]
    seeds = {json.loads(path.read_text())["seed"] for path in small.cache.rglob("*.json")}
    assert len(seeds) == 9


def test_a_dry_run_shows_what_would_change_and_writes_nothing(small: Classroom) -> None:
    grade_class(small, STAGE, limits=LIMITS)
    solved = notebook(small, "ada").read_bytes()
    notebook(small, "bob").write_bytes(solved)
    before = {path: path.read_bytes() for path in small.results.rglob("*.json")}
    book = (small.folder / "gradebook.db").read_bytes()
    summary = grade_class(small, STAGE, limits=LIMITS, dry_run=True)
    told = {(change.student, change.grade_id, change.before, change.after) for change in summary.changes}
    assert ("bob", "scaled_dot_product", 0.0, 6.0) in told
    assert {student for student, *_ in told} == {"bob"}
    assert {path: path.read_bytes() for path in small.results.rglob("*.json")} == before
    assert (small.folder / "gradebook.db").read_bytes() == book
    summary = grade_class(small, STAGE, limits=LIMITS)
    assert (summary.graded, summary.from_cache, summary.unchanged) == (0, 1, 2)
    assert grade_class(small, STAGE, limits=LIMITS, dry_run=True).changes == []


def test_limits_are_raised_for_one_assignment(tmp_path: Path) -> None:
    classroom = new_classroom(tmp_path)
    assert classroom.limits(STAGE) == Limits()
    (tmp_path / "limits.toml").write_text(f"[default]\ncores = 2\n\n[{STAGE}]\ncall_seconds = 30\ncores = 4\n")
    assert classroom.limits(STAGE) == Limits(call_seconds=30.0, cores=4)
    assert classroom.limits("01_tokenization") == Limits(cores=2)


def test_a_classs_limits_hold_whatever_grades_it(small: Classroom) -> None:
    path = notebook(small, "ada")
    slow = nbformat.read(path, as_version=4)
    (answer,) = (cell for cell in slow.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "norms_answer")
    answer.source += "\n_quick = norms\ndef norms(beta):\n    import time\n    time.sleep(1.5)\n    return _quick(beta)"
    nbformat.write(slow, path)

    def norms() -> tuple[float, str]:
        cells = grade_notebook(Setting(small, STAGE), path).to_json()["cells"]
        return next((cell["score"], cell["status"]) for cell in cells if cell["grade_id"] == "norms")

    assert norms()[0] > 0
    (small.root / "limits.toml").write_text(f"[{STAGE}]\ncall_seconds = 1\n")
    assert norms() == (0, "timed out")
    grade_class(small, STAGE)
    expected = scores(small)
    assert expected["ada"]["norms"] == 0
    shutil.rmtree(small.cache)
    autograde = [sys.executable, "-m", "nbgrader", "autograde", STAGE, "--student", "ada", "--force"]
    done = subprocess.run(autograde, cwd=small.root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert scores(small) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default]\ncall_secs = 3", "there is no limit 'call_secs'. There are: cell_seconds, call_seconds"),
        ("[default]\ncores = 0", "cores = 0 is not a number above 0"),
        ("[default]\ncores = true", "cores = True is not a number above 0"),
        ("[03_attention]\ncores = 2", "there is no assignment '03_attention'. Use its whole name, or [default]"),
        ("cores", "cannot be read"),
    ],
)
def test_a_limit_that_cannot_be_is_told_with_its_file(tmp_path: Path, text: str, told: str) -> None:
    classroom = new_classroom(tmp_path)
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(ClassroomError) as error:
        classroom.limits(STAGE)
    assert told in str(error.value)
    assert str(tmp_path / "limits.toml") in str(error.value)


def test_a_package_that_is_promised_is_part_of_what_a_grade_depends_on(small: Classroom) -> None:
    before = Setting(small, STAGE).load("ada").key
    (small.root / "limits.toml").write_text('[default]\npackages = ["sympy"]\ncores = 1\n')
    assert small.packages(STAGE) == {"sympy": importlib.metadata.version("sympy")}
    assert small.limits(STAGE) == Limits()
    assert Setting(small, STAGE).load("ada").key != before


def test_a_package_that_is_promised_can_be_used_where_an_exercise_is_done_by_hand(small: Classroom) -> None:
    path = small.submission("ada", STAGE) / f"{STAGE}.ipynb"
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "scaled_dot_product_answer":
            cell.source += "\nimport toolz\nscaled_dot_product = toolz.identity(scaled_dot_product)"
    nbformat.write(notebook, path)

    def score() -> float:
        grade_class(small, STAGE, ["ada"], limits=LIMITS)
        result = small.result("ada", STAGE) or {}
        return next(cell["score"] for cell in result["cells"] if cell["grade_id"] == "scaled_dot_product")

    assert score() == 0
    (small.root / "limits.toml").write_text('[default]\npackages = ["toolz"]\n')
    assert score() == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('packages = ["no-such-package"]', "-m pip install no-such-package`, or take it out."),
        ('packages = "einops"', """packages = 'einops' is not a list of names, as ["einops"] is."""),
        ("packages = [1]", "is not a list of names"),
    ],
)
def test_a_package_that_cannot_be_promised_keeps_grading_from_starting(small: Classroom, text: str, told: str) -> None:
    (small.root / "limits.toml").write_text(f"[{STAGE}]\n{text}\n")
    with pytest.raises(ClassroomError) as error:
        grade_class(small, STAGE)
    assert told in str(error.value)
    assert str(small.root / "limits.toml") in str(error.value)
    assert not small.results.exists()


def left_behind(classroom: Classroom) -> dict[str, Any]:
    """Outputs of the cells of ada's graded notebook, by grade_id or cell id."""
    path = classroom.autograded / "ada" / STAGE / f"{STAGE}.ipynb"
    return {
        cell.metadata.get("nbgrader", {}).get("grade_id", cell.id): (cell.execution_count, cell.outputs)
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    }


def test_a_changed_hidden_test_runs_again_and_no_other(small: Classroom, tests: OwnTests) -> None:
    grade(small)
    before, outputs = scores(small), left_behind(small)
    with Gradebook(small.gradebook_url) as book:
        given = book.find_grade("no_scale", STAGE, STAGE, "ada")
        given.manual_score, given.needs_manual_grade = 1.5, False
        book.db.commit()
    # Whoever ran the tests of `norms` again would find other points than these.
    for path in small.cache.rglob("*.json"):
        result = json.loads(path.read_text())
        next(cell for cell in result["cells"] if cell["grade_id"] == "norms")["score"] = 0.125
        path.write_text(json.dumps(result))
    text = tests.text
    tests.rewrite(text.replace('    """−Σ p ln p."""\n', '    expect(False, "Changed.")\n', 1))
    assert tests.text != text

    preview = grade_class(small, STAGE, limits=LIMITS, dry_run=True)
    told = {(change.student, change.grade_id): change.after for change in preview.changes}
    assert told["ada", "saturation"] == before["ada"]["saturation"] - 0.5
    assert {exercise for _, exercise in told} == {"saturation", "norms"}
    assert scores(small) == before
    assert grade(small) == "0 graded, 3 from the cache, 0 unchanged"
    after = scores(small)
    assert after["ada"] == {**before["ada"], "norms": 0.125, "saturation": before["ada"]["saturation"] - 0.5}
    with Gradebook(small.gradebook_url) as book:
        assert book.find_grade("no_scale", STAGE, STAGE, "ada").score == 1.5
    changed = {name for name, cell in left_behind(small).items() if cell != outputs[name]}
    assert changed == {"saturation", "norms"}

    tests.rewrite(text)
    assert grade(small, force=True) == "3 graded, 0 from the cache, 0 unchanged"
    assert scores(small) == before
