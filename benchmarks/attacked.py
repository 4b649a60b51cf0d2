"""Runs inside the container of attacks.py: one grader on an attacker and an honest student, then a look around.

Arguments: the grader, the folder with work/, the root of the repository. Writes left.json into the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

STAGE = "03_scaled_dot_product_attention"
LIMIT = 130


def main() -> None:
    grader, folder, root = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    work = folder / "work"
    heard = _listen(folder.name)
    scores = {"ours": _ours, "nbgrader": _nbgrader, "otter": _otter}[grader](work, root)
    left = {
        "scores": scores,
        "shown": _shown(work),
        "heard": heard,
        "outlived": _outlived() if grader != "ours" else [],
    }
    (folder / "left.json").write_text(json.dumps(left))


def _listen(attack: str) -> list[str]:
    """Services of the host: an abstract socket, and port 22 of the loopback where it is free."""
    heard: list[str] = []

    def wait(made: socket.socket, name: str) -> None:
        while True:
            made.accept()
            heard.append(name)

    for family, address, name in (
        (socket.AF_UNIX, f"\0host-{attack}", "abstract socket"),
        (socket.AF_INET, ("127.0.0.1", 22), "loopback"),
    ):
        made = socket.socket(family)
        try:
            made.bind(address)
        except OSError:
            continue
        made.listen()
        threading.Thread(target=wait, args=(made, name), daemon=True).start()
    return heard


def _outlived() -> list[str]:
    """Kernels that still run when the grader has ended; the container has no others."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (path / "cmdline").read_bytes()
            if int(path.name) not in (1, os.getpid()) and b"ipykernel" in command:
                found.append(command.decode(errors="replace")[:200])
    return found


def _shown(work: Path) -> str:
    """What a person would be shown of the attacker's notebook: the outputs of the cells that are not graded."""
    texts = []
    for path in work.rglob("*.ipynb"):
        if "attacker" not in path.parts or "submitted" in path.parts:
            continue
        with contextlib.suppress(ValueError, OSError):
            for cell in json.loads(path.read_text())["cells"]:
                if not cell["metadata"].get("nbgrader", {}).get("grade"):
                    texts.append(json.dumps(cell.get("outputs", [])))
    with contextlib.suppress(OSError):
        texts.append((work / "attacker-output.txt").read_text())
    return "".join(texts).replace("\\n", "\n")


def _run(command: list[str], work: Path) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired), (work.parent / "said.txt").open("ab") as said:
        subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, timeout=LIMIT, stdout=said, stderr=said)


def _from_gradebook(database: Path) -> dict[str, Any]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{database}") as book:
        return {
            submission.student.id: {
                grade.name: grade.auto_score
                for grade in submission.notebooks[0].grades
                if grade.cell.cell_type == "code"
            }
            for submission in book.assignment_submissions(STAGE)
        }


def _nbgrader(work: Path, root: Path) -> dict[str, Any]:
    _run([str(Path(sys.executable).parent / "nbgrader"), "autograde", STAGE, "--create", "--force"], work)
    return _from_gradebook(work / "gradebook.db")


def _ours(work: Path, root: Path) -> dict[str, Any]:
    for name in ("course", "solutions"):
        (work / name).symlink_to(root / name)
    (work / "nbgrader_config.py").write_text((root / "nbgrader_config.py").read_text())
    (work / "classroom").mkdir()
    (work / "submitted").rename(work / "classroom" / "submitted")
    _run([str(Path(sys.executable).parent / "autograder"), "grade", STAGE], work)
    return _from_gradebook(work / "classroom" / "gradebook.db")


def _otter(work: Path, root: Path) -> dict[str, Any]:
    scores = {}
    bin_folder = Path(sys.executable).parent
    _run([str(bin_folder / "otter"), "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"], work)
    for folder in sorted((work / "submitted").iterdir()):
        path = folder / STAGE / f"{STAGE}.ipynb"
        out = work / f"{folder.name}.json"
        command = [sys.executable, __file__, "--grade-with-otter", str(path), str(out)]
        done = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=LIMIT / 2)
        if folder.name == "attacker" and done is not None:
            (work / "attacker-output.txt").write_text(done.stdout + done.stderr)
        if out.exists():
            scores[folder.name] = json.loads(out.read_text())
    return scores


def _grade_with_otter(path: str, out: str) -> None:
    from otter.api import grade_submission

    results = grade_submission(path, "autograder.zip", quiet=True)
    scores = {name: results.get_score(name) for name in results.results}
    Path(out).write_text(json.dumps(scores))


if __name__ == "__main__":
    if sys.argv[1] == "--grade-with-otter":
        _grade_with_otter(*sys.argv[2:4])
    else:
        main()
