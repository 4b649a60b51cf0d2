"""`MultiHeadAttention = earlier_work("MultiHeadAttention")`: what the student wrote in an earlier stage, if right."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit import stand_ins
from coursekit.checking.notebook.earlier_work import EarlierWork
from coursekit.checks import check
from coursekit.written_in import STAGES


def _stand_in(name: str) -> Any:
    return getattr(stand_ins, name)


earlier_work = EarlierWork(
    package="coursekit",
    stages=STAGES,
    stand_in=_stand_in,
    checks=check,
    variable="COURSEKIT_EARLIER_WORK",
    imported={"math": math, "torch": torch, "Tensor": Tensor, "nn": nn, "F": F},
)
