"""What runs in the worker beside the student's names, where a plain call would not show enough.

A scenario calls a student's function, records what happens and returns tensors and plain values. It holds no expected
value and decides nothing; the hidden test outside does. Its first argument, `names`, has the student's names as
attributes, and
`names.dtype`, the one in which to build what they take: float64, or float32 where a call in float64 has failed.
"""

from .block import *  # noqa: F403
from .fine_tuning import *  # noqa: F403
from .multi_head import *  # noqa: F403
from .pretraining import *  # noqa: F403
from .recording import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .tokenization import *  # noqa: F403
