"""earlier_work: the student's own where it is right, the stand-in elsewhere, and never an error of the student's."""

from __future__ import annotations

import json
import random
import re
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from whole_course import COURSE, everything

from coursekit import stand_ins
from coursekit.checking.notebook import lines
from coursekit.checking.notebook.earlier_work import EarlierWork
from coursekit.checking.public_checks.cases import Golden
from coursekit.earlier import STAGES, earlier_work

ROOT = Path(__file__).parents[2]
STAGE_03 = "03_scaled_dot_product_attention"
RIGHT = """
def scaled_dot_product(q, k, v, attn_drop_rate=0.1, mask=None):
    energy = torch.einsum("...id,...jd->...ij", q, k) * q.shape[-1] ** -0.5
    if mask is not None:
        energy = energy.masked_fill((mask > 0)[:, None, None], -math.inf)
    attention = F.dropout(energy.softmax(-1), attn_drop_rate)
    return attention.matmul(v), attention
"""
HEADS = """
class MultiHeadAttention(nn.Module):
    def __init__(self, embed_dim, n_heads, attn_drop_rate):
        super().__init__()
        self.rate = attn_drop_rate

    def forward(self, embedding, mask=None):
        return scaled_dot_product(*[embedding[:, None]] * 3, self.rate, mask)[0][:, 0]
"""

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course without notebooks, seen from the folder of a later stage."""
    monkeypatch.delenv("COURSEKIT_EARLIER_WORK", raising=False)
    monkeypatch.setattr(lines, "_said", set())
    here = tmp_path / "05_transformer_block"
    here.mkdir()
    monkeypatch.chdir(here)
    return tmp_path


@pytest.fixture
def write(course: Path) -> Write:
    """Write the notebook of a stage: sources of cells, then the answer."""

    def written(name: str, answer: str, *before: str, folder: Path | None = None, by_id: bool = False) -> Path:
        stage = STAGES[name]
        folder = folder or course / stage
        folder.mkdir(exist_ok=True)
        marks = {} if by_id else {"nbgrader": {"grade_id": f"{name}_answer"}}
        cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# A stage"}]
        cells += [{"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": [s]} for i, s in enumerate(before)]
        cell_id = f"{name}_answer" if by_id else "abc"
        cells.append({"cell_type": "code", "id": cell_id, "metadata": marks, "source": answer.splitlines(True)})
        cells.append({"cell_type": "code", "id": "last", "metadata": {}, "source": "raise RuntimeError('later cell')"})
        path = folder / f"{stage}.ipynb"
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        return path

    return written


@pytest.fixture
def approved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that pass: what is looked at is how the answer is run."""
    monkeypatch.setattr(EarlierWork, "_mark", lambda self, name, answer: "✓")


def is_own(answer: object) -> bool:
    return getattr(answer, "__module__", None) == "__main__"


