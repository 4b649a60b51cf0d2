"""CPU time that grading one submission costs, per stage: cells, hidden tests, sandbox; and what its accuracy costs.

python benchmarks/hidden_tests.py [STAGE ...]

Graded is the solution, twice with everything warm, once without and once with the trained weights beside it, on the
bundled reviews. The difference is what accuracy costs. Asked for: under 2 s without, under 20 s more with it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ROUNDS = 3


def main(names: list[str]) -> None:
    """Measure each stage in a control group, print a table and write it."""
    from autograder.release import stages

    rows = {}
    print(f"{'stage':36}{'CPU s':>8}{'accuracy s':>12}")
    for stage in names or stages(ROOT):
        rows[stage] = json.loads(
            subprocess.run(
                [sys.executable, __file__, "--one", stage], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
        )
        accuracy = rows[stage]["accuracy_seconds"]
        shown = "" if accuracy is None else f"{accuracy:.2f}"
        print(f"{stage:36}{rows[stage]['seconds']:8.2f}{shown:>12}")
    result = {
        "command": "python benchmarks/hidden_tests.py",
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "submission": "the solution of each stage",
        "unit": "seconds of CPU per submission, grader and sandbox together, everything warm",
        "stages": rows,
    }
    (HERE / "results" / "hidden_tests.json").write_text(json.dumps(result, indent=1) + "\n")


def one(stage: str) -> None:
    """Measure one stage in this process and all it starts."""
    import nbformat
    from cpu_time import control_group, read_cpu

    from autograder.course import open_course
    from autograder.demo.trained import trained_files
    from autograder.grading.classroom import Classroom
    from autograder.grading.grade import grade
    from autograder.remote import HandedIn
    from autograder.remote.artefacts import find
    from autograder.repair import repair
    from autograder.sandbox import Worker
    from coursekit.data import SAMPLE, VARIABLE

    os.environ[VARIABLE] = str(SAMPLE)
    assignment, released = open_course(ROOT).stage(stage), Classroom(ROOT).released(stage)
    raw = nbformat.writes(nbformat.read(ROOT / f"solutions/{stage}/{stage}.ipynb", as_version=4)).encode()
    with control_group() as group, tempfile.TemporaryDirectory() as folder:
        if group is None:
            raise SystemExit("A control group is needed to count the CPU of the sandbox: run this as root.")
        (group / "cgroup.procs").write_text(str(os.getpid()))
        for name, content in trained_files(assignment).items():
            Path(folder, name).write_bytes(content)
        trained = find(Path(folder))
        with Worker(contents=assignment.contents()) as worker:

            def cpu(handed_in: HandedIn) -> float:
                before = read_cpu(group)
                graded = grade(assignment, repair(raw, released), worker, 1, handed_in=handed_in)
                assert graded.trouble is None, graded.events
                after = read_cpu(group)
                assert before is not None
                assert after is not None
                return after - before

            cpu(HandedIn())
            plain = min(cpu(HandedIn()) for _ in range(ROUNDS))
            accuracy = None
            if trained.paths:
                cpu(trained)
                accuracy = min(cpu(trained) for _ in range(ROUNDS)) - plain
        # Out of the group again, so that it can be removed.
        (group.parent / "cgroup.procs").write_text(str(os.getpid()))
    print(json.dumps({"seconds": round(plain, 3), "accuracy_seconds": accuracy and round(accuracy, 3)}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2])
    else:
        main(sys.argv[1:])
