"""Whether the course runs with the oldest and the newest versions that it allows, each in an environment of its own.

python benchmarks/versions.py [--only oldest] [--solutions 03 04] [--gpu-builds]

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "versions.json"
EXTRAS = ("ipykernel", "ipywidgets")  # of coursekit's extra `lab`, what runs a notebook; JupyterLab is for the browser
TOOLS = ("pytest",)
NOTEBOOK_SECONDS = 900
NEED_THE_GRADER = ("graders_and_builders", "what_its_generator_writes", "whoever_wrote_it")
"""Parts of the names of tests that compare coursekit with autograder."""
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=600).execute()
loud = [o["text"] for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
sys.exit("stderr: " + loud[0] if loud else 0)
"""


@dataclass(frozen=True)
class Setting:
    """Which versions an environment gets.

    constraints  lines of a constraints file
    not_tried    what is left out of it, and why
    """

    name: str
    constraints: list[str]
    not_tried: list[str]


def main() -> None:
    """Make the environments, run everything in them, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("pinned", "oldest", "newest"), action="append")
    parser.add_argument("--solutions", nargs="*", default=[], metavar="NN", help="stages whose solutions run as well")
    parser.add_argument("--gpu-builds", action="store_true", help="take torch's builds for NVIDIA GPUs: gigabytes")
    chosen = parser.parse_args()
    for setting in settings(chosen.gpu_builds):
        if not chosen.only or setting.name in chosen.only:
            result = tried(setting, chosen.solutions)
            show(setting.name, result)
            record(setting.name, result)


def record(name: str, result: dict[str, Any]) -> None:
    """Write what came of one environment beside what is known of the others."""
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    machine = {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()}
    known[name] = {"machine": machine} | result
    RESULT.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# Which versions ---------------------------------------------------------------------------------------------------


def settings(gpu_builds: bool) -> list[Setting]:
    """The three environments: constraints.txt, every lower bound of coursekit, and whatever is newest."""
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    pinned_torch = next(line for line in pins if line.startswith("torch=="))
    lower = {name: bound for name, bound in lower_bounds().items() if name != "torch"}
    oldest, oldest_missing = torch_for(f"torch=={lower_bounds()['torch']}", pinned_torch, gpu_builds)
    newest, newest_missing = torch_for("torch", pinned_torch, gpu_builds)
    return [
        Setting("pinned", pins, []),
        Setting("oldest", [oldest, *(f"{name}=={bound}" for name, bound in lower.items())], oldest_missing),
        Setting("newest", [newest], newest_missing),
    ]


def lower_bounds() -> dict[str, str]:
    """Name → lowest version that course/pyproject.toml allows; a bound of 5.0 is written 5.0.0, as it was published."""
    project = tomllib.loads((ROOT / "course" / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["lab"]
    bounds = dict(re.findall(r"^([\w-]+)>=([\d.]+)$", "\n".join(lines), re.MULTILINE))
    return {
        name: bound + ".0" * (2 - bound.count("."))
        for name, bound in bounds.items()
        if name in EXTRAS or any(line.startswith(f"{name}>") for line in project["dependencies"])
    }


def torch_for(requirement: str, otherwise: str, gpu_builds: bool) -> tuple[str, list[str]]:
    """The constraint for torch, and why it is not the wanted one, where pip has only a build that takes gigabytes."""
    report = json.loads(pip("install", "--dry-run", "--ignore-installed", "--no-deps", "--report", "-", requirement))
    package = report["install"][0]
    version = package["metadata"]["version"]
    libraries = [line for line in package["metadata"].get("requires_dist", []) if re.match(r"nvidia|cuda", line)]
    if libraries and not gpu_builds:
        build = f"the build for NVIDIA GPUs, with {len(libraries)} libraries"
        return otherwise, [f"torch {version}: for this system pip finds only {build}"]
    return f"torch=={version}", []


# Trying them ------------------------------------------------------------------------------------------------------


def tried(setting: Setting, solutions: list[str]) -> dict[str, Any]:
    """Make the environment and run in it: coursekit's tests, the released notebooks, the solutions."""
    with tempfile.TemporaryDirectory(prefix="versions-") as scratch:
        place = Path(scratch)
        python = environment(setting, place)
        result: dict[str, Any] = {"versions": installed(python), "not_tried": setting.not_tried}
        result["tests"] = tests(python, place)
        for kind, folder in (("released", "course"), ("solution", "solutions")):
            result[kind] = {
                notebook.stem: executed(python, notebook, place)
                for notebook in sorted((ROOT / folder).glob("[0-9][0-9]_*/*.ipynb"))
                if kind == "released" or notebook.stem[:2] in solutions
            }
        return result


