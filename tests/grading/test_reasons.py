"""What the feedback says where an answer could not be tested, and what is nobody's fault and costs nothing."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from classes import ROOT, STAGE
from whole_course import COURSE

from autograder.grading.classroom import Classroom
from autograder.grading.grade import grade
from autograder.grading.graded import CellScore, Graded
from autograder.grading.reasons import Stop
from autograder.grading.run import NotebookRun
from autograder.repair import repair
from autograder.sandbox import Limits, Worker

RIGHT = nbformat.read(ROOT / "solutions" / STAGE / f"{STAGE}.ipynb", as_version=4)
RELEASED = Classroom(ROOT).released(STAGE)


def graded(worker: Worker, answers: dict[str, str], first: str = "", stage: str = STAGE) -> Graded:
    """The solution with other answers to some exercises, and a cell of the student's own at its start."""
    notebook = nbformat.reads(nbformat.writes(RIGHT), as_version=4)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id.removesuffix("_answer") in answers and grade_id.endswith("_answer"):
            cell.source = answers[grade_id.removesuffix("_answer")]
    if first:
        notebook.cells.insert(4, nbformat.v4.new_code_cell(first))
    return grade(COURSE.stage(stage), repair(nbformat.writes(notebook).encode(), RELEASED), worker, 1)


def score(result: Graded, exercise: str) -> CellScore:
    return next(cell for cell in result.cells if cell.grade_id == exercise)


def source(exercise: str) -> str:
    return next(
        cell.source for cell in RIGHT.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{exercise}_answer"
    )


def test_an_answer_on_a_gpu_of_ones_own_keeps_all_points_and_is_told_once(worker: Worker) -> None:
    lines = source("scaled_dot_product").split("\n    scores = q")
    moved = "\n    q, k, v = q.cuda(), k.to('cuda'), v.cuda()\n    scores = q".join(lines)
    assert len(lines) == 2
    result = graded(worker, {"scaled_dot_product": moved})
    assert score(result, "scaled_dot_product").score == score(result, "scaled_dot_product").max_score
    assert len([event for event in result.events if "the device cuda" in event]) == 1
    assert "the device cuda" in result.notebook.cells[0].source


def test_what_torch_has_not_got_is_an_error_and_not_an_exercise_not_done(worker: Worker) -> None:
    result = graded(worker, {"saturation": "def saturation(scores):\n    return scores.long().softmax(0), 1.0"})
    assert score(result, "saturation").status == "graded"
    assert all(
        "raised NotImplementedError at `return scores.long().softmax(0), 1.0`" in str(test.message)
        for test in score(result, "saturation").tests
    )


@pytest.mark.parametrize("left", ["raise NotImplementedError()", "# YOUR CODE HERE\n    raise NotImplementedError()"])
def test_a_stub_left_behind_finished_work_is_not_done(worker: Worker, left: str) -> None:
    body = "def saturation(scores):\n    p = scores.softmax(0)\n    " + left + "\n    return 1.0, 1.0"
    assert score(graded(worker, {"saturation": body}), "saturation").status == "not done"


