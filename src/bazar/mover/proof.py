"""Prove that a shop arrived whole: every row at both ends, and the checks of the keeper's audit."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import zip_longest

import msgspec

from bazar.catalog.checking import Checking as CatalogChecking
from bazar.catalog.store.postgres import PostgresStore as CatalogStore
from bazar.kit.data.database import Row
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_tables import PostgresTables
from bazar.kit.data.sqlite_tables import SqliteTables, quoted
from bazar.kit.errors import StartupError
from bazar.mover.auditing import differences
from bazar.mover.copying import columns_of
from bazar.mover.plan import Table
from bazar.order.checking import Checking as OrderChecking
from bazar.order.store.postgres import PostgresStore as OrderStore

PAGE = 2000
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
        return await differences(books, OrderChecking(order, OrderStore()))
    finally:
        await order.close()
        await catalog.close()
