"""The pages that are sent around: a student's feedback and the class report, opened as files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from servers import STAGE
from small_class import SLIP, autograder

from autograder.grading.classroom import Classroom
from autograder.grading.feedback import write_feedback

MATHJAX = "https://cdnjs.cloudflare.com/ajax/libs/mathjax/"  # nbgrader's pages set their formulas with it


def requested(browser: webdriver.Chrome, page: str) -> set[str]:
    """Addresses that the page asked for, besides data it carries itself."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    addresses = {request["request"]["url"] for request in requests if request["documentURL"] == page}
    return {address for address in addresses if not address.startswith("data:")}


def complaints(browser: webdriver.Chrome) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_report_is_one_page_that_asks_for_nothing(browser: webdriver.Chrome, graded_class: Path) -> None:
    autograder(graded_class, "report")
    page = (graded_class / "classroom/report.html").as_uri()
    browser.get(page)
    assert SLIP.sentence.split(".")[0] in browser.find_element(By.TAG_NAME, "body").text
    assert requested(browser, page) == {page}
    assert complaints(browser) == []


@pytest.mark.parametrize("student", ["bob", "eve"])
def test_a_feedback_page_opens_and_nothing_in_it_acts(
    browser: webdriver.Chrome, graded_class: Path, student: str
) -> None:
    page = write_feedback(Classroom(graded_class), STAGE, student).as_uri()
    browser.get(page)
    assert "padded tokens get no attention" in browser.find_element(By.TAG_NAME, "body").text
    assert browser.title == STAGE
    assert {address for address in requested(browser, page) if not address.startswith(MATHJAX)} == {page}
    assert [sentence for sentence in complaints(browser) if not sentence.startswith(MATHJAX)] == []
