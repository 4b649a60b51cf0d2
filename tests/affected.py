"""Run the tests of what changed since the branch left main, those nearest to the change first, within a minute or so.

python tests/affected.py [--list] [--since REVISION]

A test file is near a module that it imports itself, farther from what that module imports, and so on. Another file is
near the tests that name it. Of the tests that are made for each stage only those of a changed stage are run, with one
seed. Where nothing has changed, the quickest test files are. Tests marked as slow are left to `make test`. Seconds are
those of benchmarks/results/test_suite.json.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
SECONDS = ROOT / "benchmarks" / "results" / "test_suite.json"
BUDGET = 110.0
"""Seconds of tests in one process; there are two."""
UNKNOWN = 5.0
"""Seconds for a test file that nobody has measured yet."""
A_STAGE = 107.0
"""Seconds for the tests of one stage, with one seed: those of the longest."""
PACKAGES = {"autograder": ROOT / "autograder", "coursekit": ROOT / "course" / "coursekit"}
OF_A_STAGE = (
    "tests/hidden_tests/test_bank.py",
    "tests/hidden_tests/test_dtypes.py",
    "tests/answers/test_answers.py",
    "tests/coursekit/test_checks.py",
    "tests/coursekit/test_stand_ins.py",
    "tests/release/test_release.py",
    "tests/release/test_leaks.py",
)
"""Tests that are made anew for each stage or exercise: `pytest --stage` takes those of one stage out of them."""


def main() -> int:
    """Choose, say what is chosen and what is not, and run it. Returns pytest's exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="name the test files and run nothing")
    parser.add_argument("--since", metavar="REVISION", help="what to compare with (default: where main was left)")
    options = parser.parse_args()
    changed = changed_files(options.since or start_of_branch())
    chosen, left = within(BUDGET, ranked(changed) if changed else dict.fromkeys(test_files(), 0))
    print(summary(changed, chosen, left), flush=True)
    if options.list:
        print(*chosen, sep="\n")
        return 0
    stages = [f"--stage={name}" for name in chosen if name not in test_files()]
    runs = [[name for name in chosen if name in test_files()], [*OF_A_STAGE, *stages] if stages else []]
    return max((run(arguments) for arguments in runs if arguments), default=0)


def run(arguments: list[str]) -> int:
    """Run pytest on two cores, with one seed per answer. Returns its exit status; where all tests are slow, 0."""
    options = ["-q", "-m", "not slow", "--numprocesses", "2", "--dist", "loadscope"]
    command = [sys.executable, "-m", "pytest", *options, *arguments]
    status = subprocess.run(command, cwd=ROOT, env={"BANK_SEEDS": "1", "OMP_NUM_THREADS": "1"} | os.environ).returncode
    return 0 if status == 5 else status


def summary(changed: list[str], chosen: list[str], left: list[str]) -> str:
    """A line or two for whoever waits."""
    if not changed:
        return f"Nothing has changed: the {len(chosen)} quickest of {len(chosen) + len(left)} test files."
    said = f"Tests of {len(changed)} changed files: {', '.join(chosen) or 'none'}."
    return f"{said}\nLeft to `make test`: {', '.join(left)}." if left else said


# What changed -----------------------------------------------------------------------------------------------------


def start_of_branch() -> str:
    """The commit at which this branch left main; HEAD where there is no main."""
    for main_branch in ("origin/main", "main"):
        found = subprocess.run(
            ["git", "merge-base", "HEAD", main_branch], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if found.returncode == 0:
            return found.stdout.strip()
    return "HEAD"


def changed_files(since: str) -> list[str]:
    """Paths, below the root, that differ from a revision or that git does not know yet."""
    differing = _git("diff", "--name-only", "--no-renames", "-z", since)
    return sorted({*differing, *_git("ls-files", "--others", "--exclude-standard", "-z")})


def stage_of(path: str) -> str | None:
    """The stage in whose folder a file lies, if it lies in one and decides anything."""
    found = re.match(r"(?:solutions|course)/(\d\d_\w+)/(?!README\.md)", path)
    return found[1] if found else None


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name]


# Which tests ------------------------------------------------------------------------------------------------------


def ranked(changed: Iterable[str]) -> dict[str, int]:
    """Test file or stage → how far it is from the nearest change. What has nothing to do with it is not there."""
    distances: dict[str, int] = {}

    def near(paths: Iterable[str], distance: int) -> None:
        for path in paths:
            distances[path] = min(distance, distances.get(path, distance))

    for path in changed:
        module = module_of(path)
        if module is not None:
            for name, distance in importers(module).items():
                near((test for test in test_files() if name in imported_by(ROOT / test)), distance + 1)
        elif path in test_files():
            near([path], 0)
        elif path.startswith("tests/"):
            near((test for test in test_files() if (ROOT / path).parent in (ROOT / test).parents), 1)
        elif stage := stage_of(path):
            near([stage], 0)
        else:
            word = re.compile(rf"(?<![\w.-]){re.escape(Path(path).name)}(?![\w-])")
            near((test for test in test_files() if word.search((ROOT / test).read_text(encoding="utf-8"))), 1)
    return distances


def within(budget: float, distances: dict[str, int]) -> tuple[list[str], list[str]]:
    """What fits into so many seconds, the nearest first, the quickest of those that are as near; and the rest."""
    measured = json.loads(SECONDS.read_text(encoding="utf-8"))["seconds"]
    seconds = {name: measured.get(name, UNKNOWN) if name in test_files() else A_STAGE for name in distances}
    chosen, left = [], []
    for name in sorted(distances, key=lambda name: (distances[name], seconds[name], name)):
        fits = seconds[name] <= budget
        (chosen if fits else left).append(name)
        budget -= seconds[name] if fits else 0
    return chosen, left


@cache
def test_files() -> list[str]:
    """All test files, as paths below the root."""
    return sorted(str(path.relative_to(ROOT)) for path in TESTS.rglob("test_*.py"))


def module_of(path: str) -> str | None:
    """The module that a file of a package is, or the package that the file lies in."""
    file = ROOT / path
    for package, folder in PACKAGES.items():
        if folder in file.parents:
            parts = file.relative_to(folder).with_suffix("").parts
            names = parts[:-1] if file.suffix != ".py" or file.stem == "__init__" else parts
            while names and ".".join([package, *names]) not in graph().modules:
                names = names[:-1]
            return ".".join([package, *names])
    return None


@cache
def importers(module: str) -> dict[str, int]:
    """Modules that import this one, by how many steps; itself by none."""
    distances, waiting = {module: 0}, [module]
    for name in waiting:
        for importer in graph().find_modules_that_directly_import(name):
            if importer not in distances:
                distances[importer] = distances[name] + 1
                waiting.append(importer)
    return distances


@cache
def graph() -> grimp.ImportGraph:
    """Who imports whom in both packages."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


@cache
def imported_by(test: Path) -> frozenset[str]:
    """Modules of both packages that a file of tests imports, itself or through a module beside it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    beside = {test.with_name(f"{name}.py") for name in names if "." not in name} - {test}
    return frozenset(names & graph().modules).union(*(imported_by(file) for file in beside if file.is_file()))


if __name__ == "__main__":
    sys.exit(main())