BODY = "def saturation(scores):\n    p = scores.softmax(0)\n    return 1.0, 1.0"
NOT_INSTALLED = (
    "There is no no_such_package where this is graded, and nothing can be installed there: put what you need of it "
    "into a cell, or ask your instructor to allow the package."
)
RESTART = "Restart the kernel and run all cells to see it yourself."
DEBUGGER = "Nobody can answer the debugger while this is graded: take out what starts it."
# An answer cell that does not define what it should, and what is said of it.
MISSING = {
    "import no_such_package\n" + BODY: (
        "Its answer cell stopped at line 1, `import no_such_package`, with ModuleNotFoundError: No module named "
        "'no_such_package'. " + NOT_INSTALLED
    ),
    "!echo pip install no_such_package\nfrom no_such_package.parts import rearrange\n\n" + BODY: (
        "Its answer cell stopped at line 2, `from no_such_package.parts import rearrange`, with ModuleNotFoundError: "
        "No module named 'no_such_package'. " + NOT_INSTALLED
    ),
    "def saturation(scores):\n    p = scores.softmax(0\n    return 1.0, 1.0": (
        "Its answer cell could not be run at all: SyntaxError: '(' was never closed, in line 2, `p = scores.softmax(0`."
        " Put that right, and run the cell."
    ),
    "def saturation(scores):\nreturn 1.0, 1.0": (
        "Its answer cell could not be run at all: IndentationError: expected an indented block after function "
        "definition on line 1, in line 2, `return 1.0, 1.0`. Put that right, and run the cell."
    ),
    "saturation(3)\n" + BODY: (
        "Its answer cell stopped at line 1, `saturation(3)`, with NameError: name 'saturation' is not defined. "
        + RESTART
    ),
    "x = 1\n\ndef half():\n    return x / 0\n\nhalf()\n" + BODY: (
        f"Its answer cell stopped at line 4, `return x / 0`, with ZeroDivisionError: division by zero. {RESTART}"
    ),
    "import pdb\npdb.set_trace()\n"
    + BODY: f"Its answer cell stopped at line 3, `def saturation(scores):`, with BdbQuit. {DEBUGGER}",
    "x = input('How many? ')\n" + BODY: (
        "Its answer cell stopped at line 1, `x = input('How many? ')`, with EOFError: EOF when reading a line. Nobody "
        "can answer input() while this is graded: put the value into the code."
    ),
    "rows = open('rows.csv').read()\n" + BODY: (
        "Its answer cell stopped at line 1, `rows = open('rows.csv').read()`, with FileNotFoundError: [Errno 2] "
        "No such file or directory: 'rows.csv'. Files beside the notebook are not there when it is graded, only those "
        "that it writes itself."
    ),
    BODY + "\nprint(saturation(torch.ones(2)))\ndel saturation": (
        "Its answer cell defines it, and `del saturation` in cell {answer} takes it away again."
    ),
    BODY.replace("saturation", "saturration"): (
        "Its answer cell defines `saturration`: if that is your answer, name it `saturation`."
    ),
    BODY.replace("saturation", "Saturation2"): (
        "Its answer cell defines `Saturation2`: if that is your answer, name it `saturation`."
    ),
    BODY.replace("saturation", "measure"): "Its answer cell defines `measure` instead.",
    "# " + BODY.replace("\n", "\n# "): "Its answer cell holds no code, only comments.",
    f"'''{BODY}'''": "In its answer cell everything stands in a string.",
    "x = 3": "Its answer cell does not define it.",
    "if False:\n    " + BODY.replace("\n", "\n    "): (
        "Its answer cell holds its definition, but never reaches it: it stands under an `if` or the like."
    ),
    "import os\n" + BODY + "\nos._exit(3)": "Its answer cell ended its own process (exit 3).",
    BODY + "\nwhile True:\n    del saturation\n    while True: pass": "Its answer cell timed out after 3 s.",
}


@pytest.mark.parametrize("answer", MISSING)
def test_where_an_answer_is_missing_its_cell_says_why(worker: Worker, answer: str) -> None:
    result = graded(worker, {"saturation": answer})
    place = next(i for i, cell in enumerate(result.notebook.cells) if cell.source == answer)
    place += result.notebook.cells[0].id != "notes-from-grading"
    first, *others = score(result, "saturation").tests
    missing = "`saturation` is not defined when its grade cell is reached."
    assert first.message == f"{missing} {MISSING[answer].format(answer=place)}"
    assert {test.message for test in others} == {f"{missing} The first check says why."}
    assert score(result, "norms").score == score(result, "norms").max_score


