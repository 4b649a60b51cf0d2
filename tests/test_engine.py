"""The engine knows no course: neither its imports nor its words are those of the one that is built here."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from whole_course import COURSE, ROOT, STAGES, exercises

ENGINE = ROOT / "autograder"
FILES = [
    path
    for path in ENGINE.rglob("*")
    if path.is_file() and path.suffix in {".py", ".toml", ".j2", ".sh", ".ini", ".html", ".css", ".js", ".txt", ""}
]
PLAIN = {"encode", "evaluate", "fit", "tokenize", "train"}
"""Exercises whose names are words of any program."""

DATA_AND_MODELS = (
    "imdb",
    "minilm",
    "bert",
    "film",
    "movie",
    "sentiment",
    "coursekit",
    "all-mini",
    "bookcorpus",
    "wikitext",
)
TOPICS = ("attention", "tokenizer", "transformer block", "recurrent network", "gru", "lstm", "wordpiece", "pretrain")


def named_in(text: str, words: list[str]) -> list[str]:
    return [word for word in words if re.search(rf"(?<![a-z]){re.escape(word)}", text, re.IGNORECASE)]


def test_the_engine_names_nothing_of_this_course() -> None:
    names = [exercise for stage in STAGES for exercise in exercises(stage) if exercise not in PLAIN]
    assert len(names) > 40
    words = [*STAGES, *names, *DATA_AND_MODELS, *TOPICS]
    found = {
        str(path.relative_to(ROOT)): held
        for path in FILES
        if (held := named_in(path.read_text(encoding="utf-8"), words))
    }
    assert found == {}


def test_the_words_are_found_where_they_stand() -> None:
    assert named_in("as in the IMDB reviews, or scaled_dot_product", ["imdb", "scaled_dot_product", "gru"]) == [
        "imdb",
        "scaled_dot_product",
    ]


def test_the_engine_imports_no_course() -> None:
    package = COURSE.settings.package
    for path in ENGINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            roots = {name.partition(".")[0] for name in names}
            assert roots.isdisjoint({"solutions", package}), f"{path.relative_to(ROOT)} imports {sorted(roots)}"


def test_a_stage_lies_in_one_folder() -> None:
    """Beside what is built, nothing of a stage stands anywhere else."""
    built = {ROOT / "course", ROOT / "solutions" / "release.json"}
    for path in Path(ROOT, "autograder").rglob("*"):
        assert not any(stage in path.name for stage in STAGES)
    assert all((COURSE.stage(stage).folder / "hidden_tests.py").is_file() for stage in STAGES)
    assert all(path.exists() for path in built)
