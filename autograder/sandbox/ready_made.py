"""Ready-made parts by family, and what an interpreter has of them.

Imported on both sides of the wall: the grader takes the parts out of the sources that an interpreter is started on, and
the interpreter takes them out of torch's dispatcher.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ReadyMade:
    """What torch and a course's own package have ready-made of what students are to write themselves.

    families       (name, regular expression) pairs: what a family is called in torch, whatever the case; a name belongs
                   to the first that fits
    files          files of torch that define some of them in Python, relative to its folder
    emptied        files and folders of torch that no notebook needs, and in which much is built in
    module_files   files of torch.nn.modules, without their ending, whose classes are there but for those of a family;
                   of any other file none is
    libraries      distributions that are there in every interpreter, with all that they require
    absent         names of the course's own package that are there only where everything is: "package.module.name"
    """

    families: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    module_files: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    def family_of(self, name: str) -> str | None:
        """The family of a name of torch's; for an operator, the name without its name space and overload."""
        return next((family for family, words in self.families if re.search(words, name, re.IGNORECASE)), None)

    def is_in(self, parts: Parts, name: str) -> bool:
        """Whether an interpreter with these parts has what torch calls by this name: a function, class or operator."""
        family = self.family_of(name)
        return parts.families is None or family is None or family in parts.families


@dataclass(frozen=True)
class Parts:
    """What an interpreter has of ready-made parts.

    families    those of torch that it has; None: all, and all libraries
    without     stand-ins of the course's package that it does not have
    """

    families: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def to_json(self) -> str:
        families = None if self.families is None else sorted(self.families)
        return json.dumps({"families": families, "without": sorted(self.without)})

    @classmethod
    def from_json(cls, text: str) -> Parts:
        told = json.loads(text)
        families = told["families"]
        return cls(None if families is None else frozenset(families), frozenset(told["without"]))


ALL = Parts()
