"""A student works in JupyterLab, with coursekit and nothing of ours besides."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab_page import LabPage
from selenium import webdriver
from selenium.webdriver.common.by import By
from servers import ROOT, STAGE, jupyter
from whole_course import bank, right_answer

NOTEBOOK = f"{STAGE}.ipynb"


@pytest.fixture(scope="module")
def student_lab(student_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Address of JupyterLab in the student's environment, and the empty folder on which it runs."""
    folder, home = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")
    with jupyter(student_python, folder, home) as address:
        yield address, folder


def open_release(browser: webdriver.Chrome, student_lab: tuple[str, Path], folder: str) -> tuple[LabPage, Path]:
    """A new copy of the released notebook, opened in JupyterLab, and its path."""
    address, work = student_lab
    shutil.copytree(ROOT / "course" / STAGE, work / folder)
    return LabPage(browser, address, f"{folder}/{NOTEBOOK}"), work / folder / NOTEBOOK


@pytest.mark.parametrize("module", ["autograder", "nbgrader", "pytest", "jupytext"])
def test_the_students_environment_holds_nothing_of_the_instructors(student_python: Path, module: str) -> None:
    looked = subprocess.run([student_python, "-c", f"import {module}"], capture_output=True, text=True, cwd="/")
    assert f"No module named '{module}'" in looked.stderr


def test_run_all_reaches_the_last_cell_without_an_error(
    browser: webdriver.Chrome, student_lab: tuple[str, Path]
) -> None:
    page, path = open_release(browser, student_lab, "untouched")
    page.run_all()
    numbers = page.numbers()
    assert numbers == [f"[{place}]:" for place in range(1, len(numbers) + 1)]
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-mime-type='application/vnd.jupyter.stderr']")
    page.save()
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    assert {output.output_type for output in outputs} == {"display_data", "execute_result", "stream"}


def test_a_wrong_answer_gets_a_hint_and_a_right_one_its_tick(
    browser: webdriver.Chrome, student_lab: tuple[str, Path]
) -> None:
    wrong = next(entry for entry in bank("scaled_dot_product") if entry.name == "no_scale")
    page, _ = open_release(browser, student_lab, "answered")
    page.run(page.cell("subprocess.run([sys.executable"))
    page.run(page.cell("from coursekit import check"))
    answer, check = page.cell("def scaled_dot_product("), page.cell("check.scaled_dot_product(scaled_dot_product)")

    page.run(answer)
    page.run(check)
    page.wait_for(check, "○ 3.1 · not done yet")

    page.write(answer, wrong.source)
    page.run(answer)
    page.run(check)
    page.wait_for(check, "✗ 3.1 · ")
    page.wait_for(check, f"The likely slip: {wrong.sentence}")
    hint = check.find_element(By.CSS_SELECTOR, "details")
    assert hint.get_attribute("open") is None
    hint.find_element(By.TAG_NAME, "summary").click()
    assert hint.get_attribute("open") is not None

    page.write(answer, right_answer("scaled_dot_product").source)
    page.run(answer)
    page.run(check)
    page.wait_for(check, "✓ 3.1 · ")
    assert "✗" not in check.text
