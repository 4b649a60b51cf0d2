"""Cells that wait for an exercise: `with when_done(scale):` runs its block once `scale` is written."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from IPython.display import display


class Notice:
    """A line of text that a notebook shows in a quiet frame."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        frame = "border-left: 4px solid #888; padding: .3em .8em; opacity: .85"
        return f'<div style="{frame}">{html.escape(self.text)}</div>'


@contextmanager
def when_done(*functions: Callable[..., Any]) -> Iterator[None]:
    """Run the block if the student has written `functions`, else say which one to finish first.

    A stub raises NotImplementedError without a message: only that is swallowed. Libraries raise the same type, with a
    message, where an operation does not exist for a type; that is the student's to see.
    """
    try:
        yield
    except NotImplementedError as error:
        if error.args:
            raise
        names = _functions_in(error.__traceback__, functions) or [function.__name__ for function in functions]
        display(Notice(f"○ Finish {' and '.join(names)} to see this."))


def _functions_in(traceback: TracebackType | None, functions: tuple[Callable[..., Any], ...]) -> list[str]:
    """Names of those `functions` that the error passed through."""
    codes = set()
    while traceback is not None:
        codes.add(traceback.tb_frame.f_code)
        traceback = traceback.tb_next
    return [function.__name__ for function in functions if getattr(function, "__code__", None) in codes]
