"""What the order service's statements change, and what they leave alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.order import store
from bazar.order.app import SCHEMA
from bazar.order.domain import StoredLine, StoredOrder

SOLD = (StoredLine(7, 2, "RPCs for Noobs", 1999, "USD"),)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open an empty database with the service's tables."""
    database = SqliteDatabase(tmp_path / "order.db")
    await migrate(database, SCHEMA)
    yield database
    await database.close()


def pending(order_id: str, key: str) -> StoredOrder:
    """Return a new order of two copies of one book."""
    lines = (StoredLine(7, 2),)
    return StoredOrder(
        order_id,
        key,
        b"hash",
        "purchase",
        "pending",
        settled=False,
        rejection=None,
        placed_at_ms=1,
        lines=lines,
    )


async def test_an_order_whose_key_is_taken_is_not_inserted(database: SqliteDatabase) -> None:
    """Neither it nor its lines, whether the key was taken before or in the same batch."""
    first, twin, other = pending("a", "one"), pending("b", "one"), pending("c", "two")
    assert {"a"} == await database.write(lambda t: store.insert(t, [first]))
    assert {"c"} == await database.write(lambda t: store.insert(t, [twin, other]))
    assert None is await database.read(lambda t: store.by_id(t, "b"))
    assert first == await database.read(lambda t: store.by_key(t, "one"))
    assert other == await database.read(lambda t: store.by_id(t, "c"))


async def test_only_pending_orders_are_confirmed_and_sold(database: SqliteDatabase) -> None:
    """One that was cancelled meanwhile keeps its status, and its lines stay unsold."""
    bought, ended = pending("a", "one"), pending("b", "two")
    cancelled = replace(ended, status="cancelled")
    await database.write(lambda t: store.insert(t, [bought, ended]))
    await database.write(lambda t: store.update(t, cancelled))
    sold = [replace(order, lines=SOLD) for order in (bought, ended)]
    await database.write(lambda t: store.confirm(t, sold))
    confirmed = replace(bought, status="confirmed", settled=True, lines=SOLD)
    assert confirmed == await database.read(lambda t: store.by_id(t, "a"))
    assert cancelled == await database.read(lambda t: store.by_id(t, "b"))
