"""save_answers_pdf: questions, answers and own reviews on a page that is safe, and a PDF of it by a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import pytest
import torch
from bs4 import BeautifulSoup
from nbclient import NotebookClient

from coursekit.answers_pdf import save_answers_pdf
from coursekit.checking.notebook import written_answers

REVIEWS = [("I hated <i>it</i>.", 0.031), ("Avengers was great!!", torch.tensor(0.97))]
NOBODY = {"_browsers": lambda: iter(()), "find_spec": lambda name: None}


def cell(source: str, grade_id: str = "", written: bool = False, **more: Any) -> dict[str, Any]:
    marks = {"nbgrader": {"grade_id": grade_id, "grade": written, "solution": written}} if grade_id else {}
    return {"cell_type": "markdown", "metadata": marks, "source": source.splitlines(True)} | more


CELLS = [
    cell("# 07 · Fine-tuning\n\nText."),
    cell("### 7.1 · ✎ Why freeze?\n\nThink of $\\frac{1}{\\sqrt{d_k}}$.\n<details>a hint</details>", "freeze_question"),
    {"cell_type": "code", "metadata": {}, "source": "secret_code()"},
    cell("Because **small** data, $x^2$, and `a < b`.\n\n<script>alert(1)</script>", "freeze", written=True),
    cell("A question without a name"),
    cell("YOUR ANSWER HERE", "other", written=True),
]


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A notebook in an empty folder that is the current one, and no word of Jupyter's on which one it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    path = tmp_path / "07_bert_gru.ipynb"
    path.write_text(json.dumps({"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


@pytest.fixture
def no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NOBODY.items():
        monkeypatch.setattr(written_answers, name, value)


def page() -> BeautifulSoup:
    return BeautifulSoup(Path("answers.html").read_text(encoding="utf-8"), "html.parser")


@pytest.mark.usefixtures("no_browser")
def test_without_a_browser_a_page_is_written_and_how_to_print_it_is_said(
    notebook: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_answers_pdf(reviews=REVIEWS)
    assert sorted(path.name for path in notebook.parent.iterdir()) == [notebook.name, "answers.html"]
    said, errors = capfd.readouterr()
    assert errors == ""
    assert said.startswith("answers.html: 1 of 2 questions answered, 2 of your own reviews. ")
    assert "print it (Ctrl+P)" in said
    assert said.count("\n") == 1


@pytest.mark.usefixtures("no_browser", "notebook")
def test_questions_answers_and_reviews_stand_on_the_page() -> None:
    save_answers_pdf(reviews=REVIEWS)
    first, second, reviews = page().find_all("section")
    assert page().h1.text == "07 · Fine-tuning"
    assert "7.1 · ✎ Why freeze?" in first.select_one(".question").text
    assert "a hint" not in first.text
    assert first.select_one(".answer strong").text == "small"
    assert second.select_one(".question").text.strip() == "A question without a name"
    assert second.select_one(".answer.open").text == "not answered yet"
    rows = [[field.text for field in row.find_all("td")] for row in reviews.find_all("tr")[1:]]
    assert rows == [["I hated <i>it</i>.", "3.1%", "negative"], ["Avengers was great!!", "97.0%", "positive"]]
    assert "secret_code" not in str(page())


@pytest.mark.usefixtures("no_browser", "notebook")
def test_the_page_runs_nothing_and_asks_nobody() -> None:
    save_answers_pdf()
    assert not page().find_all(["script", "link", "iframe"])
    assert "<script>alert(1)</script>" in page().select_one(".answer").text
    assert "default-src 'none'" in page().meta.find_next("meta")["content"]
    assert {image["src"].partition(";")[0] for image in page().find_all("img")} == {"data:image/svg+xml"}


@pytest.mark.parametrize(
    "answer",
    [
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "![x](http://example.org/a.png)",
        "![x](attachment:nowhere.png)",
        "```mermaid\n</pre><script>alert(1)</script>\n```",
        "```python\n</pre><script>alert(1)</script>\n```",
        "$</span><script>alert(1)</script>$",
        "$$\n\\unknown{<script>alert(1)</script>}\n$$",
        "\\begin{aligned}<script>alert(1)</script>\\end{aligned}",
        '$"onerror=alert(1) x="$',
    ],
)
def test_nothing_that_is_written_becomes_a_tag(answer: str) -> None:
    rendered = BeautifulSoup(written_answers._rendered(answer), "html.parser")
    for tag in rendered.find_all(True):
        assert tag.name in {"p", "a", "code", "pre", "img"}
        assert not [name for name in tag.attrs if name.startswith("on")]
        assert not str(tag.get("href", "")).startswith("javascript")
        assert tag.name != "img" or tag["src"].startswith("data:image/svg+xml;base64,")


def test_formulas_are_pictures_with_their_source_and_stand_on_the_line() -> None:
    rendered = BeautifulSoup(
        written_answers._rendered("so $\\frac{q}{\\sqrt{d_k}}$ and $$\\Big(x\\Big)^2$$"), "html.parser"
    )
    inline, block = rendered.find_all("img")
    assert inline["alt"] == "\\frac{q}{\\sqrt{d_k}}"
    assert (inline["class"], block["class"]) == (["inline"], ["formula"])
    sizes = re.fullmatch(r"height: ([\d.]+)em; vertical-align: -([\d.]+)em", inline["style"])
    assert sizes
    assert 1.2 < float(sizes[1]) < 4
    assert 0.3 < float(sizes[2]) < float(sizes[1])
    unknown = written_answers._rendered("$\\begin{cases}a\\end{cases}$")
    assert BeautifulSoup(unknown, "html.parser").code.text == "\\begin{cases}a\\end{cases}"


def test_a_pasted_picture_is_shown() -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    rendered = written_answers._rendered("![me](attachment:me.png)", {"me.png": {"image/png": pixel}})
    assert f'src="data:image/png;base64,{pixel}"' in rendered


def pdf_text(path: Path) -> str:
    """The text of a PDF, where the tool for it is installed."""
    assert path.read_bytes().startswith(b"%PDF-")
    if shutil.which("pdftotext") is None:
        return ""
    return subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_browser_of_this_machine_prints_it(
    notebook: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_answers, "PRINT_SECONDS", 300)  # other tests keep this machine busy
    if next(written_answers._browsers(), None) is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no browser is installed")
        pytest.skip("no browser is installed (Debian: apt-get install chromium)")
    save_answers_pdf(notebook, "mine.pdf", dict(REVIEWS))
    text = pdf_text(notebook.parent / "mine.pdf")
    assert not text or {"Why", "small", "Avengers", "negative"} <= set(re.findall(r"\w+", text))
    assert capfd.readouterr() == ("mine.pdf: 1 of 2 questions answered, 2 of your own reviews.\n", "")
    assert sorted(path.name for path in notebook.parent.iterdir()) == [notebook.name, "mine.pdf"]


@pytest.mark.slow
def test_playwright_prints_it_where_no_browser_is_installed(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nbconvert's own exporter, with the machine's Chromium put where Playwright keeps the one that it downloads."""
    pytest.importorskip("playwright", reason="The extra `pdf` of ./course is not installed.")
    browser = next(written_answers._browsers(), None)
    if browser is None:
        pytest.skip("no browser is installed (Debian: apt-get install chromium)")
    store = tmp_path / "browsers"
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(store))
    dry = [sys.executable, "-m", "playwright", "install", "--dry-run", "chromium"]
    told = subprocess.run(dry, capture_output=True, text=True, check=True).stdout
    folder = Path(re.search(r"Install location: +(\S*headless_shell\S*)", told)[1])  # type: ignore[index]
    archive = re.search(r"(chrome-headless-shell-\S+)\.zip", told)[1]  # type: ignore[index]
    program = folder / archive / "chrome-headless-shell"
    program.parent.mkdir(parents=True)
    (folder / "INSTALLATION_COMPLETE").touch()
    program.write_text(f'#!/bin/sh\nexec {browser} --headless=new "$@"\n')
    program.chmod(0o755)

    monkeypatch.setattr(written_answers, "_browsers", NOBODY["_browsers"])
    save_answers_pdf(notebook)
    assert pdf_text(notebook.parent / "answers.pdf") is not None
    shutil.rmtree(store)
    save_answers_pdf(notebook, "second.pdf")
    assert Path("second.html").is_file(), "Playwright without its browser is no browser"


