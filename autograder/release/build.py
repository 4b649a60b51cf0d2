"""Which files a stage is built into, in which order, and which of them are stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.course import CHECKING, RELEASED, SETTINGS, SOURCES, Course, Stage
from autograder.files import write_changed
from autograder.module_graph import reached
from autograder.release.agreement import disagreements
from autograder.release.errors import ReleaseError
from autograder.release.golden import golden_files
from autograder.release.manifest import ENGINE, Manifest, Product, Stale
from autograder.release.notebooks import execute, read_text_notebook, released, written
from autograder.release.students_part import PROBES, codecs_of, copies, copy_into, originals

PINS = "constraints.txt"


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


def stages(root: Path) -> list[str]:
    """Names of all stages that have a text notebook, in order."""
    return list(Course(root).stages)


def release(
    root: Path, names: list[str] | None = None, log: Callable[[str], None] = print, *, force: bool = False
) -> list[Path]:
    """Build what is stale of the named stages, or of all: golden tensors, executed solution, released notebook.

    root    the course's folder
    log     told what is done, a line at a time
    force   build it even if it is fresh
    returns the files that were written; none if all was fresh
    Raises ReleaseError if there is no such stage, if files disagree, or if a stage cannot be built; nothing is then
    written of it.
    """
    course = Course(root)
    known = course.stages
    for name in names or []:
        if name not in known:
            raise ReleaseError(f"There is no stage {name!r} in {SOURCES}/. There are: {', '.join(known) or 'none'}.")
    if sentences := disagreements(names or known, course):
        raise ReleaseError("Nothing was built.\n" + "\n".join(sentences))
    manifest = Manifest(root)
    files = _copy(course, manifest, log, force)
    for name in names or known:
        files += _build(known[name], manifest, log, force)
    of_stages = (step.product for stage in known.values() for step in _steps(stage))
    manifest.forget_all_but([*_students_part(course), *of_stages])
    return files


def _students_part(course: Course) -> list[Product]:
    """What students receive of the engine; none for a course without a package, or without public checks."""
    if not course.settings.package or not any(stage.public_checks for stage in course.stages.values()):
        return []
    folder, codecs = f"{RELEASED}/{course.settings.package}/{CHECKING}", codecs_of(course)
    known = originals(codecs)
    source = {place: place if place in known else "release/students_part.py" for place in copies(codecs)}
    return [Product((f"{folder}/{place}",), (_of_engine(path),)) for place, path in source.items()]


def _copy(course: Course, manifest: Manifest, log: Callable[[str], None], force: bool) -> list[Path]:
    """Copy what is stale of the engine's part of the students' package; returns what was written."""
    due = [product for product in _students_part(course) if force or manifest.why_stale(product)]
    if not due:
        return []
    log(f"{course.settings.package}: copying the public checks …")
    built = [(product, manifest.sources_of(product)) for product in due]
    changed = copy_into(course.package_sources, codecs_of(course))
    manifest.record(built)
    return changed


def _build(stage: Stage, manifest: Manifest, log: Callable[[str], None], force: bool) -> list[Path]:
    """Build what is stale of a stage and return what was written: all of it, or, where a step fails, nothing."""
    name, root = stage.name, stage.course.root
    before: dict[Path, bytes | None] = {}
    done: list[tuple[Product, dict[str, str]]] = []
    try:
        for step in _steps(stage):
            if not force and not manifest.why_stale(step.product):
                continue
            sources = manifest.sources_of(step.product)
            kept = None
            if step.prose and not force and manifest.only_changed(step.product, step.prose):
                kept = step.from_kept()
            log(f"{name}: {'only prose changed, so the outputs are kept' if kept else step.doing} …")
            for path, content in (kept or step.make()).items():
                old = (root / path).read_bytes() if (root / path).exists() else None
                if write_changed(root / path, content):
                    before[root / path] = old
            done.append((step.product, sources))
    except BaseException:
        for written_to, old in before.items():
            if old is None:
                written_to.unlink()
            else:
                write_changed(written_to, old)
        raise
    if done:
        manifest.record(done)
    else:
        log(f"{name}: fresh, nothing to do")
    return list(before)


def stale(root: Path) -> list[Stale]:
    """Every built file that no longer fits its sources, with the reason; none if `make release` would do nothing."""
    manifest = Manifest(root)
    course, found = Course(root), dict[str, str]()
    for product in _students_part(course):
        found |= manifest.why_stale(product)
    for stage in course.stages.values():
        for step in _steps(stage):
            found |= manifest.why_stale(step.product, found)
    return [Stale(path, reason) for path, reason in found.items()]


def register(name: str, database: str, root: Path) -> None:
    """Let a gradebook know the assignment, its grade cells and their points, as nbgrader's own release would.

    database   URL, "sqlite:////…/gradebook.db"
    Raises ReleaseError if the stage is not built, or if the gradebook holds submissions to other cells.
    """
    solution = Course(root).stage(name).solution
    if not solution.exists():
        raise ReleaseError(f"{solution} does not exist. Run `make release`.")
    released(solution, root, database)


def _steps(stage: Stage) -> list[_Step]:
    root, name = stage.course.root, stage.name
    text, solution = (f"{SOURCES}/{name}/{path.name}" for path in (stage.text, stage.solution))
    student, package = f"{RELEASED}/{name}/{name}.ipynb", f"{RELEASED}/{stage.course.settings.package}"
    golden = tuple(f"{package}/golden/{name}{suffix}" for suffix in (".json", ".safetensors"))
    probes = (f"{package}/{CHECKING}/{PROBES}/{stage.module_name}.py",) if stage.probes else ()
    notebooks, install = (_of_engine(f"release/{module}.py") for module in ("notebooks", "install_cell"))
    codecs = codecs_of(stage.course)
    steps = []
    if stage.probes:
        copied = Product(probes, (f"{SOURCES}/{name}/{stage.probes.name}",))
        steps.append(_Step(copied, lambda: dict.fromkeys(probes, _copy_of(stage)), "copying the probes"))
    if stage.public_checks:
        modules = [stage.public_checks, stage.probes, *(stage.folder / "answers").glob("*.py")]
        sources = (
            *_relative(root, reached(module for module in modules if module)),
            *(_of_engine(f"{module}.py") for module in ("answers/__init__", "release/golden")),
            *map(_of_engine, originals(codecs)),
            PINS,
        )
        steps.append(_Step(Product(golden, sources), lambda: _golden(stage, golden), "computing golden tensors"))
    # Of the golden tensors a stage reads its own.
    own = probes
    if stage.course.settings.package:
        general = (f"{package}/{CHECKING}/{place}" for place in copies(codecs))
        own = (*_files(root, f"{package}/*.py", f"{package}/sample/*"), *general, *probes)
    executed = Product((solution,), (text, *own, *(golden if stage.public_checks else ()), notebooks, PINS))
    steps.append(
        _Step(
            executed,
            lambda: _execute(stage, solution),
            "running the solution",
            prose=text,
            from_kept=lambda: _keep_outputs(root, text, solution),
        )
    )
    settings = f"{SOURCES}/{SETTINGS}"
    stripped = Product((student,), (solution, "nbgrader_config.py", settings, install, notebooks, PINS))
    steps.append(_Step(stripped, lambda: {student: released(root / solution, root)}, "stripping the solution"))
    return steps


def _of_engine(path: str) -> str:
    """A file of the engine, as the manifest names it, wherever the engine is installed."""
    return f"{ENGINE.name}/{path}"


def _relative(root: Path, files: Iterable[Path]) -> list[str]:
    """The files of the course among some, relative to its folder."""
    sources = (root / SOURCES).resolve()
    return sorted(f"{SOURCES}/{path.relative_to(sources)}" for path in files if path.is_relative_to(sources))


def _copy_of(stage: Stage) -> bytes:
    assert stage.probes is not None
    return stage.probes.read_bytes()


def _golden(stage: Stage, paths: tuple[str, ...]) -> dict[str, bytes]:
    files = golden_files(stage)
    assert files is not None
    return dict(zip(paths, (files.text.encode(), files.tensors), strict=True))


def _execute(stage: Stage, solution: str) -> dict[str, bytes]:
    return {solution: written(execute(read_text_notebook(stage.text), stage.text, stage.course))}


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
