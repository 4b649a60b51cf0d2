"""Jupyter servers of the tests: each in an environment of its own, with settings of its own, gone when the test is."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGE = "03_scaled_dot_product_attention"
STARTUP_SECONDS = 60
# JupyterLab asks for its news on its first start, and shows only the cells in view: tests want all, and no questions.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


def clean_environment(python: Path, home: Path) -> dict[str, str]:
    """Environment variables under which a program of `python`'s environment sees that environment and nothing else.

    OMP_NUM_THREADS stays as well: beside other tests, threads of one notebook wait for each other for minutes.
    """
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS") if name in os.environ}
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTPS_", "https_"))}
    path = os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"])
    own = {"HOME": home, "IPYTHONDIR": home / "ipython", "JUPYTER_CONFIG_DIR": home / "config"}
    own |= {"JUPYTER_DATA_DIR": home / "data", "JUPYTER_RUNTIME_DIR": home / "runtime"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": home / "settings", "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    return kept | pip | {"PATH": path, "HF_HUB_OFFLINE": "1"} | {name: str(place) for name, place in own.items()}


@contextmanager
def jupyter(python: Path, root: Path, home: Path) -> Iterator[str]:
    """Run JupyterLab of `python`'s environment on the folder `root`; give the address, which ends in a slash.

    Raises RuntimeError, with what the server said, if it does not answer within a minute.
    """
    for name, text in SETTINGS.items():
        file = home / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.port={port}"]
    command += ["--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={root}"]
    log = home / "server.log"
    with log.open("w") as said:
        server = subprocess.Popen(
            command, cwd=root, env=clean_environment(python, home), stdout=said, stderr=said, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(address, server, log)
        yield address
    finally:
        server.send_signal(signal.SIGTERM)  # ends the kernels too
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
        shutil.rmtree(home / "runtime", ignore_errors=True)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}api", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def pip(*arguments: str | Path) -> None:
    """Run pip in silence; an option `--python` names another environment than this."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
