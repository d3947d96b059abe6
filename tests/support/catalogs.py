"""The catalog's use cases on a database of their own, without HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bazar.catalog.app import POSTGRES_SCHEMA, SCHEMA, scratch_catalog
from bazar.catalog.checking import Checking
from bazar.catalog.feed import Feed
from bazar.catalog.imports import Imports
from bazar.catalog.listening import SharedFeed, encode
from bazar.catalog.rehearsal import Rehearsals
from bazar.catalog.shelf import Shelf
from bazar.catalog.stock import Stock
from bazar.catalog.store import Store
from bazar.catalog.store.postgres import PostgresStore
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_listening import Listener
from bazar.kit.data.sqlite import SqliteDatabase
from support.engines import url_with_tables


class OpenCatalog(NamedTuple):
    """What a catalog is made of; who opened it closes its database."""

    database: Database
    store: Store
    feed: Feed
    shelf: Shelf
    stock: Stock
    imports: Imports
    checking: Checking


async def open_catalog(path: Path, clock: Clock = now_ms) -> OpenCatalog:
    """Open the catalog in a file, new or not."""
    feed, store = Feed(), SqliteStore()
    database = SqliteDatabase(path, deliver=feed.publish)
    await migrate(database, SCHEMA)
    return _made_of(database, store, feed, clock)


@asynccontextmanager
async def catalog_over(
    engine: str, path: Path, store: Store | None = None
) -> AsyncIterator[OpenCatalog]:
    """Open one of several catalogs over one database of PostgreSQL; close it at the end.

    Args:
        engine: one of `POSTGRES`.
        path: names the database, as that of a file would.
        store: for a test that looks at what is asked for.
    """
    url = url_with_tables(engine, path, POSTGRES_SCHEMA)
    feed = SharedFeed()
    database = PostgresDatabase(url, encode=encode)
    listener = Listener(url, on_changes=feed.hear, on_beat=feed.beat, on_lost=feed.lost)
    feed.ask = listener.ask
    try:
        yield _made_of(database, store or PostgresStore(), feed, now_ms)
    finally:
        await listener.close()
        await database.close()


def _made_of(database: Database, store: Store, feed: Feed, clock: Clock) -> OpenCatalog:
    rehearsals = Rehearsals(database, store, scratch_catalog)
    return OpenCatalog(
        database,
        store,
        feed,
        Shelf(database, store, clock=clock),
        Stock(database, store, clock),
        Imports(database, store, rehearsals, clock=clock),
        Checking(database, store),
    )
