"""What students wrote, kept from acting in nbgrader's own pages: feedback and formgrader.

nbconvert sanitises with `HTMLExporter.sanitize_html`, but nbgrader's templates render text cells and comments without
asking it, its filter turns paragraphs and tables into escaped text, and an output's metadata reaches the page
unquoted. So nbgrader_config.py puts two filters of ours in place of nbconvert's, and one preprocessor in front.

That is the first wall. The second is in `templates/`: what the head of each page tells the browser, namely which
addresses it may load from at all, and that nothing of a cell is drawn outside that cell.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from typing import Any

import nh3
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from pygments.token import STANDARD_TYPES

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
# Style property → what its whole value may be: no function but those of colours, no negative length, no address,
# nothing that takes an element out of its place.
_COLOUR = r"(?:#[0-9a-f]{3,8}|[a-z]{3,20}|(?:rgb|hsl)a?\([\d\s.,%/]{1,40}\))"
_LENGTH = r"(?:\d{1,2}(?:\.\d{1,3})?|\.\d{1,3})(?:px|pt|em|ex|rem|%)?"
_LENGTHS = rf"{_LENGTH}(?: +{_LENGTH}){{0,3}}"
_LINE = r"(?:solid|dashed|dotted|double|none)"
_BORDER = rf"(?:\d(?:\.\d)?(?:px|pt)?|\.\d+em|thin|medium|{_LINE}|{_COLOUR})"
_BORDERS = rf"{_BORDER}(?: +{_BORDER}){{0,2}}"
_WIDTH = r"(?:auto|\d{1,2}(?:\.\d{1,3})?%|100%|\d{1,3}px|[1-3]?\d(?:\.\d{1,3})?r?em)"
_SIDES = ("", "-top", "-right", "-bottom", "-left")
STYLES = {
    name: re.compile(value, re.IGNORECASE)
    for name, value in {
        "color": _COLOUR,
        "background-color": _COLOUR,
        "opacity": r"1(?:\.0)?|0?\.[5-9]\d?",
        "font-family": r"(?:monospace|serif|sans-serif)",
        "font-size": r"smaller|larger|medium|(?:x{1,2}-)?(?:small|large)|[5-9]\d%|1\d\d%|0?\.[5-9]\d?em|1(?:\.\d+)?em"
        r"|(?:[89]|[12]\d)p[xt]",
        "font-style": r"normal|italic|oblique",
        "font-weight": r"normal|bold|bolder|lighter|[1-9]00",
        "text-align": r"left|right|center|justify",
        "text-decoration": r"none|underline|overline|line-through",
        "vertical-align": r"baseline|top|middle|bottom",
        "white-space": r"normal|nowrap|pre|pre-wrap|pre-line",
        "list-style": r"none|disc|circle|square|decimal",
        "list-style-type": r"none|disc|circle|square|decimal|lower-alpha|lower-roman",
        "border-collapse": r"collapse|separate",
        "border-color": _COLOUR,
        "border-radius": _LENGTH,
        "border-style": _LINE,
        "border-width": _LENGTHS,
        "width": _WIDTH,
        "max-width": _WIDTH,
        **{f"border{side}": _BORDERS for side in _SIDES},
        **{f"padding{side}": _LENGTHS for side in _SIDES},
        **{f"margin{side}": rf"(?:{_LENGTHS}|0? *auto)" for side in _SIDES},
    }.items()
}
# Formgrader's script finds its fields by id and class, and Bootstrap's classes move things, so students set no id, and
# only the classes of Pygments, pandas and Markdown.
CLASSES = frozenset(STANDARD_TYPES.values()) | {"highlight", "dataframe", "anchor-link", "hll"}
LANGUAGE_CLASS = re.compile(r"language-[\w-]{1,20}")
# An image is part of the page; one from elsewhere would tell its owner who reads this, and when.
MOST_OF_AN_IMAGE = 16_000_000  # characters of base64: 12 MB, where a figure of matplotlib's has some 50 kB
IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"(?:https?://|#)", re.IGNORECASE)
OPENING = re.compile(r"<(style|script)\b")
# What starts no element that may stay is text: `<class 'int'>` in a sentence is to be read.
TEXT = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TAGS))})[\s/>]|!--)", re.IGNORECASE)
NUMBER = re.compile(r"\d{1,4}%?")
SPAN = re.compile(r"\d{1,3}")

MOST_TAGS = 20_000  # as < is counted; a table of pandas has 3,000, and so many <div> in each other take a second
MARKED = frozenset(["text/html", "text/markdown", "text/latex", "image/svg+xml"])
LEFT_OUT = "[left out: the notebook's outputs hold more HTML than a page shows]"
SHOWN = frozenset(
    ["text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml"]
)
GRADE_ID = re.compile(r"[A-Za-z0-9_-]+")
# Formgrader's template prints these without escaping them.
PRINTED = ("student", "first_name", "last_name", "notebook_path")

_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(),
    attributes={
        "*": {"style", "class"},
        "img": {"src", "alt", "width", "height"},
        "a": {"href", "title"},
        "td": {"colspan", "rowspan", "align", "width", "height"},
        "th": {"colspan", "rowspan", "align", "width", "height"},
        "details": {"open"},
        "abbr": {"title"},
        "ol": {"start"},
    },
    attribute_filter=lambda tag, name, value: _attribute(tag, name, value),
    url_schemes={"http", "https", "data"},
    link_rel="noopener noreferrer",
)


def clean_html(element: str | bytes) -> str:
    """HTML of which only harmless elements, attributes and styles are left; other elements become text.

    What has more than MOST_TAGS becomes text as a whole: cleaning takes a time that grows with the square of the depth.
    """
    text = element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)
    if text.count("<") > MOST_TAGS:
        return f"<pre>{html.escape(text)}</pre>"
    return _CLEANER.clean(TEXT.sub("&lt;", _without_styles(text)))


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


def _attribute(tag: str, name: str, value: str) -> str | None:
    """What is left of an attribute, None for nothing. It must not raise: nh3 would keep the attribute."""
    if name == "style":
        return _style(value)
    if name == "class":
        kept = [one for one in value.split() if one in CLASSES or LANGUAGE_CLASS.fullmatch(one)]
        return " ".join(kept) or None
    harmless = {
        "src": lambda: len(value) <= MOST_OF_AN_IMAGE and IMAGE.fullmatch(value),
        "href": lambda: LINK.match(value),
        "width": lambda: NUMBER.fullmatch(value),
        "height": lambda: NUMBER.fullmatch(value),
        "colspan": lambda: SPAN.fullmatch(value),
        "rowspan": lambda: SPAN.fullmatch(value),
    }
    return value if harmless.get(name, lambda: True)() else None


def _style(value: str) -> str | None:
    """Those declarations of a style attribute that are on the list, with a value that is on it too."""
    kept = []
    for declaration in value.split(";"):
        name, _, given = declaration.partition(":")
        name, given = name.strip().lower(), " ".join(given.split())
        if name in STYLES and STYLES[name].fullmatch(given):
            kept.append(f"{name}: {given}")
    return "; ".join(kept) or None


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Markdown as nbconvert renders it, mathematics and attached images included, and then cleaned.

    What the renderer cannot digest is shown as it was typed.
    """
    cell = context.get("cell", {})
    try:
        # A name that is missing here would end the whole page.
        attachments = defaultdict(dict, {name: _images(value) for name, value in cell.get("attachments", {}).items()})
        page = MarkdownWithMath(renderer=_Renderer(escape=False, attachments=attachments)).render(source)
    except Exception:
        # Deep nesting and the like: one text must not cost the page.
        return f"<pre>{html.escape(source)}</pre>"
    return clean_html(page)


