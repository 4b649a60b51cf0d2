"""What the solutions need when they are executed for the built notebooks: the real reviews, and the bundled encoder."""

from __future__ import annotations

from pathlib import Path

from nbformat.notebooknode import NotebookNode

from coursekit.data import IMDB, VARIABLE
from coursekit.sources import named

FOREIGN = ("COURSEKIT_", "HF_", "TRANSFORMERS_")
"""Beginnings of variables that whoever builds may have set for work of their own."""


def needs_imdb(notebook: NotebookNode) -> bool:
    """Whether a notebook reads reviews."""
    return any("load_imdb(" in cell.source for cell in notebook.cells if cell.cell_type == "code")


def real_imdb() -> Path | None:
    """The folder with the real reviews: named by COURSEKIT_IMDB, in the Hugging Face cache, or shared/data/imdb beside
    the repository; None if there is none.
    """
    found = named(None, VARIABLE)
    beside = Path(__file__).resolve().parents[2] / "shared" / "data" / "imdb"
    return found[0] if found else IMDB.cached() or (beside if beside.is_dir() else None)


def missing(notebook: NotebookNode) -> str:
    """A sentence where IMDB is needed and not there, "" otherwise."""
    if not needs_imdb(notebook) or real_imdb() is not None:
        return ""
    return (
        "the solution is executed on the real IMDB reviews, and they were not found. Name their folder by "
        f"{VARIABLE}, or download them: {IMDB.command}"
    )


def prepare(scratch: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables to set, and the beginnings of those to leave out.

    The real reviews are found in a Hugging Face cache in `scratch`, so that no output names a folder of this machine.
    """
    reviews = real_imdb()
    if reviews is not None:
        snapshots = Path(scratch, "huggingface", "hub", f"datasets--{IMDB.names[0].replace('/', '--')}", "snapshots")
        snapshots.mkdir(parents=True)
        (snapshots / "found").symlink_to(reviews.resolve())
    variables = {"HF_HOME": f"{scratch}/huggingface", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return variables, FOREIGN
