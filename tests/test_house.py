"""The house: one place for pins, light imports, and files that say the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
OURS = {"coursekit", "autograder"}
ON_DEMAND = {"playwright"}  # 130 MB that `make` leaves out: Chromium is there, and prints as well
PROJECTS = {"coursekit": ROOT / "course" / "pyproject.toml", "autograder": ROOT / "pyproject.toml"}


def project(name: str) -> dict:
    return tomllib.loads(PROJECTS[name].read_text())["project"]


def requirements(name: str) -> list[Requirement]:
    declared = project(name)
    extras = declared.get("optional-dependencies", {}).values()
    return [Requirement(line) for line in declared["dependencies"] + [line for extra in extras for line in extra]]


def pins() -> dict[str, Version]:
    result = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==(\S+)", line)
            assert match, f"constraints.txt: {line!r} is not an exact pin."
            result[canonicalize_name(match[1])] = Version(match[2])
    return result


def conda_file(path: Path) -> tuple[set[str], set[str]]:
    """The conda packages of an environment file, and the lines of its pip part with paths made to start at the root."""
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pip = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    lines = set()
    for line in pip:
        option, target = line.split(maxsplit=1)
        folder, bracket, extra = target.partition("[")
        lines.add(f"{option} {(path.parent / folder).resolve().relative_to(ROOT)}{bracket}{extra}")
    return {entry for entry in dependencies if isinstance(entry, str)}, lines


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", PROJECTS)
def test_every_dependency_is_pinned_within_its_bounds(name: str) -> None:
    pinned = pins()
    for requirement in requirements(name):
        if requirement.name in OURS:
            continue
        pin = pinned.get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} of {name} has no pin in constraints.txt."
        assert requirement.specifier.contains(pin), f"{requirement} excludes the pin {pin}."


def test_what_is_installed_is_what_is_pinned() -> None:
    pinned = pins()
    for requirement in requirements("coursekit") + requirements("autograder"):
        if requirement.name not in OURS:
            try:
                installed = Version(version(requirement.name)).public
            except PackageNotFoundError:
                assert requirement.name in ON_DEMAND, requirement.name
                continue
            assert installed == str(pinned[canonicalize_name(requirement.name)]), requirement.name


@pytest.mark.parametrize("name", PROJECTS)
def test_every_import_is_a_declared_dependency(name: str) -> None:
    declared = {canonicalize_name(requirement.name) for requirement in requirements(name)}
    if name == "autograder":
        declared.add("coursekit")  # installed by its path: declared by its name, it would be another project's
    distributions = packages_distributions()
    package = PROJECTS[name].parent / name
    for path in package.rglob("*.py"):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module)
        for module in {full.partition(".")[0] for full in imported} - sys.stdlib_module_names - {name}:
            if (package / module).is_dir():  # the worker sees our scenarios under their own name
                continue
            providers = {canonicalize_name(provider) for provider in distributions.get(module, [])}
            assert providers & declared, f"{path.relative_to(ROOT)} imports {module}, which {name} does not declare."


@pytest.mark.parametrize("name", PROJECTS)
def test_every_dependency_has_its_reason(name: str) -> None:
    lines = PROJECTS[name].read_text().splitlines()
    start = lines.index("dependencies = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        assert re.search(r'",\s+# \w+', line), f"{PROJECTS[name]}: no reason stands beside {line.strip()}"


def test_versions_stand_nowhere_but_in_constraints() -> None:
    for path in ("environment.yml", "binder/environment.yml", ".pre-commit-config.yaml", "Makefile", ".ci/run"):
        assert not re.search(r"==\s*\d|\brev:", (ROOT / path).read_text()), path


def test_conda_and_binder_install_the_packages_from_their_pins() -> None:
    packages, pip = conda_file(ROOT / "environment.yml")
    assert pip == {"--constraint constraints.txt", "-e course[offline,lab]", "-e .[dev]"}
    binder_packages, binder_pip = conda_file(ROOT / "binder" / "environment.yml")
    assert binder_packages <= packages
    assert {"--constraint constraints.txt", "-e course[offline,lab]"} == binder_pip <= pip
    assert {path.name for path in (ROOT / "binder").iterdir()} == {"environment.yml"}


def test_both_packages_agree_on_what_they_share() -> None:
    ours, theirs = ({r.name: str(r.specifier) for r in requirements(name)} for name in PROJECTS)
    differing = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    # To write numbers without torch the grader needs a new one; students keep what they have, which reads and writes.
    assert differing == {"safetensors"}


@pytest.mark.parametrize(
    ("imported", "unwanted"),
    [
        ("import coursekit", {"torch", "transformers", "datasets", "matplotlib", "pandas"}),
        ("import coursekit, coursekit.checks", {"transformers", "datasets", "matplotlib", "pandas", "huggingface_hub"}),
        (
            "from coursekit import check, when_done, load_imdb, load_encoder, load_tokenizer, runtime",
            {"transformers", "datasets"},
        ),
        ("from coursekit import plots", {"transformers", "datasets"}),
    ],
)
def test_imports_are_light(imported: str, unwanted: set[str]) -> None:
    code = f"import sys; {imported}; print(*sorted({unwanted!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout.split()) == (0, []), run.stderr


def test_all_public_names_of_coursekit_are_there() -> None:
    import coursekit

    assert sorted(coursekit.__all__) == [
        "check",
        "earlier_work",
        "load_encoder",
        "load_imdb",
        "load_tokenizer",
        "plots",
        "runtime",
        "save_answers_pdf",
        "when_done",
    ]
    for name in coursekit.__all__:
        assert getattr(coursekit, name) is not None
        assert name in dir(coursekit)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = coursekit.nothing


def test_all_that_coursekit_reads_is_in_its_distribution() -> None:
    patterns = tomllib.loads(PROJECTS["coursekit"].read_text())["tool"]["setuptools"]["package-data"]["coursekit"]
    package = ROOT / "course" / "coursekit"
    data = [str(path.relative_to(package)) for path in tracked() if package in path.parents and path.suffix != ".py"]
    assert {"golden", "sample"} <= {Path(path).parent.name for path in data}
    missed = [path for path in data if not any(fnmatch(path, pattern) for pattern in patterns)]
    assert not missed
    named = tomllib.loads(PROJECTS["coursekit"].read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent for path in tracked() if package in path.parents and path.suffix == ".py"}
    assert {".".join(folder.relative_to(package.parent).parts) for folder in folders} == set(named)


def test_the_command_of_the_package_starts() -> None:
    assert project("autograder")["scripts"] == {"autograder": "autograder.cli:main"}
    run = subprocess.run(
        [Path(sys.executable).parent / "autograder", "--help"], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    for command in ("demo", "release", "grade", "report", "export"):
        assert command in run.stdout


@pytest.mark.parametrize(
    "target", ["demo", "check", "test", "test-nightly", "lab", "release", "docs", "grade", "bench"]
)
def test_make_has_the_commands_that_it_promises(target: str) -> None:
    run = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr


def test_make_grades_a_stage_that_exists() -> None:
    stage = re.search(r"^STAGE \?= (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert stage
    assert (ROOT / "solutions" / stage[1] / f"{stage[1]}.py").is_file()


def test_the_tree_knows_no_machine_and_no_registry() -> None:
    registry = re.compile(r"--(extra-)?index-url|^\s*(index-url|registry|find-links)\s*=", re.MULTILINE)
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path == Path(__file__):
            continue
        assert f"{ROOT}/" not in text, f"{path} names a folder of this machine."
        assert not registry.search(text), f"{path} names a package registry."
