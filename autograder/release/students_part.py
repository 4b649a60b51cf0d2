"""What of the engine students receive, copied into the course's package: public checks and what else notebooks use.

Which files that are is found from their imports, and from the codecs that the course asks for. They are copied as they
stand, so that the copies can be compared.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from autograder.course import CHECKING, Course
from autograder.files import write_changed
from autograder.module_graph import HERE as ENGINE
from autograder.module_graph import reached

PROBES = "probes"
PARTS = ("notebook", "public_checks")
"""Packages of the engine that are for notebooks of students."""

INIT = '''"""Copied out of the engine by `autograder release`: a change here is undone by the next one."""

from .public_checks.checks import Checks

check = Checks(__name__.rpartition(".")[0])
'''


OF_PROBES = '''"""What public checks do with classes and objects, and where more than one result is right.

One module per stage, built from its folder, with `PROBES` and `PROPERTIES` by name.

A probe works with the student's answer on the inputs of a case, `probe(answer, **arguments)`, and returns plain values,
one per part of the case: shapes, numbers, what changed. It holds no expected value; those are stored, as for any case.
A property calls the answer through `call`, which puts other arguments in place of the case's by name, and returns the
faults that it found.
"""
'''


def codecs_of(course: Course) -> tuple[str, ...]:
    """The codecs that students have: those of the engine that the course asks for, and what they bring along."""
    return tuple(name for name in course.codecs.names if (ENGINE / "codecs" / f"{name}.py").is_file())


def originals(codecs: Collection[str]) -> dict[str, Path]:
    """Place below `checking/` → file of the engine.

    codecs   see `codecs_of`
    """
    roots = [path for part in PARTS for path in (ENGINE / part).rglob("*.py")]
    files = reached([*roots, *(ENGINE / "codecs" / f"{name}.py" for name in codecs)])
    inside = sorted(file.relative_to(ENGINE) for file in files if file != ENGINE / "__init__.py")
    return {place.as_posix(): ENGINE / place for place in inside}


def copies(codecs: Collection[str]) -> dict[str, bytes]:
    """Place below `checking/` → content of all that is in there but for the probes of stages."""
    own = {"__init__.py": INIT.encode(), f"{PROBES}/__init__.py": OF_PROBES.encode()}
    return own | {place: file.read_bytes() for place, file in originals(codecs).items()}


def copy_into(package: Path, codecs: Collection[str]) -> list[Path]:
    """Write the copies into a students' package, and take out what no longer is one; returns what was written."""
    folder = package / CHECKING
    wanted = {folder / place: content for place, content in copies(codecs).items()}
    written = [path for path, content in wanted.items() if write_changed(path, content)]
    for path in folder.rglob("*.py"):
        if path not in wanted and path.parent.name != PROBES:
            path.unlink()
    return written
