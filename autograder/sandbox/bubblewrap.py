"""The bubblewrap command line: what the worker sees of the host, which is little, and all of it read-only."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from .contents import Contents
from .cut import CutSources, hidden_libraries
from .ready_made import Parts

HERE = Path(__file__).parent
INSIDE = "/grader"
# Of our own package; what else it holds no submission can read.
OWN = ("__init__.py", "codecs", "remote/perform.py", "remote/wire.py", "sandbox")
HOST_FOLDERS = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin")


class SandboxMissing(Exception):
    """The sandbox cannot be had on this machine; the text names the remedy."""


def find_bubblewrap() -> str:
    """Path of bwrap. Raises SandboxMissing."""
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxMissing(
            "bubblewrap is not installed, so submissions cannot be run safely. Install it (Debian, Ubuntu: "
            "`sudo apt-get install bubblewrap`; Fedora: `sudo dnf install bubblewrap`), or, if you trust every "
            "submission as your own code, say so with `--trust-submissions`."
        )
    return found


def environment() -> dict[str, str]:
    """Environment of the worker: one thread per library, no network look-ups, nothing of the host's."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {
        **dict.fromkeys(threads, "1"),
        "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's; pandas imports it, and threads do not fork
        "PATH": "/usr/bin:/bin",
        "HOME": "/scratch",
        "TMPDIR": "/scratch",
        "IPYTHONDIR": "/tmp/ipython",
        "USER": "student",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",  # or it tries for ten seconds to reach one
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def _font_list() -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matplotlib"
    folder = Path(os.environ.get("MPLCONFIGDIR", cache))
    return sorted(folder.glob("fontlist-*.json"))


def command(
    control: int, parts: Parts, contents: Contents, cut: Path, libraries: frozenset[str] = frozenset()
) -> list[str]:
    """Arguments that start the warm interpreter in its sandbox, listening on the inherited socket `control`.

    parts       what it has of ready-made parts
    contents    what it has of the course
    cut         a folder for sources without the others; it may go when the interpreter has started
    libraries   distributions that it has in any case, beside those that every one has
    """
    prefixes = sorted({Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()})
    out = [find_bubblewrap(), "--unshare-all", "--die-with-parent", "--new-session", "--clearenv"]
    # For any other user bubblewrap would nest a second user namespace, whose capabilities do not reach the outer ones.
    out += ["--uid", "0", "--gid", "0"]
    # For the namespaces of each submission, and to give up these capabilities for good before its code runs.
    out += ["--hostname", "grader", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"]
    out += ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, HOST_FOLDERS):
        if folder.is_symlink():
            out += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            out += ["--ro-bind", str(folder), str(folder)]
    out += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    out += ["--ro-bind-try", "/etc/fonts", "/etc/fonts"]
    # Before the prefixes, one of which may lie below it.
    out += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/scratch"]
    for prefix in prefixes:
        if not prefix.is_relative_to("/usr"):
            out += ["--ro-bind", str(prefix), str(prefix)]
    installed = HERE.parent
    if any(installed.is_relative_to(prefix) for prefix in (*prefixes, Path("/usr"))):
        out += ["--tmpfs", str(installed)]
    for fonts in _font_list():
        out += ["--ro-bind", str(fonts), f"/tmp/matplotlib/{fonts.name}"]
    for own in OWN:
        out += ["--ro-bind", str(HERE.parent / own), f"{INSIDE}/autograder/{own}"]
    for place, path in (*contents.packages, *contents.modules):
        out += ["--ro-bind", str(path), f"{INSIDE}/{place}"]
    out += CutSources(parts, contents, cut, libraries).mounts(INSIDE)
    out += ["--remount-ro", "/", "--chdir", "/"]
    for name, value in {**environment(), **dict(contents.environment), "PYTHONPATH": INSIDE}.items():
        out += ["--setenv", name, value]
    told = [parts.to_json(), contents.to_json()]
    if parts.families is not None:
        ours = frozenset({"autograder", *(name for name, _ in contents.packages)})
        told += hidden_libraries(libraries | {*contents.ready_made.libraries}, ours)
    return [*out, *_start(control), *told]


def _start(control: int) -> list[str]:
    return [sys.executable, "-s", "-P", "-m", "autograder.sandbox.zygote", str(control)]


def command_without_sandbox(control: int, contents: Contents) -> list[str]:
    """Arguments that start the warm interpreter as it is, with all parts, for submissions that are trusted."""
    return [*_start(control), "trusted", contents.to_json()]


def environment_without_sandbox(contents: Contents) -> dict[str, str]:
    """Its environment: the host's, with the same threads and look-ups as in the sandbox."""
    places = [HERE.parents[1], *(folder.parent for _, folder in contents.packages)]
    # A module a/b/c.py lies in a folder that holds a/.
    places += sorted({path.parents[place.count("/")] for place, path in contents.modules})
    kept = {name: value for name, value in environment().items() if name not in ("PATH", "HOME", "USER")}
    paths = os.pathsep.join(map(str, places))
    return {**os.environ, **kept, **dict(contents.environment), "PYTHONPATH": paths}
