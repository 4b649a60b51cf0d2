"""Learns an assignment from its source, by nbgrader's own generate_assignment, and lets the gradebook know it."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveCells
from traitlets.config import Config

from autograder.sandbox import Limits

from ..classroom import Classroom, ClassroomError
from ..folders import CONFIG
from ..gradebook import GradebookWriter, nbgrader_config
from ..graded import SourceCell
from .assignment import SourceAssignment, SourceNotebook, check_language, digest, keep, kept, marks_of
from .configuration import configured
from .setting import CellTestsSetting


class TakeCells(NbGraderPreprocessor):
    """Notes the marked cells at the moment at which nbgrader saves them, with solutions gone and hidden tests there."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: dict[str, dict[str, SourceCell]] = {}

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Leaves the notebook as it is."""
        self.taken[resources["nbgrader"]["notebook"]] = {
            cell.metadata.nbgrader["grade_id"]: _source_cell(cell)
            for cell in nb.cells
            if utils.is_grade(cell) or utils.is_solution(cell) or utils.is_locked(cell) or utils.is_task(cell)
        }
        return nb, resources


def _source_cell(cell: NotebookNode) -> SourceCell:
    marks = cell.metadata.nbgrader
    points = float(marks["points"]) if utils.is_grade(cell) or utils.is_task(cell) else None
    return SourceCell(cell.source, cell.cell_type, utils.is_locked(cell), marks.get("checksum"), points)


def open_setting(
    classroom: Classroom, stage: str, limits: Limits | None, trust: bool, book: GradebookWriter | None, teach: bool
) -> tuple[CellTestsSetting, list[str]]:
    """A grading run of an assignment whose tests stand in its cells, and sentences on what of it is not kept to.

    Raises ClassroomError as `learn` does.
    """
    config = nbgrader_config(classroom)
    said = configured(classroom, stage, config)
    source = learn(classroom, stage, config, book, teach)
    setting = CellTestsSetting(classroom, stage, limits, True, trust, source, said.usual, said.steps, said.students_own)
    return setting, said.told


def learn(
    classroom: Classroom, stage: str, config: Config, book: GradebookWriter | None, teach: bool
) -> SourceAssignment:
    """An assignment as the gradebook has it, or, where it has none yet, as its source would have it.

    book    the gradebook, None where there is none
    teach   let it know the assignment where it does not, and anew where the source has changed since

    The release folder is read, and never written. Raises ClassroomError where nbgrader cannot build the assignment, or
    where the gradebook holds submissions of other cells.
    """
    for path in classroom.source_notebooks(stage):
        check_language(path, nbformat.read(path, as_version=4))
    key, (before, notebooks) = _key(classroom, stage, config), kept(classroom, stage)
    if before != key:
        notebooks = _generated(classroom, stage, config, None)
    known = book.source_cells(stage) if book is not None else {}
    fits = _fits(known, notebooks)
    if book is not None and teach and (not fits or before not in ("", key)):
        notebooks = _generated(classroom, stage, config, book)
        known, fits = book.source_cells(stage), True
    if known and fits:
        notebooks = {name: replace(each, cells=known[name]) for name, each in notebooks.items()}
    assignment = SourceAssignment(stage, notebooks, _files(classroom, stage, config))
    if teach:
        keep(classroom, key, assignment)
    return assignment


def _fits(known: Mapping[str, Mapping[str, SourceCell]], notebooks: Mapping[str, SourceNotebook]) -> bool:
    """Whether the gradebook has the notebooks' cells, kinds and points; the texts are the gradebook's business."""

    def outline(cells: Mapping[str, SourceCell]) -> dict[str, tuple[Any, ...]]:
        return {name: (cell.cell_type, cell.locked, cell.points) for name, cell in cells.items()}

    wanted = {name: outline(each.cells) for name, each in notebooks.items()}
    return wanted == {name: outline(cells) for name, cells in known.items()}


def _key(classroom: Classroom, stage: str, config: Config) -> str:
    """Changes with all from which nbgrader builds an assignment."""
    named = [str(config.IncludeHeaderFooter.get(name) or "") for name in ("header", "footer")]
    root, source = classroom.folders.root, classroom.source(stage)
    paths = [*classroom.source_notebooks(stage), *(root / name for name in named if name)]
    paths += [folder / "autotests.yml" for folder in (root, source)]
    paths += [classroom.root / name for name in (CONFIG, f"{Path(CONFIG).stem}.json")]
    contents = [(path.name, digest(path.read_bytes())) for path in paths if path.is_file()]
    return digest(json.dumps([contents, nbgrader.__version__]).encode())


def _generated(
    classroom: Classroom, stage: str, config: Config, book: GradebookWriter | None
) -> dict[str, SourceNotebook]:
    """What nbgrader makes of the source, in a folder of its own; with a gradebook, that is taught as well."""
    with tempfile.TemporaryDirectory(prefix="release-") as scratch:
        whole = Config()
        whole.merge(config)
        whole.CourseDirectory.update(
            root=str(classroom.folders.root),
            db_url=classroom.gradebook_url,
            release_directory=scratch,
            assignment_id=stage,
            notebook_id="*",
        )
        converter = GenerateAssignment(coursedir=CourseDirectory(config=whole), config=whole)
        converter.force, converter.no_database = True, book is None
        takes, said = TakeCells(), _Errors()
        converter.preprocessors = list(_steps(converter.preprocessors, takes, book is not None))
        converter.log.addHandler(said)
        try:
            converter.start()
        except Exception as error:
            told = said.told or f"{type(error).__name__}: {error}"
            raise _cannot(classroom, stage, told, book) from error
        finally:
            converter.log.removeHandler(said)
        if book is not None:
            book.reread()
        top = classroom.folders.root / "release"
        folder = Path(scratch, classroom.folders.place("release", ".", stage).relative_to(top))
        return {
            path.stem: SourceNotebook(path.stem, _released(classroom, stage, path), takes.taken[path.stem])
            for path in sorted(folder.glob("*.ipynb"))
        }


def _steps(preprocessors: list[Any], takes: TakeCells, save: bool) -> Iterator[Any]:
    for step in preprocessors:
        if step is SaveCells or str(step).endswith(".SaveCells"):
            yield takes
            if not save:
                continue
        yield step


class _Errors(logging.Handler):
    """Keeps the first error that nbgrader logs; of a traceback, what it ends with."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told = ""

    def emit(self, record: logging.LogRecord) -> None:
        lines = record.getMessage().strip().splitlines() or [""]
        traced = lines[0].startswith("Traceback")
        if not lines[0].startswith("There was an error processing"):  # the next one says which
            self.told = self.told or lines[-1 if traced else 0]


