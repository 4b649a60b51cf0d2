"""The student's work as the hidden tests meet it: names that can be called, and errors that say what went wrong."""

from .artefacts import Artefact, HandedIn
from .errors import (
    Crashed,
    Missing,
    NotDone,
    OutOfMemory,
    Raised,
    ReadyMade,
    StudentError,
    TimedOut,
    TooMuchOutput,
    Unreadable,
)
from .proxy import Exchange, LocalSubmission, RemoteValue, Submission

__all__ = [
    "Artefact",
    "Crashed",
    "Exchange",
    "HandedIn",
    "LocalSubmission",
    "Missing",
    "NotDone",
    "OutOfMemory",
    "Raised",
    "ReadyMade",
    "RemoteValue",
    "StudentError",
    "Submission",
    "TimedOut",
    "TooMuchOutput",
    "Unreadable",
]