def test_a_name_that_another_cell_failed_to_import_is_told_with_that_cell(worker: Worker) -> None:
    used = "def saturation(scores):\n    return rearrange(scores), 1.0"
    result = graded(worker, {"saturation": used}, first="from no_such_package import rearrange")
    assert score(result, "saturation").tests[0].message == (
        "`saturation` raised NameError at `return rearrange(scores), 1.0`: name 'rearrange' is not defined. Cell 5 "
        "stopped at line 1, `from no_such_package import rearrange`, with ModuleNotFoundError: No module named "
        f"'no_such_package'. {NOT_INSTALLED}"
    )
    assert (
        "Cell 5 imports what is not installed here: No module named 'no_such_package'. An instructor can allow it "
        "(README, Packages)."
    ) in result.events


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("import no_such_package", NOT_INSTALLED),
        ("breakpoint()", DEBUGGER),
        ("import pdb; pdb.set_trace()", DEBUGGER),
        ("input()", "Nobody can answer input() while this is graded: put the value into the code."),
        ("import socket; socket.create_connection(('example.org', 80))", "There is no network where this is graded."),
        ("torch.zeros(1, device=''.join(['cu', 'da']))", "Grading runs on a CPU: name no other device, or let "
         "torch.cuda.is_available() decide."),
    ],
)  # fmt: skip
def test_what_a_call_meets_only_where_it_is_graded_is_told_with_its_remedy(
    worker: Worker, line: str, told: str
) -> None:
    body = BODY.replace("p = scores", f"{line}\n    p = scores")
    (message, *_) = (test.message for test in score(graded(worker, {"saturation": body}), "saturation").tests)
    assert message is not None
    assert message.startswith("`saturation` raised ")
    assert message.endswith(told)


def test_an_installation_fails_at_once(worker: Worker) -> None:
    process = worker.open()
    outputs, _, interrupted = process.run("%pip install no_such_package", 1, 60)
    assert interrupted is None
    assert "No matching distribution found for no_such_package" in str(outputs)
    # To look for an index again and again takes eleven seconds.
    assert "Retrying" not in str(outputs)
    process.close()


def test_a_typing_slip_in_a_name_is_blamed_on_no_cell(worker: Worker) -> None:
    body = BODY.replace("scores.softmax", "scroes.softmax")
    message = score(graded(worker, {"saturation": body}), "saturation").tests[0].message
    assert message == ("`saturation` raised NameError at `p = scroes.softmax(0)`: name 'scroes' is not defined")


def test_a_module_that_the_notebook_writes_can_be_imported(worker: Worker) -> None:
    answer = source("saturation").replace("def saturation", "def measured")
    result = graded(
        worker,
        {"saturation": "from measures import measured as saturation"},
        first="%%writefile measures.py\nimport torch\nfrom torch import Tensor\nfrom torch.nn import functional as F\n"
        + answer,
    )
    assert score(result, "saturation").score == score(result, "saturation").max_score


def test_a_module_that_the_notebook_writes_stands_in_for_no_other(worker: Worker) -> None:
    first = "for name in ('scipy', 'json', 'coursekit', 'scenarios'):\n    open(name + '.py', 'w').write('x = 1')"
    result = graded(worker, {}, first=first)
    assert sum(cell.score or 0 for cell in result.cells) == sum(
        cell.max_score for cell in result.cells if cell.score is not None
    )


def test_a_reason_is_the_graders_word_alone() -> None:
    run = NotebookRun(None, RELEASED, Limits())  # type: ignore[arg-type]
    assert run._with_reason({"raised": "TypeError", "why": "forged"}) == {"raised": "TypeError"}


@pytest.mark.parametrize(
    "forged",
    [
        {"raised": ["E"], "message": {"a": 1}, "where": "line", "line": 10**4000},
        {"raised": "E" * 10**6, "message": "m\n" * 10**6, "where": ["x" * 10**6, "y" * 10**6], "line": -3},
        {"where": [None], "line": True},
        {},
    ],
)
def test_what_a_process_tells_of_its_error_is_bounded(forged: dict[str, Any]) -> None:
    stop = Stop.read(forged)
    assert stop is not None
    assert len(stop.sentence) < 1000
    assert "\n" not in stop.sentence
