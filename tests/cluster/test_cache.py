"""The front's cache over processes that stop and go on: it ends, and it comes back."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from bazar.wire.budgets import SILENCE_MS
from support.customers import Customers
from support.running import RunningShop

BOUND_S = 10.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Run a shop with one book."""
    with RunningShop(tmp_path_factory.mktemp("cache") / "data", "--empty") as running:
        running.add_book(5)
        yield running


async def cache_status(customers: Customers) -> str:
    """Read the book, and return where the answer came from."""
    return (await customers.call("GET", "/info/1")).headers.get("cache-status", "")


async def wait_for_a_hit(customers: Customers) -> None:
    """Read until an answer comes from the cache."""
    async with asyncio.timeout(BOUND_S):
        while await cache_status(customers) != "bazar; hit":  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("reads", [True, False], ids=["with readers", "without"])
async def test_after_a_pause_of_the_catalog_the_cache_comes_back(
    shop: RunningShop,
    reads: bool,  # noqa: FBT001  drawn
) -> None:
    """It is not trusted while the feed is silent, and a new feed fills it again."""
    async with shop.customers() as customers:
        await wait_for_a_hit(customers)
        shop.kill("catalog", signal.SIGSTOP)
        try:
            await asyncio.sleep(SILENCE_MS / 1000 + 0.2)
            if reads:
                assert 503 == (await customers.call("GET", "/info/1")).status
        finally:
            shop.kill("catalog", signal.SIGCONT)
        assert await cache_status(customers) != "bazar; hit"
        await wait_for_a_hit(customers)


@pytest.mark.parametrize("wait_s", [0.1, SILENCE_MS / 1000 + 0.2], ids=["short", "long"])
async def test_after_a_pause_of_the_front_nothing_from_before_is_shown(
    shop: RunningShop, wait_s: float
) -> None:
    """What changed while it stood still long is not known to it, whatever lies in its sockets."""
    async with shop.customers() as customers:
        await wait_for_a_hit(customers)
        shop.kill("front", signal.SIGSTOP)
        asked = asyncio.create_task(customers.call("GET", "/info/1"))
        try:
            stock = shop.remote().catalog.restock(1, 1).quantity
            await asyncio.sleep(wait_s)
        finally:
            shop.kill("front", signal.SIGCONT)
        if wait_s * 1000 > SILENCE_MS:
            assert stock == (await asked).json["quantity"]
        await asyncio.gather(asked, return_exceptions=True)
        await wait_for_a_hit(customers)
        assert stock == (await customers.call("GET", "/info/1")).json["quantity"]
