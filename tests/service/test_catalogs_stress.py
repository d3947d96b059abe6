"""Buyers, cancels, keepers and files at several catalogs over one database, all at once."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from bazar.catalog.domain import StockTooLow
from bazar.wire.books import BookEdit, NewBook
from bazar.wire.imports import ImportRequest, ImportRow
from bazar.wire.orders import Line
from bazar.wire.stock import Outcome, Reserve, StockChange
from support.catalogs import OpenCatalog, catalog_over
from support.engines import POSTGRES

CATALOGS = 3
BOOKS = 30
MISSING = 5
"""Ids beyond those of the books, which are asked for all the same."""
ORDERS = 150
LASTS_S = 1.5
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
PRICE = Decimal("19.99")


class Crowd:
    """Those who are at the catalogs, and what each order was told."""

    def __init__(self, catalogs: list[OpenCatalog]) -> None:
        """Start with nothing told."""
        self.catalogs = catalogs
        self.chance = random.Random()
        self.sold: dict[str, set[bytes]] = {}
        self.until_s = time.monotonic() + LASTS_S

    async def run(self) -> None:
        """Have them all come, until the time is over."""
        roles = (self.buy, self.buy, self.cancel, self.keep, self.take_in)
        await asyncio.gather(
            *(self._again(role, catalog) for catalog in self.catalogs for role in roles)
        )

    async def _again(
        self, role: Callable[[OpenCatalog], Awaitable[object]], catalog: OpenCatalog
    ) -> None:
        while time.monotonic() < self.until_s:
            await role(catalog)

    def order_id(self) -> str:
        """Return one of few, so that all mean the same ones."""
        return f"order-{self.chance.randrange(ORDERS):03}"

    async def buy(self, catalog: OpenCatalog) -> None:
        """Reserve a batch of orders, each with some lines."""
        books = range(1, BOOKS + MISSING)
        batch = [
            Reserve(
                self.order_id(),
                [Line(book, 1) for book in self.chance.sample(books, self.chance.randint(1, 5))],
            )
            for _ in range(self.chance.choice((1, 4, 16)))
        ]
        for outcome in await catalog.stock.reserve(batch):
            self._hear(outcome)

    async def cancel(self, catalog: OpenCatalog) -> None:
        """Give back what an order took, whether it was there or not."""
        assert "released" == (await catalog.stock.release(self.order_id())).status

    async def keep(self, catalog: OpenCatalog) -> None:
        """Move, count or describe a book."""
        book = self.chance.randint(1, BOOKS)
        try:
            match self.chance.randrange(3):
                case 0:
                    await catalog.stock.move_stock(book, self.chance.choice((-1, 1, 3)))
                case 1:
                    count = StockChange(count=self.chance.randrange(9))
                    await catalog.stock.change_stock(book, count, "")
                case _:
                    topic = self.chance.choice(("law", "Law", "arts"))
                    retired = self.chance.random() < 0.1
                    await catalog.shelf.edit(book, BookEdit(topic=topic, retired=retired))
        except StockTooLow:
            pass

    async def take_in(self, catalog: OpenCatalog) -> None:
        """Take in a part of a file, whose rows stand in any order, with new books among them."""
        names = self.chance.sample(range(BOOKS + 40), 10)
        rows = [
            ImportRow(
                row=name,
                book=NewBook(title=f"T{name}", topic="law", price=PRICE, quantity=name % 7),
            )
            for name in names
        ]
        await catalog.imports.take_in(ImportRequest(rows=rows, update="all", key=None))

    def _hear(self, outcome: Outcome) -> None:
        if outcome.status != "released":
            said = msgspec.json.encode(outcome)
            self.sold.setdefault(outcome.order_id, set()).add(said)


@pytest.mark.parametrize("engine", sorted(POSTGRES))
async def test_no_copy_is_lost_or_made_in_a_crowd(engine: str, tmp_path: Path) -> None:
    """Stock, ledger and decisions agree, each order heard one outcome, and nobody was in a knot."""
    path = tmp_path / "catalog"
    async with AsyncExitStack() as stack:
        catalogs = [
            await stack.enter_async_context(catalog_over(engine, path)) for _ in range(CATALOGS)
        ]
        for name in range(BOOKS):
            new = NewBook(title=f"T{name}", topic="law", price=PRICE, quantity=9)
            await catalogs[name % CATALOGS].shelf.add(new)
        crowd = Crowd(catalogs)
        await crowd.run()
    async with catalog_over(engine, path) as catalog:
        report = await catalog.checking.part("")
        assert (None, []) == (report.next, report.differences)
        assert [] == await catalog.checking.faults()
        assert (0,) == await catalog.database.read(lambda t: t.one(DEADLOCKS))
        titles = await catalog.database.read(
            lambda t: t.all("SELECT title FROM books GROUP BY title HAVING count(*) > 1")
        )
        assert [] == titles
    assert {1} == {len(answers) for answers in crowd.sold.values()}
    assert len(crowd.sold) > ORDERS / 3
