"""Whatever the project says to install comes from its own folders, although an index has strangers under both names."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
import yaml
from package_index import OURS, Index, course_copy, empty_wheel, python_without_ours, serving
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from whole_course import ROOT

PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}
COMMAND = re.compile(r"pip install ((?:(?!&&|\|\||[;`\n]).)+)")
BARE = re.compile(rf"({'|'.join(OURS)})(\[[\w,]*\])?([=<>~!].*)?")


def commands(path: str) -> list[str]:
    """What stands after `pip install` in a file, as it would be typed in the repository."""
    return [found.strip() for found in COMMAND.findall((ROOT / path).read_text(encoding="utf-8"))]


def conda(path: str) -> str:
    """What the pip part of an environment file installs."""
    dependencies = yaml.safe_load((ROOT / path).read_text())["dependencies"]
    return " ".join(next(entry["pip"] for entry in dependencies if isinstance(entry, dict)))


INSTALLS = {
    "Makefile": (commands("Makefile")[1], "."),
    "environment.yml": (conda("environment.yml"), "."),
    "binder/environment.yml": (conda("binder/environment.yml"), "binder"),
    "Gradescope": (commands("autograder/export/gradescope/setup.sh")[1], "."),
    "README, by hand": ("-e ./course -e .", "."),
    "README, cluster": ("-e '.[cluster]'", "."),
    "course/README": ("-e '.[lab,offline]'", "course"),
    "the grader alone, for its tests": ("-e '.[dev]'", "."),
}


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with strangers under our names, and something under all the other names that ours need."""
    with serving(tmp_path / "trace") as running:
        wanted: dict[str, set[str]] = {name: set() for name in PINS}
        for path in ("pyproject.toml", "course/pyproject.toml"):
            project = tomllib.loads((ROOT / path).read_text())["project"]
            for line in chain(project["dependencies"], *project["optional-dependencies"].values()):
                requirement = Requirement(line)
                wanted.setdefault(canonicalize_name(requirement.name), set()).update(requirement.extras)
        for name, extras in wanted.items():
            if name in PINS:
                file = f"{name.replace('-', '_')}-{PINS[name]}-py3-none-any.whl"
                running.files[name] = {file: empty_wheel(name, PINS[name], tuple(extras))}
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what both packages are built from."""
    folder = tmp_path / "repository"
    folder.mkdir()
    course_copy(folder)
    shutil.copytree(ROOT / "autograder", folder / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "binder", folder / "binder")
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("where", INSTALLS)
def test_what_we_say_to_install_comes_from_our_folders(
    where: str, index: Index, repository: Path, tmp_path: Path
) -> None:
    arguments, folder = INSTALLS[where]
    plan = tmp_path / "plan.json"
    options = ["--dry-run", "--ignore-installed", "--quiet", "--report", str(plan)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *shlex.split(arguments)],
        cwd=repository / folder,
        env=index.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    chosen = {
        entry["metadata"]["name"]: entry["download_info"]["url"] for entry in json.loads(plan.read_text())["install"]
    }
    ours = {name: url for name, url in chosen.items() if name in OURS}
    assert ours
    assert all(url.startswith(f"file://{repository}") for url in ours.values()), ours
    assert len(chosen) > len(ours) + 5
    assert not index.strangers()
    assert index.left_traces() == []


def test_a_dependency_by_name_would_be_the_stranger(index: Index, repository: Path, tmp_path: Path) -> None:
    """What the test above relies on: it sees what a requirement by name does."""
    project = repository / "pyproject.toml"
    project.write_text(project.read_text().replace("\ndependencies = [", '\ndependencies = [\n"coursekit",'))
    plan = tmp_path / "plan.json"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--report",
            plan,
            "-e",
            ".",
        ],
        cwd=repository,
        env=index.environment(),
        check=True,
    )
    assert index.strangers() == {"coursekit"}
    assert "coursekit" in index.left_traces()


def test_no_text_tells_anyone_to_install_our_names() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    seen = 0
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or name.startswith("tests/") or not path.is_file() or path.suffix in (".safetensors", ".png"):
            continue
        text = path.read_text(encoding="utf-8").replace("Never `pip install coursekit`", "")
        for arguments in COMMAND.findall(text):
            seen += 1
            words = [word.strip("'\"`.,:\\") for word in arguments.split()]
            assert not [word for word in words if BARE.fullmatch(word)], f"{name}: pip install {arguments}"
    assert seen > 10


FIND = """
import sys
from pathlib import Path

sys.path.append(sys.argv.pop())
from autograder.course import Course, CourseError

course = Course(Path(sys.path[-1]))
try:
    print(course.package_folder)
except CourseError as error:
    sys.exit(f"autograder: {error}")
course.stage("03_scaled_dot_product_attention").module("public_checks")
"""


@pytest.mark.parametrize("installed", [False, True])
def test_a_strangers_coursekit_is_told_and_never_imported(tmp_path: Path, index: Index, installed: bool) -> None:
    python = python_without_ours(sys.executable, tmp_path / "environment")
    if installed:
        packed = tmp_path / "coursekit-0.1.0.tar.gz"
        (_, content), *_ = index.files["coursekit"].items()
        packed.write_bytes(content)
        subprocess.run([python, "-m", "pip", "install", "-q", packed], env=index.environment(), check=True)
        index.trace.unlink()
    root = tmp_path / "root"
    root.mkdir()
    for name in ("autograder", "solutions", "course"):
        (root / name).symlink_to(ROOT / name)
    done = subprocess.run([python, "-c", FIND, root], env=index.environment(), capture_output=True, text=True)
    if installed:
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "belongs to another project" in done.stderr
    else:  # the sources of ours lie beside the grader
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str((ROOT / "course/coursekit").resolve())
    assert index.left_traces() == []