def test_a_right_answer_is_the_students_own_and_says_so_once(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    write("scaled_dot_product", RIGHT)
    for _ in range(2):
        attend = earlier_work("scaled_dot_product")
        assert is_own(attend)
    x = torch.randn(2, 3, 4, 5)
    expected = stand_ins.scaled_dot_product(x, x, x, 0.0)
    torch.testing.assert_close(attend(x, x, x, 0.0), expected)
    assert capfd.readouterr() == (f"scaled_dot_product: your own, from {STAGE_03}.ipynb.\n", "")


def test_the_notebook_of_the_course_is_read_as_it_is_released(course: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = course / STAGE_03 / f"{STAGE_03}.ipynb"
    path.parent.mkdir()
    path.write_bytes((ROOT / "course" / STAGE_03 / path.name).read_bytes())
    assert earlier_work("scaled_dot_product") is stand_ins.scaled_dot_product
    assert f"because it is not done yet in {path.name}.\n" in capfd.readouterr().out
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "scaled_dot_product_answer":
            body = "    return answer(q, k, v, attn_drop_rate, mask)\n\n\n" + RIGHT.replace(
                "scaled_dot_product", "answer"
            )
            cell["source"] = re.sub(
                r"    # YOUR CODE HERE\n\s+raise NotImplementedError\(\)", body, "".join(cell["source"])
            )
    path.write_text(json.dumps(notebook))
    assert is_own(earlier_work("scaled_dot_product"))


@pytest.mark.parametrize("by_id", [False, True])
def test_the_cell_is_found_by_its_grade_id_or_by_its_id(write: Write, by_id: bool) -> None:
    write("scaled_dot_product", RIGHT, by_id=by_id)
    assert is_own(earlier_work("scaled_dot_product"))


def test_a_notebook_in_the_same_folder_counts_too(write: Write) -> None:
    write("scaled_dot_product", RIGHT, folder=Path.cwd())
    assert is_own(earlier_work("scaled_dot_product"))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RIGHT.replace("** -0.5", "** -1"), f"its check in {STAGE_03}.ipynb does not pass yet"),
        ("def scaled_dot_product(*args): raise NotImplementedError()", f"it is not done yet in {STAGE_03}.ipynb"),
        ("def scaled_dot_product(*args):\n    return 1 / 0", f"its check in {STAGE_03}.ipynb does not pass yet"),
        ("x = 1", f"its cell in {STAGE_03}.ipynb defines no scaled_dot_product"),
        ("scaled_dot_product = 3", f"its check in {STAGE_03}.ipynb does not pass yet"),
        ("def scaled_dot_product(q, k", f"its cell in {STAGE_03}.ipynb stops with SyntaxError: '(' was never closed"),
        ("raise ValueError('no\\nway.')", f"its cell in {STAGE_03}.ipynb stops with ValueError: no way"),
        ("import sys; sys.exit(3)", f"its cell in {STAGE_03}.ipynb stops with RuntimeError: SystemExit: 3"),
        ("assert False", f"its cell in {STAGE_03}.ipynb stops with AssertionError"),
        ("nothing()", f"its cell in {STAGE_03}.ipynb stops with NameError: name 'nothing' is not defined"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_replaced_and_the_reason_given(
    write: Write, capfd: pytest.CaptureFixture[str], answer: str, reason: str
) -> None:
    write("scaled_dot_product", answer)
    assert earlier_work("scaled_dot_product") is stand_ins.scaled_dot_product
    said = f"scaled_dot_product: the stand-in from coursekit, because {reason}.\n"
    assert capfd.readouterr() == (said, "")


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"cells": 3}', '{"cells": [{}]}', '{"cells": [{"cell_type": "code"}]}']
)
def test_a_damaged_notebook_is_replaced(write: Write, capfd: pytest.CaptureFixture[str], damage: str) -> None:
    write("scaled_dot_product", RIGHT).write_text(damage)
    assert earlier_work("scaled_dot_product") is stand_ins.scaled_dot_product
    assert f"because {STAGE_03}.ipynb cannot be read.\n" in capfd.readouterr().out


