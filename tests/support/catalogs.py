"""The catalog's use cases on a database of their own, without HTTP."""

from pathlib import Path
from typing import NamedTuple

from bazar.catalog.app import SCHEMA, scratch_catalog
from bazar.catalog.checking import Checking
from bazar.catalog.feed import Feed
from bazar.catalog.imports import Imports
from bazar.catalog.rehearsal import Rehearsals
from bazar.catalog.shelf import Shelf
from bazar.catalog.stock import Stock
from bazar.catalog.store import Store
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase


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
    return OpenCatalog(
        database,
        store,
        feed,
        Shelf(database, store, clock=clock),
        Stock(database, store, clock),
        Imports(database, store, Rehearsals(database, store, scratch_catalog), clock=clock),
        Checking(database, store),
    )
