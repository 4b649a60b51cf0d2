"""course/ holds no line of a solution, a hidden test, a misconception, a rubric or the code that makes goldens.

Compared are sequences of tokens: names, numbers and signs, without comments, strings and white space. So neither a
changed layout nor a renamed file hides a leak. Sentences for students may be in both; code may not.
"""

from __future__ import annotations

import ast
import io
import json
import re
import textwrap
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import nbformat
import pytest
from whole_course import COURSE, ROOT, STAGES

from autograder.release.notebooks import read_text_notebook

CODE_RUN = 14  # tokens of code in a row: about half a line of a solution
PROSE_RUN = 8  # words in a row of a rubric or of a model answer

# What the exercises themselves say, and hidden tests or misconceptions repeat.
STATED = ("a, b, c, d = beta * torch.eye(4)", "return torch.stack([d + b, a, c + b])")

SKIPPED = {tokenize.COMMENT, tokenize.STRING, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
SECRET_MODULES = (
    "autograder/release/golden.py",
    "solutions/heldout/*.py",
    # Scenarios do in the sandbox what probes do for students, and say it in the same words.
    *(f"solutions/*/{name}.py" for name in ("hidden_tests", "public_checks", "by_hand", "answers/*")),
)
REGION = re.compile(r"^.*BEGIN (SOLUTION|MARK SCHEME).*\n((?:.*\n)*?).*END \1", re.MULTILINE)


def split(text: str) -> list[str]:
    """Any text into names, numbers and signs."""
    return re.findall(r"\d+\.\d+|\w+|[^\w\s]", text)


def words(text: str) -> list[str]:
    """The words of a text, without formulas, which question and answer share."""
    return re.findall(r"[A-Za-z]{2,}", text)


def code_tokens(source: str) -> list[str]:
    """The tokens of Python code; those of broken code or of a magic, as far as they go."""
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in SKIPPED:
                found += split(token.string)
                if found[-3:] == ["if", "SIGNATURE", ":"]:
                    del found[-3:]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return split(source)
    return found


def own_code(source: str) -> str:
    """Python code without imports, decorators and signatures, which follow from the exercise."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
        elif isinstance(node, ast.FunctionDef) and node.body[0].lineno > node.lineno:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            kept = " " * node.col_offset + "if SIGNATURE:"  # what is indented below still has something to stand under
            lines[first - 1 : node.body[0].lineno - 1] = [""] * (node.body[0].lineno - first - 1) + [kept]
    return "\n".join(lines)


def runs(tokens: list[str], length: int) -> set[tuple[str, ...]]:
    """All runs of so many tokens, but those of signs and numbers alone, which are nobody's."""
    found = {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)}
    return {run for run in found if any(token[0].isalpha() for token in run)}


def secret_code() -> Iterator[tuple[str, list[str]]]:
    for pattern in SECRET_MODULES:
        for path in sorted(ROOT.glob(pattern)):
            yield str(path.relative_to(ROOT)), code_tokens(own_code(path.read_text(encoding="utf-8")))
    for path in (stage.text for stage in COURSE.stages.values()):
        for cell in read_text_notebook(path).cells:
            if cell.cell_type == "code":
                for region in REGION.finditer(cell.source + "\n"):
                    yield f"{path.name}, {cell.id}", code_tokens(textwrap.dedent(region.group(2)))


def secret_prose() -> Iterator[tuple[str, list[str]]]:
    for path in (stage.text for stage in COURSE.stages.values()):
        for cell in read_text_notebook(path).cells:
            if cell.cell_type == "markdown":
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    yield f"{path.name}, {cell.id}", words(cell.source)
                for region in REGION.finditer(cell.source + "\n"):
                    yield f"{path.name}, {cell.id}", words(region.group(2))


def course_files(root: Path) -> Iterator[Path]:
    built_by_tools = {"__pycache__", ".ipynb_checkpoints", "coursekit.egg-info"}
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not built_by_tools & set(path.parts))


def course_prose(root: Path) -> Iterator[tuple[str, list[str]]]:
    """The words of every text in course/."""
    for path in course_files(root):
        yield str(path.relative_to(root)), words(path.read_bytes().decode("utf-8", errors="ignore"))


def course_code(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Every text in course/, in pieces: modules and code cells as code, all else as it stands."""
    for path in course_files(root):
        name = str(path.relative_to(root))
        if path.suffix == ".ipynb":
            for cell in nbformat.read(path, as_version=4).cells:
                tokens = code_tokens(cell.source) if cell.cell_type == "code" else split(cell.source)
                yield f"{name}, {cell.id}", tokens
                yield f"{name}, {cell.id}", split(json.dumps([cell.get("outputs", []), cell.metadata]))
        elif path.suffix == ".py":
            yield name, code_tokens(path.read_text(encoding="utf-8"))
            yield name, split(path.read_text(encoding="utf-8"))  # comments and strings can hold code too
        else:
            yield name, split(path.read_bytes().decode("utf-8", errors="ignore"))


def leaks(texts: Iterable[tuple[str, list[str]]], secrets: Iterable[tuple[str, list[str]]], length: int) -> list[str]:
    """Say for each run of tokens that a text shares with a secret where it stands."""
    known = {run: origin for origin, tokens in secrets for run in runs(tokens, length)}
    for stated in STATED:
        for run in runs(split(stated), length):
            known.pop(run, None)
    assert known
    return [
        f"{place} holds {' '.join(run)!r} of {known[run]}"
        for place, tokens in texts
        for run in sorted(runs(tokens, length) & known.keys())
    ]


def test_course_holds_no_code_of_solutions_hidden_tests_misconceptions_or_goldens() -> None:
    assert leaks(course_code(ROOT / "course"), secret_code(), CODE_RUN) == []


def test_course_holds_no_rubric_and_no_model_answer() -> None:
    assert leaks(course_prose(ROOT / "course"), secret_prose(), PROSE_RUN) == []


@pytest.mark.parametrize("suffix", [".py", ".md", ".json", ".ipynb"])
def test_a_leak_is_found_wherever_it_is_put(tmp_path: Path, suffix: str) -> None:
    secret = "scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])\nweights = scores.softmax(dim=-1)"
    leaked = secret.replace(" / ", "\\\n   /  ")
    path = tmp_path / f"leak{suffix}"
    if suffix == ".ipynb":
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1\n" + leaked)])
        nbformat.write(notebook, path)
    elif suffix == ".json":
        path.write_text(json.dumps({"hint": secret.splitlines()[0]}))
    else:
        path.write_text(leaked if suffix == ".py" else f"Look:\n\n    {secret}\n")
    found = leaks(course_code(tmp_path), [("the solution", code_tokens(secret))], CODE_RUN)
    assert found
    assert path.name in found[0]
    path.write_text("{}" if suffix != ".ipynb" else nbformat.writes(nbformat.v4.new_notebook()))
    assert leaks(course_code(tmp_path), [("the solution", code_tokens(secret))], CODE_RUN) == []


def test_there_are_secrets_to_look_for() -> None:
    origins = [origin for origin, _ in secret_code()]
    for stage in STAGES:
        for part in ("hidden_tests.py", "public_checks.py", "answers/"):
            assert any(origin.startswith(f"solutions/{stage}/{part}") for origin in origins), (stage, part)
    for part in ("solutions/heldout/", "/by_hand.py", "release/golden.py", "_answer"):
        assert any(part in origin for origin in origins), part
    assert len(list(secret_prose())) >= 4
