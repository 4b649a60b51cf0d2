"""GitHub's workflows: what they run exists here, and actionlint finds nothing in them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def jobs(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with the name of its file."""
    for path in WORKFLOWS:
        for job in jobs(path).values():
            yield from ((path.name, step) for step in job["steps"])


def test_there_is_a_workflow_for_each_thing_that_is_promised() -> None:
    assert {path.stem for path in WORKFLOWS} == {"checks", "docs", "notebooks", "wheels"}


def test_actionlint_finds_nothing() -> None:
    program = shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not installed; the workflow `checks` runs it.")
    done = subprocess.run([program, *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_what_the_steps_run_is_there() -> None:
    seen = set()
    for name, step in steps():
        for line in step.get("run", "").splitlines():
            for target in re.findall(r"\bmake ([\w-]+)", line):
                assert re.search(rf"^{target}:|^\.PHONY:.* {target}\b", MAKEFILE, re.MULTILINE), f"{name}: {line}"
                seen.add(target)
            for path in re.findall(r"(?:^|[ =])((?:tests|docs|benchmarks|\.ci)/[\w./]+)", line):
                assert (ROOT / path).exists(), f"{name}: {line}"
                seen.add(path)
    assert {"lint", "docs", "test-nightly", ".ci/run", "tests/release/test_nbval.py"} <= seen


def test_a_test_that_a_step_leaves_out_exists() -> None:
    for name, step in steps():
        for path, _, test in re.findall(r"--deselect ([\w./]+)(::(\w+))?", step.get("run", "")):
            assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{name}: {test}"


def test_every_python_that_the_packages_allow_is_tried() -> None:
    allowed = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
    matrix = jobs(ROOT / ".github/workflows/checks.yml")["versions"]["strategy"]["matrix"]
    assert matrix["python"] == [f"3.{minor}" for minor in range(15) if f"3.{minor}" in allowed]
    assert matrix["versions"] == ["newest"]
    assert {"python": matrix["python"][0], "versions": "oldest"} in matrix["include"]


def test_no_step_uses_what_may_change_under_it_or_has_more_rights_than_it_needs() -> None:
    for name, step in steps():
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/checkout@v5")), f"{name}: {step}"
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}, path.name
