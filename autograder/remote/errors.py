"""What a student's code can do instead of answering. Each says so in one sentence and has a status."""

from __future__ import annotations

import re

_NOT_INSTALLED = (
    "There is no {0} where this is graded, and nothing can be installed there: put what you need of it into a cell, or "
    "ask your instructor to allow the package."
)


_REMEDIES = (
    ("ModuleNotFoundError", r"No module named '([\w.]+)'", _NOT_INSTALLED),
    ("EOFError", "reading a line", "Nobody can answer input() while this is graded: put the value into the code."),
    ("BdbQuit", "", "Nobody can answer the debugger while this is graded: take out what starts it."),
    (
        "AssertionError|RuntimeError|NotImplementedError",
        "not compiled with (CUDA|XPU)|CUDA|MPS|accelerator",
        "Grading runs on a CPU: name no other device, or let torch.cuda.is_available() decide.",
    ),
    (
        r"\w*Error|gaierror",
        "Name or service not known|Temporary failure in name|Network is unreachable|Failed to establish",
        "There is no network where this is graded.",
    ),
    (
        "FileNotFoundError",
        "",
        "Files beside the notebook are not there when it is graded, only those that it writes itself.",
    ),
)


def remedy(kind: str, message: str) -> str:
    """What to do about an exception that comes from where grading happens, "" for others.

    kind, message   of the exception
    """
    for kinds, words, sentence in _REMEDIES:
        found = re.search(words, message)
        if re.fullmatch(kinds, kind) and found:
            return sentence.format(*(group.partition(".")[0] for group in found.groups() if group))
    return ""


class StudentError(Exception):
    """The student's code gave no answer; `str(error)` is the sentence the student reads."""

    status = "failed"


class NotDone(StudentError):
    """The stub is still there."""

    status = "not done"


class Missing(StudentError):
    """The name does not exist when its grade cell is reached."""


class CallRaised(StudentError):
    """The student's code raised an exception of type `kind`."""

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class ReadyMade(StudentError):
    """The answer to an exercise called a ready-made part that is not there while it is tested."""

    def __init__(self, exercise: str, part: str) -> None:
        super().__init__(
            f"Inside {exercise} you call {part}. Here it is to be built by hand, so this test gets no points. To "
            "compare with it in a cell of your own costs nothing."
        )


class TimedOut(StudentError):
    """The call took longer than its limit, or the time of the whole submission was used up."""

    status = "timed out"


class Crashed(StudentError):
    """The student's process ended in the middle of a call."""

    status = "crashed"


class OutOfMemory(StudentError):
    """The student's process was ended for taking more memory than it may."""

    status = "out of memory"


class TooMuchOutput(StudentError):
    """A call gave more than may be handed over."""

    status = "too much output"


class Unreadable(StudentError):
    """What came back could not be read: too large, nested too deeply, or not a value."""
