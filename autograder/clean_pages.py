"""Settings with which nbgrader's pages show what students wrote, and nothing of it acts in the reader's browser."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def clean_pages(config: Any) -> None:
    """Set them in a traitlets configuration, for feedback and formgrader alike.

    They name what does the work, and import none of it: that takes seconds, and configurations are read often.
    """
    nbgrader = find_spec("nbgrader")
    assert nbgrader is not None
    assert nbgrader.origin is not None
    exporter = config.HTMLExporter
    exporter.sanitize_html = True
    exporter.filters = {
        "clean_html": "autograder.report.safe_pages.clean_html",
        "markdown2html": "autograder.report.safe_pages.markdown2html",
        "highlight_code": "autograder.report.safe_pages.highlight_code",
    }
    exporter.preprocessors = ["autograder.report.safe_pages.SafeOutputs"]
    exporter.extra_template_basedirs = [
        str(Path(nbgrader.origin).parent / "server_extensions/formgrader/templates"),
        str(HERE / "report/templates"),  # a Content-Security-Policy for both pages
    ]
