"""The student's side of the attention course.

    from coursekit import check, plots, when_done, load_imdb, load_encoder, runtime

check             the public checks: ``check.<exercise>(your_function)``
plots             attention heat maps and curves
when_done         ``with when_done(your_function):`` waits until the function is written
load_imdb         the reviews, from wherever they can be had
load_encoder      a pretrained encoder and its tokenizer, likewise
load_tokenizer    its tokenizer alone
earlier_work      what you wrote in an earlier stage, or a stand-in
save_answers_pdf  your written answers as a PDF
runtime           device, seed, profile and progress

Each is imported when it is first used, so that a notebook that needs no encoder does not wait for transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit import plots as plots
    from coursekit import runtime as runtime
    from coursekit.answers_pdf import save_answers_pdf as save_answers_pdf
    from coursekit.checking.notebook.waiting import when_done as when_done
    from coursekit.checks import check as check
    from coursekit.data import load_imdb as load_imdb
    from coursekit.earlier import earlier_work as earlier_work
    from coursekit.encoder import load_encoder as load_encoder
    from coursekit.encoder import load_tokenizer as load_tokenizer

_MODULE_OF = {
    "check": "checks",
    "earlier_work": "earlier",
    "load_encoder": "encoder",
    "load_imdb": "data",
    "load_tokenizer": "encoder",
    "save_answers_pdf": "answers_pdf",
    "when_done": "checking.notebook.waiting",
}
_MODULES = ("plots", "runtime")

__all__ = [
    "check",
    "earlier_work",
    "load_encoder",
    "load_imdb",
    "load_tokenizer",
    "plots",
    "runtime",
    "save_answers_pdf",
    "when_done",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"coursekit.{name}")
    if name in _MODULE_OF:
        return getattr(import_module(f"coursekit.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'coursekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
