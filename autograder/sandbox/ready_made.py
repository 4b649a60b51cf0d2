"""Ready-made parts by family, and what an interpreter has of them.

Imported on both sides of the wall: the grader takes the parts out of the sources that an interpreter is started on, and
the interpreter takes them out of torch's dispatcher.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

FAMILIES = {
    "heads": r"multi_?head|_mha_|rescale_qkv",
    "attention": r"attention|attn|sdpa|sfdp|fused_sdp",
    "blocks": r"transformer_?(en|de)coder_?layer",
    "stacks": r"^_?transformer((en|de)coder)?$",
    "cells": r"(rnn|lstm|gru)\w*cell|cell_params",
    "recurrence": r"rnn|lstm|gru",
}
"""Family → what it is called in torch, whatever the case; a name belongs to the first that fits."""

MODULE_FILES = frozenset(
    {
        *("__init__", "_functions", "activation", "adaptive", "batchnorm", "channelshuffle", "container", "conv"),
        *("distance", "dropout", "flatten", "fold", "instancenorm", "lazy", "linear", "linear_cross_entropy"),
        *("linear_cross_entropy_options", "loss", "module", "normalization", "padding", "pixelshuffle", "pooling"),
        *("sparse", "upsampling", "utils"),
    }
)
"""Files of torch.nn.modules whose classes are there, but for those of a family. Of any other file none is."""


@dataclass(frozen=True)
class Parts:
    """What an interpreter has of ready-made parts.

    families    those of torch that it has, of FAMILIES; None: all, and all libraries, transformers among them
    without     stand-ins of coursekit that it does not have
    """

    families: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether the interpreter has what torch calls by this name, a function, a class or an operator."""
        family = family_of(name)
        return self.families is None or family is None or family in self.families

    def to_json(self) -> str:
        families = None if self.families is None else sorted(self.families)
        return json.dumps({"families": families, "without": sorted(self.without)})

    @classmethod
    def from_json(cls, text: str) -> Parts:
        told = json.loads(text)
        families = told["families"]
        return cls(None if families is None else frozenset(families), frozenset(told["without"]))


ALL = Parts()


def family_of(name: str) -> str | None:
    """The family of a name of torch's; for an operator, the name without its name space and overload."""
    return next((family for family, words in FAMILIES.items() if re.search(words, name, re.IGNORECASE)), None)