@pytest.mark.parametrize("script", ["exit 1", "echo no PDF > page.pdf", "sleep 5"])
def test_a_browser_that_fails_is_passed_over(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    broken = tmp_path / "browser"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(written_answers, "_browsers", lambda: iter([str(broken), "/no/such/browser"]))
    monkeypatch.setattr(written_answers, "find_spec", NOBODY["find_spec"])
    monkeypatch.setattr(written_answers, "PRINT_SECONDS", 0.5)
    save_answers_pdf(notebook)
    assert Path("answers.html").is_file()


@pytest.mark.usefixtures("no_browser")
def test_this_notebook_is_found(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written_answers._path_of_this_notebook() == notebook
    (tmp_path / "second.ipynb").write_text(notebook.read_text())
    assert written_answers._path_of_this_notebook() is None
    monkeypatch.setenv("JPY_SESSION_NAME", "somewhere/else/second.ipynb")
    assert written_answers._path_of_this_notebook() == Path("second.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", "a console")
    shell = SimpleNamespace(user_ns={"__vsc_ipynb_file__": str(notebook)})
    monkeypatch.setattr(written_answers, "get_ipython", lambda: shell)
    assert written_answers._path_of_this_notebook() == notebook


@pytest.mark.usefixtures("no_browser")
def test_colab_is_asked_for_the_notebook_that_it_shows(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads(notebook.read_text())
    notebook.unlink()
    asked = ModuleType("google.colab._message")
    asked.blocking_request = lambda what, timeout_sec: {"ipynb": content}  # type: ignore[attr-defined]
    for name in ("google", "google.colab", "google.colab._message"):
        monkeypatch.setitem(sys.modules, name, asked if name.endswith("_message") else ModuleType(name))
    save_answers_pdf()
    assert "Why freeze?" in page().text


def test_a_notebook_that_is_not_found_stops_nothing(notebook: Path, capfd: pytest.CaptureFixture[str]) -> None:
    notebook.unlink()
    save_answers_pdf()
    assert capfd.readouterr() == (
        "This notebook's file was not found: name it, as in save_answers_pdf('my_notebook.ipynb').\n",
        "",
    )


def test_what_is_asked_for_wrongly_is_an_error(notebook: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.ipynb is not there"):
        save_answers_pdf("nowhere.ipynb")
    with pytest.raises(ValueError, match=r"call it answers\.pdf"):
        save_answers_pdf(notebook, "answers.html")
    for wrong in (1.2, -0.1, float("nan"), "likely", None, torch.tensor([0.1, 0.2])):
        with pytest.raises(ValueError, match="expected a number from 0 to 1"):
            save_answers_pdf(notebook, reviews=[("A review", wrong)])  # type: ignore[list-item]
    for text in ("{", "[]", "{}", '{"cells": [{"cell_type": "markdown"}]}'):
        notebook.write_text(text)
        with pytest.raises(ValueError, match="cannot be read as a notebook"):
            save_answers_pdf(notebook)


@pytest.mark.usefixtures("notebook")
def test_the_cell_of_a_notebook_writes_it_without_a_word_on_stderr(tmp_path: Path) -> None:
    """As the solution is built: executed in a folder that holds its own file."""
    source = "from coursekit import save_answers_pdf\nsave_answers_pdf(reviews=[('good', 0.9)])"
    executed = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(executed, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = executed.cells[0].outputs
    assert output.name == "stdout"
    assert re.match(r"answers\.(pdf|html): 1 of 2 questions answered, 1 of your own reviews\.", output.text)
