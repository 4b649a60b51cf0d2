"""Write the README of each stage's folder from what its notebook, hidden tests and answers say.

python docs/stages.py

A README states no fact that could not be found again: whoever changes an exercise writes it anew with `make docs`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nbformat.notebooknode import NotebookNode

from autograder.answers import Bank, bank_of
from autograder.course import Stage, open_course
from autograder.hidden_tests.runner import collected_points
from autograder.release.notebooks import read_text_notebook

ROOT = Path(__file__).resolve().parents[1]
HEADING = re.compile(r"^# (.+?)\n+`(.+?)` · (.+?)$", re.MULTILINE)
GOALS = re.compile(r"^\*\*After this notebook you can\*\*\n((?:- .+(?:\n|$)| +.+(?:\n|$))+)", re.MULTILINE)
OVERVIEW = re.compile(r"^\| \| exercise \|.*\n(?:\|.*(?:\n|$))+", re.MULTILINE)
SECTION = re.compile(r"^##+ (?:Exercise )?(\d+\.\d+\w?) · (.+)$", re.MULTILINE)
WHAT_LIES_HERE = {
    "{stage}.py": "the stage as its author writes it: a text notebook with solutions. Edit this one",
    "{stage}.ipynb": "the same, executed. `make release` builds it; do not edit it",
    "hidden_tests.py": "the tests that grade, outside the student's process",
    "public_checks.py": "the cases that students see in the cell below their answer",
    "probes.py": "how a public check looks at what an answer does",
    "scenarios.py": "what has to run beside the student's code, because it cannot leave the sandbox",
    "by_hand.py": "which exercises are done by hand, and with which parts",
    "answers": "right and wrong answers to every exercise; they prove the tests",
    "demo": "what the made-up class of `make demo` hands in",
}


@dataclass(frozen=True)
class Exercise:
    """A graded cell.

    name      its grade_id
    section   number and title of the section in which it stands
    points    what it is worth
    by_hand   whether a person grades it
    """

    name: str
    section: str
    points: float
    by_hand: bool


def main() -> None:
    """Write all of them."""
    for stage in open_course(ROOT).stages.values():
        path = stage.folder / "README.md"
        path.write_text(readme(stage), encoding="utf-8")
        print(path.relative_to(ROOT))


def readme(stage: Stage) -> str:
    """The README of a stage. Raises ValueError where the notebook lacks its heading, its goals or its overview."""
    name, bank = stage.name, bank_of(stage)
    notebook = read_text_notebook(stage.text)
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title, points, effort = _found(HEADING, prose, name, "a title with its points in backticks below").groups()
    goals = _found(GOALS, prose, name, "a list under **After this notebook you can**")[1].strip()
    overview = _found(OVERVIEW, prose, name, "a table of exercises")[0].strip()
    files = [(file.format(stage=name), what) for file, what in WHAT_LIES_HERE.items()]
    parts = [
        f"# {title}",
        f"{points} · {effort}. A student opens it at [course/{name}](../../course/{name}/{name}.ipynb).",
        f"After this notebook students can\n\n{goals}",
        f"## Exercises\n\n{overview}",
        f"## What is graded\n\n{graded_table(stage, notebook)}",
        "Wrong answers prove that the tests catch them, right answers that the tests forgive what they should. A test\n"
        "gives all of its points or a stated share of them.",
        "## Traps that the tests know\n\nThe sentence is what a student who falls into the trap reads.",
        *(traps(bank, exercise.name) for exercise in graded(notebook) if not exercise.by_hand),
        "## Files\n\n| | |\n|---|---|\n"
        + "\n".join(f"| [{file}]({file}) | {what} |" for file, what in files if (stage.folder / file).exists()),
        "This page is written by `make docs` from the notebook, the hidden tests and the answers.",
    ]
    return "\n\n".join(parts) + "\n"


def graded(notebook: NotebookNode) -> list[Exercise]:
    """The graded cells of a notebook, in their order."""
    section, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for number, title in SECTION.findall(cell.source):
                section = f"{number} {title}"
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade"):
            found.append(Exercise(mark["grade_id"], section, float(mark["points"]), bool(mark["solution"])))
    return found


def graded_table(stage: Stage, notebook: NotebookNode) -> str:
    """A row for each graded cell: where it stands, its points, and how many tests and answers there are to it."""
    tests = Counter(exercise for _, exercise, _ in collected_points(stage))
    bank = bank_of(stage)
    rows = ["| section | graded | points | hidden tests | wrong answers | right answers |", "|---|---|---|---|---|---|"]
    for exercise in graded(notebook):
        if exercise.by_hand:
            rows.append(f"| {exercise.section} | ✎ by a person | {exercise.points:g} | | | |")
        else:
            known = [tests[exercise.name], len(bank.wrong(exercise.name)), len(bank.alternatives(exercise.name)) + 1]
            counts = " | ".join(map(str, known))
            rows.append(f"| {exercise.section} | `{exercise.name}` | {exercise.points:g} | {counts} |")
    return "\n".join(rows)


def traps(bank: Bank, exercise: str) -> str:
    """The sentences of an exercise's wrong answers, folded."""
    sentences = [wrong.sentence for wrong in bank.wrong(exercise)]
    lines = "\n".join(f"- {escaped(sentence)}" for sentence in sentences)
    return f"<details>\n<summary><code>{exercise}</code>: {len(sentences)}</summary>\n\n{lines}\n\n</details>"


def escaped(sentence: str) -> str:
    """A sentence in which Markdown finds no marks of its own."""
    return re.sub(r"([*_#<>\[\]`|])", r"\\\1", sentence)


def _found(pattern: re.Pattern[str], prose: str, stage: str, what: str) -> re.Match[str]:
    found = pattern.search(prose)
    if found is None:
        raise ValueError(f"solutions/{stage}/{stage}.py: the notebook has no {what}.")
    return found


if __name__ == "__main__":
    sys.exit(main())
