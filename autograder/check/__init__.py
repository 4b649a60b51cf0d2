"""What is still missing in a stage, or does not fit together, told to its author: `autograder check STAGE`."""

from .findings import check_stage

__all__ = ["check_stage"]
