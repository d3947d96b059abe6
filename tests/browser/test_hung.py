"""A browser that hangs: it is not the page, and holds up nobody for ever."""

import os
import signal

import pytest
from playwright.sync_api import Browser, Error

from browser import chromium
from browser.chromium import Browsers, browsers_of, window

NOWHERE = "http://127.0.0.1:9"


def hang(browser: Browser) -> int:
    """Ask a page something of a browser that stands still."""
    with window(browser, NOWHERE) as context:
        page = context.new_page()
        for pid in browsers_of(os.getpid()):
            os.kill(pid, signal.SIGSTOP)
        return int(page.evaluate("1 + 1"))


def test_a_browser_that_hangs_is_replaced(
    browsers: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was to be done is done with the other one."""
    monkeypatch.setattr(chromium, "PATIENCE_S", 2.0)
    seen: list[Browser] = []

    def work(browser: Browser) -> int:
        seen.append(browser)
        if len(seen) == 1:
            return hang(browser)
        with window(browser, NOWHERE) as context:
            return int(context.new_page().evaluate("1 + 1"))

    assert 2 == browsers.look(work)
    assert [False, True] == [browser.is_connected() for browser in seen]


def test_one_that_hangs_again_is_told(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it may be the page after all; the next one starts with a new browser."""
    monkeypatch.setattr(chromium, "PATIENCE_S", 2.0)
    with pytest.raises(Error):
        browsers.look(hang)
    assert browsers.open().is_connected()


def test_what_fails_by_itself_is_not_done_again(browsers: Browsers) -> None:
    """Only a browser that was ended is replaced."""
    seen: list[Browser] = []

    def work(browser: Browser) -> None:
        seen.append(browser)
        message = "it says so"
        raise Error(message)

    with pytest.raises(Error, match="it says so"):
        browsers.look(work)
    assert 1 == len(seen)
