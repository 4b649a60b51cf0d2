"""Seconds per submission of stage 03: stock nbgrader and otter-grader against ours, in one run, in turn.

python benchmarks/grading.py [--submissions N] [--skip-every-cell]

See README.md beside this file for what is compared and how to read it. Each side runs in a process of its own, which
is this file again (with --side); what is imported up here is imported by ours' grading processes too, so it is little.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import otter_side
from cpu_time import control_group, read_cpu

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "grading.json"
STAGE = "03_scaled_dot_product_attention"
SKIP = "skip-execution"  # nbclient's tag for cells that are not to be run
SIDES = ("stock", "otter", "ours")  # each on one core
ALL_CORES = "ours, all cores"
VERSIONS = ("nbgrader", "nbclient", "ipykernel", "torch", "pytest")


Scores = dict[str, dict[str, float | None]]


@dataclass
class Phase:
    """One side on some of the submissions: when it was started, when each was done, when it had ended.

    Every moment is a pair: seconds on the clock, and CPU seconds used since the start (None if they are not known).
    """

    begin: tuple[float, float | None]
    done: list[tuple[float, float | None]]
    end: tuple[float, float | None]
    processes: int
    scores: Scores

    def total(self, what: int) -> float:
        return _difference(self.end, self.begin, what)

    def each(self, what: int) -> float:
        """Seconds between one result and the next in the second half of the run, when every process is warm."""
        first = max(self.processes, len(self.done) // 2) - 1
        return _difference(self.done[-1], self.done[first], what) / (len(self.done) - 1 - first)


def _difference(late: tuple[float, float | None], early: tuple[float, float | None], what: int) -> float:
    one, other = late[what], early[what]
    return float("nan") if one is None or other is None else one - other


@dataclass
class Side:
    """What a grader needed, over all its phases."""

    phases: list[Phase] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Per submission: wall seconds times processes once it is running, CPU seconds, and the whole run's."""
        processes = self.phases[0].processes
        count = sum(len(phase.done) for phase in self.phases)
        each, cpu = (statistics.mean(phase.each(what) for phase in self.phases) for what in (0, 1))
        totals = [sum(phase.total(what) for phase in self.phases) for what in (0, 1)]
        start_ups = [(total - own * count) / len(self.phases) for total, own in zip(totals, (each, cpu), strict=True)]
        return {
            "processes": processes,
            "graded": count,
            "runs": len(self.phases),
            "core_seconds": round(each * processes, 4),
            "cpu_seconds": _rounded(cpu),
            "start_up_wall_seconds": round(start_ups[0], 2),
            "start_up_cpu_seconds": _rounded(start_ups[1]),
            "core_seconds_with_start_up": round(totals[0] * processes / count, 4),
            "cpu_seconds_with_start_up": _rounded(totals[1] / count),
            "core_seconds_by_run": [round(phase.each(0) * processes, 4) for phase in self.phases],
        }


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 4)


def main() -> int:
    options = _options()
    if options.side:
        _run_side(options)
        return 0
    if options.submissions < 6:
        print("At least 6 submissions are needed, for each of two processes to get some in each half.", file=sys.stderr)
        return 2
    # nbgrader starts other commands by name.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with tempfile.TemporaryDirectory(prefix="grading-benchmark-") as scratch:
        result = _compare(Path(scratch), options)
    _print(result)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {options.out}.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--submissions", type=int, default=10, metavar="N", help="how many to grade (default 10)")
    parser.add_argument(
        "--skip-every-cell", action="store_true", help="leave out the second comparison, in which plots are run too"
    )
    parser.add_argument("--out", type=Path, default=RESULT, help="the result file")
    parser.add_argument("--otter-python", metavar="PATH", help="Python of an environment that has otter-grader")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--group", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run-look", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


# ----------------------------------------------------------------------------------------------------------------
# Both sides, in turn


