"""Orders with many lines: they are stored, read and decided a few at a time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from bazar.kit.data.database import Transaction
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.order.domain import StoredOrder
from bazar.order.driving import LINES_A_PART_MAX
from bazar.order.store.sqlite import SqliteStore
from support.shops import Shop
from support.wires import Wire, until

LINES = 100
ORDERS = 12


class Watched:
    """Counts the lines that are stored in one unit, and those that are read in one turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look on at all databases of this process."""
        self.stored: Counter[int] = Counter()
        self.read: Counter[int] = Counter()
        self._unit = self._turn = 0
        by_id = SqliteStore.by_id

        async def read(
            store: SqliteStore, transaction: Transaction, order_id: str
        ) -> StoredOrder | None:
            order = await by_id(store, transaction, order_id)
            self.read[self._turn] += len(order.lines) if order else 0
            return order

        monkeypatch.setattr(SqliteStore, "by_id", read)
        for name in ("insert", "confirm"):
            monkeypatch.setattr(SqliteStore, name, self._counted(getattr(SqliteStore, name)))
        monkeypatch.setattr(SqliteDatabase, "write", self._by_unit(SqliteDatabase.write))

    def _counted(self, store: Callable[..., Awaitable[set[str]]]) -> Callable[..., Any]:
        async def counted(
            this: SqliteStore, transaction: Transaction, orders: Sequence[StoredOrder]
        ) -> set[str]:
            self.stored[self._unit] += sum(len(order.lines) for order in orders)
            return await store(this, transaction, orders)

        return counted

    def _by_unit(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def by_unit(database: SqliteDatabase, work: Callable[..., Any], **how: bool) -> object:
            async def unit(transaction: Transaction) -> object:
                self._unit += 1
                return await work(transaction)

            return write(database, unit, **how)

        return by_unit

    async def count_turns(self) -> None:
        """Count the turns of the event loop, for ever."""
        while True:
            self._turn += 1
            await asyncio.sleep(0)


async def add_books(shop: Shop) -> None:
    """Add as many books as an order has lines, with a copy for each order."""
    rows = [
        {"row": row, "book": {"title": f"Book {row}", "topic": "t", "price": 1, "quantity": ORDERS}}
        for row in range(1, LINES + 1)
    ]
    assert 200 == (await shop.catalog.post("/imports", {"rows": rows})).status


def many(deadline_ms: int) -> list[dict[str, object]]:
    """Return placements of a copy of each book."""
    return [
        {
            "kind": "order",
            "lines": [{"id": book_id} for book_id in range(1, LINES + 1)],
            "key": f"key {number}",
            "deadline_ms": deadline_ms,
        }
        for number in range(ORDERS)
    ]


async def test_orders_with_many_lines_are_stored_and_confirmed_in_parts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in one call, and the catalog decides them in one."""
    await add_books(shop)
    watched = Watched(monkeypatch)
    placed = (await shop.order.post("/placements", many(5000))).json
    assert [201] * ORDERS == [answer["status"] for answer in placed]
    assert 2 * LINES * ORDERS == watched.stored.total()  # inserted, and confirmed
    assert LINES_A_PART_MAX >= max(watched.stored.values())
    assert 0 == await shop.stock(1)


@pytest.mark.usefixtures("impatient")
async def test_orders_with_many_lines_leave_the_event_loop_its_turns(
    shop: Shop, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Placed in one call while the catalog is away, told, and driven by the loop afterwards."""
    await add_books(shop)
    wire.away = True
    watched = Watched(monkeypatch)
    turns = asyncio.create_task(watched.count_turns())
    placed = (await shop.order.post("/placements", many(300))).json
    assert [202] * ORDERS == [answer["status"] for answer in placed]

    async def recovering() -> bool:
        return watched.read.total() > LINES * ORDERS

    async def settled() -> bool:
        return b"[]" == (await shop.order.get("/orders?status=pending")).content

    await until(recovering)
    wire.away = False
    await until(settled)
    turns.cancel()
    assert 2 * LINES * ORDERS == watched.stored.total()  # inserted, and confirmed
    assert LINES_A_PART_MAX >= max(watched.stored.values())
    assert LINES_A_PART_MAX >= max(watched.read.values())
    assert 0 == await shop.stock(1)
    assert [] == (await shop.catalog.get("/stock-report")).json["differences"]


async def test_twins_in_two_parts_are_one_order(shop: Shop) -> None:
    """A key that stands in the first and in the last part of a batch places one order."""
    book_ids = [await shop.add_book(quantity=5) for _ in range(2)]
    few = {"kind": "order", "lines": [{"id": book_ids[0]}], "key": "twin", "deadline_ms": 5000}
    others = [
        {
            "kind": "order",
            "lines": [{"id": book_ids[1] + line} for line in range(LINES)],
            "key": f"key {number}",
            "deadline_ms": 5000,
        }
        for number in range(2 * LINES_A_PART_MAX // LINES)
    ]
    answers = (await shop.order.post("/placements", [few, *others, few])).json
    assert [201, *[404] * len(others), 201] == [answer["status"] for answer in answers]
    assert answers[0]["body"]["order_id"] == answers[-1]["body"]["order_id"]
    assert 4 == await shop.stock(book_ids[0])
