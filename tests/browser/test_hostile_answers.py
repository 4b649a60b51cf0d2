"""Feedback pages and formgrader's page, with answers that call home or cover the score.

Requests are counted twice: by a server that every payload names, and in the browser's own log.
"""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hostile_answers import ACT, PNG, notebook, shapes, texts
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from selenium import webdriver
from servers import ROOT, jupyter
from test_pages import MATHJAX
from traitlets.config.loader import PyFileConfigLoader

STAGE = "03_attention"
REFUSED = "count that is HTML in its fields"  # by nbconvert, where nbgrader's feedback is more lenient
FEEDBACK_SCORES = "h4, #toc li, .panel-heading .pull-right"
FORMGRADER_SCORES = "input.score, .full-credit, .no-credit, .panel-heading .pull-right"
# Elements that a selector finds and that are not on top at their middle or near their ends.
COVERED = """
const covered = [];
for (const element of document.querySelectorAll(arguments[0])) {
  element.scrollIntoView({block: 'center', behavior: 'instant'});
  const box = element.getBoundingClientRect();
  for (const share of [0.1, 0.5, 0.9]) {
    const top = document.elementFromPoint(box.left + share * box.width, box.top + box.height / 2);
    if (!top || !(element.contains(top) || top.contains(element))) covered.push(element.outerHTML.slice(0, 200));
  }
}
return [document.querySelectorAll(arguments[0]).length, covered];
"""


@dataclass
class Listener:
    """A server of the attacker's, and the paths that were asked of it."""

    url: str
    heard: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    heard: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_HEAD = do_OPTIONS = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Listener(f"http://127.0.0.1:{server.server_port}/", heard)
        server.shutdown()


@dataclass
class HostileClass:
    """A class of which each student tries one thing: payload → student, and student → address in formgrader."""

    folder: Path
    students: dict[str, str]
    formgrader: dict[str, str]
    configuration: Any


