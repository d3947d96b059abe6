"""Prove that a shop arrived whole: every row at both ends, and the checks of the keeper's audit."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from hashlib import sha256
from itertools import islice, zip_longest
from typing import Any, TypeVar

import msgspec

from bazar.catalog.checking import Checking as CatalogChecking
from bazar.catalog.store.postgres import PostgresStore as CatalogStore
from bazar.kit.data.database import Row
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_tables import PostgresTables
from bazar.kit.data.sqlite_tables import SqliteTables, quoted
from bazar.kit.errors import StartupError
from bazar.mover.copying import columns_of
from bazar.mover.plan import Table
from bazar.order.checking import Checking as OrderChecking
from bazar.order.store.postgres import PostgresStore as OrderStore
from bazar.tools.audit import difference, pairs
from bazar.wire.audit import AuditOrdersQuery, KeptDecision, KeptOrder
from bazar.wire.limits import AUDIT_PAGE_MAX

Kept = TypeVar("Kept", KeptOrder, KeptDecision)
PAGE = 2000
DIFFERENCES_MAX = 10
"""After which the audit ends."""
_encode = msgspec.msgpack.Encoder().encode


async def digest(
    source: SqliteTables, target: PostgresTables, table: Table, compared: Callable[[int], None]
) -> str:
    """Return the SHA-256 of all rows of a table in order of its key, which is that of both ends.

    Raises:
        StartupError: a row is not at both ends, or not the same; it is named.
    """
    here, there = sha256(), sha256()
    columns = columns_of(source, table.name, table.key)
    after: Row | None = None
    while True:
        old = source.rows(table.name, quoted(columns), table.key, after, PAGE)
        new = await target.rows(table.name, columns, table.key, after, PAGE)
        here.update(b"".join(map(_encode, old)))
        there.update(b"".join(map(_encode, new)))
        if here.digest() != there.digest():
            raise StartupError(_different(table, old, new))
        if not old:
            return here.hexdigest()
        after = old[-1][: len(table.key)]
        compared(len(old))


def _different(table: Table, old: Sequence[Row], new: Sequence[Row]) -> str:
    first, other = next(pair for pair in zip_longest(old, new) if pair[0] != pair[1])
    row = first or other
    assert row is not None
    key = zip(table.key, row, strict=False)
    named = ", ".join(f"{column} {value}" for column, value in key)
    return (
        f"a row of {table.name} differs at both ends: {named}. The old shop was open since the "
        "move began, or the new database was changed: empty the new ones, and move again"
    )


async def audit(catalog_url: str, order_url: str) -> list[str]:
    """Return what the keeper's audit finds wrong in two databases that nobody else uses."""
    catalog, order = PostgresDatabase(catalog_url), PostgresDatabase(order_url)
    try:
        books = CatalogChecking(catalog, CatalogStore())
        orders = OrderChecking(order, OrderStore())
        found = await books.faults() + await orders.faults()
        found += await _check_stock(books)
        loop = asyncio.get_running_loop()
        return found + await asyncio.to_thread(_check_orders, loop, books, orders)
    finally:
        await order.close()
        await catalog.close()


async def _check_stock(books: CatalogChecking) -> list[str]:
    found: list[str] = []
    following: str | None = ""
    while following is not None and len(found) < DIFFERENCES_MAX:
        part = await books.part(following)
        found += part.differences
        following = part.next
    return found


def _check_orders(
    loop: asyncio.AbstractEventLoop, books: CatalogChecking, orders: OrderChecking
) -> list[str]:
    """Compare each order with the catalog's decision about it; beside the loop that asks."""
    kept = _all(loop, lambda after: orders.orders(AuditOrdersQuery(after=after)))
    decided = _all(loop, lambda after: books.decisions(after, AUDIT_PAGE_MAX))
    differences = (difference(*pair) for pair in pairs(kept, decided))
    return list(islice(filter(None, differences), DIFFERENCES_MAX))


def _all(
    loop: asyncio.AbstractEventLoop, ask: Callable[[str], Coroutine[Any, Any, list[Kept]]]
) -> Iterator[Kept]:
    after = ""
    while page := asyncio.run_coroutine_threadsafe(ask(after), loop).result():
        yield from page
        after = page[-1].order_id
