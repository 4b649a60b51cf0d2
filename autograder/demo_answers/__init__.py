"""Written answers of made-up students, good, middling and poor, for the demo class: one JSON file per stage."""

from __future__ import annotations

import json
from pathlib import Path

HERE = Path(__file__).parent


def written_answers(stage: str) -> dict[str, list[str]]:
    """grade_id → answers to choose from, for a stage, "03_scaled_dot_product_attention"; none if it has no file."""
    path = HERE / f"stage_{stage.split('_')[0]}.json"
    if not path.is_file():
        return {}
    answers: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
    return answers
