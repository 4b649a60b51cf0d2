"""Builds what students get from what instructors write: golden tensors, executed solutions, released notebooks."""

from autograder.release.build import register, release, stages, stale
from autograder.release.errors import ReleaseError
from autograder.release.manifest import Stale

__all__ = ["ReleaseError", "Stale", "register", "release", "stages", "stale"]
