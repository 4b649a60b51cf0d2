"""What an interpreter in the sandbox holds of a course; told to both sides of the wall."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from .ready_made import ReadyMade


@dataclass(frozen=True)
class Contents:
    """What a warm interpreter has besides Python and what is installed with it.

    packages      (name, folder) of packages that lie elsewhere: the one that students import
    modules       (place below the interpreter's own folder, file): scenarios and what they import
    scenarios     modules whose functions a hidden test may run beside a student's names
    warm          modules that are imported before any submission; those of libraries that it lacks are not
    environment   (variable, value) pairs that are set
    codecs        names of those by which values of the course cross; see `autograder.codecs`
    stand_ins     modules of stand-ins, from which those of the stage at hand and later ones are taken
    """

    packages: tuple[tuple[str, Path], ...] = ()
    modules: tuple[tuple[str, Path], ...] = ()
    scenarios: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    codecs: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()
    ready_made: ReadyMade = field(default_factory=ReadyMade)

    def to_json(self) -> str:
        """What the interpreter itself is told of it."""
        known = {"families": self.ready_made.families, "absent": self.ready_made.absent}
        return json.dumps({"scenarios": self.scenarios, "warm": self.warm, "codecs": self.codecs, **known})

    @classmethod
    def from_json(cls, text: str) -> Contents:
        told = json.loads(text)
        families = tuple((name, words) for name, words in told["families"])
        ready_made = ReadyMade(families, absent=tuple(told["absent"]))
        scenarios, warm, codecs = (tuple(told[name]) for name in ("scenarios", "warm", "codecs"))
        return cls(scenarios=scenarios, warm=warm, codecs=codecs, ready_made=ready_made)
