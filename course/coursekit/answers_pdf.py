"""The student's written answers, and predictions for reviews of their own, as a PDF to hand in or to keep."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from coursekit.checking.notebook import written_answers
from coursekit.checking.notebook.written_answers import Table


def save_answers_pdf(
    notebook: str | os.PathLike[str] | None = None,
    path: str | os.PathLike[str] = "answers.pdf",
    reviews: Mapping[str, float] | Iterable[tuple[str, float]] = (),
) -> None:
    """Write the answers to the ✎ questions of a notebook, with their questions, to a PDF, and say where it is.

    The notebook is read as it was last saved: save it first (Ctrl+S). In Colab it is read as it stands on the page.

    notebook  its file; None: this notebook, if it can be found
    path      of the PDF; its name ends in .pdf. Where no browser can print one, an HTML page of that name is written
    reviews   your own reviews and what your model says of them: pairs of a text and the probability that it is
              positive, 0 to 1 (a number, or a tensor with one)
    raises    FileNotFoundError if the notebook that you name is not there, ValueError if it is no notebook, if the
              path does not end in .pdf, or if a probability is none
    """
    predictions = [_prediction(*pair) for pair in (reviews.items() if isinstance(reviews, Mapping) else reviews)]
    table = Table(
        title="Reviews of my own",
        counts=f"{len(predictions)} of your own reviews",
        head=("review", "probability that it is positive", "prediction"),
        rows=tuple(
            (review, f"{probability:.1%}", "positive" if probability > 0.5 else "negative")
            for review, probability in predictions
        ),
        numbers=(1,),
    )
    written_answers.save_answers_pdf(notebook, path, table if predictions else None)


def _prediction(review: str, probability: Any) -> tuple[str, float]:
    try:
        number = float(probability)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"The probability of {str(review)[:40]!r} is {probability!r}; expected a number from 0 to 1.")
    return str(review), number
