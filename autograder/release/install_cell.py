"""The first cell of a released notebook: finds the course's package, or installs it from where the course says.

It never installs by name alone. On the public index the name is somebody else's, whose code would then run on the
machine of every student.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.course import SETTINGS, SOURCES, Course
from autograder.release.errors import ReleaseError

TAG = "install"
SCHEMES = ("https", "file", "git+https", "git+ssh")
ARCHIVE = re.compile(r"[\w./+-]+\.(whl|zip|tar\.gz)", re.ASCII)

CELL = """\
import importlib.util, pathlib, subprocess, sys, IPython

source = ".." if pathlib.Path("../{package}/golden").is_dir() else {address}  # never by its bare name: that is not ours
if source and not importlib.util.find_spec("{package}"):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source])
package = importlib.util.find_spec("{package}")
if not package:
    raise IPython.core.error.UsageError("{missing}")
if not pathlib.Path(str(package.origin)).with_name("golden").is_dir():
    raise IPython.core.error.UsageError("{another}")"""
MISSING = (
    "{package}, the package of this course, is missing: get the course's folder, run `%pip install /path/to/course` "
    "with its path, restart the kernel and run this cell again."
)
ANOTHER = (
    "The {package} that is installed here belongs to another project: run `%pip uninstall -y {package}`, restart the "
    "kernel and run this cell again."
)


def install_cell(package: str, address: str = "") -> str:
    """Source of the cell. It looks for the package where it is installed, then beside the notebook's folder, then at
    the address.

    address   where pip gets the package, see `checked_address`; "" for nowhere
    """
    missing, another = (sentence.format(package=package) for sentence in (MISSING, ANOTHER))
    return CELL.format(package=package, address=f'"{address}"', missing=missing, another=another)


def checked_address(course: Course) -> str:
    """The address that a course names; "" where it names none.

    Raises ReleaseError for whatever pip might take for the name of a package, and for what is no address.
    """
    address: object = course.settings.address
    if not isinstance(address, str) or not (address == "" or _is_address(address)):
        raise ReleaseError(
            f"{course.root / SOURCES / SETTINGS}: address = {address!r} is neither the address nor the file of a "
            f"package. Write an address that starts with {', '.join(f'{scheme}://' for scheme in SCHEMES)}, or a file "
            "that ends in .whl, .zip or .tar.gz, relative to the notebook; a bare name is never installed."
        )
    return address


def _is_address(text: str) -> bool:
    if not text.isascii() or not text.isprintable() or re.search(r"[\s\"'\\{}]", text):
        return False
    parts = urlsplit(text)
    if parts.scheme:
        return parts.scheme in SCHEMES and bool(parts.netloc or parts.scheme == "file") and len(parts.path) > 1
    return ARCHIVE.fullmatch(text) is not None and not text.startswith("-")


class InstallCell(NbGraderPreprocessor):
    """Puts the cell where the notebook of the solution, whose author has the package, only imports it."""

    course = Unicode(
        help="The folder of the course, whose settings name the package and where it is installed from."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Fill the cells that are tagged as such. Raises ReleaseError, see `checked_address`."""
        course = Course(Path(self.course))
        for cell in nb.cells:
            if cell.cell_type == "code" and TAG in cell.metadata.get("tags", []):
                cell.source = install_cell(course.settings.package, checked_address(course))
        return nb, resources
