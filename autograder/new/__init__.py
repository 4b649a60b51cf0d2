"""A course that works, to be changed into one's own: `autograder new FOLDER`."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path
from string import Template

from autograder.course import RELEASED, CourseError
from autograder.release.students_part import copy_into

TEMPLATE = Path(__file__).parent / "template"
PACKAGE = "PACKAGE"
"""Stands in the template's names of folders for the students' package."""


def new_course(folder: Path, package: str | None = None) -> list[Path]:
    """Write a course of one stage with one exercise into a folder; returns the files.

    package   that students will import; made of the folder's name where None

    Raises CourseError where the folder is not empty, or the package's name cannot be had.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} is there already, and not empty: name a new folder.")
    package = package or _package_of(folder.name)
    _check(package)
    words = {"package": package, "title": folder.name.replace("_", " ").replace("-", " ").strip().capitalize()}
    written = []
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        name = str(source.relative_to(TEMPLATE)).replace(PACKAGE, package).removesuffix(".txt")
        place = folder / name.replace("gitignore", ".gitignore")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(Template(source.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
        written.append(place)
    return [*written, *copy_into(folder / RELEASED / package, codecs=())]


def _package_of(name: str) -> str:
    plain = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_")
    return f"{plain if plain[:1].isalpha() else 'course'}_kit"


def _check(package: str) -> None:
    if not package.isidentifier() or not package.isascii() or keyword.iskeyword(package):
        raise CourseError(f"{package!r} cannot be the name of a package: letters, digits and _ only.")
    if package in sys.stdlib_module_names or importlib.util.find_spec(package) is not None:
        raise CourseError(f"There is a package {package} here already: choose another name with --package.")
