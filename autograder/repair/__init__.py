"""Repair: the student's answers put back on the released notebook, whatever happened to the file on its way.

`read_submission` picks the notebook in a submission's folder, `repair` rebuilds it on the release. What comes from a
submission is data from the first byte to the last: it is read, compared and copied, never evaluated.
"""

from autograder.repair.finding import Found, read_submission
from autograder.repair.rebuild import Repaired, repair, with_own_cells
from autograder.repair.slots import slots_of

__all__ = ["Found", "Repaired", "read_submission", "repair", "slots_of", "with_own_cells"]
