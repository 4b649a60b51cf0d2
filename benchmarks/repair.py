"""Damage real notebooks at random, repair them, and count what is lost.

python benchmarks/repair.py [--damages 5000]

The notebooks are the course's own, answered with its solutions, and a small one. Each trial draws up to five damages
(tests/repair/damages.py) and a way to save the file; its seed is its number.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "repair.json"
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "repair")]

from damages import Trial, classwork, try_damage  # noqa: E402


def main() -> None:
    """Run all trials, print a line per thousand, write the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--damages", type=int, default=5000)
    count = parser.parse_args().damages
    found: Counter[str] = Counter()
    problems: list[str] = []
    notebooks = len(classwork())
    start = time.perf_counter()
    for seed in range(count):
        try:
            trial = try_damage(seed)
        except Exception as error:
            trial = Trial(f"seed {seed}: {type(error).__name__}: {error}", [], [], [], True)
            found["exceptions"] += 1
            problems.append(trial.what)
        found["answers_with_a_trace"] += len(trial.traced)
        found["answers_with_a_trace_lost"] += len(trial.lost)
        found["answers_gone"] += len(trial.gone)
        found["unreadable"] += not trial.readable
        if trial.lost or trial.gone or not trial.readable:
            problems.append(trial.what)
        if seed % 1000 == 999:
            print(f"{seed + 1:,} damages, {time.perf_counter() - start:.0f} s: {dict(found)}", flush=True)
    results = {
        "command": f"python benchmarks/repair.py --damages {count}",
        "date": date.today().isoformat(),
        "machine": f"1 core, {platform.machine()}",
        "damages": count,
        "notebooks": notebooks,
        "exceptions": found["exceptions"],
        "answers_with_a_trace": found["answers_with_a_trace"],
        "answers_with_a_trace_lost": found["answers_with_a_trace_lost"],
        "answers_gone": found["answers_gone"],
        "unreadable": found["unreadable"],
        "problems": problems[:20],
        "milliseconds_each": round((time.perf_counter() - start) / count * 1000, 1),
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
