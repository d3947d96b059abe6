"""A front that keeps nothing: `--cache off`."""

import re
from collections.abc import AsyncIterator

import pytest

from bazar.front.app import front_app
from support.shops import CATALOG_URL, ORDER_URL, SECRET, Caller, Shop
from support.wires import Wire, until

BARE_URL = "http://bare.test"


@pytest.fixture
async def bare(shop: Shop) -> AsyncIterator[Caller]:
    """Open one more front, with `--cache off`, whose feed is open."""
    async with front_app(CATALOG_URL, ORDER_URL, SECRET, shop.client, cached=False) as front:
        shop.network.host(BARE_URL, front)
        yield Caller(BARE_URL, shop.client, SECRET)


@pytest.mark.parametrize("path", ["/info/1", "/search/distributed%20systems", "/book/1", "/"])
async def test_every_read_asks_the_catalog(shop: Shop, bare: Caller, path: str) -> None:
    """Answers for programs and pages alike."""
    await shop.add_book(quantity=5)
    wire = Wire(shop.network, CATALOG_URL)
    asked = []
    for _ in range(3):
        before = len(wire.calls)
        reply = await bare.get(path)
        assert reply.status in {200, 301, 303}, reply
        asked.append(len(wire.calls) - before)
    assert min(asked) > 0
    assert max(asked) == min(asked[1:])


async def test_its_answers_say_that_no_cache_was_asked(shop: Shop, bare: Caller) -> None:
    """And its counters that nothing was answered from one."""
    book_id = await shop.add_book(quantity=5)
    for path in (f"/info/{book_id}", "/search/distributed%20systems"):
        assert "bazar; fwd=bypass" == (await bare.get(path)).headers["cache-status"]
    told = (await bare.get("/metrics")).content.decode()
    counted = dict(re.findall(r"^bazar_cache_(\w+){.*} (\d+)", told, re.MULTILINE))
    assert {"hits": "0", "misses": "2", "coalesced": "0", "stale": "0"} == counted


async def test_a_page_shows_what_was_changed_just_before(shop: Shop, bare: Caller) -> None:
    """Without waiting for the feed to tell of it."""
    book_id = await shop.add_book(quantity=5)

    async def shown() -> bool:
        return bool(5 == (await bare.get(f"/info/{book_id}")).json["quantity"])

    await until(shown)
    for left in (4, 3):
        await shop.front.post(f"/purchase/{book_id}")
        assert left == (await bare.get(f"/info/{book_id}")).json["quantity"]
