"""The first cell of a released notebook, beside an index on which a stranger has the name of our package."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from package_index import Index, course_copy, first_cell, python_without_ours, pythons, serving, stranger
from whole_course import COURSE, ROOT

from autograder.course import SETTINGS, SOURCES, Course
from autograder.release import ReleaseError, release
from autograder.release.install_cell import ANOTHER, MISSING, checked_address, install_cell

NOTEBOOKS = sorted((ROOT / "course").glob("[0-9][0-9]_*/*.ipynb"))
SAYS_MISSING, SAYS_ANOTHER = (f"UsageError: {told.format(package='coursekit')}" for told in (MISSING, ANOTHER))
RUN = """
import importlib.util, sys
from IPython.core.interactiveshell import InteractiveShell
ran = InteractiveShell.instance().run_cell(sys.stdin.read())
found = importlib.util.find_spec("coursekit")
print("ran" if ran.success else "stopped", found and found.origin)
"""


@dataclass
class Ran:
    """What a cell did: whether it ran to its end, where coursekit is found then, and what it said."""

    done: bool
    origin: str
    said: str


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with serving(tmp_path / "trace") as running:
        yield running


@pytest.fixture(params=pythons(), ids=lambda path: Path(path).name, scope="session")
def base(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def python(base: str, tmp_path: Path) -> Path:
    """Python of an environment such as Colab's, where coursekit is not installed."""
    return python_without_ours(base, tmp_path / "environment")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of coursekit, built from course/ as it stands."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", *command, str(course_copy(folder))], check=True)
    (built,) = folder.glob("*.whl")
    return built


