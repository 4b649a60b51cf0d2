"""Two ordinary nbgrader courses, nbgrader's own quickstart and examples/nbgrader_course, and a class that hands in.

Each submission is the released notebooks with something done to them. Most are graded alike by nbgrader and by us;
`higher` says of the others why ours gives more: they are what repair is for.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "nbgrader_course"
QUICKSTART = Path(nbgrader.__file__).parent / "docs/source/user_guide/source"
ASSIGNMENTS = ("ps1", "rain")
TIMEOUT = 4  # seconds; what hangs holds nbgrader up so long

Notebooks = dict[str, NotebookNode]
Scores = dict[tuple[str, str, str], float | None]
"""(student, notebook, cell) → nbgrader's automatic score."""

SQUARES = "def squares(n):\n    if n < 1:\n        raise ValueError\n    return [i ** 2 for i in range(1, n + 1)]"
SUM = "def sum_of_squares(n):\n    return sum(squares(n))"
READ = "def read_rain(path):\n    return [float(row['mm']) for row in csv.DictReader(open(path, newline=''))]"
WETTEST = "def wettest(rain):\n    return rain.index(max(rain)) + 1"
AVERAGE = (
    "def moving_average(values, width=3):\n    values, half = np.asarray(values, dtype=float), width // 2\n"
    "    return np.array([values[max(i - half, 0) : i + half + 1].mean() for i in range(len(values))])"
)


@dataclass(frozen=True)
class Submission:
    """What a student hands in.

    done     changes the released notebooks, by name; what it leaves out is not handed in
    higher   why ours gives more than nbgrader, "" where both give the same
    files    name → text of what lies beside
    nothing  why ours gives 0 where nbgrader gives nothing yet
    """

    name: str
    assignment: str
    done: Callable[[Notebooks], None]
    higher: str = ""
    files: tuple[tuple[str, str], ...] = ()
    nothing: str = ""


def answer(notebook: NotebookNode, grade_id: str, source: str) -> None:
    """Write an answer into a marked cell."""
    cell_of(notebook, grade_id).source = source


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    """The marked cell of that name."""
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def insert(notebook: NotebookNode, source: str, before: str = "") -> None:
    """Add a cell of code before a marked cell, or at the end."""
    place = notebook.cells.index(cell_of(notebook, before)) if before else len(notebook.cells)
    cell = nbformat.v4.new_code_cell(source)
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        del cell["id"]
    notebook.cells.insert(place, cell)


def delete(notebook: NotebookNode, *grade_ids: str) -> None:
    """Delete marked cells."""
    for grade_id in grade_ids:
        notebook.cells.remove(cell_of(notebook, grade_id))


def ps1(squares: str = SQUARES, sums: str = SUM, then: Callable[[Notebooks], None] | None = None) -> Any:
    """The quickstart's assignment, with these answers."""

    def done(books: Notebooks) -> None:
        answer(books["problem1"], "squares", squares)
        answer(books["problem1"], "sum_of_squares", sums)
        answer(books["problem1"], "sum_of_squares_equation", "$\\sum_{i=1}^n i^2$")
        answer(books["problem1"], "sum_of_squares_application", "pyramid = sum_of_squares(3)")
        answer(books["problem2"], "part-a", "It computes Fibonacci numbers.")
        if then is not None:
            then(books)

    return done


def rain(
    read: str = READ, wettest: str = WETTEST, average: str = AVERAGE, then: Callable[[Notebooks], None] | None = None
) -> Any:
    """The example's assignment, with these answers."""

    def done(books: Notebooks) -> None:
        answer(books["reading"], "read_rain", read)
        answer(books["reading"], "wettest", wettest)
        answer(books["averages"], "moving_average", average)
        answer(books["averages"], "figure", "in_inches(moving_average([1, 2, 3]))")
        answer(books["averages"], "hides", "Short showers.")
        if then is not None:
            then(books)

    return done


def first(change: Callable[[NotebookNode], None]) -> Callable[[Notebooks], None]:
    """A change of the notebook that comes first for students."""
    return lambda books: change(books["problem1"] if "problem1" in books else books["reading"])


def _twice(wrong_first: bool) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        cell = cell_of(notebook, "squares")
        twin = copy.deepcopy(cell)
        twin.pop("id", None)
        (cell if wrong_first else twin).source = "def squares(n):\n    return []"
        notebook.cells.insert(notebook.cells.index(cell) + 1, twin)

    return change


