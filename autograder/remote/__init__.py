"""The student's work as the hidden tests meet it: names that can be called, and errors that say what went wrong."""

from .artefacts import Artefact, HandedIn
from .errors import (
    CallRaised,
    Crashed,
    Missing,
    NotDone,
    OutOfMemory,
    ReadyMade,
    StudentError,
    TimedOut,
    TooMuchOutput,
    Unreadable,
)
from .proxy import Exchange, LocalSubmission, RemoteValue, Submission

__all__ = [
    "Artefact",
    "CallRaised",
    "Crashed",
    "Exchange",
    "HandedIn",
    "LocalSubmission",
    "Missing",
    "NotDone",
    "OutOfMemory",
    "ReadyMade",
    "RemoteValue",
    "StudentError",
    "Submission",
    "TimedOut",
    "TooMuchOutput",
    "Unreadable",
]
