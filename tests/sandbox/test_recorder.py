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
    "get_ipython().events.register('pre_run_cell', lambda info: print('before', info.raw_cell))",
    "11",
    "get_ipython().input_transformers_post.append(lambda lines: [line.replace('apple', '13') for line in lines])",
    "apple",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
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
    outputs, succeeded = left_behind["as ever"][0]
    assert succeeded
    assert outputs[0]["data"] == {"text/plain": "2"}
    assert [output["output_type"] for output in left_behind["as ever"][7][0]] == ["error"]
    assert left_behind["as ever"][8][0][0]["data"] == {"text/plain": "5"}
    assert any("image/png" in output.get("data", {}) for output in left_behind["as ever"][-1][0])
