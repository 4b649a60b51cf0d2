"""Formgrader, on a class that was graded by ours: an instructor reads, and gives points by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from selenium import webdriver
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from servers import STAGE, jupyter
from small_class import SLIP, autograder

SECONDS = 30


@pytest.fixture(scope="module")
def formgrader(graded_class: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jupyter(Path(sys.executable), graded_class, tmp_path_factory.mktemp("home")) as address:
        yield f"{address}formgrader"


def find(browser: webdriver.Chrome, selector: str, text: str = "") -> WebElement:
    """The first element that `selector` finds and that shows `text`, waited for."""

    def look(_: webdriver.Chrome) -> WebElement | None:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        return next((element for element in found if text in element.text and element.is_displayed()), None)

    found = WebDriverWait(browser, SECONDS).until(look, f"{selector!r} with {text!r} is not on {browser.current_url}")
    assert found is not None
    return found


def open_submission(browser: webdriver.Chrome, folder: Path, formgrader: str, student: str) -> None:
    """Go from the list of assignments to a student's notebook by its links."""
    browser.get(formgrader)
    find(browser, "a", "Manual Grading").click()
    find(browser, "td a", STAGE).click()
    find(browser, "td a", STAGE).click()
    with Gradebook(f"sqlite:///{folder / 'classroom/gradebook.db'}") as gradebook:
        submission = gradebook.find_submission_notebook(STAGE, STAGE, student).id
    find(browser, f"a[href*='{submission}']").click()
    find(browser, "#no_scale")


def manual_score(folder: Path, student: str) -> float | None:
    with Gradebook(f"sqlite:///{folder / 'classroom/gradebook.db'}") as gradebook:
        score: float | None = gradebook.find_grade("no_scale", STAGE, STAGE, student).manual_score
        return score


def test_the_assignment_is_listed(browser: webdriver.Chrome, formgrader: str) -> None:
    browser.get(formgrader)
    row = find(browser, "tr", STAGE)
    assert row.find_element(By.CSS_SELECTOR, "td.num-submissions").text == "3"


def test_a_score_given_by_hand_is_kept_and_survives_a_regrade(
    browser: webdriver.Chrome, formgrader: str, graded_class: Path
) -> None:
    open_submission(browser, graded_class, formgrader, "bob")
    page = browser.find_element(By.TAG_NAME, "body").text
    assert "✗ padded tokens get no attention" in page
    assert SLIP.sentence.split(".")[0] in page
    assert "✓ " in page
    assert "Nothing, I think." in page  # the answer that waits
    assert "Rubric, 2 points" in page  # its mark scheme

    assert manual_score(graded_class, "bob") is None
    find(browser, "#no_scale").send_keys("1.5", Keys.TAB)
    WebDriverWait(browser, SECONDS).until(lambda _: manual_score(graded_class, "bob") == 1.5)

    autograder(graded_class, "grade", STAGE, "--student", "bob", "--force")
    assert manual_score(graded_class, "bob") == 1.5
    browser.refresh()
    score = find(browser, "#no_scale")
    WebDriverWait(browser, SECONDS).until(lambda _: score.get_attribute("value") == "1.5")


def test_a_hostile_notebook_does_not_act_on_its_grader(
    browser: webdriver.Chrome, formgrader: str, graded_class: Path
) -> None:
    open_submission(browser, graded_class, formgrader, "eve")
    assert "It does not learn." in find(browser, "body").text
    assert "taken over" not in browser.title