def _cannot(classroom: Classroom, stage: str, told: str, book: GradebookWriter | None) -> ClassroomError:
    if book is not None and book.source_cells(stage):
        return ClassroomError(
            f"{classroom.source(stage)} has other cells than {book.path}, which holds submissions: {told} Put them "
            "back, or move the gradebook away and grade again: what was graded by hand is kept in "
            f"{classroom.marks}."
        )
    return ClassroomError(f"nbgrader cannot build {classroom.source(stage)}: {told}")


def _released(classroom: Classroom, stage: str, path: Path) -> NotebookNode:
    """A notebook as it was released, where that has the marks of what would be released now; else the latter."""
    generated = nbformat.read(path, as_version=4)
    try:
        release = nbformat.read(classroom.release_folder(stage) / path.name, as_version=4)
    except (OSError, ValueError):
        return generated
    return release if marks_of(release) == marks_of(generated) else generated


def _files(classroom: Classroom, stage: str, config: Config) -> list[tuple[str, str]]:
    """What lies beside the notebooks of the source and goes along, as nbgrader copies it."""
    folder = classroom.source(stage)
    ignored = CourseDirectory(config=config).ignore
    found = (Path(path) for path in utils.find_all_files(str(folder), [*ignored, "*.ipynb"]))
    return sorted((path.relative_to(folder).as_posix(), digest(path.read_bytes())) for path in found)