def _below_the_tests(notebook: NotebookNode) -> None:
    cell = cell_of(notebook, "squares")
    notebook.cells.remove(cell)
    notebook.cells.append(cell)


def _in_two(notebook: NotebookNode) -> None:
    insert(notebook, "def square(x):\n    return x * x", before="squares")
    answer(notebook, "squares", SQUARES.replace("i ** 2", "square(i)"))


def _without_marks(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata.clear()


def _without_ids(notebook: NotebookNode) -> None:
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        cell.pop("id", None)


def _without_import(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell.source != "import csv"]


def _worth_more(notebook: NotebookNode) -> None:
    cell_of(notebook, "correct_squares").metadata.nbgrader["points"] = 100


def _another_kernel(notebook: NotebookNode) -> None:
    notebook.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}


def _as_text(notebook: NotebookNode) -> None:
    cell = cell_of(notebook, "squares")
    notebook.cells[notebook.cells.index(cell)] = nbformat.v4.new_markdown_cell(
        f"```python\n{SQUARES}\n```", metadata=cell.metadata
    )


ENDLESS = "def squares(n):\n    while True:\n        pass"
NO_ERROR = "def squares(n):\n    return [i ** 2 for i in range(1, n + 1)]"
OFF_BY_ONE = "def squares(n):\n    return [i ** 2 for i in range(n)]"
SUM_ANEW = "def sum_of_squares(n):\n    return sum(i * i for i in range(1, n + 1))"
KILLS = "import os\n" + SQUARES.replace("    return", "    if n == 11:\n        os._exit(1)\n    return")
NUMPY = "import numpy as np\ndef squares(n):\n    return list(np.arange(1, n + 1) ** 2)"
BARE = "squares = lambda n: [i * i for i in range(1, n + 1)] if n > 0 else int('x')"
TALKATIVE = SQUARES.replace("    return", "    print('x' * 5000)\n    return")
TO_STDERR = "import sys\n" + SQUARES.replace("    return", "    print(n, file=sys.stderr)\n    return")
WARNS = "import warnings\n" + SQUARES.replace("    return", "    warnings.warn('slow')\n    return")
TEXTS = "def read_rain(path):\n    return [row['mm'] for row in csv.DictReader(open(path))]"
NO_DATA = "def read_rain(path):\n    return [float(x) for x in open('none.csv')]"
PRINTS = "def wettest(rain):\n    print('max', max(rain))\n    return 1 + rain.index(max(rain))"
CONVOLVED = "def moving_average(values, width=3):\n    return np.convolve(values, np.ones(width) / width, 'same')"
WRITES = "open('rain.csv', 'a').write('x,1\\n')"
TEST_LOST = "nbgrader gives no score where a test was deleted; ours puts it back"
GIVEN_LOST = "a released cell was deleted; ours puts it back"
MARKS_LOST = "nbgrader finds no cell without its mark"
NO_ANSWER = "a deleted answer is put back as it was released, and counts as not done; nbgrader waits for a person"
TWICE = "a mark that stands twice ends nbgrader's whole run"
KERNEL_LOST = "nbgrader loses the whole submission"


def deleted(*grade_ids: str) -> Callable[[Notebooks], None]:
    """The first notebook without some marked cells."""
    return first(lambda notebook: delete(notebook, *grade_ids))


def added(source: str, before: str = "") -> Callable[[Notebooks], None]:
    """The first notebook with a cell of code before a marked cell, or at the end."""
    return first(lambda notebook: insert(notebook, source, before))


def beside(name: str, text: str) -> tuple[tuple[str, str], ...]:
    """A file that lies beside the notebooks."""
    return ((name, text),)


QUICK = [
    Submission("right", "ps1", ps1()),
    Submission("untouched", "ps1", lambda books: None),
    Submission("off-by-one", "ps1", ps1(OFF_BY_ONE)),
    Submission("endless", "ps1", ps1(ENDLESS)),
    Submission("error-in-the-middle", "ps1", ps1(then=added("1 / 0", "sum_of_squares"))),
    Submission("edited-test", "ps1", ps1("squares = None", then=first(lambda b: answer(b, "correct_squares", "pass")))),
    Submission("deleted-test", "ps1", ps1(then=deleted("correct_squares")), TEST_LOST),
    Submission("second-missing", "ps1", ps1(then=lambda books: books.pop("problem2"))),
    Submission("rain-right", "rain", rain()),
    Submission("rain-two-of-three", "rain", rain(wettest="def wettest(rain):\n    return rain.index(max(rain)) or 1")),
    Submission("rain-hidden", "rain", rain("def read_rain(path):\n    return [1.0] * 12")),
    Submission("rain-helper", "rain", rain("from mine import read_rain"), "", beside("mine.py", f"import csv\n{READ}")),
]
"""One or two of each kind."""

