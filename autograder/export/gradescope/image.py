"""The zip that Gradescope builds an autograder from: its two scripts, this project, and one assignment.

What other assignments have is left out, and so are the solutions.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from autograder.course import RELEASED, SOURCES, Stage, open_course
from autograder.export.formats import Export
from autograder.files import write_whole
from autograder.grading.cache import class_secret
from autograder.grading.classroom import LIMITS_FILE, PACKAGES, ClassroomError
from autograder.grading.folders import CONFIG
from autograder.hidden_tests.runner import test_file

from .results import VISIBILITY

HERE = Path(__file__).parent
SCRIPTS = ("setup.sh", "run_autograder")
SETTINGS = "gradescope.json"
FILES = (
    CONFIG,
    "pyproject.toml",
    "constraints.txt",
    "README.md",
    "LICENSE",
    "course/pyproject.toml",
    "course/README.md",
)


def write(export: Export) -> None:
    """Write the zip. Raises ClassroomError where the stage or a file of the project is missing, OSError."""
    assert export.stage is not None
    export.classroom.check_stage(export.stage)
    root = export.classroom.root
    stage = open_course(root).stage(export.stage)
    test_file(stage)
    settings = {"assignment": export.stage, "trust_submissions": export.trust, "visibility": VISIBILITY}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in SCRIPTS:
            _add(archive, name, (HERE / name).read_bytes(), 0o755)
        _add(archive, SETTINGS, json.dumps(settings, indent=1).encode())
        # With the class's secret, the hidden tests draw the same inputs there as here.
        _add(archive, "classroom/.secret", class_secret(export.classroom).encode(), 0o600)
        # Only this assignment is there, so limits.toml as it stands would name others that are not.
        limits = asdict(export.classroom.limits(export.stage))
        packages = export.classroom.packages(export.stage)
        lines = [f"[{export.stage}]", *(f"{name} = {value}" for name, value in limits.items())]
        if packages:
            lines.append(f"{PACKAGES} = {json.dumps([*packages])}")
            _add(archive, "packages.txt", "\n".join(f"{name}=={found}" for name, found in packages.items()).encode())
        _add(archive, LIMITS_FILE, "\n".join(lines).encode())
        for path in _project(stage):
            _add(archive, path.relative_to(root).as_posix(), path.read_bytes())
    write_whole(export.path, packed.getvalue())


def _project(stage: Stage) -> Iterator[Path]:
    root = stage.course.root
    for name in FILES:
        if not (root / name).is_file():
            raise ClassroomError(f"{root / name} is missing, and the autograder needs it: get the whole project.")
        yield root / name
    for folder in ("autograder", f"{RELEASED}/{stage.course.settings.package}", f"{RELEASED}/{stage.name}"):
        yield from _files(root / folder)
    for path in _files(root / SOURCES):
        first, *rest = path.relative_to(root / SOURCES).parts
        if first == stage.name:
            if rest[0] not in (stage.text.name, stage.solution.name, "demo"):
                yield path
        elif first not in stage.course.stages and (not rest or path.suffix == ".py"):
            yield path


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix != ".pyc" and "__pycache__/" not in inside and "/." not in f"/{inside}":
            yield path


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int = 0o644) -> None:
    # Always the same date, so that the same files make the same zip.
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