def _compare(scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    import nbformat
    from class_of_03 import submissions

    released = nbformat.read(ROOT / "course" / STAGE / f"{STAGE}.ipynb", as_version=4)
    notebooks = submissions(released, options.submissions)
    students = list(notebooks)
    half = len(students) // 2
    halves = students[:half], students[half:]
    # Ours takes seconds where the others take a minute, and a machine is slower in some seconds than in others.
    order = ("ours", "stock", "ours", "otter", "ours", ALL_CORES)
    turns = [(name, students if name.startswith("ours") else some) for some in halves for name in order]
    python = {"otter": options.otter_python or otter_side.environment()}
    makers = {"stock": _stock_course, "otter": partial(_otter_course, python["otter"])}
    modes = [False] if options.skip_every_cell else [False, True]
    details: dict[str, Any] = {}
    with control_group() as group:
        for run_look in modes:
            sides = {name: Side() for name in (*SIDES, ALL_CORES)}
            for number, (name, chosen) in enumerate(turns):
                print(f"{name}: {len(chosen)} submissions{', every cell' if run_look else ''} …", flush=True)
                folder = scratch / f"{name}-{number}-{run_look}"
                makers.get(name, _classroom)(folder, {student: notebooks[student] for student in chosen}, run_look)
                phase = _phase(name, folder, run_look, group, python.get(name, sys.executable))
                sides[name].phases.append(phase)
            details["every_cell" if run_look else "without_look"] = _summary(sides)
    return _result(details, options, group is not None)


def _phase(name: str, folder: Path, run_look: bool, group: Path | None, python: str) -> Phase:
    """Run one side in a process of its own: on one core, unless it shall have all, and in the control group."""
    arguments = [python, __file__, "--side", name.partition(",")[0], "--folder", str(folder)]
    arguments += ["--run-look"] * run_look + (["--group", str(group)] if group else [])
    # The profile decides how much some cells compute.
    environment = {**os.environ, "COURSEKIT_PROFILE": "cpu"}
    environment["PATH"] = os.pathsep.join([str(Path(python).parent), environment["PATH"]])
    begin = time.monotonic(), read_cpu(group)
    cores = sorted(os.sched_getaffinity(0))

    def enter() -> None:
        if group:
            (group / "cgroup.procs").write_text("0")
        os.sched_setaffinity(0, cores if name == ALL_CORES else cores[-1:])

    done = subprocess.run(
        arguments, env=environment, preexec_fn=enter, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    end = time.monotonic(), read_cpu(group)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout[-4000:]}")
    told = json.loads((folder / "stamps.json").read_text())
    return Phase(begin, [tuple(stamp) for stamp in told["done"]], end, told["processes"], _scores(folder))


def _scores(folder: Path) -> Scores:
    """What the gradebook holds, or otter has told: automatic score by student and cell."""
    if (folder / "scores.json").exists():
        return json.loads((folder / "scores.json").read_text())
    from nbgrader.api import Gradebook

    database = next(folder.rglob("gradebook.db"))
    with Gradebook(f"sqlite:///{database}") as book:
        return {
            submission.student.id: {grade.name: grade.auto_score for grade in submission.notebooks[0].grades}
            for submission in book.assignment_submissions(STAGE)
        }


def _summary(sides: dict[str, Side]) -> dict[str, Any]:
    ours = sides["ours"].summary()
    summary: dict[str, Any] = {"ours": ours, ALL_CORES: sides[ALL_CORES].summary()}
    for name in ("stock", "otter"):
        row = summary[name] = sides[name].summary()
        theirs = {student: cells for phase in sides[name].phases for student, cells in phase.scores.items()}
        pairs = [
            {"student": student, "cell": cell, name: theirs[student][cell], "ours": score}
            for phase in sides["ours"].phases
            for student, cells in phase.scores.items()
            for cell, score in cells.items()
            if cell in theirs[student]  # otter has no cells that a person grades
        ]
        row |= {
            "ratio": round(row["core_seconds"] / ours["core_seconds"], 2),
            "ratio_of_cpu": round(row["cpu_seconds"] / ours["cpu_seconds"], 2) if row["cpu_seconds"] else None,
            "ratio_with_start_up": round(row["core_seconds_with_start_up"] / ours["core_seconds_with_start_up"], 2),
            "scores_compared": len(pairs),
            "scores_that_differ": [pair for pair in pairs if pair[name] != pair["ours"]],
        }
    return summary


def _result(details: dict[str, Any], options: argparse.Namespace, cpu_known: bool) -> dict[str, Any]:
    from importlib.metadata import version

    main = details["without_look"]
    command = "python benchmarks/grading.py --submissions " + str(options.submissions)
    return {
        "stock_seconds": main["stock"]["core_seconds"],
        "otter_seconds": main["otter"]["core_seconds"],
        "our_seconds": main["ours"]["core_seconds"],
        "ratio": main["stock"]["ratio"],
        "ratio_to_otter": main["otter"]["ratio"],
        "submissions": options.submissions,
        "cores": len(os.sched_getaffinity(0)),
        "details": {
            **details,
            "seconds": "wall seconds per submission in the second half of each run, all bound to one core",
            "cpu_seconds_from": "control group" if cpu_known else None,
            "command": command + " --skip-every-cell" * options.skip_every_cell,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in VERSIONS},
                "otter-grader": otter_side.OTTER.partition("==")[2],
            },
        },
    }


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    details = result["details"]
    table = Table(title=f"Stage 03, {result['submissions']} submissions, {result['cores']} cores; s per submission")
    for name in ("", "processes", "wall × processes", "CPU", "with start-up", "CPU with start-up", "start-up, wall"):
        table.add_column(name, justify="right" if name else "left")
    modes = {"without_look": "without plots", "every_cell": "every cell"}
    for mode, title in modes.items():
        for side in (*SIDES, ALL_CORES) if mode in details else ():
            row = details[mode][side]
            names = ("core_seconds", "cpu_seconds", "core_seconds_with_start_up", "cpu_seconds_with_start_up")
            cells = ["–" if row[name] is None else f"{row[name]:.3f}" for name in names]
            table.add_row(f"{side}, {title}", str(row["processes"]), *cells, f"{row['start_up_wall_seconds']:.1f} s")
        for side in ("stock", "otter") if mode in details else ():
            found = details[mode][side]
            cpu = "–" if found["ratio_of_cpu"] is None else f"{found['ratio_of_cpu']:.1f}"
            ratios = f"{found['ratio']:.1f}", cpu, f"{found['ratio_with_start_up']:.1f}"
            table.add_row(f"{side} / ours", "", *ratios, "", "")
        table.add_section()
    Console(width=120).print(table)
    for mode, title in modes.items():
        for side in ("stock", "otter") if mode in details else ():
            differing = details[mode][side]["scores_that_differ"]
            print(
                f"Scores, {title}, {side}: {details[mode][side]['scores_compared']} compared, {len(differing)} differ."
            )
            for item in differing:
                print(f"  {item['student']} {item['cell']}: {side} {item[side]}, ours {item['ours']}")


