"""Debian's Chromium for tests, and what each page of the shop must keep while it is open.

Whatever a test does, a page may ask nothing of another host, break none of its own rules of
content security, and let no script fail.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Timer
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from support.processes import command_line, descendants_of

CHROMIUM = shutil.which("chromium")
AXE = Path(os.environ.get("BAZAR_AXE", "node_modules/axe-core/axe.min.js"))
"""Of the npm package axe-core, which looks for what keeps people out of a page."""
WIDTH_NARROWEST, WIDTH_PHONE, WIDTH_TABLET, WIDTH_WIDE = 320, 375, 768, 1440
HEIGHT = 900
TIMEOUT_MS = 10_000
PATIENCE_S = 50.0
"""For one look at a page; a browser that hangs answers never, and to some questions nobody else
has an end."""
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_LEFT_OUT = ["--disable-back-forward-cache"]
"""Back finds a page as it was left, with what was typed into it, as it does for people."""
_REFUSED = "Content Security Policy"


def need_browser() -> None:
    """Skip where the browser or axe-core is missing; in CI that is a failure."""
    missing = []
    if CHROMIUM is None:
        missing.append("chromium is missing: apt-get install chromium")
    if not AXE.is_file():
        missing.append("axe-core is missing: npm install --no-save axe-core")
    if missing:
        reason = "; ".join(missing)
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


T = TypeVar("T")


class Browsers:
    """A browser, and another one where it hung: that is no fault of the page."""

    def __init__(self, playwright: Playwright) -> None:
        """Start none yet."""
        self._playwright = playwright
        self._browser: Browser | None = None

    def open(self) -> Browser:
        """Return the one that runs, else a new one."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=_ARGUMENTS, ignore_default_args=_LEFT_OUT
            )
        return self._browser

    def close(self) -> None:
        """End it."""
        if self._browser is not None:
            self._browser.close()

    def look(self, work: Callable[[Browser], T]) -> T:
        """Do something that can be done again; once more where the browser hung.

        Raises:
            Error: it hung again, or something else failed.
        """
        ended = Event()
        try:
            with _bounded(ended):
                return work(self.open())
        except Error:
            if not ended.is_set():
                raise
        with _bounded(ended):
            return work(self.open())


@contextmanager
def _bounded(ended: Event) -> Iterator[None]:
    """End all browsers of this process where something takes too long, and take note of it."""

    def end() -> None:
        ended.set()
        for pid in browsers_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)

    timer = Timer(PATIENCE_S, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def browsers_of(pid: int) -> list[int]:
    """Return the browsers that a process started; what they started goes with them."""
    return [
        one.pid
        for one in descendants_of(pid)
        if "--headless" in (words := command_line(one.pid))
        and not any(word.startswith("--type=") for word in words)
    ]


@contextmanager
def chromium() -> Iterator[Browsers]:
    """Start one, whenever it is needed, and end it."""
    with sync_playwright() as playwright:
        browsers = Browsers(playwright)
        try:
            yield browsers
        finally:
            browsers.close()


@dataclass
class Watched:
    """What the pages of one window did that they must not."""

    host: str
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """Addresses of all that was asked for."""

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"a script failed: {error}"))

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        if urlsplit(request.url).netloc != self.host:
            self.faults.append(f"another host was asked: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if _REFUSED in message.text:
            self.faults.append(message.text)


@contextmanager
def window(
    browser: Browser,
    url: str,
    *,
    width: int = WIDTH_WIDE,
    dark: bool = False,
    scripts: bool = True,
    watched: Watched | None = None,
) -> Iterator[BrowserContext]:
    """Open a window on a shop, with no cookies yet; at its end its pages must have behaved."""
    watched = watched or Watched(urlsplit(url).netloc)
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    context.on("page", watched.watch)
    try:
        yield context
        assert not watched.faults
    finally:
        with _bounded(Event()):
            context.close()
