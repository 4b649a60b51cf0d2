"""Copied out of the engine by `autograder release`: a change here is undone by the next one."""

from .public_checks.checks import Checks

check = Checks(__name__.rpartition(".")[0])