MORE = [
    Submission("no-error", "ps1", ps1(NO_ERROR)),
    Submission("sum-anew", "ps1", ps1(sums=SUM_ANEW)),
    Submission("sum-wrong", "ps1", ps1(sums="def sum_of_squares(n):\n    return sum(squares(n)) + 1")),
    Submission("half-done", "ps1", lambda books: answer(books["problem1"], "squares", SQUARES)),
    Submission("no-python", "ps1", ps1("def squares(n)\n    return n")),
    Submission("endless-cell", "ps1", ps1(then=added("while True: pass", "sum_of_squares"))),
    Submission("helper-cell", "ps1", ps1(then=first(_in_two))),
    Submission("defined-again", "ps1", ps1(then=added("squares = list", "correct_squares"))),
    Submission("cells-at-the-end", "ps1", ps1(then=added("squares = None"))),
    Submission("talkative", "ps1", ps1(TALKATIVE)),
    Submission("two-tests-gone", "ps1", ps1(then=deleted("correct_squares", "squares_invalid_input")), TEST_LOST),
    Submission("answer-gone", "ps1", ps1(then=deleted("squares"))),
    Submission("written-gone", "ps1", ps1(then=deleted("sum_of_squares_equation")), nothing=NO_ANSWER),
    Submission("task-gone", "ps1", ps1(then=first(lambda notebook: notebook.cells.pop()))),
    Submission("first-missing", "ps1", ps1(then=lambda books: books.pop("problem1"))),
    Submission("only-written", "ps1", lambda books: answer(books["problem2"], "part-b", "For negative ones.")),
    Submission("twice-right-last", "ps1", ps1(then=first(_twice(wrong_first=True))), TWICE),
    Submission("no-marks", "ps1", ps1(then=first(_without_marks)), MARKS_LOST),
    Submission("rain-no-ids", "rain", rain(then=first(_without_ids))),
    Submission("to-stderr", "ps1", ps1(TO_STDERR)),
    Submission("warns", "ps1", ps1(WARNS)),
    Submission("exits", "ps1", ps1("def squares(n):\n    raise SystemExit")),
    Submission("kills-the-kernel", "ps1", ps1(KILLS), KERNEL_LOST),
    Submission("asks", "ps1", ps1("def squares(n):\n    return input()")),
    Submission("magic", "ps1", ps1(then=added("%time squares(3)\n!echo done", "sum_of_squares"))),
    Submission("divides", "ps1", ps1("def squares(n):\n    return n / 0")),
    Submission("below-the-tests", "ps1", ps1(then=first(_below_the_tests)), "the answer stood below its tests"),
    Submission("worth-more", "ps1", ps1(then=first(_worth_more))),
    Submission("another-kernel", "ps1", ps1(then=first(_another_kernel))),
    Submission("answer-as-text", "ps1", ps1(then=first(_as_text)), "nbgrader runs the marks of the text as code"),
    Submission("letters", "ps1", ps1(SQUARES + "\nπ = '—“ü”'")),
    Submission("class-in-place", "ps1", ps1("class squares(list):\n    pass")),
    Submission("numpy", "ps1", ps1(NUMPY)),
    Submission("bare-answer", "ps1", ps1(BARE)),
    Submission("late", "ps1", ps1(), "", beside("timestamp.txt", "2030-01-02 00:00:00 UTC")),
    Submission("rain-untouched", "rain", lambda books: None),
    Submission("rain-one-of-three", "rain", rain(wettest="def wettest(rain):\n    return 2")),
    Submission("rain-none-of-three", "rain", rain(wettest="def wettest(rain):\n    return 0")),
    Submission("rain-raises", "rain", rain(wettest="def wettest(rain):\n    return rain[99]")),
    Submission("rain-texts", "rain", rain(TEXTS)),
    Submission("rain-prints", "rain", rain(wettest=PRINTS)),
    Submission("rain-ends", "rain", rain(average=AVERAGE.replace("max(i - half, 0)", "max(i - half, 1)"))),
    Submission("rain-convolved", "rain", rain(average=CONVOLVED)),
    Submission("rain-no-width", "rain", rain(average=AVERAGE.replace("width // 2", "1"))),
    Submission("rain-own-units", "rain", rain(), "", beside("units.py", "raise RuntimeError('mine')")),
    Submission("rain-own-data", "rain", rain(), "", beside("rain.csv", "month,mm\n")),
    Submission("rain-no-data", "rain", rain(NO_DATA)),
    Submission("rain-writes", "rain", rain(then=added(WRITES, "reads_all_months"))),
    Submission("rain-test-gone", "rain", rain(then=deleted("wettest_of_three_years")), TEST_LOST),
    Submission("rain-no-import", "rain", rain(then=first(_without_import)), GIVEN_LOST),
    Submission("rain-more-cells", "rain", rain(then=added("read_rain('rain.csv')[0]"))),
    Submission("rain-endless", "rain", rain(average="def moving_average(values, width=3):\n    while True: pass")),
    Submission("rain-second-missing", "rain", rain(then=lambda books: books.pop("averages"))),
]


