"""The course of this repository, for tests: its root, its stages, and the bank of all of them by exercise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from autograder import remote
from autograder.answers import Alternative, Bank, Misconception, Reference, bank_of
from autograder.course import Stage, open_course
from autograder.remote import HandedIn
from autograder.remote.perform import Scenarios
from autograder.sandbox import Contents

ROOT = Path(__file__).resolve().parents[1]
COURSE = open_course(ROOT)
STAGES = list(COURSE.stages)
FOLDERS = """\
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "course"
c.CourseDirectory.submitted_directory = "classroom/submitted"
"""


def stage_module(stage: str, name: str) -> ModuleType:
    """A module of a stage, "hidden_tests" for instance."""
    found = COURSE.stage(stage).module(name)
    assert found is not None, f"{stage} has no {name}"
    return found


@cache
def everything() -> Contents:
    """What a sandbox holds for the submissions of all stages."""
    return COURSE.contents(*COURSE.stages.values())


@cache
def _scenarios() -> Scenarios:
    for stage in STAGES:
        stage_module(stage, "scenarios")
    return Scenarios(everything().scenarios)


class LocalSubmission(remote.LocalSubmission):
    """Names of this process with the scenarios of all stages."""

    def __init__(self, names: Mapping[str, Any], seed: int, handed_in: HandedIn | None = None) -> None:
        super().__init__(names, seed, handed_in, _scenarios(), COURSE.codecs)


def stage_of(exercise: str) -> Stage:
    """The stage that an exercise belongs to. Raises KeyError."""
    return COURSE.stage(_stages()[exercise])


def exercises(stage: str) -> list[str]:
    """The exercises of a stage that have answers."""
    return bank_of(COURSE.stage(stage)).exercises


def bank(exercise: str) -> list[Misconception]:
    """The wrong answers to an exercise."""
    return _bank(exercise).wrong(exercise)


def alternatives(exercise: str) -> list[Alternative]:
    """The right answers to an exercise other than its reference."""
    return _bank(exercise).alternatives(exercise)


def right_answer(exercise: str) -> Reference:
    """The reference of an exercise."""
    return _bank(exercise).right(exercise)


def _bank(exercise: str) -> Bank:
    return bank_of(stage_of(exercise))


@cache
def _stages() -> dict[str, str]:
    return {exercise: stage for stage in STAGES for exercise in exercises(stage)}
