"""The attack corpus: one file per attack, in a folder per class, and the submission that it makes.

A file begins with what it tries and how it is handed in:

    # tries: a tensor subclass that is equal to whatever it is compared with
    # place: answer      it is the answer to scaled_dot_product; `top`, `end`: a cell of its own; `notebook`: it has a
    #                    function damage(notebook, folder), which changes the notebook or lays files beside it
    # keeps: 1.0         points of scaled_dot_product that such an answer earns honestly (it changes no input, say)
    # told: crashed      how the submission must be called
    # may: crash         it may cost its own author more than the one exercise

In by_heart/ lie attacks on the accuracy of stage 02: answers to sentiment_classifier, each with a function
hand_in(public, tokenize), which makes the file beside the notebook out of the public test reviews and their labels. It
returns the weights, the vocabulary and the length to cut to.

    # stage: 02_recurrent_networks
    # asked: the sample  accuracy is graded where only the bundled sample is to be had
    # noted: some words  the attack gets through in part, and this must stand in a note to the instructor

{CANARY}, {CLASS} and {SOCKET} are put in: a file of the host that is nobody's business, the folder of the class, the
name of an abstract socket on which the host listens. All other exercises of the notebook are answered rightly.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whole_course import exercises, right_answer

HERE = Path(__file__).parent
STAGE = "03_scaled_dot_product_attention"
TARGET = "scaled_dot_product"
NEIGHBOUR = "honest-neighbour"


@dataclass(frozen=True)
class Attack:
    """One attack: its file's name, its class, and its head."""

    name: str
    kind: str
    tries: str
    place: str
    code: str
    keeps: float = 0.0
    told: str | None = None
    may: str | None = None
    stage: str = STAGE
    asked: str = "the test split"
    noted: str | None = None


def attacks(stage: str = STAGE) -> list[Attack]:
    """All attacks on a stage, by class and name."""
    return [attack for path in sorted(HERE.glob("*/*.py")) if (attack := _read(path)).stage == stage]


def _read(path: Path) -> Attack:
    head = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# ") or ": " not in line:
            break
        key, value = line[2:].split(": ", 1)
        head[key] = value
    keeps = float(head.pop("keeps", 0.0))
    return Attack(path.stem, path.parent.name, code=path.read_text(encoding="utf-8"), keeps=keeps, **head)


def hand_in(attack: Attack, release: dict[str, Any], folder: Path, places: dict[str, str]) -> None:
    """Write the attack's submission into its folder.

    release   the released notebook as JSON
    places    what stands for {CANARY}, {CLASS} and {SOCKET}
    """
    folder.mkdir(parents=True)
    notebook = copy.deepcopy(release)
    answer_rightly(notebook, leave_out=TARGET)
    code = attack.code
    for name, value in places.items():
        code = code.replace("{" + name + "}", value)
    if attack.place == "answer":
        _cell(notebook, f"{TARGET}_answer")["source"] = code
    elif attack.place in ("top", "end"):
        cell = {"cell_type": "code", "id": "extra", "metadata": {}, "source": code, "outputs": []}
        notebook["cells"].insert(
            0 if attack.place == "top" else len(notebook["cells"]), cell | {"execution_count": None}
        )
    else:
        names: dict[str, Any] = {}
        exec(code, names)
        raw = names["damage"](notebook, folder)
        if raw is not None:
            if raw:
                (folder / f"{STAGE}.ipynb").write_bytes(raw)
            return
    (folder / f"{STAGE}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def answer_rightly(notebook: dict[str, Any], leave_out: str | None = None) -> None:
    """Fill in the answers of the bank, but for one exercise."""
    for exercise in exercises(STAGE):
        if exercise != leave_out:
            _cell(notebook, f"{exercise}_answer")["source"] = right_answer(exercise).source


def _cell(notebook: dict[str, Any], grade_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found
