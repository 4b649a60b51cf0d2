"""The recording shell leaves behind what IPython's own run_cell leaves behind, whichever way it runs a cell."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

CELLS = [
    "x = 1\nx + 1",
    "x",
    "x;",
    "print('a'); print('b')\nprint('c')",
    "import sys\nprint('to stderr', file=sys.stderr)",
    "def f(n):\n    '''doc'''\n    return n / 0",
    "import inspect\nprint(inspect.getsource(f), inspect.getdoc(f))",
    "y = 5\nf(3)\ny = 6",
    "y",
    "y = 7\nreturn y",
    "y",
    "nonlocal z\ny = 8",
    "(1",
    "  indented = 1\nindented",
    "# nothing but a comment",
    "",
    "\n\n",
    "'a text at the end'",
    "for i in range(2):\n    i",
    "%pwd",
    "%%python_is_no_magic_here\n1",
    "%%capture said\nprint('kept')",
    "said.stdout",
    "!echo from a shell",
    "files = !echo one",
    "f?",
    "In [3]: 1 + 2",
    ">>> 1 + 2",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "async def g():\n    return 4\nawait g()",
    "from __future__ import annotations\ndef h(a: nowhere): ...\nh.__annotations__",
    "def k(a: nowhere): ...\nk.__annotations__",
    "raise SystemExit(3)",
    "exit_code = 0\nraise KeyboardInterrupt",
    "class E(Exception): ...\nraise E('mine') from ValueError('before')",
    "_, __name__, __doc__",
    "_",
    "display(3)\nget_ipython().user_ns is globals()",
    "import warnings\nwarnings.warn('look out')",
    "'\\d'",
    "assert x == 2, f'{x} is not 2'",
    "import sys\nsys.exc_info()",
    "def deep(n): return deep(n + 1)\ntry:\n    deep(0)\nexcept RecursionError as error:\n    print(type(error))",
    "print(" + "(" * 300 + ")" * 300 + ")",
    "a: int = 3\na",
    "1 if True else 2; a = 9",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
    # From here on cells go through IPython, until what is added to it is taken away again.
    "get_ipython().input_transformers_post.append(lambda lines: [line.replace('apple', '13') for line in lines])",
    "apple",
    "get_ipython().input_transformers_post.clear()",
    "import ast\nclass Negative(ast.NodeTransformer):\n"
    "    def visit_Constant(self, node): return ast.copy_location(ast.Constant(-node.value), node)\n"
    "get_ipython().ast_transformers.append(Negative())",
    "21",
    "get_ipython().ast_transformers.clear()",
    "get_ipython().events.register('pre_run_cell', lambda info: print('before', info.raw_cell))",
    "11",
]
PROGRAM = """
import json, re, sys
sys.path.insert(0, sys.argv[1])
from autograder.sandbox.recorder import Shell
shell = Shell.recording()
shell.enable_matplotlib("inline")
shell.record_streams()
if sys.argv[2] == "by IPython":
    shell._plain_python = lambda source: None
left = [shell.run(cell, number) for number, cell in enumerate(json.load(sys.stdin), 1)]
print(re.sub(r" at 0x[0-9a-f]+|(?<=ipython-input-)[0-9a-f-]+", "", json.dumps(left)), file=sys.__stdout__)
"""

INTERRUPTED = """
read = shell.compile.ast_parse
def interrupted(*args, **options):
    shell.compile.ast_parse = read
    raise KeyboardInterrupt
shell.compile.ast_parse = interrupted
"""


@pytest.fixture(scope="module")
def left_behind() -> dict[str, list[Any]]:
    """Outputs and success of each cell, run in either way in an interpreter of its own."""
    found = {}
    for way in ("as ever", "by IPython"):
        program = [sys.executable, "-c", PROGRAM, ".", way]
        run = subprocess.run(program, input=json.dumps(CELLS), capture_output=True, text=True, timeout=180)
        assert run.returncode == 0, run.stderr
        found[way] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("number", range(len(CELLS)), ids=[repr(cell[:30]) for cell in CELLS])
def test_a_cell_leaves_behind_what_it_leaves_in_ipython(left_behind: dict[str, list[Any]], number: int) -> None:
    assert left_behind["as ever"][number] == left_behind["by IPython"][number]


def test_the_cells_are_run_at_all(left_behind: dict[str, list[Any]]) -> None:
    found = dict(zip(CELLS, left_behind["as ever"], strict=True))
    outputs, succeeded = found["x = 1\nx + 1"]
    assert succeeded
    assert outputs[0]["data"] == {"text/plain": "2"}
    assert [output["output_type"] for output in found["y = 5\nf(3)\ny = 6"][0]] == ["error"]
    assert found["apple"][0][0]["data"] == {"text/plain": "13"}
    assert found["21"][0][0]["data"] == {"text/plain": "-21"}
    assert found["11"][0][0]["text"] == "before 11\n"
    drawn = next(outputs for cell, (outputs, _) in found.items() if "plt.plot" in cell)
    assert any("image/png" in output.get("data", {}) for output in drawn)


def test_an_interrupt_while_a_cell_is_read_ends_the_cell_alone() -> None:
    program = PROGRAM.replace("left = [", INTERRUPTED + "left = [")
    cells = json.dumps(["x = 1", "x"])
    run = subprocess.run([sys.executable, "-c", program, ".", "as ever"], input=cells, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    first, second = json.loads(run.stdout.splitlines()[-1])
    assert (first[0][0]["ename"], first[1]) == ("KeyboardInterrupt", False)
    assert second[0][0]["ename"] == "NameError"
