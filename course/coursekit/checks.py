"""The public checks of this course: `check.scaled_dot_product(scaled_dot_product)`. How they work is in `checking`."""

from coursekit.checking import check as check
from coursekit.checking.public_checks.attempts import Call as Call
from coursekit.checking.public_checks.cases import Fault as Fault
from coursekit.checking.public_checks.checks import Check as Check
