"""A notebook in JupyterLab, used as a student uses it: by menu, mouse and keyboard."""

from __future__ import annotations

import time

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
)
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

OPEN_SECONDS = 60
RUN_SECONDS = 120
# JupyterLab draws itself anew while it settles; what cannot be clicked now can be in a moment.
PASSING = [ElementClickInterceptedException, ElementNotInteractableException, StaleElementReferenceException]


class LabPage:
    """The notebook at `path` (relative to the server's folder), opened in JupyterLab at `address`."""

    def __init__(self, browser: webdriver.Chrome, address: str, path: str) -> None:
        self.browser = browser
        browser.get(f"{address}lab/tree/{path}?reset")  # without the tabs of an earlier visit
        self._wait(OPEN_SECONDS).until(lambda _: self._settled() and self._kernel_is("idle"))

    def run_all(self) -> None:
        """Choose Run → Run All Cells, and wait until the kernel has done it."""
        # A menu that opens while JupyterLab still settles closes under the mouse; then it is opened again.
        self._wait(OPEN_SECONDS).until(lambda _: self._chosen("Run", "Run All Cells") and self._begun())
        self._wait(RUN_SECONDS).until(lambda _: self.numbers()[-1].strip("[]:").isdigit())

    def _begun(self) -> bool:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if any(number.strip("[]: ") for number in self.numbers()):
                return True
            time.sleep(0.2)
        return False

    def save(self) -> None:
        """Press Ctrl+S and wait until the page says that it is saved."""
        self._keys(Keys.CONTROL, "s")
        self._wait(OPEN_SECONDS).until(lambda _: not self.browser.find_elements(By.CSS_SELECTOR, ".jp-mod-dirty"))

    def _settled(self) -> bool:
        find = self.browser.find_elements
        return bool(find(By.CSS_SELECTOR, ".jp-Notebook .cm-content")) and not find(By.ID, "jupyterlab-splash")

    def numbers(self) -> list[str]:
        """What stands before each code cell: [7]: once it was run, [*]: while it runs."""
        prompts = ".jp-Notebook .jp-CodeCell .jp-InputArea-prompt"
        script = "return Array.from(document.querySelectorAll(arguments[0])).map(node => node.textContent.trim())"
        numbers: list[str] = self.browser.execute_script(script, prompts)
        return numbers

    def cell(self, text: str) -> WebElement:
        """The one code cell whose source contains `text`."""
        script = """return Array.from(document.querySelectorAll('.jp-Notebook .jp-CodeCell')).filter(
            cell => cell.querySelector('.cm-content')?.textContent.includes(arguments[0]))"""
        (found,) = self._wait(OPEN_SECONDS).until(
            lambda _: self.browser.execute_script(script, text), f"no code cell contains {text!r}"
        )
        return found

    def write(self, cell: WebElement, source: str) -> None:
        """Click into a cell, select all of it, and type `source` in its place."""
        self._click_into(cell)
        self._keys(Keys.CONTROL, "a")
        # Typed in one piece: key by key, the editor would indent each line once more.
        self.browser.execute_cdp_cmd("Input.insertText", {"text": source})

    def run(self, cell: WebElement) -> None:
        """Click into a cell, press Shift+Enter, and wait until it has run."""
        prompt = cell.find_element(By.CSS_SELECTOR, ".jp-InputArea-prompt")
        before = prompt.text
        self._click_into(cell)
        self._keys(Keys.SHIFT, Keys.ENTER)
        self._wait(RUN_SECONDS).until(lambda _: prompt.text != before and prompt.text.strip("[]:").isdigit())

    def wait_for(self, cell: WebElement, text: str) -> None:
        """Wait until the cell's output shows `text`."""

        def shown(_: webdriver.Chrome) -> bool:
            return any(text in output.text for output in cell.find_elements(By.CSS_SELECTOR, ".jp-OutputArea"))

        self._wait(OPEN_SECONDS).until(shown, f"the output does not show {text!r}")

    def _chosen(self, menu: str, entry: str) -> bool:
        ActionChains(self.browser).send_keys(Keys.ESCAPE).perform()
        self._click_first("lm-MenuBar-itemLabel", menu)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if self._click_first("lm-Menu-itemLabel", entry):
                return True
            time.sleep(0.1)
        return False

    def _click_first(self, kind: str, label: str) -> bool:
        for item in self.browser.find_elements(By.XPATH, f"//*[contains(@class, '{kind}')][.='{label}']"):
            if item.is_displayed():
                item.click()
                return True
        return False

    def _click_into(self, cell: WebElement) -> None:
        editor = cell.find_element(By.CSS_SELECTOR, ".cm-content")

        def click(_: webdriver.Chrome) -> bool:
            self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", editor)
            editor.click()
            return True

        self._wait(OPEN_SECONDS).until(click)

    def _keys(self, held: str, key: str) -> None:
        ActionChains(self.browser).key_down(held).send_keys(key).key_up(held).perform()

    def _kernel_is(self, status: str) -> bool:
        indicator = f".jp-Notebook-ExecutionIndicator[data-status='{status}']"
        return bool(self.browser.find_elements(By.CSS_SELECTOR, indicator))

    def _wait(self, seconds: float) -> WebDriverWait[webdriver.Chrome]:
        return WebDriverWait(self.browser, seconds, poll_frequency=0.2, ignored_exceptions=PASSING)
