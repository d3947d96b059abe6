"""A browser and a shop for each module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser.chromium import Browsers, chromium, need_browser
from browser.stage import Stage, staged


@pytest.fixture(scope="module")
def browsers() -> Iterator[Browsers]:
    """Start a browser, where there is one."""
    need_browser()
    with chromium() as started:
        yield started


@pytest.fixture
def browser(browsers: Browsers) -> Browser:
    """Return the browser of the moment."""
    return browsers.open()


@pytest.fixture(scope="module")
def stage(browsers: Browsers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Open a shop to be looked at; when all is over its books must agree."""
    del browsers  # without one no shop is needed
    with staged(tmp_path_factory.mktemp("stage")) as stage:
        yield stage
