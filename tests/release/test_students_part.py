"""What students receive of the engine: copies of it, in every course alike, that know neither engine nor course."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

from whole_course import COURSE, ROOT

from autograder.release.students_part import CHECKING, codecs_of, copies, originals

FOLDER = COURSE.package_sources / CHECKING
LIBRARIES = {"IPython", "matplotlib", "nbconvert", "numpy", "pandas", "safetensors", "torch"}
"""All that is imported besides Python's own; a course whose students need what imports them requires them itself."""


def test_the_copies_in_the_course_are_those_that_a_release_makes() -> None:
    there = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.py")}
    probes = {
        f"probes/{stage.module_name}.py": stage.probes.read_bytes() for stage in COURSE.stages.values() if stage.probes
    }
    assert len(probes) > 1
    assert there == copies(codecs_of(COURSE)) | probes


def test_only_what_is_for_notebooks_is_copied() -> None:
    assert {Path(place).parts[0] for place in originals(["torch"])} == {
        "codecs",
        "names.py",
        "notebook",
        "public_checks",
    }


def test_students_have_the_codecs_that_their_course_asks_for() -> None:
    plain = {place for place in originals([]) if place.startswith("codecs/")}
    assert "codecs/base.py" in plain
    assert {place for place in originals(["numpy"]) if place.startswith("codecs/")} == plain | {"codecs/numpy.py"}


def test_copies_import_one_another_relatively_and_neither_engine_nor_course() -> None:
    for place, file in originals(["torch", "numpy", "pandas"]).items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            strange = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - LIBRARIES
            assert not strange, f"{place} imports {strange}"


def test_the_distribution_holds_every_folder_of_them() -> None:
    named = tomllib.loads((ROOT / "course/pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(FOLDER.parents[1]) for path in FOLDER.rglob("*.py")}
    assert {".".join(folder.parts) for folder in folders} <= set(named)
