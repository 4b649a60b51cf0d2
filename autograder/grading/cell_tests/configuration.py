"""What a course's nbgrader_config.py says of autograding: what is kept to here, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from traitlets.config import Config

from autograder.sandbox import Limits

from ..classroom import Classroom, ClassroomError
from ..folders import CONFIG
from .grading import STEPS

DONE = (
    *("ClearOutput", "DeduplicateIds", "OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata", "Execute"),
    *("ClearMetadataPreprocessor", "SaveAutoGrades", "AssignLatePenalties"),
)
"""nbgrader's steps whose work is done here in another way."""

CELLS = 10  # of a notebook may take all the time that a cell has; nbgrader has no limit on the whole


@dataclass(frozen=True)
class Configured:
    """What a class's configuration says.

    usual          limits, by name
    steps          what is done with the outputs before they are scored, with settings
    students_own   paths beside the notebook at which the student's file counts
    told           a sentence on each setting that is not kept to
    """

    usual: dict[str, float]
    steps: dict[str, dict[str, Any]]
    students_own: tuple[str, ...]
    told: list[str]


def configured(classroom: Classroom, stage: str, config: Config) -> Configured:
    """What the configuration says of an assignment. Raises ClassroomError where its kernel is not Python's."""
    autograde = Autograde(coursedir=CourseDirectory(config=config), config=config)
    names = [_name(step) for step in (*autograde.sanitize_preprocessors, *autograde.autograde_preprocessors)]
    steps = {name: _settings(STEPS[name], config) for name in names if name in STEPS}
    students_own = tuple(autograde.exclude_overwriting.get(stage, ()))
    return Configured(_usual(config), steps, students_own, list(_not_kept_to(classroom, config, names)))


def _name(step: Any) -> str:
    return str(getattr(step, "__name__", step)).rpartition(".")[2]


def _settings(kind: type, config: Config) -> dict[str, Any]:
    step = kind(config=config)
    return {name: getattr(step, name) for name in step.trait_names(config=True)}


def _usual(config: Config) -> dict[str, float]:
    limits, timeout = Limits(), Execute(config=config).timeout
    if timeout is None or timeout <= 0:
        return {"cell_seconds": limits.submission_seconds}
    return {"cell_seconds": timeout, "submission_seconds": max(limits.submission_seconds, CELLS * timeout)}


def _not_kept_to(classroom: Classroom, config: Config, names: list[str]) -> Iterator[str]:
    path = classroom.root / CONFIG
    if extra := [name for name in names if name not in (*DONE, *STEPS)]:
        yield f"{path} adds {', '.join(extra)} to nbgrader's autograding; here that is not run."
    said = {name: config.Execute.get(name) for name in config.Execute if name != "timeout"}
    if kernel := said.pop("kernel_name", None):
        _check_kernel(classroom, str(kernel))
        yield f"{path} names the kernel {kernel}; here all cells run in the Python of the grader."
    if said:
        yield f"{path} sets {', '.join(f'Execute.{name}' for name in sorted(said))}, which means nothing here."
    if hooks := [name for name in ("pre_convert_hook", "post_convert_hook") if config.Autograde.get(name)]:
        yield f"{path} sets {' and '.join(f'Autograde.{name}' for name in hooks)}; here no hook is run."


def _check_kernel(classroom: Classroom, name: str) -> None:
    try:
        language = KernelSpecManager().get_kernel_spec(name).language
    except NoSuchKernel:
        language = "python" if name.startswith("python") else ""
    if language.lower() != "python":
        raise ClassroomError(
            f"{classroom.root / CONFIG} names the kernel {name}, and this grader runs Python 3 alone. Grade with "
            "`nbgrader autograde`."
        )
