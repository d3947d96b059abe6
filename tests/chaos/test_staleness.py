"""A link that drips between front and catalog: the front is never further behind than it says."""

import asyncio
from itertools import count
from pathlib import Path
from time import monotonic

import pytest
from pyreqwest.client import ClientBuilder

from bazar.tools.remote import Addresses
from bazar.wire.budgets import STALE_MS
from chaos.database import DatabaseServer, address
from chaos.network import Link
from support.customers import Customers
from support.postgres import needing_postgres
from support.running import Replicas, ThreeServices

LASTS_S = 3.5
BYTES = 4
PAUSE_S = 0.01
SELDOM = 8
"""400 bytes a second pass, of some 2,000 that the feed has to say."""


class Shelf:
    """Books that change at the catalog, and since when each version is not true any more."""

    def __init__(self, url: str, secret: str, book_ids: list[int]) -> None:
        """Change these books of this catalog."""
        self._url = url
        self._secret = secret
        self._book_ids = book_ids
        self.ended_at_s: dict[tuple[int, int], float] = {}
        """By book and version: when the next one was acknowledged."""

    async def change(self) -> None:
        """Change them until cancelled: the first one seldom, the others all the time."""
        async with ClientBuilder().no_proxy().build() as client:
            for turn in count():
                for book_id in self._book_ids[turn % SELDOM != 0 :]:
                    path = f"/update/{book_id}/amount_of_items/1"
                    request = client.put(self._url + path).bearer_auth(self._secret)
                    version = (await (await request.build().send()).json())["version"]
                    self.ended_at_s[book_id, version - 1] = monotonic()
                await asyncio.sleep(0.05)


async def read(customers: Customers, shelf: Shelf, book_id: int) -> tuple[float, str]:
    """Read a book, and return for how long it was not true any more as we asked; and the source."""
    asked_s = monotonic()
    answer = await customers.call("GET", f"/info/{book_id}")
    if answer.status != 200:
        return 0.0, str(answer.status)
    ended_s = shelf.ended_at_s.get((book_id, answer.json["version"]), asked_s)
    return max(0.0, asked_s - ended_s), answer.headers["cache-status"]


async def hit_again(customers: Customers, shelf: Shelf, book_id: int) -> None:
    """Wait until the front trusts a feed again."""
    async with asyncio.timeout(10):
        while (await read(customers, shelf, book_id))[1] != "bazar; hit":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def ages_while(
    customers: Customers, shelf: Shelf, book_id: int, faulty: "asyncio.Task[None]"
) -> tuple[list[float], set[str]]:
    """Read a book again and again until a fault is over; return how old and whence it was."""
    ages, sources = list[float](), set[str]()
    while not faulty.done():
        age_s, source = await read(customers, shelf, book_id)
        ages.append(age_s)
        sources.add(source)
        await asyncio.sleep(0.02)
    return ages, sources


async def test_a_feed_that_drips_never_makes_the_front_answer_what_is_long_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never silent, but late, and later all the time. The front leaves it, and comes back."""
    monkeypatch.setattr("chaos.network.SLOW_BYTES", BYTES)
    monkeypatch.setattr("chaos.network.SLOW_PAUSE_S", PAUSE_S)
    with ThreeServices(tmp_path) as shop:
        shop.open("catalog")
        book_ids = [shop.add_book(10, f"Book {number}") for number in range(4)]
        async with Link("front-catalog", shop.addresses.catalog) as link:
            there = shop.addresses
            shop.seen["front"] = Addresses(there.front, link.url, there.order)
            shop.start("front")
            await asyncio.to_thread(shop.wait_until_ready, "front")
            shelf = Shelf(there.catalog, shop.secret, book_ids)
            changing = asyncio.create_task(shelf.change())
            async with shop.customers() as customers:
                await hit_again(customers, shelf, book_ids[0])
                faulty = asyncio.create_task(link.slow(LASTS_S))
                ages, sources = await ages_while(customers, shelf, book_ids[0], faulty)
                await hit_again(customers, shelf, book_ids[0])
            changing.cancel()
            await asyncio.gather(changing, return_exceptions=True)
    assert max(ages) < STALE_MS / 1000, sorted(ages)[-5:]
    assert sources - {"bazar; hit"}  # it left the feed; before and after it held answers


async def test_a_catalog_without_its_database_does_not_say_that_all_is_well(tmp_path: Path) -> None:
    """It hears no more of what another catalog sells: its front keeps nothing, and asks the other.

    Its connections are there, and nothing comes through them, as where a cable was pulled.
    """
    with needing_postgres():
        made = DatabaseServer(tmp_path, ["catalog"])
    with made as database, ThreeServices(tmp_path, replicas=Replicas(catalog=2)) as shop:
        async with Link("catalog to database", database.socket) as link:
            shop.databases["catalog"] = address(link.url, "catalog")
            shop.databases["catalog-2"] = database.url("catalog")
            there = shop.everywhere()
            shop.seen["front"] = Addresses(there.front, shop.urls["catalog"], there.order)
            await asyncio.to_thread(shop.open, "catalog", "catalog-2")
            book_ids = [await asyncio.to_thread(shop.add_book, 10)]
            await asyncio.to_thread(shop.open, "front")
            shelf = Shelf(shop.urls["catalog-2"], shop.secret, book_ids * SELDOM)
            changing = asyncio.create_task(shelf.change())
            async with shop.customers() as customers:
                await hit_again(customers, shelf, book_ids[0])
                faulty = asyncio.create_task(link.cut(LASTS_S))
                ages, sources = await ages_while(customers, shelf, book_ids[0], faulty)
                await hit_again(customers, shelf, book_ids[0])
            changing.cancel()
            await asyncio.gather(changing, return_exceptions=True)
    assert max(ages) < STALE_MS / 1000, sorted(ages)[-5:]
    assert sources - {"bazar; hit"}  # before the fault and after it there were hits
