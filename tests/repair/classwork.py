"""A small notebook like those of the course, and answers to it."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import compute_checksum
from whole_course import ROOT

Handed = dict[str, Any]

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"

ANSWERS = {
    "scaled_dot_product_answer": (
        "def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):\n"
        '    """Attend with every query over all keys.\n\n    mask   1 where the token is padding\n    """\n'
        "    scores = q @ k.transpose(-2, -1)\n"
        "    scores = scores / math.sqrt(q.shape[-1])\n\n"
        "    attention = F.softmax(scores, dim=-1)  # MARK-SDP über die Schlüssel\n"
        "    return attention @ v, attention"
    ),
    "norms_answer": "def norms(beta):\n    r = math.sqrt(2)  # MARK-NORMS\n    return r * beta, beta, r * beta",
    "self_attention_answer": "def self_attention(x):\n    # MARK-SELF\n    return F.softmax(x @ x.T, dim=-1) @ x",
    "linear_attention_answer": (
        "def linear_attention(q, k, v):\n    q = F.elu(q) + 1  # MARK-LINEAR\n    k = F.elu(k) + 1\n"
        "    z = q @ k.sum(-2).unsqueeze(-1)\n    return q @ (k.transpose(-2, -1) @ v) / z"
    ),
    "no_scale": "The logits grow like √d_k, the softmax saturates. MARK-SCALE",
    "linear_cost": "One is exact, the other is cheap for long texts. MARK-COST",
}
MARKS = {
    "scaled_dot_product_answer": "MARK-SDP",
    "norms_answer": "MARK-NORMS",
    "self_attention_answer": "MARK-SELF",
    "linear_attention_answer": "MARK-LINEAR",
    "no_scale": "MARK-SCALE",
    "linear_cost": "MARK-COST",
}


def small_release() -> NotebookNode:
    cells = [
        _prose("# Attention\n\nEvery token asks a question."),
        _given("import math\n\nimport torch\nimport torch.nn.functional as F\nfrom coursekit import check, when_done"),
        _prose("## Exercise 3.1\n\nThe answer that a token gets is a weighted mean of all contents."),
        _answer(
            "scaled_dot_product",
            "def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):\n"
            '    """Attend with every query over all keys.\n\n    mask   1 where the token is padding\n    """\n',
        ),
        _grade("scaled_dot_product", 6),
        _look("with when_done(scaled_dot_product):\n    plots.heat_map(scaled_dot_product(q, k, v)[1])"),
        _prose("## Exercise 3.3\n\nThree tokens of a very large norm."),
        _answer("norms", "def norms(beta):\n"),
        _grade("norms", 1),
        _prose("And now attention without weights."),
        _answer("self_attention", "def self_attention(x):\n"),
        _grade("self_attention", 1),
        _prose("### Why the scale\n\n✎ What happens without it?"),
        _written("no_scale", 2),
        _given("lengths = [2**n for n in range(4, 12)]"),
        _prose("## Exercise 3.5\n\nTwo ways to a cost that is linear."),
        _answer("linear_attention", "def linear_attention(q, k, v):\n"),
        _grade("linear_attention", 2),
        _prose("✎ One advantage of each."),
        _written("linear_cost", 1),
        _prose("## Recap\n\nRows ask, columns answer."),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:02d}"
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.checksum = compute_checksum(cell)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=nbformat.from_dict(kernel))


@dataclass(frozen=True)
class Classwork:
    """A released notebook, and answers to it: grade_id -> source, and the mark by which each is known again."""

    name: str
    release: NotebookNode
    answers: dict[str, str]
    marks: dict[str, str]


def small_classwork() -> Classwork:
    return Classwork("small", small_release(), ANSWERS, MARKS)


def real_classwork(stage: str) -> Classwork:
    """A stage as students get it, answered with its solution."""
    release, solution = (
        nbformat.read(ROOT / folder / stage / f"{stage}.ipynb", as_version=4) for folder in ("course", "solutions")
    )
    answers, marks = {}, {}
    for cell in solution.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("solution"):
            mark = marks[nbgrader.grade_id] = f"MARK-{nbgrader.grade_id}!"
            indent = re.search(r" *", cell.source.rstrip().splitlines()[-1])[0]
            sign = f"\n{indent}# {mark}" if cell.cell_type == "code" else f" {mark}"
            answers[nbgrader.grade_id] = cell.source.rstrip() + sign
    return Classwork(stage, release, answers, marks)


def hand_in(release: NotebookNode, answers: dict[str, str]) -> Handed:
    notebook = json.loads(nbformat.writes(release))
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if grade_id in answers:
            cell["source"] = answers[grade_id]
        elif isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
    return notebook


def raw_of(handed: Handed) -> bytes:
    return json.dumps(handed, ensure_ascii=False, indent=1).encode()


def find(handed: Handed, grade_id: str) -> dict[str, Any]:
    return next(c for c in handed["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def place(handed: Handed, grade_id: str) -> int:
    return handed["cells"].index(find(handed, grade_id))


def new_cell(source: str, kind: str = "code", **metadata: Any) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": metadata, "source": source, "id": f"new-{abs(hash(source))}"}
    if kind == "code":
        cell.update(outputs=[], execution_count=None)
    return cell


def source_of(notebook: NotebookNode, grade_id: str) -> str:
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)
    return cell.source


def duplicate(cell: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(cell)


def _nbgrader(cell: NotebookNode, grade_id: str, *, grade: bool, solution: bool, points: int) -> NotebookNode:
    cell.metadata["nbgrader"] = {
        "grade": grade,
        "grade_id": grade_id,
        "locked": not solution,
        "points": points,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        "cell_type": cell.cell_type,
    }
    cell.metadata = nbformat.from_dict(cell.metadata)
    return cell


def _prose(text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text)


def _given(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source)


def _look(source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata=nbformat.from_dict({"tags": ["look"]}))


def _answer(exercise: str, head: str) -> NotebookNode:
    stub = head + "    " + STUB.replace("\n", "\n    ")
    cell = nbformat.v4.new_code_cell(stub)
    return _nbgrader(cell, f"{exercise}_answer", grade=False, solution=True, points=0)


def _grade(exercise: str, points: int) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(f"check.{exercise}({exercise})")
    return _nbgrader(cell, exercise, grade=True, solution=False, points=points)


def _written(exercise: str, points: int) -> NotebookNode:
    return _nbgrader(
        nbformat.v4.new_markdown_cell("YOUR ANSWER HERE"), exercise, grade=True, solution=True, points=points
    )
