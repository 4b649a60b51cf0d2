"""The submissions that the grading benchmark sends through both graders: right and wrong answers to stage 03."""

from __future__ import annotations

import copy
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.answers import bank_of
from autograder.course import open_course

STAGE = "03_scaled_dot_product_attention"
ROOT = Path(__file__).resolve().parents[1]
WRITTEN = "Without the scale the softmax saturates, and its gradients vanish."


def submissions(released: NotebookNode, count: int) -> dict[str, NotebookNode]:
    """So many notebooks by student: the solution, then by turns right alternatives and misconceptions.

    Student n of those with misconceptions has the n-th of exercise 3.1 and one of another exercise.
    """
    bank = bank_of(open_course(ROOT).stage(STAGE))
    names = bank.exercises
    first, others = names[0], names[1:]
    made = {}
    for number in range(count):
        answers = {name: bank.right(name).source for name in names}
        turn, wrong = divmod(number, 3)
        if wrong == 0 and number > 0:
            answers.update({name: _turned(bank.alternatives(name), turn - 1).source for name in names})
        elif wrong:
            n = 2 * turn + wrong - 1
            other = _turned(others, n)
            answers[first] = _turned(bank.wrong(first), n).source
            answers[other] = _turned(bank.wrong(other), n // len(others)).source
        made[f"student_{number:03d}"] = _filled(released, answers)
    return made


def _turned(choice: list, number: int):  # type: ignore[no-untyped-def,type-arg]
    return choice[number % len(choice)]


def _filled(released: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        name = metadata.get("grade_id", "").removesuffix("_answer")
        if not metadata.get("solution"):
            continue
        cell.source = WRITTEN if metadata["grade"] else answers[name]
    return notebook


def write(notebooks: dict[str, NotebookNode], submitted: Path) -> None:
    """Put notebooks where nbgrader expects what students handed in."""
    for student, notebook in notebooks.items():
        folder = submitted / student / STAGE
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{STAGE}.ipynb")
