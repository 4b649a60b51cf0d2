"""Grade a class of 2,000 in one run: what a submission costs from 50 to 2,000, and how memory grows.

python benchmarks/scale.py [--submissions 2000] [--processes N]

Students hand in the notebooks of grading.py, each with a comment of its own, so that nobody's result comes from the
cache. The command is the real one; a look is taken at it twice a second. Memory is that of all its processes, sandboxes
included, with what they share counted once (PSS). What another worker takes is the difference between runs with two and
with three.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULT = HERE / "results" / "scale.json"
STAGE = "03_scaled_dot_product_attention"
COMMAND = [str(Path(sys.executable).parent / "autograder"), "grade", STAGE]
KINDS = 60  # different notebooks; then they begin again, with other comments
FROM = 50  # the first submissions wait for imports and for the gradebook
MIB = 1 << 20


@dataclass(frozen=True)
class Look:
    """What was to be seen at a moment: seconds since the start, results written, bytes of memory, processes."""

    seconds: float
    done: int
    memory: int
    processes: int


def make_class(folder: Path, count: int) -> None:
    """A class folder with so many submissions, none of which has been graded."""
    import nbformat
    from class_of_03 import submissions, write

    for name in ("course", "solutions"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    released = nbformat.read(ROOT / "course" / STAGE / f"{STAGE}.ipynb", as_version=4)
    kinds = list(submissions(released, min(count, KINDS)).values())
    for number in range(count):
        notebook = kinds[number % len(kinds)]
        answer = next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution"))
        answer.source = answer.source.partition("\n# by ")[0] + f"\n# by student {number}"
        write({f"student-{number:04}": notebook}, folder / "classroom" / "submitted")


def run(folder: Path, processes: int) -> list[Look]:
    """Grade the class, and look at it meanwhile. What it prints goes on."""
    started = time.monotonic()
    command = subprocess.Popen([*COMMAND, "--processes", str(processes)], cwd=folder)
    results = folder / "classroom" / "results" / STAGE
    looks = []
    while command.poll() is None:
        memory, alive = _memory(command.pid)
        looks.append(Look(time.monotonic() - started, len(list(results.glob("*.json"))), memory, alive))
        time.sleep(0.5)
    if command.returncode:
        raise SystemExit("The class could not be graded.")
    looks.append(Look(time.monotonic() - started, len(list(results.glob("*.json"))), 0, 0))
    return looks


def _memory(pid: int) -> tuple[int, int]:
    """PSS of a process and of all below it, in bytes, and how many they are."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents.setdefault(int(entry.read_text().rpartition(")")[2].split()[1]), []).append(int(entry.parent.name))
        except OSError:
            continue
    total, alive, waiting = 0, 0, [pid]
    while waiting:
        own = waiting.pop()
        waiting += parents.get(own, [])
        try:
            lines = Path(f"/proc/{own}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        alive += 1
    return total, alive


def summary(looks: list[Look], count: int) -> dict[str, Any]:
    """Seconds per submission up to each size, and memory at each, by the looks."""
    sizes = [size for size in (50, 100, 200, 500, 1000, 1500, 2000) if size <= count]
    start = next(look for look in looks if look.done >= min(FROM, count))
    rows = []
    for size in sizes:
        look = next(look for look in looks if look.done >= size)
        near = [other.memory for other in looks if abs(other.seconds - look.seconds) < 10 and other.memory]
        since = (look.seconds - start.seconds) / (look.done - start.done) if look.done > start.done else None
        rows.append(
            {
                "submissions": size,
                "seconds": round(look.seconds, 1),
                "seconds_each": round(look.seconds / look.done, 4),
                "seconds_each_since_50": since and round(since, 4),
                "memory_mib": round(sorted(near)[len(near) // 2] / MIB) if near else None,
            }
        )
    return {"rows": rows, "seconds": round(looks[-1].seconds, 1), "graded": looks[-1].done}


def plot(looks: list[Look], path: Path) -> None:
    """Cost of a submission and memory against the number of submissions done."""
    import matplotlib.pyplot as plt

    looks = [look for look in looks if look.done and look.memory]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    done = [look.done for look in looks]
    left.plot(done, [look.seconds / look.done for look in looks], color="#0072b2")
    left.set(xlabel="submissions graded", ylabel="time per submission so far (s)", xlim=(FROM, None), ylim=(0, None))
    within = [look.seconds / look.done for look in looks if look.done >= FROM]
    left.set_ylim(0, 1.05 * max(within))
    right.plot(done, [look.memory / MIB for look in looks], color="#d55e00")
    right.set(xlabel="submissions graded", ylabel="memory of all processes (MiB)", ylim=(0, None))
    figure.savefig(path, dpi=110)


def run_small(folder: Path, processes: int) -> int:
    """MiB of a run of forty submissions with so many processes, while all of them are at work."""
    small = folder / f"with-{processes}"
    small.mkdir()
    make_class(small, 40)
    looks = [look for look in run(small, processes) if look.done >= 12 and look.memory]
    memory = sorted(look.memory for look in looks)
    return round(memory[len(memory) // 2] / MIB)


def main() -> None:
    """Make the class, grade it, print and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=RESULT, help="the result file; the plot lies beside it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scale-") as temporary:
        folder = Path(temporary)
        make_class(folder, options.submissions)
        looks = run(folder, options.processes)
        two, three = (run_small(folder, processes) for processes in (2, 3))
    result = {
        "command": f"python benchmarks/scale.py --submissions {options.submissions} --processes {options.processes}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "processes": options.processes,
        **summary(looks, options.submissions),
        "memory_mib_with_two_processes": two,
        "memory_mib_with_three": three,
        "memory_mib_of_another_worker": three - two,
    }
    for row in result["rows"]:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(f"A worker more: {result['memory_mib_of_another_worker']} MiB.")
    options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    plot(looks, options.out.with_suffix(".png"))
    print(f"Written to {options.out}.")


if __name__ == "__main__":
    main()
