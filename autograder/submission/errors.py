"""What a student's code can do instead of answering. Each says so in one sentence and has a status."""

from __future__ import annotations


class StudentError(Exception):
    """The student's code gave no answer; `str(error)` is the sentence the student reads."""

    status = "failed"


class NotDone(StudentError):
    """The stub is still there."""

    status = "not done"


class Missing(StudentError):
    """The name does not exist when its grade cell is reached."""


class Raised(StudentError):
    """The student's code raised an exception of type `kind`."""

    def __init__(self, sentence: str, kind: str) -> None:
        super().__init__(sentence)
        self.kind = kind


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
