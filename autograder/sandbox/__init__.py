"""Runs a student's code where it can do no harm, and hands over what it answers."""

from .bubblewrap import SandboxMissing
from .limits import Limits
from .worker import CallTimedOut, Process, ProcessEnded, SandboxDied, Worker, workers_wanted

__all__ = [
    "CallTimedOut",
    "Limits",
    "Process",
    "ProcessEnded",
    "SandboxDied",
    "SandboxMissing",
    "Worker",
    "workers_wanted",
]
