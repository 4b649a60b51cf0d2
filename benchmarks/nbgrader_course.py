"""An ordinary nbgrader course, graded by stock nbgrader and by us: the same scores, and seconds per notebook.

python benchmarks/nbgrader_course.py

The course is nbgrader's own quickstart with examples/nbgrader_course beside it, and the class is that of
tests/cell_tests/ordinary_course.py. Each side runs in a process of its own, which is this file again (with --side), on
one core. What hangs is graded too, and not timed: there both wait.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cpu_time import control_group, read_cpu
from grading import Phase

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "nbgrader_course.json"
sys.path.insert(0, str(ROOT / "tests" / "cell_tests"))

import ordinary_course  # noqa: E402

HANGS = ("endless", "endless-cell", "rain-endless")
SIDES = ("stock", "ours")
EVERYBODY = [*ordinary_course.QUICK, *ordinary_course.MORE]
QUICK = [submission for submission in EVERYBODY if submission.name not in HANGS]
SLOW = [submission for submission in EVERYBODY if submission.name in HANGS]


def main() -> int:
    """Write the result and print it. Returns 1 where a score is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--group", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        _side(options)
        return 0
    with tempfile.TemporaryDirectory() as place, control_group() as group:
        release = ordinary_course.quickstart(Path(place, "release"))
        for assignment in ordinary_course.ASSIGNMENTS:
            ordinary_course.nbgrader_does(release, "generate_assignment", assignment)
        phases = {side: _phase(side, Path(place, side), QUICK, release, group) for side in SIDES}
        hanging = {side: _phase(side, Path(place, f"{side}-hanging"), SLOW, release, group) for side in SIDES}
    stock, ours = ({**phases[side].scores, **hanging[side].scores} for side in SIDES)
    differing = list(ordinary_course.differing(stock, ours, EVERYBODY))
    result = _result(phases, len(stock.keys() | ours.keys()), differing)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return 1 if differing else 0


def _phase(side: str, folder: Path, submissions: list[Any], release: Path, group: Path | None) -> Phase:
    """Let one side grade a class."""
    course = ordinary_course.quickstart(folder)
    if side == "stock":  # ours learns the assignments itself
        for assignment in ordinary_course.ASSIGNMENTS:
            ordinary_course.nbgrader_does(course, "generate_assignment", assignment)
    ordinary_course.hand_in(course, submissions, release)
    arguments = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    arguments += ["--group", str(group)] if group else []
    begin = time.monotonic(), read_cpu(group)
    core = max(os.sched_getaffinity(0))

    def enter() -> None:
        if group:
            (group / "cgroup.procs").write_text("0")
        os.sched_setaffinity(0, [core])

    done = subprocess.run(
        arguments,
        env=ordinary_course.environment(),
        cwd=folder,
        preexec_fn=enter,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    end = time.monotonic(), read_cpu(group)
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stdout[-4000:]}")
    stamps = [tuple(stamp) for stamp in json.loads((folder / "stamps.json").read_text())]
    return Phase(begin, stamps, end, 1, ordinary_course.scores(folder))  # type: ignore[arg-type]


def _result(phases: dict[str, Phase], compared: int, differing: list[str]) -> dict[str, Any]:
    stock, ours = phases["stock"], phases["ours"]
    cpu_known = stock.begin[1] is not None
    count = sum(2 for _ in QUICK)  # each assignment has two notebooks

    def seconds(phase: Phase) -> dict[str, float | None]:
        # Ours finishes a submission at a time, of two notebooks.
        share = len(phase.done) / count
        return {
            "wall": round(phase.each(0) * share, 4),
            "cpu": round(phase.each(1) * share, 4) if cpu_known else None,
            "wall_with_start_up": round(phase.total(0) / count, 4),
            "cpu_with_start_up": round(phase.total(1) / count, 4) if cpu_known else None,
        }

    each = {"stock": seconds(stock), "ours": seconds(ours)}
    return {
        "submissions": len(EVERYBODY),
        "notebooks": 2 * len(EVERYBODY),
        "scores_compared": compared,
        "scores_that_differ": differing,
        "higher": {each.name: each.higher for each in EVERYBODY if each.higher},
        "seconds_per_notebook": each,
        "ratio": {
            name: round(each["stock"][name] / each["ours"][name], 1) if each["stock"][name] else None  # type: ignore[operator]
            for name in each["stock"]
        },
        "details": {
            "seconds": "of each run's second half on one core; with start-up: of the whole run; what hangs is left out",
            "cpu_seconds_from": "control group" if cpu_known else None,
            "command": "python benchmarks/nbgrader_course.py",
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("nbgrader", "ipykernel")},
            },
        },
    }


def _side(options: argparse.Namespace) -> None:
    stamps: list[tuple[float, float | None]] = []

    def stamp() -> None:
        stamps.append((time.monotonic(), read_cpu(options.group)))

    {"stock": _stock, "ours": _ours}[options.side](options.folder, stamp)
    (options.folder / "stamps.json").write_text(json.dumps(stamps))


def _stock(folder: Path, stamp: Callable[[], None]) -> None:
    """What `nbgrader autograde` does, a student at a time, so that a submission that ends it ends no other's."""
    from nbgrader.converters import Autograde
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config.loader import PyFileConfigLoader

    class Stamped(Autograde):
        def convert_single_notebook(self, notebook_filename: str) -> None:
            super().convert_single_notebook(notebook_filename)
            stamp()

    for path in sorted(folder.glob("submitted/*/*")):
        config = PyFileConfigLoader("nbgrader_config.py", path=str(folder)).load_config()
        config.CourseDirectory.root = str(folder)
        config.CourseDirectory.assignment_id = path.name
        config.CourseDirectory.student_id = path.parent.name
        try:
            Stamped(coursedir=CourseDirectory(config=config), config=config).start()
        except (NbGraderException, SystemExit) as error:
            print(f"{path.parent.name}: {error}")


def _ours(folder: Path, stamp: Callable[[], None]) -> None:
    """What `autograder grade` does, with a look at the clock after each submission."""
    from autograder.grading.classroom import Classroom
    from autograder.grading.grade_class import grade_class

    def watched(done: Iterator[str], total: int) -> Iterable[str]:
        for student in done:
            yield student
            stamp()

    for assignment in ordinary_course.ASSIGNMENTS:
        summary = grade_class(Classroom(folder), assignment, processes=1, progress=watched)
        if summary.failed:
            raise SystemExit(f"Not everything was graded: {summary.failed}")


if __name__ == "__main__":
    raise SystemExit(main())
