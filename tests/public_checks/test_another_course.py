"""Another course's students have public checks too: of plain Python and numpy, where there is no torch."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.notebooknode import NotebookNode
from whole_course import ROOT

from autograder.course import Course
from autograder.release import ReleaseError, release, stale
from autograder.release.students_part import copies

STAGE = "01_lines"
SETTINGS = """from autograder.course import Settings

COURSE = Settings(title="Lines", package="linekit", codecs=("numpy",))
"""
PACKAGE = """from linekit.checking.notebook.waiting import when_done as when_done
from linekit.checking import check as check
"""
CHECKS = """import numpy as np

from autograder.public_checks import Part, PublicCase, PublicExercise

EXERCISES = {
    "longest": PublicExercise(
        number="1.1",
        beyond="Grading also tries other texts.",
        parts=(Part("longest line"), Part("lengths")),
        hints=("How do you cut a text into its lines?",),
        cases=(
            PublicCase(tried="three lines", arguments={"text": "one\\nthree\\ntwo"}),
            PublicCase(tried="one line", arguments={"text": "four"}),
        ),
    ),
    "centred": PublicExercise(
        number="1.2",
        beyond="Grading also tries other shapes.",
        parts=(Part("points", ("point",)),),
        hints=("Which axis do the points lie along?",),
        cases=(
            PublicCase(tried="three points", arguments={"points": np.array([[0.0, 4.0], [1.0, 5.0], [5.0, 9.0]])}),
            PublicCase(tried="points in float32", arguments={"points": np.array([[1, 2], [3, 5]], dtype=np.float32)}),
        ),
    ),
    "Counter": PublicExercise(
        number="1.3",
        beyond="Grading also counts further.",
        parts=(Part("counts"),),
        hints=("Where is the count kept between two calls?",),
        cases=(PublicCase(tried="three calls", arguments={"calls": 3}, probe="counts"),),
    ),
    "shuffled": PublicExercise(
        number="1.4",
        beyond="Grading also tries other lists.",
        parts=(Part("list"),),
        hints=("What may a shuffled list not lack?",),
        cases=(PublicCase(tried="ten words", arguments={"words": list("abcdefghij")}, property="permutation"),),
    ),
}
"""
PROBES = """from linekit.checking.public_checks.cases import Fault


def counts(answer, calls):
    counter = answer()
    return [counter.next() for _ in range(calls)]


def permutation(call):
    words = call.arguments["words"]
    found = call()
    if sorted(found) != words:
        return [Fault("lost", f"{len(set(words) - set(found))} of {len(words)} words are gone.")]
    return [Fault("still", "The words are in the order in which they were.")] if found == words else []


PROBES = {"counts": counts}
PROPERTIES = {"permutation": permutation}
"""
ANSWERS = """import random

import numpy as np

from autograder.answers import misconception, reference


@reference("longest")
def longest(text):
    lines = text.splitlines()
    return max(lines, key=len), [len(line) for line in lines]


@misconception("longest", "The longest word is not always the last in the alphabet.", caught_by="test_longest")
def last_in_the_alphabet(text):
    lines = text.splitlines()
    return max(lines), [len(line) for line in lines]


@reference("centred")
def centred(points):
    return points - points.mean(axis=0)


@misconception("centred", "That is the mean of all numbers: take one of each column.", caught_by="test_centred")
def over_everything(points):
    return points - points.mean()


@misconception("centred", "The points that were passed in have changed.", caught_by="test_centred")
def in_place(points):
    points -= points.mean(axis=0)
    return points


@reference("Counter")
class Counter:
    def __init__(self):
        self.count = 0

    def next(self):
        self.count += 1
        return self.count


@misconception("Counter", "Each call starts anew.", caught_by="test_counter")
class Forgetful:
    def next(self):
        return 1


@reference("shuffled")
def shuffled(words):
    return random.sample(words, len(words))


@misconception("shuffled", "Words are drawn, and put back.", caught_by="test_shuffled")
def drawn(words):
    return random.choices(words, k=len(words))
