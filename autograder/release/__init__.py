"""Builds what students get from what instructors write: golden tensors, executed solutions, released notebooks."""

from autograder.release.build import ROOT, register, release, stages, stale
from autograder.release.errors import ReleaseError
from autograder.release.manifest import Stale

__all__ = ["ROOT", "ReleaseError", "Stale", "register", "release", "stages", "stale"]
