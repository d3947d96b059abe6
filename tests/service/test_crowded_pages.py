"""A shop that is too full says so to people in their words, and to programs as before."""

import pytest

from bazar.front.app import front_app
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, Shop

HTML = {"accept": "text/html"}


@pytest.fixture
async def full(shop: Shop) -> Caller:
    """Return a caller of the shop's front, which has no place for readers or searchers."""
    async with front_app(CATALOG_URL, ORDER_URL, SECRET, shop.client) as front:
        for kind in ("reading", "searching"):
            front.rooms[kind].in_flight.most = 0
        shop.network.host("http://full.test", front)
        return Caller("http://full.test", shop.client)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "The shop takes a breath"),
        ("/find?q=sea", "The shop takes a breath"),
        ("/ar/book/1/x", "المتجر يلتقط أنفاسه"),
    ],
)
async def test_a_page_that_has_no_place_is_a_page(full: Caller, path: str, words: str) -> None:
    """It says when to come back, and a browser does so by itself; each hears another time."""
    first, second = await full.get(path, HTML), await full.get(path, HTML)
    assert 503 == first.status == second.status
    assert "text/html; charset=utf-8" == first.headers["content-type"]
    assert words in first.content.decode()
    assert "no-store" == first.headers["cache-control"]
    assert "content-security-policy" in first.headers
    assert first.headers["retry-after"] == first.headers["refresh"]
    assert int(first.headers["retry-after"]) >= 1


async def test_a_program_that_has_no_place_gets_a_document(full: Caller) -> None:
    """Whatever it accepts: the interface has one shape of errors."""
    assert "overloaded" == (await full.get("/info/1", HTML)).code
