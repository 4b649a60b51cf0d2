"""otter-grader as the benchmarks use it: an environment of its own, and the hidden tests in its files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGE = "03_scaled_dot_product_attention"
OTTER = "otter-grader==7.0.0"
STEP = 0.25  # a test case of otter's earns all or nothing, so that a score is told by so many of this many points


def environment() -> str:
    """Python of an environment with otter-grader and the course package, made where there is none yet."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "attention-course", "otter")
    python = folder / "bin" / "python"
    if not python.exists():
        print("Setting up otter-grader in an environment of its own …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
        subprocess.run([*install, "torch"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", OTTER, "ipykernel", ROOT / "course"], check=True)
    return str(python)


def write_tests(folder: Path) -> None:
    """Write each grade cell's hidden tests as one of otter's test files, which runs them once."""
    from in_kernel import grade_cells

    folder.mkdir()
    cells = grade_cells(ROOT / "solutions" / STAGE / "hidden_tests.py")
    shared = next(iter(cells.values())).split("\n")[:2]
    points = full_points()
    for name, source in cells.items():
        own = [line for line in source.split("\n") if line.startswith("exec(") and line not in shared]
        lines = [
            "from otter.test_files import test_case",
            "",
            "OK_FORMAT = False",
            f"name = {name!r}",
            "points = None",
            "_earned = []",
            "",
            "",
            "def earned(env):",
            "    if _earned:",
            "        return _earned[0]",
            *(f"    {line}" for line in (*shared, *own)),
            f"    _earned.append(_stock['score']({name!r}, env, _stock))",
            "    return _earned[0]",
        ]
        for number in range(1, int(points[name] / STEP) + 1):
            lines += [
                "",
                "",
                f"@test_case(points={STEP}, hidden=True)",
                f"def test_{number}(env):",
                f"    assert earned(env) >= {number * STEP}",
            ]
        (folder / f"{name}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")


def full_points() -> dict[str, float]:
    """Points of each exercise of the stage."""
    import nbformat

    from autograder.answers import bank_of
    from autograder.course import open_course

    released = nbformat.read(ROOT / "course" / STAGE / f"{STAGE}.ipynb", as_version=4)
    marks = [cell.metadata.get("nbgrader", {}) for cell in released.cells]
    points = {mark["grade_id"]: float(mark["points"]) for mark in marks if mark.get("grade")}
    return {name: points[name] for name in bank_of(open_course(ROOT).stage(STAGE)).exercises}


def pack(folder: Path, python: str) -> None:
    """Make folder/autograder.zip of folder/tests, as `otter generate` does."""
    otter = Path(python).parent / "otter"
    command = [otter, "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
