"""How the result of a public check looks, as text and in a notebook."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import Literal

COLOURS = {"✓": "#2e7d32", "✗": "#c62828", "○": "#888"}


@dataclass(frozen=True)
class Verdict:
    """What a check found. Shown by `display`; the text is the same on every machine.

    mark      ✓ all public checks pass, ✗ one fails, ○ nothing to check yet
    number    of the exercise, "3.1"
    headline  one sentence
    lines     what was tried, seen and expected, one sentence each
    code      the student's own lines that an exception went through
    slip      what the answer looks like, if it was recognised
    hints     to be opened one after the other
    """

    mark: Literal["✓", "✗", "○"]
    number: str
    headline: str
    lines: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    slip: str | None = None
    hints: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        rows = [f"{self.mark} {self.number} · {self.headline}"]
        rows += [f"  {line}" for line in self.lines]
        rows += [f"    {line}" for line in self.code]
        if self.slip:
            rows.append(f"  The likely slip: {self.slip}")
        else:  # text cannot be opened; a hint beside the slip would be one too many
            rows += [f"  Hint {i} of {len(self.hints)}: {hint}" for i, hint in enumerate(self.hints, 1)]
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        frame = f"border-left: 4px solid {COLOURS[self.mark]}; padding: .3em .8em"
        rows = [f"<div>{self.mark} <b>{html.escape(self.number)}</b> · {_rich(self.headline)}</div>"]
        rows += [f"<div>{_rich(line)}</div>" for line in self.lines]
        if self.code:
            rows.append(f"<pre>{html.escape(chr(10).join(self.code))}</pre>")
        if self.slip:
            rows.append(f"<div><b>The likely slip:</b> {_rich(self.slip)}</div>")
        rows += [
            f"<details><summary>hint {i} of {len(self.hints)}</summary>{_rich(hint)}</details>"
            for i, hint in enumerate(self.hints, 1)
        ]
        return f'<div style="{frame}">{"".join(rows)}</div>'


def _rich(sentence: str) -> str:
    """Escape a sentence, then set its `code` and *emphasis*."""
    escaped = html.escape(sentence)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return re.sub(r"(?<![\w*])\*(\w[^*]*?)\*(?![\w*])", r"<em>\1</em>", escaped)