def highlight_code(source: str, metadata: Any = None) -> str:
    """Code as nbconvert colours it, always as Python: its own filter makes a class of the language a notebook names."""
    return str(Highlight2HTML(pygments_lexer="ipython3")(source))


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
    """Leaves of a notebook what a page may show, and what nbgrader's templates print as it is only where it is plain.

    nbformat warns of a file that does not keep to its schema, and reads it all the same: a count may be a text, and an
    output may have fields that a template takes for addresses.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean a notebook in place, and the names in `resources` that formgrader's page prints."""
        nb.metadata = NotebookNode()
        tags = 0
        for index, cell in enumerate(nb.cells):
            self.preprocess_cell(cell, resources, index)
            for output in cell.get("outputs", []):
                marked = output.get("data", {}).keys() & MARKED
                tags += sum(str(output.data[kind]).count("<") for kind in marked)
                if marked and tags > MOST_TAGS:
                    output.data = NotebookNode({"text/plain": output.data.get("text/plain", LEFT_OUT)})
        for name in PRINTED:
            if resources.get(name):
                resources[name] = html.escape(str(resources[name]))
        return nb, resources

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Clean a cell in place. A grade_id that nbgrader would not have made is removed, for pages print it."""
        # Not the tags: pages print them as classes, and Bootstrap has classes that lay a bar over the page.
        nbgrader = cell.metadata.get("nbgrader")
        usual = nbgrader is not None and GRADE_ID.fullmatch(str(nbgrader.get("grade_id", "")))
        cell.metadata = NotebookNode(nbgrader=nbgrader) if usual else NotebookNode()
        if cell.cell_type == "code":
            cell.execution_count = _count(cell.get("execution_count"))
            cell.outputs = [shown for output in cell.get("outputs", []) if (shown := _output(output)) is not None]
        return cell, resources


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _output(output: NotebookNode) -> NotebookNode | None:
    """An output with its known fields alone, for templates look for others; None for one of no known type."""
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return NotebookNode(output_type=kind, name=name, text=str(output.get("text", "")))
    if kind == "error":
        lines = [str(line) for line in output.get("traceback", [])]
        return NotebookNode(output_type=kind, ename="", evalue="", traceback=lines)
    if kind not in ("display_data", "execute_result"):
        return None
    data = {name: value for name, value in output.get("data", {}).items() if _is_shown(name, value)}
    # Of the metadata nothing: sizes and the like stand unquoted in nbconvert's pages.
    return NotebookNode(
        output_type=kind,
        data=NotebookNode(data or {"text/plain": "[something that this page does not show]"}),
        metadata=NotebookNode(),
        execution_count=_count(output.get("execution_count")),
    )


def _is_shown(kind: str, value: Any) -> bool:
    if kind not in SHOWN or not isinstance(value, str):
        return False
    if kind in ("image/png", "image/jpeg"):
        return len(value) <= MOST_OF_AN_IMAGE and BASE64.fullmatch(value) is not None
    return kind != "image/svg+xml" or len(value) <= MOST_OF_AN_IMAGE
