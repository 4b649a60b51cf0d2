"""The first cell of a released notebook: finds coursekit, or installs it from where the course says.

It never installs by name alone. On the public index the name is somebody else's, whose code would then run on the
machine of every student.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from urllib.parse import urlsplit

from nbformat.notebooknode import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from autograder.release.errors import ReleaseError

TAG = "install"
SETTING = "COURSEKIT_ADDRESS"
SCHEMES = ("https", "file", "git+https", "git+ssh")
ARCHIVE = re.compile(r"[\w./+-]+\.(whl|zip|tar\.gz)", re.ASCII)

CELL = """\
import importlib.util, pathlib, subprocess, sys, IPython

source = ".." if pathlib.Path("../coursekit/golden").is_dir() else {address}  # never by its bare name: that is not ours
if source and not importlib.util.find_spec("coursekit"):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source])
package = importlib.util.find_spec("coursekit")
if not package:
    raise IPython.core.error.UsageError("{missing}")
if not pathlib.Path(str(package.origin)).with_name("golden").is_dir():
    raise IPython.core.error.UsageError("{another}")"""
MISSING = (
    "coursekit, the package of this course, is missing: get the course's folder, run `%pip install /path/to/course` "
    "with its path, restart the kernel and run this cell again."
)
ANOTHER = (
    "The coursekit that is installed here belongs to another project: run `%pip uninstall -y coursekit`, restart the "
    "kernel and run this cell again."
)


def install_cell(address: str = "") -> str:
    """Source of the cell. It looks for an installed coursekit, then beside the notebook's folder, then at the address.

    address   where pip gets the package, see `address_in`; "" for nowhere
    """
    return CELL.format(address=f'"{address}"', missing=MISSING, another=ANOTHER)


def address_in(settings: Path) -> str:
    """The address that a course's settings name; "" where they name none, or where there is no such file.

    Raises ReleaseError for whatever pip might take for the name of a package, and for what is no address.
    """
    if not settings.is_file():
        return ""
    address = runpy.run_path(str(settings)).get(SETTING, "")
    if not isinstance(address, str) or not (address == "" or _is_address(address)):
        raise ReleaseError(
            f"{settings}: {SETTING} = {address!r} is neither the address nor the file of a package. Write an address "
            f"that starts with {', '.join(f'{scheme}://' for scheme in SCHEMES)}, or a file that ends in .whl, .zip or "
            ".tar.gz, relative to the notebook; a bare name is never installed."
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

    settings = Unicode(help="Path of the course's settings, which may name an address to install from.").tag(
        config=True
    )

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Fill the cells that are tagged as such. Raises ReleaseError, see `address_in`."""
        for cell in nb.cells:
            if cell.cell_type == "code" and TAG in cell.metadata.get("tags", []):
                cell.source = install_cell(address_in(Path(self.settings)))
        return nb, resources