def quickstart(folder: Path) -> Path:
    """A course with the files that `nbgrader quickstart` copies, and the example's assignment beside them."""
    shutil.copytree(QUICKSTART / "ps1", folder / "source" / "ps1")
    shutil.copy(QUICKSTART / "header.ipynb", folder / "source")
    shutil.copytree(EXAMPLE / "source" / "rain", folder / "source" / "rain")
    (folder / "nbgrader_config.py").write_text(
        'c = get_config()\nc.CourseDirectory.course_id = "course101"\n'
        f'c.IncludeHeaderFooter.header = "source/header.ipynb"\nc.Execute.timeout = {TIMEOUT}\n'
    )
    return folder


def nbgrader_does(course: Path, *arguments: str) -> str:
    """Run one of nbgrader's own commands in a course, and return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=course, env=environment(), capture_output=True, text=True
    )
    return done.stdout + done.stderr


def environment() -> dict[str, str]:
    """Where nbgrader finds alembic and the kernel's Python."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def hand_in(course: Path, submissions: list[Submission], release: Path) -> None:
    """Let the class hand in.

    release   a course in which the assignments are released
    """
    for submission in submissions:
        source = release / "release" / submission.assignment
        books = {path.stem: nbformat.read(path, as_version=4) for path in sorted(source.glob("*.ipynb"))}
        submission.done(books)
        folder = course / "submitted" / submission.name / submission.assignment
        folder.mkdir(parents=True)
        for name, book in books.items():
            (folder / f"{name}.ipynb").write_text(json.dumps(book), encoding="utf-8")
        for name, text in submission.files:
            (folder / name).write_text(text, encoding="utf-8")


def scores(course: Path) -> Scores:
    """The automatic scores in a course's gradebook."""
    query = (
        "select s.student_id, n.name, b.name, g.auto_score from grade g join base_cell b on g.cell_id = b.id "
        "join submitted_notebook sn on g.notebook_id = sn.id join notebook n on sn.notebook_id = n.id "
        "join submitted_assignment s on sn.assignment_id = s.id"
    )
    connection = sqlite3.connect(course / "gradebook.db")
    try:
        return {(student, book, cell): score for student, book, cell, score in connection.execute(query)}
    finally:
        connection.close()


def differing(stock: Scores, ours: Scores, submissions: list[Submission]) -> Iterator[str]:
    """What is not as it should be: a sentence for each cell."""
    higher = {submission.name for submission in submissions if submission.higher}
    nothing = {submission.name for submission in submissions if submission.nothing}
    lifted = set()
    for place in sorted(stock.keys() | ours.keys()):
        theirs, own = stock.get(place), ours.get(place)
        if place[0] in higher:
            lifted |= {place[0]} if (own or 0.0) > (theirs or 0.0) else set()
            if (own or 0.0) < (theirs or 0.0):
                yield f"{place}: {own}, and nbgrader gives {theirs}"
        elif (own or 0.0 if place[0] in nothing else own) != (theirs or 0.0 if place[0] in nothing else theirs):
            yield f"{place}: {own}, and nbgrader gives {theirs}"
    yield from (f"{name}: no higher than nbgrader" for name in sorted(higher - lifted))
