"""JSON read as far as it goes: cut off, followed by garbage, nested too deep, with commas missing."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 32
"""Containers deeper than this are skipped. A notebook with widgets and figures needs about ten."""

MAX_BRACKETS = 1_000_000
"""Above this the text is not handed to `json` as a whole: a file of brackets would fill the memory."""
MAX_TOKENS = 3_000_000
"""Some seconds of reading, for hostile files; whatever comes later counts as cut off."""

_TOKEN = re.compile(
    r"""(?P<open>[{\[])
      | (?P<close>[}\]])
      | "(?P<text>(?:[^"\\]|\\.)*+)(?P<end>"?)(?P<key>\s*:)?
      | (?P<word>[^\s,:{}\[\]"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None, "NaN": None, "Infinity": None, "-Infinity": None}
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][-+]?\d{1,3})?")


class CutText(str):
    """A string whose end is missing."""


@dataclass(frozen=True)
class Parsed:
    """What was read; `whole` when the text was plain JSON from end to end."""

    value: Any
    whole: bool
    cut: bool
    """The text ended before its outermost bracket was closed."""


def parse(text: str) -> Parsed:
    """Read JSON, strictly if that works and otherwise as far as it goes. Never raises on any text.

    Returns a `Parsed`, whose value is None where there is no bracket in the text at all.
    """
    if text.count("[") + text.count("{") <= MAX_BRACKETS:
        try:
            return Parsed(json.loads(text), whole=True, cut=False)
        except (ValueError, RecursionError):
            pass
    return _parse_what_is_there(text)


def _parse_what_is_there(text: str) -> Parsed:
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=len(text))
    builder = _Builder()
    for token in itertools.islice(_TOKEN.finditer(text, start), MAX_TOKENS):
        if token["open"]:
            builder.open({} if token["open"] == "{" else [])
        elif token["close"]:
            builder.close(dict if token["close"] == "}" else list)
            if not builder.stack:
                return Parsed(builder.root, whole=False, cut=False)
        elif token["text"] is not None:
            builder.add(_string(token["text"], closed=bool(token["end"])), is_key=bool(token["key"]))
        elif token["word"] in _WORDS:
            builder.add(_WORDS[token["word"]])
        elif _NUMBER.fullmatch(token["word"]):
            builder.add(float(token["word"]))
    return Parsed(builder.root, whole=False, cut=builder.root is not None)


class _Builder:
    """Puts values into the containers that are open."""

    def __init__(self) -> None:
        self.root: Any = None
        self.stack: list[dict[str, Any] | list[Any]] = []
        self.keys: list[str | None] = []

    def open(self, container: dict[str, Any] | list[Any]) -> None:
        if not self.stack:
            self.root = container
        elif len(self.stack) < MAX_DEPTH:
            self.add(container)
        self.stack.append(container)
        self.keys.append(None)

    def close(self, kind: type) -> None:
        # A bracket of the wrong kind closes what it can close; one that closes nothing is garbage.
        for depth in range(len(self.stack) - 1, -1, -1):
            if isinstance(self.stack[depth], kind):
                del self.stack[depth:], self.keys[depth:]
                return

    def add(self, value: Any, *, is_key: bool = False) -> None:
        container = self.stack[-1]
        if isinstance(container, list):
            container.append(value)
        elif is_key:
            self.keys[-1] = value
        elif self.keys[-1] is not None:
            container[self.keys[-1]] = value
            self.keys[-1] = None


def _string(inside: str, *, closed: bool) -> str:
    if not closed:
        inside = re.sub(r"\\(u[0-9a-fA-F]{0,3})?$", "", inside)
    try:
        text: str = json.loads(f'"{inside}"', strict=False)
    except ValueError:
        text = re.sub(r"\\(.)", r"\1", inside.replace("\\n", "\n").replace("\\t", "\t"), flags=re.DOTALL)
    return text if closed else CutText(text)