# ----------------------------------------------------------------------------------------------------------------
# Three throwaway courses


def _stock_course(folder: Path, notebooks: dict[str, Any], run_look: bool) -> None:
    """A course as stock nbgrader has it: the tests stand in the grade cells of source/, and run in the kernel."""
    from class_of_03 import write

    make_stock_release(folder)
    write(notebooks if run_look else _without_look(notebooks), folder / "submitted")


def make_stock_release(folder: Path, hidden: bool = False) -> Path:
    """Make source/ and release/ of a stock course. Returns the released notebook.

    hidden  the tests are marked as hidden, so that nbgrader takes them out of what students get
    """
    import nbformat
    from in_kernel import grade_cells
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    cells = grade_cells(ROOT / "solutions" / STAGE / "hidden_tests.py")
    source = nbformat.read(ROOT / "solutions" / STAGE / f"{STAGE}.ipynb", as_version=4)
    for cell in source.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("grade") and not metadata.get("solution"):
            own = cells.pop(metadata["grade_id"])
            cell.source = f"### BEGIN HIDDEN TESTS\n{own}\n### END HIDDEN TESTS" if hidden else own
    if cells:
        raise SystemExit(f"The notebook has no grade cell for the hidden tests of {', '.join(cells)}.")
    path = folder / "source" / STAGE / f"{STAGE}.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(source, path)
    config = _stock_config(folder)
    config.ClearMarkScheme.enforce_metadata = False
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    return folder / "release" / STAGE / f"{STAGE}.ipynb"


