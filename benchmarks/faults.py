"""Kill graders at random moments, run the same command again, and compare the gradebook with an undisturbed one.

python benchmarks/faults.py [--times 10] [--only worker command disk two scheduler]

A class of stage 03 is graded by the real command. The faults: a process that grades is killed; the command is; its disk
is full until somebody makes room; a second command starts on the same class; the scheduler of a Dask cluster is killed.
Each happens at a moment drawn from the duration of an undisturbed run. The disk is a file system in memory, which takes
root.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results" / "faults.json"
STAGE = "03_scaled_dot_product_attention"
SIZE = 12
COMMAND = [str(Path(sys.executable).parent / "autograder"), "grade", STAGE]
sys.path.insert(0, str(ROOT / "tests" / "grading"))


@dataclass
class Outcome:
    """What a fault left behind, added up over its repetitions.

    lost       submissions that have no result in the end
    doubled    submissions that were graded again though their result was kept, and rows that a gradebook has twice
    differing  scores that are not those of the undisturbed run
    """

    times: int = 0
    interrupted: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0


def make_class(folder: Path) -> None:
    """A class that has not been graded: solutions, right answers and misconceptions of the demo class."""
    from autograder.demo import make_demo_class
    from autograder.grading.classroom import Classroom

    for name in ("course", "solutions"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    classroom = Classroom(folder)
    make_demo_class(classroom, STAGE)
    students = json.loads((classroom.folder / "demo.json").read_text())[STAGE]
    quick = [name for name, entry in students.items() if entry["kind"] in ("right", "wrong", "solution")]
    for student in set(students) - set(quick[:SIZE]):
        shutil.rmtree(classroom.submitted / student, ignore_errors=True)
    (classroom.folder / ".secret").write_text("the same for every copy of this class")


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The command, in a session of its own."""
    return subprocess.Popen(
        [*COMMAND, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and what was printed."""
    said, _ = process.communicate(timeout=300)
    return process.returncode, said


def graded_in(said: str) -> int:
    """How many submissions a run says that it graded."""
    found = re.search(r"(\d+) graded", said)
    return int(found[1]) if found else 0


def gradebook(folder: Path) -> list[tuple[object, ...]]:
    """Every score of the gradebook: student, assignment, cell, score, and whether a person has to look."""
    with sqlite3.connect(folder / "classroom" / "gradebook.db") as book:
        return book.execute(
            "SELECT submitted_assignment.student_id, assignment.name, base_cell.name, grade.auto_score, "
            "grade.needs_manual_grade FROM grade "
            "JOIN base_cell ON base_cell.id = grade.cell_id "
            "JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id "
            "JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id "
            "JOIN assignment ON assignment.id = submitted_assignment.assignment_id ORDER BY 1, 2, 3"
        ).fetchall()


def kept(folder: Path) -> set[str]:
    """Students whose result is written."""
    return {path.stem for path in (folder / "classroom" / "results" / STAGE).glob("*.json")}


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def kill_worker(folder: Path, moment: float, rng: random.Random) -> str:
    """One of the processes that grade, sandboxes included, is killed; the run goes on."""
    process = start(folder)
    time.sleep(moment)
    below = descendants(process.pid)
    if below:
        victim = rng.choice(below)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    return finish(process)[1]


def kill_command(folder: Path, moment: float, rng: random.Random) -> str:
    """The command is killed, and nothing else: what it has started must end by itself."""
    process = start(folder)
    time.sleep(moment)
    process.kill()
    return finish(process)[1]


def fill_disk(folder: Path, moment: float, rng: random.Random) -> str:
    """All space is taken at the moment, and given back when the command has ended."""
    process = start(folder)
    time.sleep(moment)
    hog = folder / "classroom" / "hog"
    with open(hog, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * (1 << 16))
    said = finish(process)[1]
    hog.unlink()
    return said


def start_another(folder: Path, moment: float, rng: random.Random) -> str:
    """A second command starts while the first is at work: it is refused, or finds all done."""
    process = start(folder)
    time.sleep(moment)
    code, said = finish(start(folder))
    assert code == 0 or "Another grading run" in said, said
    return finish(process)[1]


def kill_scheduler(folder: Path, moment: float, rng: random.Random) -> str:
    """The scheduler of a cluster with two workers is killed."""
    from dask_cluster import DaskCluster

    with tempfile.TemporaryDirectory(prefix="dask-") as local:
        cluster = DaskCluster(Path(local))
        try:
            process = start(folder, "--scheduler", cluster.address)
            time.sleep(moment)
            cluster.kill(cluster.scheduler)
            return finish(process)[1]
        finally:
            cluster.close()


@contextmanager
def copy_of(made: Path, small_disk: bool) -> Iterator[Path]:
    """The class, fresh, in a folder of its own; on a small file system where its disk is to be filled."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    if small_disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(made, folder, symlinks=True, dirs_exist_ok=True)
        yield folder
    finally:
        if small_disk:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


FAULTS: dict[str, Callable[[Path, float, random.Random], str]] = {
    "worker": kill_worker,
    "command": kill_command,
    "disk": fill_disk,
    "two": start_another,
    "scheduler": kill_scheduler,
}


def suffer(fault: str, made: Path, expected: list[tuple[object, ...]], seconds: float, number: int) -> Outcome:
    """One fault at a random moment, the same command again, and what is different."""
    rng = random.Random(f"{fault} {number}")
    outcome = Outcome(times=1)
    with copy_of(made, fault == "disk") as folder:
        said = FAULTS[fault](folder, rng.uniform(0.2, seconds), rng)
        before = kept(folder)
        outcome.interrupted = len(before) < SIZE
        for _ in range(3):
            code, said = finish(start(folder))
            if code == 0:
                break
            time.sleep(1)
        assert code == 0, said
        outcome.doubled += max(0, graded_in(said) - (SIZE - len(before)))
        outcome.lost = SIZE - len(kept(folder))
        found = gradebook(folder)
        outcome.doubled += len(found) - len({row[:3] for row in found})
        outcome.differing = len(set(found) ^ set(expected))
    return outcome


def main() -> None:
    """Run all faults, print a line for each, write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"faults": {}}
    with tempfile.TemporaryDirectory(prefix="faults-") as temporary:
        made = Path(temporary) / "class"
        made.mkdir()
        make_class(made)
        with copy_of(made, False) as folder:
            begun = time.monotonic()
            code, said = finish(start(folder))
            seconds = time.monotonic() - begun
            assert code == 0, said
            expected = gradebook(folder)
        print(f"undisturbed: {SIZE} submissions, {len(expected)} scores, {seconds:.0f} s")
        for fault in options.only:
            total = Outcome()
            for number in range(options.times):
                # A cluster's workers have to start first: its run takes longer.
                longer = seconds * (1.5 if fault == "scheduler" else 1)
                one = suffer(fault, made, expected, longer, number)
                total = Outcome(*(a + b for a, b in zip(asdict(total).values(), asdict(one).values(), strict=True)))
                print(f"{fault} {number + 1}: {asdict(one)}", flush=True)
            results["faults"][fault] = asdict(total)
            results |= {
                "command": "python benchmarks/faults.py",
                "date": date.today().isoformat(),
                "machine": f"{os.cpu_count()} cores, {platform.machine()}",
                "submissions": SIZE,
                "scores": len(expected),
            }
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    for fault, row in results["faults"].items():
        print(f"{fault:10}" + "".join(f"  {name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
