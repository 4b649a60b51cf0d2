"""Which files a stage is built into, in which order, and which of them are stale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.release.agreement import disagreements
from autograder.release.errors import ReleaseError
from autograder.release.golden import golden_files
from autograder.release.manifest import Manifest, Product, Stale, write
from autograder.release.notebooks import execute, read_text_notebook, released, written
from autograder.release.public_cases import public_exercises
from coursekit import cases

ROOT = Path(__file__).resolve().parents[2]
PINS = "constraints.txt"
NOTEBOOKS = "autograder/release/notebooks.py"
INSTALL_CELL = "autograder/release/install_cell.py"
SETTINGS = "solutions/course.py"
PUBLIC_CASES = "autograder/release/public_cases"
CHECKS = ("attempts", "cases", "checks", "properties")


@dataclass(frozen=True)
class _Step:
    """How a product is made.

    prose      the source in which a change may be of prose only
    from_kept  then makes it from what was built before, in no time; None where code changed too
    """

    product: Product
    make: Callable[[], dict[str, bytes]]
    doing: str
    prose: str = ""
    from_kept: Callable[[], dict[str, bytes] | None] = lambda: None


def stages(root: Path = ROOT) -> list[str]:
    """Names of all stages that have a text notebook, in order."""
    return sorted(path.stem for path in (root / "solutions").glob("*/*.py") if path.stem == path.parent.name)


def release(
    names: list[str] | None = None, log: Callable[[str], None] = print, *, root: Path = ROOT, force: bool = False
) -> list[Path]:
    """Build what is stale of the named stages, or of all: golden tensors, executed solution, released notebook.

    log     told what is done, a line at a time
    force   build it even if it is fresh
    returns the files that were written; none if all was fresh
    Raises ReleaseError if there is no such stage, if files disagree, or if a stage cannot be built; nothing is then
    written of it.
    """
    known = stages(root)
    for name in names or []:
        if name not in known:
            raise ReleaseError(f"There is no stage {name!r} in solutions/. There are: {', '.join(known) or 'none'}.")
    if sentences := disagreements(names or known, known, root):
        raise ReleaseError("Nothing was built.\n" + "\n".join(sentences))
    manifest = Manifest(root)
    files: list[Path] = []
    for name in names or known:
        files += _build(name, root, manifest, log, force)
    manifest.forget_all_but(step.product for name in known for step in _steps(name, root))
    return files


def _build(name: str, root: Path, manifest: Manifest, log: Callable[[str], None], force: bool) -> list[Path]:
    """Build what is stale of a stage and return what was written: all of it, or, where a step fails, nothing."""
    before: dict[Path, bytes | None] = {}
    done: list[tuple[Product, dict[str, str]]] = []
    try:
        for step in _steps(name, root):
            if not force and not manifest.why_stale(step.product):
                continue
            sources = manifest.sources_of(step.product)
            kept = None
            if step.prose and not force and manifest.only_changed(step.product, step.prose):
                kept = step.from_kept()
            log(f"{name}: {'only prose changed, so the outputs are kept' if kept else step.doing} …")
            for path, content in (kept or step.make()).items():
                old = (root / path).read_bytes() if (root / path).exists() else None
                if write(root / path, content):
                    before[root / path] = old
            done.append((step.product, sources))
    except BaseException:
        for written_to, old in before.items():
            if old is None:
                written_to.unlink()
            else:
                write(written_to, old)
        raise
    if done:
        manifest.record(done)
    else:
        log(f"{name}: fresh, nothing to do")
    return list(before)


def stale(root: Path = ROOT) -> list[Stale]:
    """Every built file that no longer fits its sources, with the reason; none if `make release` would do nothing."""
    manifest = Manifest(root)
    found: dict[str, str] = {}
    for name in stages(root):
        for step in _steps(name, root):
            found |= manifest.why_stale(step.product, found)
    return [Stale(path, reason) for path, reason in found.items()]


def register(name: str, database: str, *, root: Path = ROOT) -> None:
    """Let a gradebook know the assignment, its grade cells and their points, as nbgrader's own release would.

    database   URL, "sqlite:////…/gradebook.db"
    Raises ReleaseError if the stage is not built, or if the gradebook holds submissions to other cells.
    """
    solution = root / f"solutions/{name}/{name}.ipynb"
    if not solution.exists():
        raise ReleaseError(f"{solution} does not exist. Run `make release`.")
    released(solution, root, database)


def _steps(name: str, root: Path) -> list[_Step]:
    text, solution = f"solutions/{name}/{name}.py", f"solutions/{name}/{name}.ipynb"
    student = f"course/{name}/{name}.ipynb"
    golden = tuple(f"course/coursekit/golden/{name}{suffix}" for suffix in (".json", ".safetensors"))
    number = name.split("_")[0]
    steps = []
    has_checks = bool(public_exercises(name))
    if has_checks:
        sources = (
            "autograder/misconceptions/__init__.py",
            *_files(
                root, f"autograder/misconceptions/stage_{number}*.py", f"autograder/misconceptions/stage_{number}*/*.py"
            ),
            f"{PUBLIC_CASES}/__init__.py",
            f"{PUBLIC_CASES}/stage_{number}.py",
            "autograder/release/golden.py",
            *(f"course/coursekit/{module}.py" for module in CHECKS),
            *_files(root, f"course/coursekit/probes/stage_{number}.py"),
            PINS,
        )
        steps.append(_Step(Product(golden, sources), lambda: _golden(name, golden), "computing golden tensors"))
    # Of the golden tensors a stage reads its own.
    coursekit = _files(
        root, "course/coursekit/*.py", f"course/coursekit/probes/stage_{number}.py", "course/coursekit/sample/*"
    )
    executed = Product((solution,), (text, *coursekit, *(golden if has_checks else ()), NOTEBOOKS, PINS))
    steps.append(
        _Step(
            executed,
            lambda: _execute(root, text, solution),
            "running the solution",
            prose=text,
            from_kept=lambda: _keep_outputs(root, text, solution),
        )
    )
    stripped = Product((student,), (solution, "nbgrader_config.py", SETTINGS, INSTALL_CELL, NOTEBOOKS, PINS))
    steps.append(_Step(stripped, lambda: {student: released(root / solution, root)}, "stripping the solution"))
    return steps


def _golden(name: str, paths: tuple[str, ...]) -> dict[str, bytes]:
    files = golden_files(name)
    assert files is not None
    return dict(zip(paths, (files.text.encode(), files.tensors), strict=True))


def _execute(root: Path, text: str, solution: str) -> dict[str, bytes]:
    cases.exercises.cache_clear()
    cases.load.cache_clear()
    return {solution: written(execute(read_text_notebook(root / text), root / text))}


def _keep_outputs(root: Path, text: str, solution: str) -> dict[str, bytes] | None:
    """The solution with the outputs that it has; None where another text than prose differs from when it was run."""
    notebook, executed = read_text_notebook(root / text), nbformat.read(root / solution, as_version=4)
    if _decides_outputs(notebook) != _decides_outputs(executed):
        return None
    ran = (cell for cell in executed.cells if cell.cell_type == "code")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            before = next(ran)
            cell.execution_count, cell.outputs = before.execution_count, before.outputs
    return {solution: written(notebook)}


def _decides_outputs(notebook: NotebookNode) -> list[tuple[str, str, list[str]]]:
    """Code, and the written answers, which a notebook reads itself when it prints them."""
    return [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []))
        for cell in notebook.cells
        if cell.cell_type == "code" or "nbgrader" in cell.metadata
    ]


def _files(root: Path, *patterns: str) -> list[str]:
    """Files under root that match, relative to it."""
    return sorted({path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern)})
