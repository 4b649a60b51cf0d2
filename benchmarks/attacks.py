"""Who loses to what: the attack corpus against this grader, stock nbgrader and otter-grader.

python benchmarks/attacks.py [--only NAME ...] [--graders ours,nbgrader,otter] [--otter-python PATH]

Every attack of tests/attacks/ is handed in to each grader, with an honest student beside it. nbgrader and otter-grader
run inside a throwaway container (bubblewrap, a control group, no network), so that this machine survives what they let
through; ours runs as it always does, for its own sandbox is what is tried. The tests are the same; see README.md beside
this file.

The whole takes an hour and a half on two cores. What each attack gained is noted as soon as it is known: a run that was
stopped goes on where it was, unless --fresh is said.

otter-grader gets an environment of its own, made on the first run below the user's cache folder: pip install
otter-grader and the course package.
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
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import otter_side

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
RESULT = HERE / "results" / "attacks.json"
GRADERS = ["ours", "nbgrader", "otter"]
SECONDS = 150  # for one attack and its neighbour; an honest pair takes ten
MEMORY, PROCESSES = 6 << 30, 400
SECRET = "the canary sings at dawn"
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "attacks")]
from corpus import NEIGHBOUR, STAGE, TARGET, Attack, answer_rightly, attacks, hand_in  # noqa: E402

# Where a grader does not even start, everything would look gained.
HONEST = Attack("honest", "none", "nothing", "notebook", "def damage(notebook, folder): pass")


def main() -> int:
    options = _options()
    # nbgrader starts alembic by name.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    chosen = [attack for attack in attacks() if not options.only or attack.name in options.only]
    graders = options.graders.split(",")
    python = {"ours": sys.executable, "nbgrader": sys.executable}
    if "otter" in graders:
        python["otter"] = options.otter_python or otter_side.environment()
    noted = Notes(Path(tempfile.gettempdir(), "attacks-benchmark.jsonl"), options.fresh)
    with tempfile.TemporaryDirectory(prefix="attacks-benchmark-") as scratch:
        for grader in graders:
            course = Path(scratch, f"course-{grader}")
            _make_course(grader, course)
            run = partial(_attacked, grader, python[grader], course, Path(scratch, grader))
            left = [attack for attack in chosen if options.only or (grader, attack.name) not in noted.outcomes]
            if left and (wrong := run(HONEST)["gained"]):
                raise SystemExit(f"{grader} does not grade honest work as it should here ({', '.join(wrong)}).")
            with ThreadPoolExecutor(options.parallel) as pool:
                for number, (attack, outcome) in enumerate(zip(left, pool.map(run, left), strict=True), 1):
                    noted.add(grader, attack.name, outcome)
                    gained = ", ".join(outcome["gained"]) or "nothing"
                    print(f"{grader:9} {number:3}/{len(left)} {attack.kind}/{attack.name}: {gained}", flush=True)
    result = _result(chosen, graders, noted.outcomes, python)
    _print(result)
    if not options.only and graders == GRADERS:
        noted.path.unlink()
        RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"Written to {RESULT}.")
    return 0


class Notes:
    """What each attack gained from each grader, kept in a file as it becomes known.

    outcomes    (grader, attack) → what it gained, its score and the seconds it took
    """

    def __init__(self, path: Path, fresh: bool) -> None:
        self.path = path
        self.outcomes: dict[tuple[str, str], dict[str, Any]] = {}
        if fresh:
            path.unlink(missing_ok=True)
        for line in path.read_text().splitlines() if path.exists() else []:
            grader, attack, outcome = json.loads(line)
            self.outcomes[grader, attack] = outcome

    def add(self, grader: str, attack: str, outcome: dict[str, Any]) -> None:
        self.outcomes[grader, attack] = outcome
        with self.path.open("a") as file:
            file.write(json.dumps([grader, attack, outcome]) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", metavar="NAME", help="only these attacks; nothing is written")
    parser.add_argument("--graders", default=",".join(GRADERS), help="only these; nothing is written")
    parser.add_argument("--fresh", action="store_true", help="forget what a stopped run has found")
    parser.add_argument("--otter-python", metavar="PATH", help="Python of an environment that has otter-grader")
    parser.add_argument("--parallel", type=int, default=2, help="attacks at once (default 2)")
    return parser.parse_args()


# ----------------------------------------------------------------------------------------------------------------
# Courses


def _make_course(grader: str, course: Path) -> None:
    """What an instructor has before anybody hands in: course/release.json, and what the grader needs."""
    course.mkdir(parents=True)
    if grader == "nbgrader":
        from grading import make_stock_release

        release = make_stock_release(course, hidden=True)
    else:
        release = ROOT / "course" / STAGE / f"{STAGE}.ipynb"
    notebook = json.loads(release.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
        if "look" in cell["metadata"].get("tags", []) and grader != "ours":
            # Ours leaves these out; nobody shall win by being slow.
            cell["source"] = "pass"
    (course / "release.json").write_text(json.dumps(notebook), encoding="utf-8")
    if grader == "otter":
        otter_side.write_tests(course / "tests")


# ----------------------------------------------------------------------------------------------------------------
# One attack


def _attacked(grader: str, python: str, course: Path, scratch: Path, attack: Any) -> dict[str, Any]:
    """Hand in the attack and the honest student, grade both in a container, and look at what is left."""
    folder = scratch / attack.name
    folder.mkdir(parents=True)
    host = folder / "host"
    host.mkdir()
    canary = host / "canary.txt"
    canary.write_text(SECRET)
    work = folder / "work"
    shutil.copytree(course, work)
    release = json.loads((work / "release.json").read_text(encoding="utf-8"))
    places = {"CANARY": str(canary), "CLASS": str(work), "SOCKET": f"host-{attack.name}"}
    hand_in(attack, release, work / "submitted" / "attacker" / STAGE, places)
    answer_rightly(release)
    honest = work / "submitted" / NEIGHBOUR / STAGE
    honest.mkdir(parents=True)
    (honest / f"{STAGE}.ipynb").write_text(json.dumps(release), encoding="utf-8")
    started = time.monotonic()
    hung = _run(python, grader, folder, work)
    seconds = time.monotonic() - started
    left = json.loads((folder / "left.json").read_text()) if (folder / "left.json").exists() else {}
    scores = left.get("scores", {})
    own = scores.get("attacker", {})
    others = {name: points for name, points in own.items() if name != TARGET}
    full = otter_side.full_points()
    gained = []
    if (own.get(TARGET) or 0.0) > attack.keeps or any((others[name] or 0) > full.get(name, 0) for name in others):
        gained.append("points")
    if SECRET in left.get("shown", "") or "def test_padded_tokens_get_no_attention" in left.get("shown", ""):
        gained.append("saw what is hidden")
    if canary.read_text() != SECRET or len(list(host.iterdir())) != 1:
        gained.append("wrote to the host")
    if left.get("heard"):
        gained.append("reached a service of the host")
    if left.get("outlived"):
        gained.append("outlived its grading")
    if hung:
        gained.append("stopped the grader")
    elif scores.get(NEIGHBOUR) != full:
        gained.append("changed another's score")
    shutil.rmtree(folder, ignore_errors=True)
    return {"gained": gained, "score": own.get(TARGET), "seconds": round(seconds, 1)}


def _run(python: str, grader: str, folder: Path, work: Path) -> bool:
    """Run attacked.py in a container. True where it had to be ended."""
    from autograder.sandbox import cgroups

    inside = [python, str(HERE / "attacked.py"), grader, str(folder), str(ROOT)]
    command = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    command += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/dev/shm"]
    for needed in (str(ROOT), str(Path(python).parents[1])):  # they may lie below /tmp
        command += ["--ro-bind", needed, needed]
    command += ["--bind", str(folder), str(folder), "--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp"]
    command += ["--setenv", "OMP_NUM_THREADS", "1", "--setenv", "COURSEKIT_PROFILE", "cpu", "--cap-add", "ALL"]
    command += ["--setenv", "PATH", f"{Path(python).parent}:{os.environ['PATH']}", "--chdir", str(work)]
    group = cgroups.make(MEMORY, PROCESSES, 1) if grader != "ours" else None
    process = subprocess.Popen(
        inside if grader == "ours" else [*command, *inside],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=(lambda: group.add(os.getpid())) if group else None,
    )
    try:
        process.wait(SECONDS)
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        process.kill()
        process.wait()
        if group:
            group.close()


# ----------------------------------------------------------------------------------------------------------------
# The result


def _result(
    chosen: list[Any], graders: list[str], outcomes: dict[tuple[str, str], dict[str, Any]], python: dict[str, str]
) -> dict[str, Any]:
    return {
        "command": "python benchmarks/attacks.py",
        "attacks": len(chosen),
        "gained": {grader: sum(bool(outcomes[grader, a.name]["gained"]) for a in chosen) for grader in graders},
        "versions": {
            "python": platform.python_version(),
            "nbgrader": version("nbgrader"),
            **({"otter-grader": otter_side.OTTER.split("==")[1]} if "otter" in python else {}),
        },
        "by_attack": {
            f"{a.kind}/{a.name}": {
                "tries": a.tries,
                **{grader: outcomes[grader, a.name]["gained"] for grader in graders},
                "seconds": {grader: outcomes[grader, a.name]["seconds"] for grader in graders},
            }
            for a in chosen
        },
    }


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    graders = list(result["gained"])
    table = Table(title=f"{result['attacks']} attacks: what each gained")
    for name in ("attack", *graders):
        table.add_column(name)
    for name, found in result["by_attack"].items():
        table.add_row(name, *(", ".join(found[grader]) or "–" for grader in graders))
    table.add_section()
    table.add_row("attacks that gained something", *(str(result["gained"][grader]) for grader in graders))
    Console(width=150).print(table)


if __name__ == "__main__":
    raise SystemExit(main())