def _stock_config(folder: Path) -> Any:
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = STAGE
    return config


def _otter_course(python: str, folder: Path, notebooks: dict[str, Any], run_look: bool) -> None:
    """What otter-grader needs: its zip with the tests, and the notebooks."""
    from class_of_03 import write

    folder.mkdir()
    otter_side.write_tests(folder / "tests")
    otter_side.pack(folder, python)
    write(notebooks if run_look else _without_look(notebooks), folder / "submitted")


def _without_look(notebooks: dict[str, Any]) -> dict[str, Any]:
    """Copies in which the cells that no answer needs are not run."""
    notebooks = copy.deepcopy(notebooks)
    for notebook in notebooks.values():
        for cell in notebook.cells:
            if "look" in cell.metadata.get("tags", []):
                cell.metadata.tags = [*{*cell.metadata.tags, SKIP}]
    return notebooks


def _classroom(folder: Path, notebooks: dict[str, Any], run_look: bool) -> None:
    """A class folder of ours, without a cache and without a gradebook."""
    from class_of_03 import write

    for name in ("course", "solutions"):
        shutil.copytree(ROOT / name / STAGE, folder / name / STAGE)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    write(notebooks, folder / "classroom" / "submitted")


# ----------------------------------------------------------------------------------------------------------------
# One side, in a process of its own


def _run_side(options: argparse.Namespace) -> None:
    stamps: list[tuple[float, float | None]] = []

    def stamp() -> None:
        stamps.append((time.monotonic(), read_cpu(options.group)))

    run = {"stock": _run_stock, "otter": _run_otter, "ours": _run_ours}[options.side]
    processes = run(options, stamp)
    (options.folder / "stamps.json").write_text(json.dumps({"done": stamps, "processes": processes}))


def _run_otter(options: argparse.Namespace, stamp: Callable[[], None]) -> int:
    """What `otter run` does, for one submission after the other in one process, which is warm from the second on."""
    from otter.api import grade_submission

    scores = {}
    for path in sorted((options.folder / "submitted").glob(f"*/{STAGE}/*.ipynb")):
        results = grade_submission(str(path), str(options.folder / "autograder.zip"), quiet=True)
        scores[path.parents[1].name] = {name: results.get_score(name) for name in results.results}
        stamp()
    (options.folder / "scores.json").write_text(json.dumps(scores))
    return 1


def _run_stock(options: argparse.Namespace, stamp: Callable[[], None]) -> int:
    """What `nbgrader autograde` does, with a look at the clock after each submission."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    class Stamped(Autograde):
        def convert_single_notebook(self, notebook_filename: str) -> None:
            super().convert_single_notebook(notebook_filename)
            stamp()

    config = _stock_config(options.folder)
    Stamped(coursedir=CourseDirectory(config=config), config=config).start()
    return 1


def _run_ours(options: argparse.Namespace, stamp: Callable[[], None]) -> int:
    """What `autograder grade` does, with a look at the clock after each submission."""
    from autograder.grading.classroom import Classroom
    from autograder.grading.grade_class import grade_class
    from autograder.sandbox import workers_wanted

    def watched(done: Iterator[str], total: int) -> Iterable[str]:
        for student in done:
            yield student
            stamp()

    processes = workers_wanted()
    summary = grade_class(
        Classroom(options.folder), STAGE, processes=processes, run_look=options.run_look, progress=watched
    )
    if summary.failed or summary.graded != len(list(options.folder.glob("classroom/submitted/*"))):
        raise SystemExit(f"Not everything was graded: {summary}")
    return processes


if __name__ == "__main__":
    raise SystemExit(main())
