"""A real browser, and the environments that a student and Colab have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from servers import ROOT, pip
from small_class import make_class

FLAGS = [
    "--headless=new",
    "--no-sandbox",  # root, as in a container, has no sandbox of Chromium's
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,1000",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def programs() -> tuple[str, str]:
    """Paths of Chromium and its driver. Where they are missing tests are skipped, but not by whoever says CI=true."""
    found = shutil.which("chromium"), shutil.which("chromedriver")
    if found[0] is None or found[1] is None:
        said = "chromium or chromedriver is not installed (Debian: apt-get install chromium chromium-driver)"
        if os.environ.get("CI") == "true":
            pytest.fail(said)
        pytest.skip(said)
    return found[0], found[1]


@pytest.fixture(scope="session")
def chromium(programs: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium with a new profile, which keeps what the pages say on the console and what they ask the network for."""
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome) -> webdriver.Chrome:
    """The browser on an empty page, with what it said so far forgotten."""
    chromium.get("about:blank")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    return chromium


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of coursekit, built from course/ as it stands."""
    source, folder = tmp_path_factory.mktemp("source") / "course", tmp_path_factory.mktemp("wheels")
    left_out = shutil.ignore_patterns("*.egg-info", "build", ".venv", "__pycache__")
    shutil.copytree(ROOT / "course", source, ignore=left_out)
    pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    return folder


@pytest.fixture(scope="session")
def student_python(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a new environment in which pip installed coursekit with JupyterLab, and nothing else: half a minute."""
    folder = tmp_path_factory.mktemp("student") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (wheel,) = wheels.glob("coursekit-*.whl")
    constraints = ROOT / "constraints.txt"
    # What is never imported need not be compiled: that alone would take another minute.
    pip("--python", folder / "bin/python", "install", "--no-compile", "-c", constraints, "pip", f"{wheel}[lab]")
    return folder / "bin/python"


@pytest.fixture(scope="session")
def hosted_python(student_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment such as Colab's: torch, transformers and the rest are there, and coursekit is not."""
    folder = tmp_path_factory.mktemp("hosted") / "environment"
    shutil.copytree(student_python.parents[1], folder, symlinks=True, copy_function=_link)
    pip("--python", folder / "bin/python", "uninstall", "--yes", "coursekit")
    return folder / "bin/python"


@pytest.fixture(scope="session")
def graded_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a course in which ada, bob and eve are graded."""
    folder = tmp_path_factory.mktemp("class")
    make_class(folder)
    return folder


def _link(source: str, destination: str) -> None:
    """Link a file instead of copying it: a gigabyte of torch need not be written twice."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)
