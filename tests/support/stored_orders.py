"""Orders for the suites of the order store, as an engine keeps them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bazar.kit.data.database import Database
from bazar.order.app import POSTGRES_SCHEMA, SCHEMA
from bazar.order.domain import StoredLine, StoredOrder
from bazar.order.store import Store
from bazar.order.store.postgres import PostgresStore
from bazar.order.store.sqlite import SqliteStore
from support.engines import POSTGRES, with_tables

SOLD = (StoredLine(7, 2, "RPCs for Noobs", 1999, "USD"),)


class Engine(NamedTuple):
    """How orders are kept on an engine."""

    name: str
    schema: str
    store: type[Store]

    @asynccontextmanager
    async def opened(self, path: Path) -> AsyncIterator[Database]:
        """Open a database with the orders' tables, and close it at the end."""
        async with with_tables(self.name, path, self.schema) as database:
            yield database


KEPT = [
    Engine("sqlite", SCHEMA, SqliteStore),
    *[Engine(name, POSTGRES_SCHEMA, PostgresStore) for name in POSTGRES],
]


def pending(order_id: str, key: str, *lines: StoredLine) -> StoredOrder:
    """Return a new order, of two copies of one book where no lines are given."""
    return StoredOrder(
        order_id,
        key,
        "purchase",
        "pending",
        settled=False,
        rejection=None,
        placed_at_ms=1,
        lines=lines or (StoredLine(7, 2),),
    )