def run(cell: str, python: Path, folder: Path, index: Index) -> Ran:
    """Run a cell as a notebook in `folder` would."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = index.environment() | {"HOME": str(folder.parent), "IPYTHONDIR": str(folder.parent / "ipython")}
    done = subprocess.run(
        [python, "-c", RUN], input=cell, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *said, last = done.stdout.splitlines()
    word, _, origin = last.partition(" ")
    return Ran(word == "ran", origin, "\n".join(said) + done.stderr)


def test_the_index_would_serve_the_stranger(python: Path, tmp_path: Path, index: Index) -> None:
    """What the other tests rely on: installed by its name, the stranger comes and its code runs."""
    ran = run("import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', '-q', 'coursekit'])",
              python, tmp_path / "empty", index)  # fmt: skip
    assert ran.origin.startswith(str(tmp_path / "environment"))
    assert index.strangers() == {"coursekit"}
    assert "coursekit" in index.left_traces()


def test_all_notebooks_have_the_same_short_first_cell() -> None:
    assert {first_cell(path) for path in NOTEBOOKS} == {install_cell("coursekit", checked_address(COURSE))}
    for address in ("", "https://example.org/coursekit-0.1.0-py3-none-any.whl"):
        assert len([line for line in install_cell("coursekit", address).splitlines() if line.strip()]) < 10


def test_a_notebook_by_itself_says_in_one_sentence_what_to_do(python: Path, tmp_path: Path, index: Index) -> None:
    ran = run(install_cell("coursekit"), python, tmp_path / "empty", index)
    assert (ran.done, ran.origin) == (False, "None")
    assert ran.said.strip() == SAYS_MISSING
    assert index.asked == []
    assert index.left_traces() == []


def test_in_a_published_folder_the_package_comes_from_there(python: Path, tmp_path: Path, index: Index) -> None:
    course = course_copy(tmp_path)
    ran = run(first_cell(NOTEBOOKS[2]), python, course / NOTEBOOKS[2].stem, index)
    assert ran.done, ran.said
    assert ran.origin.startswith(str(tmp_path / "environment"))
    assert not index.strangers()
    assert index.left_traces() == []
    assert run(first_cell(NOTEBOOKS[2]), python, tmp_path / "elsewhere", index).done


def test_a_wheel_that_the_setting_names_is_installed(python: Path, tmp_path: Path, index: Index, wheel: Path) -> None:
    folder = tmp_path / "by itself"
    cell = install_cell("coursekit", wheel.name)
    ran = run(cell, python, folder, index)
    assert not ran.done
    assert SAYS_MISSING in ran.said
    assert "Traceback" not in ran.said

    shutil.copy(wheel, folder)
    ran = run(cell, python, folder, index)
    assert ran.done, ran.said
    assert ran.origin.startswith(str(tmp_path / "environment"))
    assert not index.strangers()
    assert index.left_traces() == []


def test_an_address_that_the_setting_names_is_asked(python: Path, tmp_path: Path, index: Index, wheel: Path) -> None:
    index.files["files"] = {wheel.name: wheel.read_bytes()}
    ran = run(install_cell("coursekit", f"{index.address}simple/files/{wheel.name}"), python, tmp_path / "empty", index)
    assert ran.done, ran.said
    assert index.asked == [f"/simple/files/{wheel.name}"]
    assert index.left_traces() == []


def test_an_installed_stranger_is_recognised_and_not_imported(python: Path, tmp_path: Path, index: Index) -> None:
    packed = tmp_path / "coursekit-0.1.0.tar.gz"
    packed.write_bytes(stranger("coursekit", index.trace, "0.1.0"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", packed], env=index.environment(), check=True)
    index.trace.unlink()
    for folder in (tmp_path / "empty", course_copy(tmp_path) / NOTEBOOKS[2].stem):
        ran = run(install_cell("coursekit"), python, folder, index)
        assert not ran.done
        assert ran.said.strip() == SAYS_ANOTHER
        assert index.left_traces() == []
    # What the sentence says helps.
    subprocess.run([python, "-m", "pip", "uninstall", "-y", "-q", "coursekit"], env=index.environment(), check=True)
    assert run(install_cell("coursekit"), python, tmp_path / "course" / NOTEBOOKS[2].stem, index).done


@pytest.mark.parametrize(
    "source", ['"""A module of that name."""', None], ids=["a module of one file", "a folder without a module"]
)
def test_another_module_of_that_name_is_recognised(
    python: Path, tmp_path: Path, index: Index, source: str | None
) -> None:
    folder = tmp_path / "own"
    (folder / "coursekit").mkdir(parents=True)
    if source:
        (folder / "coursekit").rmdir()
        (folder / "coursekit.py").write_text(source)
    assert run(install_cell("coursekit"), python, folder, index).said.strip() == SAYS_ANOTHER


def course_with(root: Path, address: object) -> Course:
    """A course that names an address of its package, as a command finds it that is started now."""
    for name in [name for name in sys.modules if name.partition(".")[0] == SOURCES]:
        del sys.modules[name]
    settings = root / SOURCES / SETTINGS
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(
        f"from autograder.course import Settings\n\nCOURSE = Settings(package='coursekit', address={address!r})\n"
    )
    return Course(root)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/files/coursekit-0.1.0-py3-none-any.whl",
        "https://example.org/course.zip#sha256=0123",
        "git+https://example.org/course.git@v1#subdirectory=course",
        "file:///shared/coursekit-0.1.0-py3-none-any.whl",
        "coursekit-0.1.0-py3-none-any.whl",
        "../wheels/coursekit-0.1.0-py3-none-any.whl",
        "",
    ],
)
def test_addresses_and_files_may_be_named(tmp_path: Path, address: str) -> None:
    assert checked_address(course_with(tmp_path, address)) == address
    assert address in install_cell("coursekit", address)
    compile(install_cell("coursekit", address), "first cell", "exec")


@pytest.mark.parametrize(
    "address",
    [
        "coursekit",
        "coursekit==0.1.0",
        "coursekit[offline]",
        "course",
        "coursekit @ https://example.org/x.whl",
        "--pre=https://example.org/x.whl",
        "-rx.zip",
        "https://",
        "https://example.org",
        "http://example.org/coursekit.zip",
        'https://example.org/"+x+".whl',
        "https://example.org/{a}.whl",
        "coursekit.whl torch.whl",
        "coursekit.whl\nx.whl",
        "../course",
        None,
        7,
    ],
)
def test_what_pip_could_take_for_a_name_is_refused(tmp_path: Path, address: object) -> None:
    course = course_with(tmp_path, address)
    with pytest.raises(ReleaseError, match=r"solutions/course\.py: address = .* a bare name is never installed"):
        checked_address(course)


def test_an_address_reaches_the_released_notebook_without_running_the_solution(small_course: Path) -> None:
    text = small_course / "solutions/99_small/99_small.py"
    text.write_text(text.read_text().replace("# %%\n", '# %% tags=["install"]\nimport coursekit\n\n# %%\n', 1))
    student = small_course / "course/99_small/99_small.ipynb"
    course_with(small_course, "")
    release(small_course, log=lambda line: None)
    assert nbformat.read(student, as_version=4).cells[1].source == install_cell("coursekit")

    course_with(small_course, "https://example.org/coursekit-0.1.0-py3-none-any.whl")
    lines: list[str] = []
    assert release(small_course, log=lines.append) == [student]
    assert lines == ["99_small: stripping the solution …"]
    assert first_cell(student) == install_cell("coursekit", "https://example.org/coursekit-0.1.0-py3-none-any.whl")

    course_with(small_course, "coursekit")
    before = student.read_bytes()
    with pytest.raises(ReleaseError, match="a bare name is never installed"):
        release(small_course, log=lambda line: None)
    assert student.read_bytes() == before
