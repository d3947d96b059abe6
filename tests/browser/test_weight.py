"""Pages are light: their bytes, packed and plain, how many requests they need, and of whom."""

import pytest
from playwright.sync_api import Browser

from browser.chromium import Watched, window
from browser.stage import PLENTY, Stage
from browser.visitor import Visitor

KB = 1000
REQUESTS_MAX = 12
"""Of the first page that somebody sees, without its covers and what follows the stock."""
FIRST_PAGE_BYTES_MAX = 15 * KB
BUDGETS = {
    "book page": (f"/book/{PLENTY}/dracula", 12 * KB, 4 * KB),
    "home": ("/", 16 * KB, 5 * KB),
}
"""Address, bytes plain and packed, at most."""
PARTS = {".css": 7 * KB, ".js": 2 * KB, ".svg": int(1.2 * KB)}
"""Of each file that a page needs, packed, at most."""


@pytest.mark.parametrize("name", BUDGETS)
def test_a_page_has_few_bytes(browser: Browser, stage: Stage, name: str) -> None:
    """The document itself stays within its budget."""
    path, plain_max, packed_max = BUDGETS[name]
    with window(browser, stage.url) as context:
        answer = context.request.get(path, headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        assert int(answer.headers["content-length"]) <= packed_max
        assert len(answer.body()) <= plain_max


def test_the_first_page_needs_little_more(browser: Browser, stage: Stage) -> None:
    """Each file that it needs is small, they are few, all of one host, and together light."""
    watched = Watched(stage.url.removeprefix("http://"))
    with window(browser, stage.url, watched=watched) as context:
        visitor = Visitor(context.new_page())
        visitor.go(f"/book/{PLENTY}?fbclid=abc")
        visitor.page.wait_for_load_state("load")
        assert visitor.status == 200
        rest = {url for url in watched.requests if "/live?" not in url}
        bytes_of = {
            url: int(
                context.request.get(url, headers={"accept-encoding": "gzip"}).headers[
                    "content-length"
                ]
            )
            for url in rest
        }
    too_heavy = {
        url: size
        for url, size in bytes_of.items()
        for end, most in PARTS.items()
        if url.endswith(end) and size > most
    }
    assert too_heavy == {}
    alone = {url: size for url, size in bytes_of.items() if "/cover/" not in url}
    assert len(alone) <= REQUESTS_MAX
    assert sum(alone.values()) <= FIRST_PAGE_BYTES_MAX
