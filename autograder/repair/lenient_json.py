"""JSON read as far as it goes: cut off, followed by garbage, nested too deep, with quotes, commas or brackets missing.

One quotation mark too few turns inside and outside round for all that follows. A string ends where JSON lets it, at a
quotation mark that a comma, a colon or a bracket follows. At any other, the reader finds its feet again: what begins
like the end of a string was one, and what runs over the end of a line lacks its end.
"""

from __future__ import annotations

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
      | (?P<bare>[A-Za-z_]\w*)"\s*:
      | (?P<word>[^\s,:{}\[\]"]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_FOLLOWS_A_STRING = re.compile(r"\s*(?:[,:}\]\"]|\Z)")
_LIKE_AN_END = re.compile(r"\s*[,:}\]]")
_LIKE_A_BEGINNING = re.compile(r"\s*(?::|[}\]\s]*,[{\[\s]*)\s*\Z")
_REST_OF_A_STRING = re.compile(r'(?:[^"\\\n]|\\.)*+')
_LONGEST_TAIL = 60
_KEY = r"attachments|cells|cell_type|execution_count|grade_id|id|metadata|nbformat|nbgrader|outputs|source|tags"
_KEY_WITHOUT_ITS_END = re.compile(rf"({_KEY})\s*:(?=\s|\Z)")
_OF_A_CELL = ("outputs", "source")
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
    at = start
    no_string_before = 0
    for _ in range(MAX_TOKENS):
        token = _TOKEN.search(text, at)
        if token is None:
            break
        at = token.end()
        if token["open"]:
            builder.open({} if token["open"] == "{" else [])
        elif token["close"]:
            builder.close(dict if token["close"] == "}" else list, before=text[at : at + 40].lstrip()[:1])
            if not builder.stack:
                return Parsed(builder.root, whole=False, cut=False)
        elif token["text"] is not None:
            at = _read_string(text, token, builder)
        elif token["bare"]:
            builder.add(token["bare"], is_key=True)
        elif token["word"] in _WORDS:
            builder.add(_WORDS[token["word"]])
        elif _NUMBER.fullmatch(token["word"]):
            builder.add(float(token["word"]))
        elif builder.waits and token.start() >= no_string_before:
            rest = _REST_OF_A_STRING.match(text, token.start())
            no_string_before = rest.end() if rest else 0
            if rest and text.startswith('"', rest.end()) and _FOLLOWS_A_STRING.match(text, rest.end() + 1):
                builder.add(_margin(text, token.start()) + _string(rest[0], closed=True))
                at = rest.end() + 1
    return Parsed(builder.root, whole=False, cut=builder.root is not None)


def _read_string(text: str, token: re.Match[str], builder: _Builder) -> int:
    """Take a string, or what is left of one; returns where to read on."""
    inside, closed = token["text"], bool(token["end"])
    line_end = inside.find("\n")
    runs_on = line_end >= 0 and not inside[inside.rindex("\n") :].strip()
    if closed and not runs_on and _FOLLOWS_A_STRING.match(text, token.end("end")):
        builder.add(_string(inside, closed=True), is_key=bool(token["key"]))
        return token.end()
    if closed and _LIKE_AN_END.match(inside):
        return token.start() + 1
    if closed and (key := _KEY_WITHOUT_ITS_END.match(inside)):
        builder.add(key[1], is_key=True)
        return token.start("text") + key.end()
    if line_end >= 0:
        builder.add(_string(inside[:line_end].rstrip(" \t\r").removesuffix(","), closed=True))
        return token.start("text") + line_end
    if closed and (tail := _LIKE_A_BEGINNING.search(inside, max(0, len(inside) - _LONGEST_TAIL))):
        end = tail.start()
        while end < tail.end() and not builder.closes(inside[end:].partition(",")[0]):
            end += 1  # a bracket that belongs to the text
        builder.add(_string(inside[:end], closed=True), is_key=":" in tail[0])
        return token.start("text") + end
    builder.add(_string(inside, closed=closed), is_key=bool(token["key"]))
    return token.end()


def _margin(text: str, start: int) -> str:
    """The blanks that begin a string whose quotation mark is missing: those beyond the margin of the JSON."""
    blanks = text[:start][-200:]
    blanks = blanks[len(blanks.rstrip(" \t")) :]
    line = text.rfind("\n", 0, start) + 1
    if line + len(blanks) < start:
        return blanks[1:]  # within a line, one separates the strings
    # The first string of a list stands deeper than the line before it, by a width that is the editor's own.
    line_before = text[text.rfind("\n", 0, max(line - 1, 0)) + 1 : line]
    if line_before.rstrip().endswith("["):
        return ""
    return blanks[len(line_before) - len(line_before.lstrip(" \t")) :]


class _Builder:
    """Puts values into the containers that are open, and opens or closes those of which a bracket is missing.

    stack     the open containers
    places    where in it the lists and the objects are
    path      the key under which each was opened, None in a list
    keys      the key in each for which a value is awaited
    last      the key in each that got the last value
    spread    whether that value is a list whose opening bracket is missing
    """

    def __init__(self) -> None:
        self.root: Any = None
        self.stack: list[dict[str, Any] | list[Any]] = []
        self.places: dict[type, list[int]] = {list: [], dict: []}
        self.path: list[str | None] = []
        self.keys: list[str | None] = []
        self.last: list[str | None] = []
        self.spread: list[bool] = []

    @property
    def waits(self) -> bool:
        """Whether a value may stand here."""
        return isinstance(self.stack[-1], list) or self.keys[-1] is not None

    def closes(self, brackets: str) -> bool:
        """Whether some closing brackets are those of the containers that are open, from the innermost outwards."""
        kinds = [{"]": list, "}": dict}[bracket] for bracket in brackets if bracket in "]}"]
        return kinds == [type(container) for container in self.stack[: -len(kinds) - 1 : -1]]

    def open(self, container: dict[str, Any] | list[Any]) -> None:
        name = None
        if not self.stack:
            self.root = container
        else:
            if isinstance(container, dict) and not self.waits and self.places[list]:
                self._cut_back(self.places[list][-1] + 1)  # the entry before it was not closed
            name = self.keys[-1]
            if len(self.stack) < MAX_DEPTH:
                self.add(container)
        self.places[type(container)].append(len(self.stack))
        self.stack.append(container)
        self.path.append(name)
        self.keys.append(None)
        self.last.append(None)
        self.spread.append(False)

    def close(self, kind: type, before: str) -> None:
        """Close a container; `before` is the letter that follows its bracket."""
        container, last = self.stack[-1], self.last[-1]
        alone = before == "}" and isinstance(container, dict) and last and isinstance(container.get(last), str)
        if kind is list and (self.spread[-1] or alone):
            self.spread[-1] = False  # its opening bracket is missing
            return
        if kind is list and self.keys[-1] is not None:
            self.add([])
            return
        # A bracket of the wrong kind closes what it can close; one that closes nothing is garbage.
        if self.places[kind]:
            self._cut_back(self.places[kind][-1])

    def _cut_back(self, depth: int) -> None:
        for row in (self.stack, self.path, self.keys, self.last, self.spread):
            del row[depth:]
        for places in self.places.values():
            while places and places[-1] >= depth:
                places.pop()

    def add(self, value: Any, *, is_key: bool = False) -> None:
        if not self.waits and isinstance(value, str) and re.fullmatch(_KEY, value):
            is_key = True  # the colon may be missing
        if is_key and value in _OF_A_CELL:
            within = [at for at, name in enumerate(self.path[:MAX_DEPTH]) if name in ("metadata", "outputs")]
            self._cut_back(min(within, default=len(self.stack)))  # what stood before it in the cell was not closed
        container = self.stack[-1]
        if isinstance(container, list):
            if is_key:
                self.open({})
                self.keys[-1] = value
            else:
                container.append(value)
        elif is_key:
            self.keys[-1] = value
        elif self.keys[-1] is not None:
            container[self.keys[-1]] = value
            self.last[-1], self.keys[-1], self.spread[-1] = self.keys[-1], None, False
        elif isinstance(value, str) and (last := self.last[-1]) is not None:
            before = container[last]
            if isinstance(before, str) or self.spread[-1]:
                container[last] = [before, value] if isinstance(before, str) else [*before, value]
                self.spread[-1] = True


def _string(inside: str, *, closed: bool) -> str:
    if not closed:
        inside = re.sub(r"\\(u[0-9a-fA-F]{0,3})?$", "", inside)
    try:
        text: str = json.loads(f'"{inside}"', strict=False)
    except ValueError:
        text = re.sub(r"\\(.)", r"\1", inside.replace("\\n", "\n").replace("\\t", "\t"), flags=re.DOTALL)
    return text if closed else CutText(text)
