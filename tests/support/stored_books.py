"""Books and decisions for the suites of the catalog's store, as an engine keeps them."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from bazar.catalog.app import POSTGRES_SCHEMA, SCHEMA
from bazar.catalog.domain import StoredBook
from bazar.catalog.store import Store
from bazar.catalog.store.postgres import PostgresStore
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.data.database import Database, Transaction
from bazar.wire.stock import Outcome, Rejection, SoldLine
from support.engines import POSTGRES, with_tables

NOW_MS = 1_700_000_000_123
EDITED_MS = NOW_MS + 1000
"""When books are changed."""


class Engine(NamedTuple):
    """How the catalog is kept on an engine."""

    name: str
    schema: str
    store: Callable[[], Store]

    def opened(self, path: Path) -> AbstractAsyncContextManager[Database]:
        """Open a database with the catalog's tables, and close it at the end."""
        return with_tables(self.name, path, self.schema)


KEPT = [
    Engine("sqlite", SCHEMA, SqliteStore),
    *(Engine(name, POSTGRES_SCHEMA, PostgresStore) for name in POSTGRES),
]


def book(
    title: str = "RPCs for Noobs", *, book_id: int = 0, stock: int = 0, **members: object
) -> StoredBook:
    """Return a book that is not stored yet."""
    new = StoredBook(
        book_id, None, title, "A. Uthor", 1999, "systems", "On calls.", 1999, "USD", stock, 1
    )
    return replace(new, **members)


async def added(database: Database, store: Store, *books: StoredBook) -> list[StoredBook]:
    """Store books, and return them as they are stored."""

    async def work(transaction: Transaction) -> list[StoredBook]:
        return [await store.add_book(transaction, book, NOW_MS) for book in books]

    return await database.write(work)


def reserved(order_id: str, *lines: tuple[int, int, int]) -> Outcome:
    """Return the outcome of an order that bought (book id, copies, version after it)."""
    sold = [SoldLine(book_id, copies, "T", 1999, "USD", v) for book_id, copies, v in lines]
    return Outcome(order_id, "reserved", sold)


def rejected(order_id: str) -> Outcome:
    """Return the outcome of an order that bought nothing."""
    return Outcome(order_id, "rejected", [], Rejection("out-of-stock", "no copies", 1, 2, 0))
