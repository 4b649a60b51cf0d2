"""Runs a student's code where it can do no harm, and hands over what it answers."""

from .bubblewrap import SandboxMissing
from .contents import Contents
from .limits import Limits
from .ready_made import ALL, Parts, ReadyMade
from .worker import CallTimedOut, Process, ProcessEnded, SandboxDied, Worker, workers_wanted

__all__ = [
    "ALL",
    "CallTimedOut",
    "Contents",
    "Limits",
    "Parts",
    "Process",
    "ProcessEnded",
    "ReadyMade",
    "SandboxDied",
    "SandboxMissing",
    "Worker",
    "workers_wanted",
]
