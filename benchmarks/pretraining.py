"""Pre-training of stage 06: the held-out loss against the entropy of the word frequencies, over steps and seconds.

python benchmarks/pretraining.py --profile cpu|gpu [--seeds 6 7] [--save FOLDER]

What runs are the cells of the solution notebook, in its own sizes. IMDB is found as in the notebook (COURSEKIT_IMDB).
Each seed is a run of its own. The figures of one profile leave those of the other in the file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "pretraining.json"
STAGE = "06_bert_pretraining"
SEED = 6  # the notebook's own


def cells() -> Iterator[str]:
    """The code cells of the solution, without the checks."""
    from autograder.release.notebooks import read_text_notebook

    for cell in read_text_notebook(ROOT / "solutions" / STAGE / f"{STAGE}.py").cells:
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade"):
            yield cell.source


def measured(function: Callable[..., float], seen: list[dict[str, float]], spent: list[float]) -> Callable[..., float]:
    """The notebook's held-out loss, which also notes when it was measured; measuring itself does not count as time.

    spent   where the clock and the CPU clock of this process stood at the start of training, moved on here
    """

    def call(*arguments: Any) -> float:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        loss = function(*arguments)
        passed = {"seconds": round(begin - spent[0], 1), "cpu_seconds": round(cpu_begin - spent[1], 1)}
        seen.append({**passed, "held_out": round(loss, 4)})
        spent[0] += time.perf_counter() - begin
        spent[1] += time.process_time() - cpu_begin
        return loss

    return call


def run(seed: int, save: Path | None) -> dict[str, Any]:
    """Run the notebook with another seed and return what it reached."""
    from coursekit import runtime

    original = runtime.set_seed
    names: dict[str, Any] = {}
    seen: list[dict[str, float]] = []
    spent = [0.0, 0.0]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        runtime.set_seed = lambda number: original(number + seed - SEED)
        try:
            for source in cells():
                training = "pretrain(bert)" in source and "def " not in source
                with contextlib.redirect_stdout(sys.stdout if training else io.StringIO()):
                    if training:
                        spent[:] = time.perf_counter(), time.process_time()
                        names["held_out_loss"] = measured(names["held_out_loss"], seen, spent)
                    exec(compile(source, STAGE, "exec"), names)
        finally:
            runtime.set_seed = original
        if save is not None:
            save.mkdir(parents=True, exist_ok=True)
            target = save / f"bert_pretrained_{seed}.safetensors"
            target.write_bytes(Path("bert_pretrained.safetensors").read_bytes())
    curve = [
        {"step": step, **point, "train": None if step == 0 else round(train, 4)}
        for step, point, train in zip(names["history"]["step"], seen, names["history"]["training"], strict=True)
    ]
    bar = names["bar"]
    below = next((point for point in curve if point["held_out"] < bar), None)
    return {
        "seed": seed,
        "unigram_entropy": round(bar, 4),
        "held_out": curve[-1]["held_out"],
        "training_seconds": curve[-1]["seconds"],
        "training_cpu_seconds": curve[-1]["cpu_seconds"],
        "notebook_seconds": round(time.perf_counter() - start, 1),
        "below_entropy_from_step": below and below["step"],
        "below_entropy_from_second": below and below["seconds"],
        "parameters": sum(parameter.numel() for parameter in names["model"].parameters()),
        "vocabulary": names["V"],
        "sizes": names["sizes"],
        "curve": curve,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=["cpu", "gpu"], default="cpu")
    parser.add_argument("--seeds", type=int, nargs="+", default=[SEED])
    parser.add_argument("--save", type=Path, help="a folder for the trained weights")
    options = parser.parse_args()
    if options.profile == "gpu" and not torch.cuda.is_available():
        parser.error("The gpu profile needs a GPU, and there is none.")
    os.environ["COURSEKIT_PROFILE"] = options.profile
    os.environ["COURSEKIT_EARLIER_WORK"] = "0"
    save = options.save and options.save.resolve()
    runs = [run(seed, save) for seed in options.seeds]

    print(
        f"\n{'seed':>6} {'entropy':>8} {'held out':>9} {'below from':>22} {'training':>10} {'CPU':>10} {'notebook':>10}"
    )
    for done in runs:
        since = (
            f"step {done['below_entropy_from_step']:,}, {done['below_entropy_from_second']} s"
            if done["below_entropy_from_step"]
            else "never"
        )
        print(
            f"{done['seed']:>6} {done['unigram_entropy']:>8.3f} {done['held_out']:>9.3f} {since:>22} "
            f"{done['training_seconds']:>8.0f} s {done['training_cpu_seconds']:>8.0f} s "
            f"{done['notebook_seconds']:>8.0f} s"
        )
    results = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    on_gpu = options.profile == "gpu"
    seeds = " ".join(map(str, options.seeds))
    results[options.profile] = {
        "command": f"python benchmarks/pretraining.py --profile {options.profile} --seeds {seeds}",
        "device": torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} CPU threads",
        "torch": torch.__version__,
        "python": platform.python_version(),
        "runs": runs,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
