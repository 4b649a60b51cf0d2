"""A package index on this machine in which other people's packages have the names of ours, and Pythons without ours."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from whole_course import ROOT

OURS = ("autograder", "coursekit")
NEWER = "99.0"
# Whatever of it is run leaves its name in a file.
TRACE = 'import pathlib\nwith pathlib.Path({trace!r}).open("a") as file:\n    file.write({name!r} + "\\n")\n'
SETUP = TRACE + "import setuptools\nsetuptools.setup(name={name!r}, version={version!r}, packages=[{name!r}])\n"


@dataclass
class Index:
    """A simple index over HTTP.

    files   project → file name → content
    trace   what strangers' code writes to
    asked   the paths that were asked for, in order
    """

    trace: Path
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def environment(self) -> dict[str, str]:
        """The variables with which pip knows this index, builds with what is installed, and nothing else."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "UV_"))}
        return own | {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{self.address}simple/",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_BUILD_ISOLATION": "false",  # pip reads it the other way round: nothing is fetched to build with
        }

    def strangers(self) -> set[str]:
        """Which of our names anybody asked this index for."""
        return {name for name in OURS if any(f"/{name}/" in path or f"/{name}-" in path for path in self.asked)}

    def left_traces(self) -> list[str]:
        """Names of the strangers whose code has run."""
        return self.trace.read_text().split() if self.trace.exists() else []


def stranger(name: str, trace: Path, version: str = NEWER) -> bytes:
    """A source distribution that leaves a trace when it is built, and one when it is imported."""
    texts = {
        "setup.py": SETUP.format(trace=str(trace), name=name, version=version),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}/__init__.py": TRACE.format(trace=str(trace), name=name),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in texts.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def empty_wheel(name: str, version: str, extras: tuple[str, ...] = ()) -> bytes:
    """A wheel that holds nothing and needs nothing."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    provided = "".join(f"Provides-Extra: {extra}\n" for extra in extras)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{provided}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


@contextmanager
def serving(trace: Path) -> Iterator[Index]:
    """Serve an index with a stranger under each of our names."""
    index = Index(trace)
    for name in OURS:
        index.files[name] = {f"{name}-{NEWER}.tar.gz": stranger(name, trace)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            index.asked.append(path)
            project, _, file = path.removeprefix("/simple/").partition("/")
            files = index.files.get(project, {})
            content = files.get(file) if file else "".join(f'<a href="{one}">{one}</a>' for one in files).encode()
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", "application/octet-stream" if file else "text/html")
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pythons() -> list[str]:
    """This Python, and each newer one that is on the PATH."""
    found = [sys.executable]
    for minor in range(sys.version_info.minor + 1, 15):
        name = shutil.which(f"python3.{minor}")
        if name and subprocess.run([name, "-c", ""], capture_output=True).returncode == 0:
            found.append(name)
    return found


def python_without_ours(base: str, folder: Path) -> Path:
    """Python of a new environment in which all of this one is installed but our two packages.

    What is compiled works in this version of Python only; pip, setuptools and IPython are not.
    """
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    others = folder / "others"
    others.mkdir()
    for path in _site_packages().iterdir():
        if not path.name.startswith((*OURS, "__editable__")) and path.name != "__pycache__":
            (others / path.name).symlink_to(path)
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    Path(own.stdout.strip(), "others.pth").write_text(f"{others}\n")
    return python


def course_copy(folder: Path) -> Path:
    """A copy of course/ as it would be published."""
    left_out = shutil.ignore_patterns("*.egg-info", "build", ".venv", "__pycache__", ".ipynb_checkpoints")
    return Path(shutil.copytree(ROOT / "course", folder / "course", ignore=left_out))


def first_cell(notebook: Path) -> str:
    """Source of the first code cell of a notebook."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell for cell in cells if cell["cell_type"] == "code")["source"])


def _site_packages() -> Path:
    import pytest

    return Path(pytest.__file__).parents[1]
