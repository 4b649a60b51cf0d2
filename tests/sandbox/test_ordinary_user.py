"""The sandbox started by a user who is not root: no capabilities on the host, nor a control group."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from whole_course import ROOT

# As this user to the host's kernel, so that Python itself can be read, but without root's rights.
UNSHARE = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
CAPABILITIES = "{int(line.split()[1], 16) for line in open('/proc/self/status') if line.startswith('Cap')}"
SCRIPT = f"""
import os
from pathlib import Path
from autograder.course import open_course
from autograder.sandbox import Worker
assert os.getuid() != 0
course = open_course(Path({str(ROOT)!r}))
with Worker(contents=course.contents(*course.stages.values())) as worker:
    print("group:", worker.group)
    for number in (1, 2, 3):
        process = worker.open()
        outputs, _, interrupted = process.run("while True: pass", 1, 1)
        print(outputs[0]["ename"], interrupted)
        outputs, _, _ = process.run("{CAPABILITIES}", 2, 5)
        print(outputs[0]["data"]["text/plain"])
        process.close()
"""


@pytest.fixture
def as_ordinary_user() -> list[str]:
    if os.getuid() != 0:
        return []
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True) if shutil.which("unshare") else None
    if tried is None or tried.returncode != 0:
        pytest.skip("util-linux's unshare cannot make a user namespace here.")
    return UNSHARE


def test_one_submission_after_the_other_runs_and_can_be_interrupted(as_ordinary_user: list[str]) -> None:
    done = subprocess.run(
        [*as_ordinary_user, sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[1:] == ["KeyboardInterrupt timed out after 1 s", "{0}"] * 3
    assert said[0] == "group: None" or as_ordinary_user == []
