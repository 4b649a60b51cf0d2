"""What students wrote, kept from acting in nbgrader's own pages: feedback and formgrader.

nbconvert sanitises with `HTMLExporter.sanitize_html`, but nbgrader's templates render text cells and comments without
asking it, its filter turns paragraphs and tables into escaped text, and an output's metadata reaches the page
unquoted. So nbgrader_config.py puts two filters of ours in place of nbconvert's, and one preprocessor in front.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from typing import Any

import bleach  # type: ignore[import-untyped]
from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

TAGS = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
        "var",
    ]
)
STYLES = frozenset(
    [
        "background-color",
        "border",
        "border-collapse",
        "border-color",
        "border-radius",
        "border-style",
        "border-width",
        "color",
        "display",
        "font-family",
        "font-size",
        "font-style",
        "font-weight",
        "height",
        "line-height",
        "list-style",
        "margin",
        "margin-bottom",
        "margin-left",
        "margin-right",
        "margin-top",
        "max-width",
        "opacity",
        "padding",
        "padding-bottom",
        "padding-left",
        "padding-right",
        "padding-top",
        "text-align",
        "text-decoration",
        "vertical-align",
        "white-space",
        "width",
    ]
)
# Formgrader's script finds its fields by id and class, so students set no id, and only the classes of Pygments, pandas
# and Markdown.
CLASSES = re.compile(r"(?:highlight|dataframe|anchor-link|language-[\w-]{1,20}|hll|[a-z]{1,2}[0-9a-z]?)")
# An image is part of the page; one from elsewhere would tell its owner who reads this, and when.
IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
OPENING = re.compile(r"<(style|script)\b")
NUMBER = re.compile(r"\d{1,4}%?")

SHOWN = frozenset(
    ["text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml"]
)
GRADE_ID = re.compile(r"[A-Za-z0-9_-]+")


def clean_html(element: str | bytes) -> str:
    """HTML of which only harmless elements, attributes and styles are left; everything else becomes text."""
    text = element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)
    try:
        return str(
            bleach.clean(
                _without_styles(text),
                tags=TAGS,
                attributes=_may_stay,
                protocols=frozenset(["http", "https", "mailto", "data"]),
                css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
            )
        )
    except RecursionError:
        return f"<pre>{html.escape(text)}</pre>"


def _without_styles(text: str) -> str:
    """The text without style sheets and scripts: pandas puts one before each table, and nobody reads them as text."""
    parts, place, lower = [], 0, text.lower()
    while len(lower) == len(text) and (start := OPENING.search(lower, place)):
        end = lower.find(f"</{start[1]}>", start.end())
        if end < 0:
            break
        parts.append(text[place : start.start()])
        place = end + len(start[1]) + 3
    return "".join(parts) + text[place:]


def _may_stay(tag: str, name: str, value: str) -> bool:
    if name == "style":
        return "url" not in value.lower() and "\\" not in value
    if name == "class":
        return all(CLASSES.fullmatch(one) for one in value.split())
    if tag == "img":
        return (name == "src" and IMAGE.fullmatch(value) is not None) or name == "alt" or _is_size(name, value)
    if tag == "a":
        return (name == "href" and LINK.match(value) is not None) or name == "title"
    if tag in ("td", "th"):
        return name in ("colspan", "rowspan", "align") or _is_size(name, value)
    return (tag, name) in (("details", "open"), ("abbr", "title"), ("ol", "start"))


def _is_size(name: str, value: str) -> bool:
    return name in ("width", "height") and NUMBER.fullmatch(value) is not None


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Markdown as nbconvert renders it, mathematics and attached images included, and then cleaned.

    What the renderer cannot digest is shown as it was typed.
    """
    cell = context.get("cell", {})
    # A name that is missing here would end the whole page.
    attachments = defaultdict(dict, {name: _images(value) for name, value in cell.get("attachments", {}).items()})
    try:
        page = MarkdownWithMath(renderer=_Renderer(escape=False, attachments=attachments)).render(source)
    except Exception:
        # Deep nesting and the like: one text must not cost the page.
        return f"<pre>{html.escape(source)}</pre>"
    return clean_html(page)


class _Renderer(IPythonRenderer):
    def _embed_image_or_attachment(self, src: str) -> str:
        """An attachment as a data URL; the text `missing` for one that is not there."""
        if not src.startswith("attachment:"):
            return src
        image = self.attachments[src.removeprefix("attachment:")]
        return next((f"data:{kind};base64,{data}" for kind, data in image.items()), "missing")


def _images(attachment: Any) -> dict[str, str]:
    return {kind: str(data) for kind, data in attachment.items() if str(kind).startswith("image/")}


class SafeOutputs(Preprocessor):
    """Leaves in outputs what a page may show, and of their metadata nothing."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean a notebook in place."""
        nb.metadata.pop("widgets", None)
        for index, cell in enumerate(nb.cells):
            self.preprocess_cell(cell, resources, index)
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean a cell in place. A grade_id that nbgrader would not have made is removed, for pages print it."""
        nbgrader = cell.metadata.get("nbgrader")
        if nbgrader is not None and not GRADE_ID.fullmatch(str(nbgrader.get("grade_id", ""))):
            del cell.metadata["nbgrader"]
        for output in cell.get("outputs", []):
            if "data" in output:
                # Sizes and the like stand unquoted in nbconvert's pages.
                output["metadata"] = NotebookNode()
                output["data"] = NotebookNode({kind: value for kind, value in output["data"].items() if kind in SHOWN})
        return cell, resources
