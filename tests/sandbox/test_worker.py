"""The sandboxed worker: what runs in it, what it keeps in, and what survives whom."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from whole_course import COURSE, ROOT, STAGES, everything

from autograder.sandbox import CallTimedOut, Process, ProcessEnded, SandboxDied, SandboxMissing, Worker
from autograder.sandbox.bubblewrap import environment, find_bubblewrap


@pytest.fixture
def process(worker: Worker) -> Iterator[Process]:
    opened = worker.open()
    yield opened
    opened.close()


def run(process: Process, source: str, seconds: float = 20.0) -> str:
    """Run a cell and return what it printed, its errors included."""
    outputs, _, _ = process.run(source, 1, seconds)
    texts = [output.get("text") or output.get("evalue") or output["data"]["text/plain"] for output in outputs]
    return "".join(texts)


def call(process: Process, target: str, *args: Any, seconds: float = 5.0) -> Any:
    tree, blocks = COURSE.codecs.encode([list(args), {}], lambda value: pytest.fail(f"{value!r} should cross"))
    request = {"do": "call", "target": target, "attribute": "", "args": tree[0], "kwargs": tree[1], "seed": 7}
    answer, out = process.perform(request, blocks, seconds)
    return COURSE.codecs.decode(answer["value"], out, lambda ref: ref) if "value" in answer else answer


def test_cells_share_their_names_and_keep_their_outputs(process: Process) -> None:
    outputs, succeeded, interrupted = process.run("print('a'); import sys; print('b', file=sys.stderr)\n6 * 7", 1, 5)
    assert succeeded
    assert interrupted is None
    assert [(output["output_type"], output.get("text")) for output in outputs] == [
        ("stream", "a\n"),
        ("stream", "b\n"),
        ("execute_result", None),
    ]
    assert outputs[2]["data"] == {"text/plain": "42"}
    assert run(process, "x = 3") == ""
    assert run(process, "x") == "3"


def test_errors_and_figures_are_outputs_too(process: Process) -> None:
    outputs, succeeded, _ = process.run("1 / 0", 1, 5)
    assert not succeeded
    assert (outputs[0]["output_type"], outputs[0]["ename"]) == ("error", "ZeroDivisionError")
    outputs, _, _ = process.run("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()", 2, 20)
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("folder = %pwd\nfolder", "'/scratch'"),
        ("In [1]: 6 * 7", "42"),
        ("x = 50 \\\n%7\nx", "1"),
        ("print('%pwd')", "%pwd\n"),
    ],
)
def test_magics_and_prompts_are_read_and_python_is_left_alone(process: Process, source: str, said: str) -> None:
    assert run(process, source) == said


def test_reading_a_cell_sooner_adds_no_warning(process: Process) -> None:
    outputs, _, _ = process.run("import warnings\nwarnings.simplefilter('always')", 1, 5)
    outputs, succeeded, _ = process.run("letter = '\\d'\n1 is 1", 2, 5)
    assert succeeded
    texts = "".join(output.get("text", "") for output in outputs)
    assert '"is" with a literal' in texts
    assert "<unknown>" not in texts


def test_torch_works_and_calls_carry_tensors(process: Process) -> None:
    run(process, "import torch\ndef double(x, y=0):\n    return x @ x.T, 2 * y")
    x = torch.randn(3, 4, dtype=torch.float64)
    product, number = call(process, "double", x, 4)
    assert torch.allclose(product, x @ x.T)
    assert number == 8


def test_calls_are_seeded(process: Process) -> None:
    run(process, "import torch, random\ndef draw():\n    return torch.rand(3), random.random()")
    first, second = call(process, "draw"), call(process, "draw")
    assert torch.equal(first[0], second[0])
    assert first[1] == second[1]


def test_calls_leave_the_random_numbers_of_later_cells_alone(process: Process) -> None:
    run(process, "import torch\ntorch.manual_seed(1)\ndef draw():\n    return torch.rand(3)")
    call(process, "draw")
    assert run(process, "print(torch.rand(1).item())") == run(
        process, "torch.manual_seed(1)\nprint(torch.rand(1).item())"
    )


def test_a_call_that_hangs_ends_alone(process: Process) -> None:
    run(process, "kept = 1\ndef hang():\n    while True: pass\ndef fine():\n    return kept")
    with pytest.raises(CallTimedOut, match="did not return within 1 s"):
        call(process, "hang", seconds=1)
    assert call(process, "fine") == 1


def test_an_interrupt_while_nothing_runs_harms_nothing(process: Process) -> None:
    run(process, "def fine():\n    return 1")
    process._signal(signal.SIGINT)
    time.sleep(0.1)
    assert call(process, "fine") == 1


def test_a_call_that_heeds_no_interrupt_is_killed(worker: Worker) -> None:
    process = worker.open()
    stubborn = "try:\n            while True: time.sleep(0.01)\n        except BaseException: pass"
    run(process, f"import time\ndef hang():\n    while True:\n        {stubborn}")
    with pytest.raises(ProcessEnded, match="did not heed an interrupt"):
        call(process, "hang", seconds=1)


def test_an_answer_with_more_numbers_than_tests_go_through_is_refused(worker: Worker) -> None:
    process = worker.open()
    run(process, "import torch\ndef many(count):\n    return torch.zeros(2, count // 2, dtype=torch.uint8)")
    assert call(process, "many", worker.limits.answer_numbers).numel() == worker.limits.answer_numbers
    with pytest.raises(ProcessEnded, match=r"too much to be handed over: 1,048,578 numbers; the limit") as ended:
        call(process, "many", worker.limits.answer_numbers + 2)
    assert ended.value.kind == "too much output"


@pytest.mark.parametrize("end", ["os._exit(0)", "os.abort()"])
def test_a_call_that_ends_the_process_is_told(worker: Worker, end: str) -> None:
    process = worker.open()
    run(process, f"import os\ndef leave():\n    {end}")
    with pytest.raises(ProcessEnded, match=r"ended its own process|killed by signal") as ended:
        call(process, "leave")
    assert ended.value.kind == "crashed"


def test_an_endless_cell_is_interrupted_and_the_next_one_runs(process: Process) -> None:
    outputs, succeeded, interrupted = process.run("while True: pass", 1, 1)
    assert not succeeded
    assert interrupted == "timed out after 1 s"
    assert outputs[0]["ename"] == "KeyboardInterrupt"
    assert run(process, "1 + 1") == "2"


def test_a_cell_that_heeds_no_interrupt_is_killed(worker: Worker) -> None:
    process = worker.open()
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    with pytest.raises(ProcessEnded, match="did not heed an interrupt"):
        process.run(stubborn, 1, 1)


@pytest.mark.parametrize(("end", "how"), [("os._exit(3)", "exit 3"), ("os.abort()", "signal 11")])
def test_a_cell_that_ends_the_process_is_told(worker: Worker, end: str, how: str) -> None:
    with pytest.raises(ProcessEnded, match=how):
        worker.open().run(f"import os; {end}", 1, 5)


def sleeping_child(process: Process) -> str:
    """Start a child that sleeps, and return what its command line holds, once that can be seen."""
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    run(
        process,
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', '{mark}'])",
    )
    deadline = time.monotonic() + 10
    while mark not in _command_lines():  # a process has its command line a moment after it was started
        assert time.monotonic() < deadline, "the child was never seen"
        time.sleep(0.01)
    return mark


def test_a_sleeping_child_does_not_outlive_its_submission(worker: Worker) -> None:
    process = worker.open()
    mark = sleeping_child(process)
    process.close()
    time.sleep(0.2)
    assert mark not in _command_lines()


def _command_lines() -> str:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


def test_nothing_of_the_host_is_to_be_seen(process: Process) -> None:
    seen = run(
        process,
        "import os\nfor folder in ('/', '/root', '/home', '/etc', '/scratch', '/grader'):\n"
        "    print(folder, sorted(os.listdir(folder)) if os.path.isdir(folder) else None)",
    )
    assert "hidden_tests" not in seen
    assert "passwd" not in seen
    for name in ("autograder.hidden_tests", "autograder.course", "solutions.heldout"):
        assert f"No module named '{name}'" in run(process, f"import {name}")
    finding = (
        "import os\n[path for path, _, files in os.walk('/') if not path.startswith(('/proc', '/usr', '/grader'))\n"
        "for file in files if file.endswith('.py') and '/hidden_tests' in f'{path}/{file}' or '/solutions' in path]"
    )
    assert run(process, finding, 60) == "[]"


def test_of_the_course_only_what_runs_here_is_to_be_seen(process: Process) -> None:
    source = (
        "import os\n"
        "print(*(os.path.join(path, file) for folder in ('autograder', 'solutions')\n"
        "        for path, _, files in os.walk(f'/grader/{folder}') for file in files if file.endswith('.py')))"
    )
    seen = {path.removeprefix("/grader/") for path in run(process, source).split()}
    whole = (path for folder in ("codecs", "sandbox") for path in (ROOT / "autograder" / folder).glob("*.py"))
    engine = {path.relative_to(ROOT).as_posix() for path in whole}
    engine |= {"autograder/remote/perform.py", "autograder/remote/wire.py"}
    scenarios = {f"solutions/{stage}/scenarios.py" for stage in STAGES}
    # Students have them too, in coursekit.
    probes = "solutions/05_transformer_block/probes.py"
    assert seen == {"autograder/__init__.py", *engine, *scenarios, "solutions/recording.py", probes}


def test_the_environment_is_not_the_hosts(process: Process) -> None:
    names = run(process, "import os\nprint(*os.environ)").split()
    assert "HOME" in names
    assert set(names) <= {*environment(), *COURSE.settings.environment, "PYTHONPATH", "PWD", "TORCHINDUCTOR_CACHE_DIR"}


def test_files_are_the_submissions_own(worker: Worker) -> None:
    first = worker.open()
    written = run(
        first,
        "places = ['/scratch/a', '/tmp/a', '/dev/shm/a', '/a', '/usr/a', '/grader/a', '/grader/autograder/a']\n"
        "places += ['/grader/autograder/sandbox/a', '/grader/solutions/a', '/grader/coursekit/a']\n"
        "for place in places:\n"
        "    try:\n        open(place, 'w').write('x'); print(place)\n"
        "    except OSError: pass",
    )
    # Where Python itself lies below /tmp, that folder stays in sight and cannot be written.
    temporary = [] if sys.prefix.startswith("/tmp/") or sys.base_prefix.startswith("/tmp/") else ["/tmp/a"]
    assert written.split() == ["/scratch/a", *temporary, "/dev/shm/a"]
    first.close()
    second = worker.open()
    assert run(second, "import os\nos.listdir('/scratch') + os.listdir('/dev/shm')") == "[]"
    assert run(second, "os.path.exists('/tmp/a')") == "False"
    second.close()


def test_there_is_no_network(process: Process) -> None:
    source = "import socket\nsocket.create_connection(('127.0.0.1', 1), 1)"
    assert re.search("refused|unreachable|denied", run(process, source))
    interfaces = "[line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line]"
    assert run(process, interfaces) == "['lo']"


def test_there_are_no_capabilities(process: Process) -> None:
    caps = run(process, "[line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')]")
    assert set(caps) <= set("[]', 0\n")
    mount = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    mount += "(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), os.strerror(ctypes.get_errno()))"
    assert run(process, mount) == "(-1, 'Operation not permitted')"


def test_the_warm_interpreter_is_out_of_reach(process: Process) -> None:
    own = run(process, "import os\nsorted(int(name) for name in os.listdir('/proc') if name.isdigit())")
    assert own == "[1]"
    run(
        process,
        "import os, signal\nfor pid in range(1, 300):\n    if pid != os.getpid():\n"
        "        try: os.kill(pid, signal.SIGKILL)\n        except OSError: pass",
    )
    assert run(process, "'alive'") == "'alive'"


def test_a_process_holds_one_socket_and_none_of_another_submission(worker: Worker) -> None:
    held = (
        "import os\nsockets = 0\nfor number in os.listdir('/proc/self/fd'):\n"
        "    if os.path.exists(f'/proc/self/fd/{number}'):\n"
        "        sockets += 'socket' in os.readlink(f'/proc/self/fd/{number}')\nprint(sockets)"
    )
    first = worker.open()
    second = worker.open()
    assert [run(first, held), run(second, held)] == ["1\n", "1\n"]
    first.close()
    second.close()


def test_what_one_submission_patches_the_next_does_not_see(worker: Worker) -> None:
    first = worker.open()
    run(first, "import torch, builtins\ntorch.allclose = lambda *a, **k: True\nbuiltins.sorted = lambda x: 0")
    assert run(first, "sorted([3, 1])") == "0"
    first.close()
    second = worker.open()
    assert (
        run(second, "import torch\nsorted([3, 1]), torch.allclose(torch.zeros(1), torch.ones(1))") == "([1, 3], False)"
    )
    second.close()


def test_too_much_output_is_cut_and_said(process: Process) -> None:
    text = run(process, "for _ in range(100_000):\n    print('x' * 50)")
    assert len(text) < 300_000
    assert "output cut" in text


def test_too_large_an_answer_is_refused(worker: Worker) -> None:
    process = worker.open()
    run(process, "import torch\ndef huge():\n    return torch.zeros(30_000_000)")
    with pytest.raises(ProcessEnded, match="MiB"):
        call(process, "huge", seconds=30)


def test_a_worker_that_died_is_replaced() -> None:
    with Worker(contents=everything()) as own:
        own.open().close()
        own.interpreters[-1].kill()
        own.interpreters[-1].wait()
        process = own.open()
        assert run(process, "40 + 2") == "42"


def test_what_ends_the_sandbox_from_outside_is_no_fault_of_the_submission() -> None:
    with Worker(contents=everything()) as own:
        process = own.open()
        own.interpreters[-1].kill()
        with pytest.raises(SandboxDied):
            run(process, "import time\ntime.sleep(10)")
        assert run(own.open(), "40 + 2") == "42"


def test_no_signal_of_a_submission_ends_or_stops_it(process: Process) -> None:
    run(
        process,
        "import os\nsent = []\nfor number in range(1, 32):\n    try:\n        os.kill(os.getpid(), number)\n"
        "        if os.fork() == 0:\n            os.kill(os.getppid(), number); os._exit(0)\n        os.wait()\n"
        "    except KeyboardInterrupt:\n        pass\n    sent.append(number)",
    )
    assert run(process, "len(sent), 40 + 2") == "(31, 42)"


def test_a_sleeping_child_ends_with_a_process_that_ends_itself(worker: Worker) -> None:
    process = worker.open()
    mark = sleeping_child(process)
    with pytest.raises(ProcessEnded, match="exit 5"):
        run(process, "import os; os._exit(5)")
    assert mark not in _command_lines()


def test_without_bubblewrap_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxMissing, match="apt-get install bubblewrap"):
        find_bubblewrap()


def test_trusted_submissions_run_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.get_exec_path() if not shutil.which("bwrap", path=p)))
    with Worker(trust=True, contents=everything()) as own:
        process = own.open()
        folder = run(process, "import os\nprint(os.getcwd())\ndef f(x):\n    return x + 1").strip()
        assert call(process, "f", 1) == 2
        process.close()
        time.sleep(0.3)
        assert not Path(folder).exists()


def test_a_trusted_submission_ends_with_its_interpreter() -> None:
    with Worker(trust=True, contents=everything()) as own:
        process = own.open()
        pid = run(process, "import os\nprint(os.getpid())").strip()
        own.interpreters[-1].kill()
        own.interpreters[-1].wait()
        deadline = time.monotonic() + 10
        while Path("/proc", pid).exists():
            assert time.monotonic() < deadline, "it runs on"
            time.sleep(0.05)


def test_what_submissions_need_is_imported_before_they_run(worker: Worker) -> None:
    process = worker.open()
    scenarios = [f"solutions.{stage}.scenarios" for stage in STAGES]
    needed = [*scenarios, "coursekit.data", "coursekit.stand_ins", "coursekit.encoder", "coursekit.earlier"]
    outputs, succeeded, _ = process.run(
        f"import sys\nprint([name for name in {needed} if name not in sys.modules])", 1, 5
    )
    assert succeeded
    assert outputs[0]["text"] == "[]\n"
    outputs, _, _ = process.run("print({'torch', 'x', 'dtype'} & globals().keys())", 2, 5)
    assert outputs[0]["text"] == "set()\n"
    process.close()


def test_what_lies_beside_a_notebook_is_there_for_one_submission(worker: Worker) -> None:
    list_all = "import os\nprint(sorted(os.path.join(here, name) for here, _, names in os.walk('.') for name in names))"
    opened = worker.open(files=[("data.csv", b"1\n"), ("folder/helper.py", b"VALUE = 5")])
    assert run(opened, "open('data.csv', 'a').write('2')\nprint(open('data.csv').read())") == "1\n2\n"
    assert run(opened, "import sys\nfrom folder.helper import VALUE\nprint(VALUE)") == "5\n"
    opened.close()
    again = worker.open(files=[("data.csv", b"1\n")])
    assert run(again, list_all) == "['./data.csv']\n"
    again.close()
    without = worker.open()
    assert run(without, list_all) == "[]\n"
    without.close()


@pytest.mark.parametrize("path", ["../outside", "/outside", "folder/../../outside"])
def test_no_file_is_laid_outside_the_working_folder(worker: Worker, path: str) -> None:
    with pytest.raises(ValueError, match="does not lie below the working folder"):
        worker.open(files=[(path, b"x")])


def test_files_that_do_not_fit_are_said_to_the_grader(worker: Worker) -> None:
    opened = worker.open(files=[(str(number), b"") for number in range(worker.limits.scratch_files)])
    with pytest.raises(SandboxMissing, match="No space left"):
        run(opened, "1")


def test_the_error_that_warms_an_interpreter_leaves_nothing(process: Process) -> None:
    assert run(process, "import sys\nprint('fails' in globals(), [name for name in vars(sys) if 'last' in name])") == (
        "False []\n"
    )
