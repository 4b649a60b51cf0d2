"""Whether a cell asks for a device of torch's that the machine which grades may not have."""

from __future__ import annotations

import re

KINDS = ("cuda", "mps", "xpu")
# What works, and means the same, without the device.
_HARMLESS = re.compile(
    r"""['"]\w+(:\d+)?['"]\s+if\s+torch\.[\w.]+\.is_available\(\)|torch\.[\w.]+\.is_available\(\)"""
    r"""|[!=]=\s*['"]\w+['"]|\btorch\.\w+\.manual_seed(_all)?\b|\bis_cuda\b"""
)
_NAMED = re.compile(rf"{'|'.join(KINDS)}|pin_memory|torch\.accelerator|\.to\(\s*\d|\bdevice\s*=\s*\d")


def is_named_in(source: str) -> bool:
    """Whether the source of a cell asks for a device that may be missing."""
    return bool(_NAMED.search(source) and _NAMED.search(_HARMLESS.sub("", source)))
