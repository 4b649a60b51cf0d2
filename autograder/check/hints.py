"""Hints that give an answer away: they hold code of the solution that students have not been shown."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

from nbformat.notebooknode import NotebookNode

from autograder.course import Stage
from autograder.release.golden import public_exercises

REGION = re.compile(r"^[ \t]*### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION", re.MULTILINE | re.DOTALL)
RUN = 3
"""So many tokens in a row, an operator among them, are code of the solution and no chance."""


def telling_hints(stage: Stage, notebook: NotebookNode) -> Iterator[str]:
    """A sentence for each hint with a name or a run of tokens of the solution that its notebook shows nowhere else."""
    hidden, shown = _parts(notebook)
    secret_names = _names(hidden) - _words(shown)
    known_runs = set(_runs(shown))
    secret_runs = set(_runs(hidden)) - known_runs
    for exercise, public in public_exercises(stage).items():
        for number, hint in enumerate(public.hints, 1):
            held = sorted(_words(hint) & secret_names) or [" ".join(run) for run in _runs(hint) if run in secret_runs]
            if held:
                yield (
                    f"hint {number} of {exercise} holds `{held[0]}`, which stands in the solution and nowhere in what "
                    "students see: say it in other words."
                )


def _parts(notebook: NotebookNode) -> tuple[str, str]:
    """What stands in the solution's regions, and all the rest."""
    sources = [cell.source for cell in notebook.cells]
    hidden = "\n".join(found for source in sources for found in REGION.findall(source))
    shown = "\n".join(REGION.sub("", source) for source in sources)
    return hidden, shown


def _names(code: str) -> set[str]:
    """Names in code that are no plain words: with an underscore or a digit, or called or looked up after a dot."""
    tokens = [token for _, token in _tokens(code)]
    called = {
        name for name, after in zip(tokens, [*tokens[1:], ""], strict=True) if name.isidentifier() and after == "("
    }
    dotted = {
        name for before, name in zip(["", *tokens], tokens, strict=False) if before == "." and name.isidentifier()
    }
    return {name for name in called | dotted if len(name) > 3 and ("_" in name or name in called & dotted)}


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w+", text))


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    for line in text.splitlines():
        tokens = list(_tokens(line.strip().lstrip("#").replace("`", " ")))
        for start in range(len(tokens) - RUN + 1):
            run = tokens[start : start + RUN]
            if any(kind == tokenize.OP and token not in ".,;:()?" for kind, token in run):
                yield tuple(token for _, token in run)


def _tokens(code: str) -> Iterator[tuple[int, str]]:
    """The tokens of code, or of prose, as far as they can be read."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING):
                yield token.type, token.string
    except (tokenize.TokenError, SyntaxError):
        return