"""
ANSWER_CELL = (
    '# %% nbgrader={{"grade": false, "grade_id": "{name}_answer", "locked": false, "points": 0, "schema_version": 3, '
    '"solution": true, "task": false}}\n{source}\n'
)
GRADE_CELL = (
    '# %% nbgrader={{"grade": true, "grade_id": "{name}", "locked": true, "points": 1, "schema_version": 3, '
    '"solution": false, "task": false}}\ncheck.{name}({name})\n'
)
NO_TORCH = "import sys\n\nsys.modules['torch'] = None  # importing it fails"
EXERCISES = {
    "longest": "def longest(text):\n    ### BEGIN SOLUTION\n    lines = text.splitlines()\n"
    "    return max(lines, key=len), [len(line) for line in lines]\n    ### END SOLUTION",
    "centred": "def centred(points):\n    ### BEGIN SOLUTION\n    return points - points.mean(axis=0)\n"
    "    ### END SOLUTION",
    "Counter": "class Counter:\n    count = 0\n\n    def next(self):\n        ### BEGIN SOLUTION\n"
    "        self.count += 1\n        return self.count\n        ### END SOLUTION",
    "shuffled": "def shuffled(words):\n    ### BEGIN SOLUTION\n    return random.sample(words, len(words))\n"
    "    ### END SOLUTION",
}
WRONG = {
    "longest": "def longest(text):\n    lines = text.split('\\n')\n    return sorted(lines)[-1], list(map(len, lines))",
    "centred": "def centred(points):\n    return points - np.mean(points)",
    "Counter": "class Counter:\n    def next(self):\n        return True + 0",
    "shuffled": "def shuffled(words):\n    return [random.choice(words) for _ in words]",
}


def text_notebook(course: Path) -> str:
    start = f"# %% [markdown]\n# # Lines\n\n# %%\n{NO_TORCH}\nsys.path.insert(0, {str(course)!r})\n\n# %%\n"
    imports = "import random\n\nimport numpy as np\nfrom linekit import check\n\n"
    cells = (
        ANSWER_CELL.format(name=name, source=source) + "\n" + GRADE_CELL.format(name=name)
        for name, source in EXERCISES.items()
    )
    return start + imports + "\n".join(cells)


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A course on lines, not yet built."""
    for name in ("nbgrader_config.py", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    stage, package = tmp_path / "solutions" / STAGE, tmp_path / "course/linekit"
    for folder in (stage / "answers", package):
        folder.mkdir(parents=True)
    (tmp_path / "solutions/course.py").write_text(SETTINGS)
    (stage / f"{STAGE}.py").write_text(text_notebook(tmp_path / "course"))
    (stage / "public_checks.py").write_text(CHECKS)
    (stage / "probes.py").write_text(PROBES)
    (stage / "answers/all.py").write_text(ANSWERS)
    (package / "__init__.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path / "course")
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("linekit", "solutions")]:
        del sys.modules[name]


def displayed(cell: NotebookNode) -> str:
    return "".join(output["data"]["text/plain"] for output in cell.outputs)


def grade_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    marked = ((cell.metadata.get("nbgrader", {}), cell) for cell in notebook.cells)
    return {marks["grade_id"]: cell for marks, cell in marked if marks.get("grade")}


def run(notebook: NotebookNode) -> dict[str, str]:
    """What each check displays. Nothing is written to stderr, and torch is not imported."""
    notebook.cells.append(nbformat.v4.new_code_cell("print(sys.modules['torch'])"))
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    assert [output.text for output in notebook.cells[-1].outputs] == ["None\n"]
    return {name: displayed(cell) for name, cell in grade_cells(notebook).items()}


def test_a_release_builds_its_checks_and_students_are_told_what_is_right_and_which_slip_it_is(lines: Path) -> None:
    built = release(lines, log=lambda _: None)
    package = lines / "course/linekit"
    assert {package / "golden" / f"{STAGE}{suffix}" for suffix in (".json", ".safetensors")} < set(built)
    assert {package / "checking" / place for place in copies(["numpy"])} < set(built)
    assert stale(lines) == []
    assert release(lines, log=lambda _: None) == []

    solution = nbformat.read(Course(lines).stage(STAGE).solution, as_version=4)
    for name, cell in grade_cells(solution).items():
        assert displayed(cell).startswith("✓ 1."), (name, displayed(cell))

    student = nbformat.read(Course(lines).stage(STAGE).released, as_version=4)
    assert [text.partition(" · ")[2] for text in run(student).values()] == ["not done yet"] * len(EXERCISES)

    student = nbformat.read(Course(lines).stage(STAGE).released, as_version=4)
    for cell in student.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removesuffix("_answer")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = WRONG[name]
    said = run(student)
    assert said["longest"] == (
        "✗ 1.1 · 1 of 2 public checks pass\n"
        "  Tried: three lines.\n"
        "  The longest line: 'two', expected 'three'.\n"
        "  The likely slip: The longest word is not always the last in the alphabet."
    )
    assert said["centred"] == (
        "✗ 1.2 · 0 of 2 public checks pass\n"
        "  Tried: three points.\n"
        "  The points of point 1: [-4.00 0.00], expected [-2.00 -2.00].\n"
        "  The likely slip: That is the mean of all numbers: take one of each column."
    )
    assert said["Counter"] == (
        "✗ 1.3 · 0 of 1 public checks pass\n"
        "  Tried: three calls.\n"
        "  The counts: [1, 1, 1], expected [1, 2, 3].\n"
        "  The likely slip: Each call starts anew."
    )
    assert said["shuffled"].endswith("  The likely slip: Words are drawn, and put back.")


def test_it_is_built_where_there_is_no_torch(lines: Path) -> None:
    code = (
        "import sys; sys.modules |= dict.fromkeys(('torch', 'pandas', 'matplotlib'))\n"
        "from pathlib import Path; from autograder.release import release\n"
        "print(len(release(Path(sys.argv[1]))))"
    )
    run = subprocess.run([sys.executable, "-c", code, lines], capture_output=True, text=True, timeout=300, cwd=lines)
    assert run.returncode == 0, run.stderr
    assert "running the solution" in run.stdout
    assert stale(lines) == []


def test_a_file_that_is_not_copied_any_more_goes_and_a_changed_copy_is_made_again(lines: Path) -> None:
    release(lines, log=lambda _: None)
    folder = lines / "course/linekit/checking"
    (folder / "notebook/gone.py").write_text("")
    (folder / "names.py").write_text("")
    assert next(str(item) for item in stale(lines)).endswith(
        "names.py is stale: it was changed by hand. Run `make release`."
    )
    release(lines, log=lambda _: None)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")} == {
        *copies(["numpy"]),
        "probes/stage_01.py",
    }
    assert stale(lines) == []


def test_a_probe_that_nobody_wrote_is_named(lines: Path) -> None:
    path = lines / "solutions" / STAGE / "public_checks.py"
    path.write_text(path.read_text().replace('probe="counts"', 'probe="count"'))
    with pytest.raises(ReleaseError, match=r"The public check of Counter names 'count', and probes\.py beside it"):
        release(lines, log=lambda _: None)