@pytest.fixture(scope="module")
def hostile(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> HostileClass:
    folder = tmp_path_factory.mktemp("hostile")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    settings = PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
    notebooks = {name: (text, notebook(text)) for name, text in {"honest": "", **texts(listener.url)}.items()}
    for name, change in shapes(listener.url).items():
        notebooks[f"{name} in its fields"] = ("", notebook())
        change(notebooks[f"{name} in its fields"][1])
    students, addresses = {}, {}
    with Gradebook(settings.CourseDirectory.db_url) as book:
        book.add_assignment(STAGE)
        book.add_notebook(STAGE, STAGE)
        book.add_grade_cell("norms", STAGE, STAGE, max_score=2, cell_type="code")
        book.add_grade_cell("essay", STAGE, STAGE, max_score=2, cell_type="markdown")
        book.add_solution_cell("essay", STAGE, STAGE)
        book.add_solution_cell("norms_answer", STAGE, STAGE)
        for place, (name, (text, hostile)) in enumerate(notebooks.items()):
            student = students[name] = f"s{place:03}"
            book.add_student(student, first_name=text[:200], last_name=text[:200])
            submission = book.add_submission(STAGE, student)
            addresses[student] = f"submissions/{submission.notebooks[0].id}/"
            for comment in submission.notebooks[0].comments:
                comment.auto_comment = text
            path = folder / "classroom/autograded" / student / STAGE / f"{STAGE}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(hostile))
        book.db.commit()
    return HostileClass(folder, students, addresses, settings)


@pytest.fixture(scope="module")
def feedback(hostile: HostileClass) -> Path:
    """The folder of feedback pages, made by nbgrader's own command."""
    settings = hostile.configuration.copy()
    settings.CourseDirectory.assignment_id = STAGE
    GenerateFeedback(coursedir=CourseDirectory(config=settings), config=settings).start()
    return hostile.folder / "classroom/feedback"


@pytest.fixture(scope="module")
def formgrader(hostile: HostileClass, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jupyter(Path(sys.executable), hostile.folder, tmp_path_factory.mktemp("home")) as address:
        yield f"{address}formgrader/"


def asked(browser: webdriver.Chrome) -> set[str]:
    """All addresses that the browser asked for since its log was last read."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}


def troubles(browser: webdriver.Chrome, listener: Listener, address: str, scores: str, own: str) -> list[str]:
    """What is wrong with a page: calls to elsewhere, scripts that ran, scores that something lies on."""
    listener.heard.clear()
    browser.get(address)
    found, covered = browser.execute_script(COVERED, scores)
    outside = {url for url in asked(browser) if not url.startswith((own, MATHJAX, "data:"))}
    wrong = [f"{url} was asked for" for url in sorted({*outside, *listener.heard})]
    if not found:
        wrong.append("no score is on the page")
    wrong += [f"covered: {element}" for element in covered]
    if browser.execute_script("return Boolean(window.acted) || document.title === 'acted'"):
        wrong.append("a script ran")
    if browser.current_url.removesuffix("?index=0") != address:  # which formgrader adds itself
        wrong.append(f"it led to {browser.current_url}")
    return wrong


def test_feedback_pages_call_nobody_and_show_their_scores(
    browser: webdriver.Chrome, listener: Listener, hostile: HostileClass, feedback: Path
) -> None:
    found = {}
    for name, student in hostile.students.items():
        page = feedback / student / STAGE / f"{STAGE}.html"
        assert page.exists(), f"{name} costs the page"
        found[name] = troubles(browser, listener, page.as_uri(), FEEDBACK_SCORES, page.as_uri())
    assert len(found) > 60
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_formgraders_pages_call_nobody_and_show_their_scores(
    browser: webdriver.Chrome, listener: Listener, hostile: HostileClass, formgrader: str
) -> None:
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(formgrader))
    found = {
        name: troubles(browser, listener, formgrader + hostile.formgrader[student], FORMGRADER_SCORES, origin)
        for name, student in hostile.students.items()
    }
    assert len(found) > 60
    assert found.pop(REFUSED) == ["no score is on the page"]
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


# What a page would hold if something got past the cleaning: put there by the driver.
INTRUDERS = {
    "image": "<img src='{url}'>",
    "style": "<p style='background: url({url})'>x</p>",
    "style sheet": "<link rel=stylesheet href='{url}'><style>@import '{url}';</style>",
    "frame": "<iframe src='{url}'></iframe><object data='{url}'></object><embed src='{url}'>",
    "film": "<video src='{url}' poster='{url}' autoplay></video>",
    "font": "<style>@font-face {font-family: a; src: url('{url}')}</style><p style='font-family: a'>x</p>",
    "handler": f"<img src='data:,' onerror=\"{ACT}\">",
    "box over the page": "<p style='position:fixed;left:0;top:0;width:9999px;height:9999px;background:white'>x</p>",
    "box that grows": "<p style='margin:-3000px;padding:3000px;background:white;position:relative;z-index:9999'>x</p>",
}
PUT = """
document.querySelector('.rendered_html').insertAdjacentHTML('beforeend', arguments[0]);
const script = document.createElement('script');
script.text = arguments[1];
document.querySelector('.rendered_html').append(script);
"""


@pytest.mark.parametrize("intruder", INTRUDERS)
@pytest.mark.parametrize("page", ["feedback", "formgrader"])
def test_what_gets_past_the_cleaning_is_held_by_the_page(
    browser: webdriver.Chrome,
    listener: Listener,
    hostile: HostileClass,
    request: pytest.FixtureRequest,
    page: str,
    intruder: str,
) -> None:
    place, student = request.getfixturevalue(page), hostile.students["honest"]
    if page == "feedback":
        address, scores = (place / student / STAGE / f"{STAGE}.html").as_uri(), FEEDBACK_SCORES
    else:
        address, scores = place + hostile.formgrader[student], FORMGRADER_SCORES
    browser.get(address)
    listener.heard.clear()
    browser.execute_script(PUT, INTRUDERS[intruder].replace("{url}", listener.url), ACT)
    time.sleep(0.3)
    _, covered = browser.execute_script(COVERED, scores)
    assert covered == []
    assert listener.heard == []
    assert browser.execute_script("return window.acted") is None


def test_honest_pages_still_work(
    browser: webdriver.Chrome, hostile: HostileClass, feedback: Path, formgrader: str
) -> None:
    student = hostile.students["honest"]
    for address in (
        (feedback / student / STAGE / f"{STAGE}.html").as_uri(),
        formgrader + hostile.formgrader[student],
    ):
        browser.get(address)
        said = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert [line for line in said if MATHJAX not in line] == []
        # An image of the page's own is loaded, and the setting of formulas is ready for MathJax.
        width = "const i = new Image(); i.src = arguments[0]; return i.decode().then(() => i.width)"
        assert browser.execute_script(width, f"data:image/png;base64,{PNG}") == 1
        assert browser.execute_script("return window.MathJax.messageStyle") == "none"
