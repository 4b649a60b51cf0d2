"""Where the time of the tests goes: wall and CPU seconds of each folder of tests/, and seconds of each test file.

python benchmarks/test_suite.py [PART ...] [--as NAME]

A part is a folder of tests/, one of its files (release/test_nbval.py), or `house` for the files that lie in none.
Without any, all parts are measured. Each runs by itself in one process, as `make test` runs it: without what is left to
the night.
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
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cpu_time import control_group, read_cpu

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
RESULT = ROOT / "benchmarks" / "results" / "test_suite.json"
APART = "release/test_nbval.py"
"""Executes every solution: much longer than the rest of its folder."""


def main() -> None:
    """Measure, print a table, and write what was measured beside what is known of the other parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART")
    parser.add_argument("--as", dest="name", default="parts", help="key in the result (default: parts)")
    options = parser.parse_args()
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    known |= {
        "command": "python benchmarks/test_suite.py",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "unit": "seconds, in one process with OMP_NUM_THREADS=1",
    }
    print(f"{'part':24}{'tests':>7}{'wall s':>9}{'CPU s':>9}")
    for part in options.parts or parts():
        row, seconds = measured(part)
        known.setdefault(options.name, {})[part] = row
        known["seconds"] = dict(sorted((known.get("seconds", {}) | seconds).items()))
        RESULT.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
        cpu = "–" if row["cpu"] is None else f"{row['cpu']:.1f}"
        print(
            f"{part:24}{row['tests']:7}{row['wall']:9.1f}{cpu:>9}  {row['failures'] + row['errors']} failed", flush=True
        )


def parts() -> list[str]:
    """All folders of tests that hold tests, what stands apart in them, and the files that lie in none."""
    folders = sorted({path.parent.name for path in TESTS.glob("*/test_*.py")})
    return [*folders, APART, "house"]


def paths_of(part: str) -> list[str]:
    """What pytest is given for a part."""
    if part == "house":
        return [str(path.relative_to(ROOT)) for path in sorted(TESTS.glob("test_*.py"))]
    return [f"tests/{part}", *([f"--ignore=tests/{APART}"] if APART.startswith(f"{part}/") else [])]


def measured(part: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Run a part in a control group; its row of the table, and the seconds of each of its test files."""
    with tempfile.TemporaryDirectory() as folder, control_group() as group:
        report = Path(folder) / "tests.xml"
        command = [sys.executable, "-m", "pytest", "-qq", "-m", "not nightly", f"--junitxml={report}", *paths_of(part)]
        start = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, env={"OMP_NUM_THREADS": "1"} | os.environ) as tests:
            if group is not None:  # it has hardly begun
                (group / "cgroup.procs").write_text(str(tests.pid))
        wall, cpu = time.monotonic() - start, read_cpu(group)
        (suite,) = ElementTree.parse(report).getroot()
    row = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    row |= {"wall": round(wall, 1), "cpu": None if cpu is None else round(cpu, 1), "date": date.today().isoformat()}
    return row, by_file(suite)


def by_file(suite: ElementTree.Element) -> dict[str, float]:
    """Seconds of each test file, with what its tests needed before and after them."""
    seconds: Counter[str] = Counter()
    for case in suite.iter("testcase"):
        seconds[case.attrib["classname"].replace(".", "/") + ".py"] += float(case.attrib["time"])
    return {path: round(total, 1) for path, total in seconds.items()}


if __name__ == "__main__":
    main()