def environment(setting: Setting, place: Path) -> Path:
    """Python of a new virtual environment with coursekit, built from course/ as it stands."""
    source, constraints = place / "course", place / "constraints.txt"
    stages_too = [path.name for path in (ROOT / "course").iterdir() if path.name[0].isdigit()]
    shutil.copytree(ROOT / "course", source, ignore=shutil.ignore_patterns("*.egg-info", "build", ".venv", *stages_too))
    constraints.write_text("\n".join(setting.constraints) + "\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "environment"], check=True)
    python = place / "environment" / "bin" / "python"
    pip("--python", str(python), "install", "-c", str(constraints), f"{source}[offline]", *EXTRAS, *TOOLS)
    return python


def installed(python: Path) -> dict[str, str]:
    """Versions of what coursekit depends on."""
    names = sorted(lower_bounds())
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names!r}}}))"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    return dict(json.loads(found))


def tests(python: Path, place: Path) -> str:
    """The last line that pytest prints, and what failed."""
    (place / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n")
    options = ["--noconftest", "-c", str(place / "pytest.ini"), "-q", "-k", f"not ({' or '.join(NEED_THE_GRADER)})"]
    for path in (ROOT / "tests" / "coursekit").glob("test_*.py"):
        if re.search(r"^(from|import) autograder", path.read_text(encoding="utf-8"), re.MULTILINE):
            options.append(f"--ignore={path}")
    command = [str(python), "-m", "pytest", *options, "-p", "no:cacheprovider", str(ROOT / "tests" / "coursekit")]
    own = clean(python, place) | {"HF_HUB_OFFLINE": "0"}  # they put a hub of their own in its place
    done = subprocess.run(command, cwd=place, env=own, capture_output=True, text=True)
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()[-300:]
    return "; ".join([re.sub(r" in [\d.]+s.*", "", last), *failed])


def executed(python: Path, notebook: Path, place: Path) -> str:
    """Run a notebook by itself in an empty folder: "ok" and the seconds it took, or what went wrong."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        shutil.copy(notebook, folder)
        start = time.monotonic()
        try:
            done = subprocess.run(
                [python, "-c", RUN, notebook.name],
                cwd=folder,
                env=clean(python, place),
                capture_output=True,
                text=True,
                timeout=NOTEBOOK_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {NOTEBOOK_SECONDS} s"
    if done.returncode == 0:
        return f"ok, {time.monotonic() - start:.0f} s"
    return done.stderr.strip().splitlines()[-1][:300]


def clean(python: Path, place: Path) -> dict[str, str]:
    """Environment variables of a student who has nothing but this environment: sample reviews, bundled encoder."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "OMP_NUM_THREADS") if name in os.environ}
    path = os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"])
    own = {"HOME": str(place), "IPYTHONDIR": str(place / "ipython"), "MPLCONFIGDIR": str(place / "matplotlib")}
    return kept | own | {"PATH": path, "HF_HUB_OFFLINE": "1", "COURSEKIT_PROFILE": "cpu"}


def pip(*arguments: str) -> str:
    """Run pip and return what it writes to stdout. Raises SystemExit with its complaint."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr.strip()[-2000:])
    return done.stdout


def show(name: str, result: dict[str, Any]) -> None:
    """Print what came of one environment."""
    print(f"\n{name}: " + ", ".join(f"{package} {version}" for package, version in result["versions"].items()))
    for missing in result["not_tried"]:
        print(f"  not tried: {missing}")
    print(f"  coursekit's tests: {result['tests']}")
    for kind in ("released", "solution"):
        for stage, outcome in result[kind].items():
            print(f"  {kind:<9} {stage:<34} {outcome}", flush=True)


if __name__ == "__main__":
    main()
