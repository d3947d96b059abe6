"""Wire the catalog together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bazar.catalog.api import CatalogApi, with_place
from bazar.catalog.checking import Checking
from bazar.catalog.completing import completing
from bazar.catalog.feed import Feed
from bazar.catalog.imports import Imports
from bazar.catalog.rehearsal import Rehearsals
from bazar.catalog.settings import Settings
from bazar.catalog.shelf import Shelf
from bazar.catalog.shop_api import ShopApi
from bazar.catalog.stock import Stock
from bazar.catalog.store import Store
from bazar.catalog.store.sqlite import SqliteStore
from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from bazar.kit.data.scratch import Scratch
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.data.sqlite_backups import SqliteBackups
from bazar.kit.http.app import HttpApp
from bazar.kit.http.backups import BackupApi
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.process.watchdog import watched_loop
from bazar.wire.teaching.catalog import CATALOG

SCHEMA = "bazar.catalog.schema.sqlite"
POSTGRES_SCHEMA = "bazar.catalog.schema.postgres"
ROWS_A_UNIT = 20_000
"""Of a ledger that came from another server; they take about a second."""


class _Opened(NamedTuple):
    """A database with the catalog's tables, and what goes with its kind."""

    database: Database
    store: Store
    feed: Feed
    backups: SqliteBackups | None
    """None where the database is one that others back up."""
    alone: bool
    """Whether no other catalog writes there: then each answer says how far the feed has come."""


@asynccontextmanager
async def catalog_app(
    database: Path | str, secret: str, currency: str | None = None, name: str | None = None
) -> AsyncIterator[HttpApp]:
    """Open the catalog; close it at the end.

    Args:
        database: its file, or the address of a PostgreSQL, `postgresql://...`, which any number
            of catalogs use at the same time.
        secret: of the service.
        currency: of all prices, or None: the one that the shop has, else US dollars.
        name: of the shop, at its first start.

    Raises:
        StartupError: the database cannot be opened, or the shop has another currency.
    """
    metrics = Metrics("catalog")
    kind = (
        _sqlite(database, metrics) if isinstance(database, Path) else _postgres(database, metrics)
    )
    async with kind as (opened, store, feed, backups, alone):
        settings = Settings(opened, store)
        currency = (await settings.open(currency, name)).currency
        shelf = Shelf(opened, store, currency)
        stock = Stock(opened, store)
        rehearsals = Rehearsals(opened, store, scratch_catalog, currency)
        imports = Imports(opened, store, rehearsals, currency)
        checking = Checking(opened, store)

        async def check() -> None:
            await opened.read(lambda transaction: transaction.one("SELECT 1"))

        api = CatalogApi(shelf, stock, imports, checking, feed)
        own = [*endpoints_of(api), *endpoints_of(ShopApi(settings, stock))]
        own += endpoints_of(BackupApi(backups))
        if alone:
            own = [with_place(endpoint, feed) for endpoint in own]
        endpoints = operations("catalog", metrics, check, own, CATALOG)
        try:
            async with completing(shelf.complete):
                with watched_loop(metrics):
                    yield HttpApp(
                        "catalog", endpoints, metrics, secret, on_stop=feed.close, check=check
                    )
        finally:
            await rehearsals.close()


@asynccontextmanager
async def _sqlite(path: Path, metrics: Metrics) -> AsyncIterator[_Opened]:
    """Open a file, which is this catalog's alone."""
    feed = Feed()
    database = SqliteDatabase(path, metrics.commit_batch, feed.publish)
    metrics.watch("bazar_wal_bytes", "Size of the database's write-ahead log.", database.log_bytes)
    try:
        await migrate(database, SCHEMA)
        backups = SqliteBackups(database)
        try:
            yield _Opened(database, SqliteStore(), feed, backups, alone=True)
        finally:
            await backups.close()
    finally:
        await database.close()


@asynccontextmanager
async def _postgres(url: str, metrics: Metrics) -> AsyncIterator[_Opened]:
    """Open a database of a PostgreSQL, and listen to what all catalogs there change."""
    from bazar.catalog.listening import SharedFeed, encode
    from bazar.catalog.store.postgres import PostgresStore
    from bazar.kit.data.postgres import PostgresDatabase
    from bazar.kit.data.postgres_listening import Listener

    feed = SharedFeed()
    database = PostgresDatabase(url, metrics.commit_batch, encode)
    database.count(metrics.watch)
    try:
        await migrate(database, POSTGRES_SCHEMA)
        store = PostgresStore()
        while await database.write(lambda transaction: store.adopt(transaction, ROWS_A_UNIT)):
            pass
        listener = Listener(url, on_changes=feed.hear, on_beat=feed.beat, on_lost=feed.lost)
        feed.ask = listener.ask
        try:
            yield _Opened(database, store, feed, None, alone=False)
        finally:
            await listener.close()
    finally:
        await database.close()


async def scratch_catalog() -> tuple[Database, Store]:
    """Return an empty catalog for the moment; who asked for it closes its database."""
    scratch = Scratch()
    await migrate(scratch, SCHEMA)
    return scratch, SqliteStore()
