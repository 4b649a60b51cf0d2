"""Grading on a Dask cluster: the same scores as at home, whoever of its parts is killed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from classes import LIMITS, ROOT, STAGE, HandedIn
from dask_cluster import DaskCluster
from distributed import KilledWorker

from autograder.cli import main
from autograder.grading.classroom import Classroom, ClassroomError
from autograder.grading.cluster import Cluster, grade_there
from autograder.grading.grade import ungraded
from autograder.grading.grade_class import grade_class
from autograder.grading.pool import Job
from autograder.grading.setting import Setting
from autograder.repair import repair

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    started = DaskCluster(tmp_path)
    yield started
    started.close()


def scores(classroom: Classroom) -> dict[str, Any]:
    kept = ("grade_id", "score", "status", "tests")
    return {
        result["student"]: [{name: cell[name] for name in kept} for cell in result["cells"]]
        for result in classroom.all_results()
    }


@pytest.fixture(scope="module")
def at_home(tmp_path_factory: pytest.TempPathFactory, handed_in: HandedIn) -> Classroom:
    """Eight of the demo class, graded on this machine."""
    classroom = eight(tmp_path_factory.mktemp("home"), handed_in)
    grade_class(classroom, STAGE, limits=LIMITS)
    return classroom


def eight(folder: Path, handed_in: HandedIn) -> Classroom:
    """All have the same secret, so that the hidden tests draw the same inputs."""
    classroom = handed_in.some(folder, 8)
    (classroom.folder / ".secret").write_text("the same for all")
    return classroom


def test_a_cluster_gives_the_scores_of_home(
    tmp_path: Path, handed_in: HandedIn, at_home: Classroom, cluster: DaskCluster
) -> None:
    classroom = eight(tmp_path, handed_in)
    summary = grade_class(classroom, STAGE, limits=LIMITS, scheduler=cluster.address)
    assert (summary.graded, summary.failed) == (8, [])
    assert scores(classroom) == scores(at_home)


def test_a_killed_worker_costs_nobody_anything(
    tmp_path: Path, handed_in: HandedIn, at_home: Classroom, cluster: DaskCluster
) -> None:
    classroom = eight(tmp_path, handed_in)

    def kill_one(finished: Iterator[str], total: int) -> Iterator[str]:
        for number, student in enumerate(finished):
            if number == 1:
                cluster.kill(cluster.workers[0])
            yield student

    summary = grade_class(classroom, STAGE, limits=LIMITS, scheduler=cluster.address, progress=kill_one)
    assert (summary.graded, summary.failed) == (8, [])
    assert scores(classroom) == scores(at_home)


def test_after_the_schedulers_death_the_same_command_goes_on(
    tmp_path: Path, handed_in: HandedIn, at_home: Classroom, cluster: DaskCluster
) -> None:
    classroom = eight(tmp_path, handed_in)

    def kill_it(finished: Iterator[str], total: int) -> Iterator[str]:
        for number, student in enumerate(finished):
            if number == 1:
                cluster.kill(cluster.scheduler)
            yield student

    with pytest.raises(ClassroomError, match=r"scheduler at tcp://.* is gone. What was graded is kept"):
        grade_class(classroom, STAGE, limits=LIMITS, scheduler=cluster.address, progress=kill_it)
    kept = len(scores(classroom))
    assert 2 <= kept < 8
    summary = grade_class(classroom, STAGE, limits=LIMITS)
    assert (summary.unchanged + summary.from_cache, summary.graded) == (kept, 8 - kept)
    assert scores(classroom) == scores(at_home)


def test_work_waits_for_a_worker_with_the_resource(tmp_path: Path, handed_in: HandedIn, cluster: DaskCluster) -> None:
    classroom = eight(tmp_path, handed_in)
    student = classroom.students(STAGE)[0]

    def start_the_right_one() -> None:
        assert classroom.result(student, STAGE) is None
        cluster.start_worker("--resources", "GPU=1")

    starter = threading.Timer(8, start_the_right_one)
    starter.start()
    summary = grade_class(classroom, STAGE, [student], limits=LIMITS, scheduler=cluster.address, resources={"GPU": 1.0})
    starter.join()
    assert summary.graded == 1


def test_a_worker_that_does_not_see_the_class_says_so(tmp_path: Path) -> None:
    setting = Setting(Classroom(tmp_path / "elsewhere"), STAGE)
    with pytest.raises(ClassroomError, match=r"sees no folder .*elsewhere/classroom\. The class must lie on a file"):
        grade_there(setting, Job("ada", "key"))


class Done:
    """The future of a submission that was graded."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result = lambda: result

    def exception(self) -> None:
        return None


class KillsItsWorkers:
    """The future of a submission that took three workers down."""

    def exception(self) -> KilledWorker:
        return KilledWorker("grade_there", None, 3)


def test_a_submission_that_kills_its_workers_is_left_and_the_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job("ada", "one"), Job("bob", "two")]
    grading = Cluster(Setting(Classroom(tmp_path), STAGE), list(jobs), "tcp://127.0.0.1:9")
    graded = ungraded(repair(None, Classroom(ROOT).released(STAGE)), 0, {})
    futures = {KillsItsWorkers(): jobs[0], Done(graded.to_json()): jobs[1]}
    monkeypatch.setattr(grading, "_futures", dict(futures))
    monkeypatch.setattr(grading, "_completed", lambda: iter(futures))
    assert [job for job, _ in grading.results()] == [jobs[1]]
    assert grading.left == [jobs[0]]


def test_without_a_scheduler_the_sentence_says_how_to_start_one(
    tmp_path: Path, handed_in: HandedIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("autograder.grading.cluster.CONNECT_SECONDS", 1)
    classroom = eight(tmp_path, handed_in)
    monkeypatch.chdir(classroom.root)
    assert main(["grade", STAGE, "--scheduler", "tcp://127.0.0.1:9"]) == 1
    assert "There is no Dask scheduler at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert main(["grade", STAGE, "--scheduler", "nonsense://x"]) == 1
    with pytest.raises(SystemExit):
        main(["grade", STAGE, "--scheduler", "tcp://127.0.0.1:9", "--resources", "GPU"])
    assert "'GPU' is not like GPU=1" in capsys.readouterr().err
