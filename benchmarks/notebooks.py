"""Every solution from top to bottom in a profile: do its checks pass, how long does it take, how much GPU memory?

python benchmarks/notebooks.py --profile cpu|gpu [--stages 01 07]

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "notebooks.json"
MEMORY = "import torch; print(torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0)"
COLOURS = re.compile(r"\x1b\[[\d;]*m")


def executed(path: Path) -> dict[str, Any]:
    """Run a solution alone in an empty folder.

    Returns seconds; the peak of GPU memory in MiB; the checks that passed, and those that did not; what was written to
    stderr, with the cell; and the error that ended the run, if one did.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
    found: dict[str, Any] = {}
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": folder}})
        try:
            client.execute()
        except CellExecutionError as error:
            found["error"] = COLOURS.sub("", str(error))[-2000:]
    found["seconds"] = round(time.monotonic() - start, 1)
    found |= {"passed": 0, "failed": {}, "stderr": {}}
    for cell in notebook.cells[:-1]:
        outputs = cell.get("outputs", [])
        for output in outputs:
            if output.get("name") == "stderr":
                found["stderr"][cell.id] = output.text[:500]
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            said = " ".join(output.data["text/plain"] for output in outputs if "data" in output)
            if said.startswith("✓"):
                found["passed"] += 1
            else:
                found["failed"][cell.metadata.nbgrader.grade_id] = said
    for output in notebook.cells[-1].outputs:
        found["gpu_memory_mib"] = int(output.text) >> 20
    return found


def main() -> None:
    """Run the solutions and write what came of them, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=("cpu", "gpu"), required=True)
    parser.add_argument("--stages", nargs="*", metavar="NN", help="default: all")
    options = parser.parse_args()
    if options.profile == "gpu" and not torch.cuda.is_available():
        parser.error("The gpu profile needs a GPU, and there is none.")
    os.environ |= {"COURSEKIT_PROFILE": options.profile, "COURSEKIT_EARLIER_WORK": "0"}
    results = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    device = torch.cuda.get_device_name() if options.profile == "gpu" else f"{os.cpu_count()} CPU cores"
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        if options.stages and path.stem[:2] not in options.stages:
            continue
        found = executed(path)
        print(
            f"{path.stem:34} {found['seconds']:7.1f} s   {found['passed']:2} checks passed   "
            f"{found.get('gpu_memory_mib', 0):6,} MiB   {' '.join(found['failed'])}{found.get('error', '')}",
            flush=True,
        )
        found |= {"device": device, "torch": torch.__version__}
        results.setdefault(options.profile, {})[path.stem] = found
        RESULT.write_text(json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
