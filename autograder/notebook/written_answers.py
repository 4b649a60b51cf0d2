"""The student's written answers, and tables of what else belongs to them, as a PDF to hand in or to keep.

The page holds no script and asks the network for nothing: formulas are drawn by matplotlib, not by TeX. It is printed
by a browser: the one that is installed, else Playwright's through nbconvert. Without any, the page is the result.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython

from .lines import watched

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "brave-browser",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
)
"""Where browsers that print PDFs lie on macOS and Windows, which do not put them on the PATH."""
PRINT_SECONDS = 60
PLACEHOLDER = "YOUR ANSWER HERE"

STYLE = """
@page { size: A4; margin: 20mm 18mm }
body { font: 11pt/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; color: #1b1b1b;
       max-width: 46em; margin: 2em auto; padding: 0 1em }
@media print { body { margin: 0; padding: 0; max-width: none } }
h1 { font-size: 1.5em; margin: 0 } h2, h3, h4 { font-size: 1.1em; margin: 0 0 .4em }
.when { color: #555; margin: 0 0 2em }
section { margin: 0 0 2em }
.question { color: #444 } .question, h2 { break-after: avoid }
.answer { border-left: 4px solid #0072b2; padding: .1em 0 .1em 1em; margin-top: .8em }
.open { border-color: #999; color: #777; font-style: italic }
pre, code { font: .9em/1.4 "DejaVu Sans Mono", Consolas, Menlo, monospace; background: #f4f4f4 }
pre { padding: .6em; white-space: pre-wrap } img { max-width: 100% } .formula { display: block; margin: .8em auto }
table { border-collapse: collapse }
th, td { border-bottom: 1px solid #ccc; padding: .3em .8em .3em 0; text-align: left }
tr { break-inside: avoid } td.number { text-align: right; white-space: nowrap }
"""


@dataclass(frozen=True)
class WrittenAnswer:
    """A written question and the student's answer, both in Markdown; `done` is False where nothing was written."""

    question: str
    answer: str
    attachments: dict[str, dict[str, str]]
    done: bool


@dataclass(frozen=True)
class Table:
    """A table below the answers.

    title    its heading
    counts   what is in it, for the line that says what was written: "2 of your own examples"
    head     names of the columns
    rows     as many texts each
    numbers  the columns, counted from 0, that are set like numbers
    """

    title: str
    counts: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()


def save_answers_pdf(
    notebook: str | os.PathLike[str] | None = None,
    path: str | os.PathLike[str] = "answers.pdf",
    table: Table | None = None,
) -> None:
    """Write the answers to the ✎ questions of a notebook, with their questions, to a PDF, and say where it is.

    The notebook is read as it was last saved: save it first (Ctrl+S). In Colab it is read as it stands on the page.

    notebook  its file; None: this notebook, if it can be found
    path      of the PDF; its name ends in .pdf. Where no browser can print one, an HTML page of that name is written
    table     what the page shows below the answers
    raises    FileNotFoundError if the notebook that you name is not there, ValueError if it is no notebook, or if the
              path does not end in .pdf
    """
    path = Path(path)
    if path.suffix.lower() != ".pdf":
        raise ValueError(f"{path.name} does not end in .pdf: call it {path.stem}.pdf.")
    found = _notebook(notebook)
    if found is None:
        print("This notebook's file was not found: name it, as in save_answers_pdf('my_notebook.ipynb').")
        return
    cells, saved = found
    answers = list(_answers(cells))
    page = _page(_title(cells), answers, table, saved)

    printed = _printed(page, path.parent)
    when = saved if watched() else ""  # an executed notebook should not differ from run to run
    count = f"{sum(answer.done for answer in answers)} of {len(answers)} questions answered{when}"
    if table is not None:
        count += f", {table.counts}"
    if printed is not None:
        _replace(path, printed)
        print(f"{path}: {count}.")
        return
    path = path.with_suffix(".html")
    _replace(path, page.encode())
    print(f"{path}: {count}. No Chromium, Chrome or Edge is here to make a PDF of it: open it and print it (Ctrl+P).")


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


# The notebook -----------------------------------------------------------------------------------------------------


def _notebook(named: str | os.PathLike[str] | None) -> tuple[list[dict[str, Any]], str] | None:
    """Its cells, and when it was saved, in words; None if nobody knows which notebook this is."""
    if named is not None:
        path = Path(named).expanduser()
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there. Name the file of a notebook, or leave it out.")
        return _read(path)
    if "google.colab" in sys.modules:
        return _cells(_from_colab()), ""
    path_here = _path_of_this_notebook()
    return _read(path_here) if path_here else None


def _path_of_this_notebook() -> Path | None:
    """As Jupyter, then VS Code say; else the only notebook in this folder."""
    told = [os.environ.get("JPY_SESSION_NAME"), getattr(get_ipython(), "user_ns", {}).get("__vsc_ipynb_file__")]
    for name in filter(None, told):
        for path in (Path(name), Path(Path(name).name)):
            if path.is_file() and path.suffix == ".ipynb":
                return path
    here = [path for path in Path.cwd().glob("*.ipynb") if path.is_file()]
    return here[0] if len(here) == 1 else None


def _from_colab() -> Any:
    """The notebook as Colab's page holds it: it has no file."""
    return import_module("google.colab._message").blocking_request("get_ipynb", timeout_sec=30)["ipynb"]


def _read(path: Path) -> tuple[list[dict[str, Any]], str]:
    try:
        cells = _cells(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} cannot be read as a notebook ({error}).") from None
    return cells, time.strftime(" (as saved at %H:%M)", time.localtime(path.stat().st_mtime))


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """Its Markdown cells, each with its source as one text."""
    return [cell | {"source": "".join(cell["source"])} for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def _marks(cell: dict[str, Any]) -> dict[str, Any]:
    marks = cell.get("metadata", {}).get("nbgrader", {})
    return marks if isinstance(marks, dict) else {}


def _title(cells: list[dict[str, Any]]) -> str:
    """The first heading."""
    for cell in cells:
        heading = re.search(r"^# +(.+)$", cell["source"], re.MULTILINE)
        if heading:
            return heading[1]
    return "Written answers"


def _answers(cells: list[dict[str, Any]]) -> Iterator[WrittenAnswer]:
    """The cells that are answered by hand, each with its question: the cell of that name, else the one before."""
    by_name = {_marks(cell).get("grade_id"): cell for cell in cells}
    for number, cell in enumerate(cells):
        marks = _marks(cell)
        if marks.get("grade") and marks.get("solution"):
            before = cells[number - 1] if number else {"source": ""}
            question = by_name.get(f"{marks.get('grade_id')}_question", before)["source"]
            question = re.sub(r"<details>.*?</details>", "", question, flags=re.DOTALL)
            answer = cell["source"].strip()
            done = answer not in ("", PLACEHOLDER)
            yield WrittenAnswer(question, answer, cell.get("attachments", {}), done)


# The page ---------------------------------------------------------------------------------------------------------


def _page(title: str, answers: list[WrittenAnswer], table: Table | None, saved: str) -> str:
    """A page of its own: no script, no address, everything that somebody wrote escaped."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
        f"<title>{html.escape(title)}: written answers</title><style>{STYLE}</style></head><body>",
        f'<h1>{html.escape(title)}</h1><p class="when">Written answers, {time.strftime("%Y-%m-%d")}{saved}</p>',
    ]
    for answer in answers:
        given = _rendered(answer.answer, answer.attachments) if answer.done else "<p>not answered yet</p>"
        question, look = _rendered(answer.question), "answer" if answer.done else "answer open"
        parts.append(f'<section><div class="question">{question}</div><div class="{look}">{given}</div></section>')
    if table is not None:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in table.head)
        rows = "".join(_row(row, table.numbers) for row in table.rows)
        shown = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        parts.append(f"<section><h2>{html.escape(table.title)}</h2>{shown}</section>")
    return "\n".join([*parts, "</body></html>"])


def _row(fields: tuple[str, ...], numbers: tuple[int, ...]) -> str:
    kinds = (' class="number"' if column in numbers else "" for column in range(len(fields)))
    cells = (f"<td{kind}>{html.escape(text)}</td>" for kind, text in zip(kinds, fields, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _rendered(markdown: str, attachments: dict[str, dict[str, str]] | None = None) -> str:
    """Markdown as nbconvert reads it, with tags as text and formulas as pictures."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def inline_math(self, body: str) -> str:
            return _formula(body, "inline")

        def block_math(self, body: str) -> str:
            return _formula(body, "formula")

        def latex_environment(self, name: str, body: str) -> str:
            return _source(rf"\begin{{{name}}}{body}\end{{{name}}}")

        def block_code(self, code: str, info: str | None = None) -> str:
            return f"<pre>{html.escape(code)}</pre>\n"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            known = url.removeprefix("attachment:") in self.attachments
            if not known:  # a picture elsewhere would not be shown, and a missing attachment raises
                return f"[{text}]"
            return str(super().image(text, url, title))

    renderer = Renderer(
        escape=True, allow_harmful_protocols=False, exclude_anchor_links=True, attachments=attachments or {}
    )
    return str(MarkdownWithMath(renderer=renderer).render(markdown))


def _formula(tex: str, look: str) -> str:
    """A formula as a picture with its source as text; the source itself where matplotlib does not know a command."""
    from matplotlib import mathtext, rc_context
    from matplotlib.font_manager import FontProperties

    plain = re.sub(r"\\(?:[bB]igg?[lr]?|textstyle|displaystyle|limits)(?![a-zA-Z])", " ", tex)
    plain = re.sub(r"\\[lr]Vert(?![a-zA-Z])", r"\\Vert ", plain).replace("\n", " ").strip()
    picture = io.BytesIO()
    size = 11.0
    try:
        with rc_context({"mathtext.fontset": "stix", "svg.fonttype": "path"}):
            parsed = mathtext.MathTextParser("path").parse(f"${plain}$", dpi=72, prop=FontProperties(size=size))
            mathtext.math_to_image(f"${plain}$", picture, prop=FontProperties(size=size), format="svg")
    except (ValueError, RuntimeError):
        return _source(tex)
    data = base64.b64encode(picture.getvalue()).decode()
    height, depth = parsed.height / size, parsed.depth / size
    style = f"height: {height:.3f}em; vertical-align: -{depth:.3f}em"
    return (
        f'<img class="{look}" alt="{html.escape(tex.strip())}" style="{style}" src="data:image/svg+xml;base64,{data}">'
    )


def _source(tex: str) -> str:
    return f"<code>{html.escape(tex.strip())}</code>"


# Printing ---------------------------------------------------------------------------------------------------------


def _printed(page: str, folder: Path) -> bytes | None:
    """The page as a PDF, by the first browser that can; None if there is none."""
    for browser in _browsers():
        pdf = _by_browser(browser, page, folder)
        if pdf is not None:
            return pdf
    return _by_playwright(page) if find_spec("playwright") else None


def _browsers() -> Iterator[str]:
    """Browsers on this machine that print without a window."""
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            yield found
    yield from (place for place in PLACES if os.access(place, os.X_OK))


def _by_browser(browser: str, page: str, folder: Path) -> bytes | None:
    # Not in /tmp: Ubuntu's Chromium sees nothing but what is below the home folder and not hidden.
    with tempfile.TemporaryDirectory(prefix="answers-", dir=folder, ignore_cleanup_errors=True) as scratch:
        source, pdf = Path(scratch, "page.html").resolve(), Path(scratch, "page.pdf").resolve()
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--disable-gpu", "--no-first-run", f"--user-data-dir={scratch}/profile"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # root has none of Chromium's; the page runs no script
        command += ["--no-pdf-header-footer", f"--print-to-pdf={pdf}", source.as_uri()]
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PRINT_SECONDS, check=False)
            content = pdf.read_bytes()
        except (OSError, subprocess.SubprocessError):
            return None
    return content if content.startswith(b"%PDF-") else None


def _by_playwright(page: str) -> bytes | None:
    from nbconvert import WebPDFExporter

    exporter = WebPDFExporter(disable_sandbox=hasattr(os, "geteuid") and os.geteuid() == 0)
    try:
        content = exporter.run_playwright(page)
    except Exception:  # Playwright is installed without its browser, or with one that does not start
        return None
    return bytes(content) if content else None