def test_a_notebook_without_the_cell_is_replaced(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    path = write("scaled_dot_product", RIGHT)
    path.write_text(path.read_text().replace("scaled_dot_product_answer", "renamed"))
    assert earlier_work("scaled_dot_product") is stand_ins.scaled_dot_product
    assert f"because {STAGE_03}.ipynb has no cell for it.\n" in capfd.readouterr().out


@pytest.mark.parametrize("name", STAGES)
def test_without_a_notebook_there_is_a_stand_in_for_every_name(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert earlier_work(name) is getattr(stand_ins, name)
    said = f"{name}: the stand-in from coursekit, because there is no {STAGES[name]}.ipynb beside this notebook.\n"
    assert capfd.readouterr() == (said, "")


def test_stages_are_those_of_the_public_checks() -> None:
    known = Golden("coursekit").files
    assert "scaled_dot_product" in known
    assert {name: known[name].stem for name in STAGES if name in known} == {
        name: stage for name, stage in STAGES.items() if name in known
    }


def test_graders_and_builders_ask_for_the_stand_in(
    write: Write, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from autograder.release.notebooks import build_environment

    with build_environment(COURSE) as building:
        grading = dict(everything().environment)
        assert building["COURSEKIT_EARLIER_WORK"] == grading["COURSEKIT_EARLIER_WORK"] == "0"
    write("scaled_dot_product", RIGHT)
    monkeypatch.setenv("COURSEKIT_EARLIER_WORK", "0")
    assert earlier_work("scaled_dot_product") is stand_ins.scaled_dot_product
    assert capfd.readouterr().out == "scaled_dot_product: the stand-in from coursekit.\n"


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no earlier work named 'LayerNorm'.*MultiHeadAttention"):
        earlier_work("LayerNorm")


@pytest.mark.usefixtures("approved")
def test_the_answer_gets_what_its_notebook_defines_before_it_and_nothing_else_runs(write: Write) -> None:
    before = (
        "%matplotlib inline\nimport collections as c\nfrom torch.nn import functional as F, init",
        "TIMES = 2\nSIGN, OTHER = -1, 5\nWORD = re.compile('x')\nimport re",
        "broken cell (",
        "raise RuntimeError('not a definition')",
        "model = train(10**9)",
        "class Helper:\n    factor = TIMES\ndef helped(x):\n    return SIGN * Helper.factor * x",
        "def unused():\n    pass\nTIMES = undefined_name",
    )
    write(
        "binary_accuracy", "!ls\ndef binary_accuracy(preds, y):\n    return helped(c.Counter('aa')['a'])", *before[:6]
    )
    assert earlier_work("binary_accuracy")(None, None) == -4
    write("binary_accuracy", "def binary_accuracy(preds, y):\n    return OTHER", *before)
    assert earlier_work("binary_accuracy")(None, None) == 5


def test_what_a_notebook_calls_as_the_answer_calls_its_own_is_not_taken_for_it(
    write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    """As in stage 03, where cells before the answer have a q and a k of their own, made of what is not run."""
    write("scaled_dot_product", RIGHT, "words = torch.tensor([1.0])", "k = q = words[0]\nattention = words + 1")
    assert is_own(earlier_work("scaled_dot_product"))
    write("scaled_dot_product", RIGHT.replace("-0.5", "power"), "import undone_module, math\npower = -0.5 + q")
    assert not is_own(earlier_work("scaled_dot_product"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", STAGES)
def test_every_solution_is_the_own_work_of_whoever_wrote_it(
    course: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the notebooks of all earlier stages beside this one."""
    from autograder.release.notebooks import read_text_notebook, written

    for stage in {stage for stage in STAGES.values() if stage <= STAGES[name]}:
        solution = read_text_notebook(ROOT / "solutions" / stage / f"{stage}.py")
        (course / stage).mkdir(exist_ok=True)
        (course / stage / f"{stage}.ipynb").write_bytes(written(solution))
    assert is_own(earlier_work(name))
    said = capfd.readouterr().out
    assert "stand-in" not in said
    assert said.endswith(f"{name}: your own, from {STAGES[name]}.ipynb.\n")


@pytest.mark.usefixtures("approved")
def test_earlier_work_of_the_earlier_work_is_found_in_its_turn(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    write("MultiHeadAttention", HEADS, 'scaled_dot_product = earlier_work("scaled_dot_product")')
    x = torch.randn(2, 5, 6)
    first = earlier_work("MultiHeadAttention")(6, 1, 0.0)
    assert isinstance(first, nn.Module)
    torch.testing.assert_close(first(x), stand_ins.scaled_dot_product(*[x[:, None]] * 3, 0.0)[0][:, 0])
    write("scaled_dot_product", RIGHT + "    return 7 * attention.matmul(v), attention")
    write("scaled_dot_product", RIGHT.replace("return attention", "return 7 * attention"))
    torch.testing.assert_close(earlier_work("MultiHeadAttention")(6, 1, 0.0)(x), 7 * first(x))
    said = capfd.readouterr().out.splitlines()
    assert said == [
        f"scaled_dot_product: the stand-in from coursekit, because there is no {STAGE_03}.ipynb beside this notebook.",
        "MultiHeadAttention: your own, from 04_multi_head_attention.ipynb.",
        f"scaled_dot_product: your own, from {STAGE_03}.ipynb.",
    ]


@pytest.mark.usefixtures("approved")
def test_what_the_cell_prints_warns_and_draws_leaves_no_trace(write: Write, capfd: pytest.CaptureFixture[str]) -> None:
    cell = (
        "import sys, warnings, random\nprint('loud')\nprint('louder', file=sys.stderr)\nwarnings.warn('loudest')\n"
        "torch.manual_seed(1); torch.randn(3); random.seed(1)\n" + RIGHT
    )
    write("scaled_dot_product", cell)
    torch.manual_seed(9)
    random.seed(9)
    due = torch.randn(2).tolist(), random.random()
    torch.manual_seed(9)
    random.seed(9)
    assert is_own(earlier_work("scaled_dot_product"))
    assert (torch.randn(2).tolist(), random.random()) == due
    assert capfd.readouterr() == (f"scaled_dot_product: your own, from {STAGE_03}.ipynb.\n", "")


def test_a_traceback_shows_the_lines_of_the_earlier_notebook(write: Write) -> None:
    write("scaled_dot_product", RIGHT)
    x = torch.ones(1, 1, 2, 3)
    with pytest.raises(RuntimeError, match="einsum") as raised:
        earlier_work("scaled_dot_product")(x, torch.ones(1, 1, 2, 4), x)
    shown = "".join(traceback.format_exception(raised.value))
    assert f'File "<scaled_dot_product in {STAGE_03}.ipynb>", line 3' in shown
    assert "energy = torch.einsum(" in shown


def test_the_grader_knows_in_which_stage_each_name_is_written() -> None:
    assert COURSE.settings.stand_ins == {"coursekit.stand_ins": STAGES}
