"""Wire the catalog together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bazar.catalog.api import CatalogApi, with_place
from bazar.catalog.checking import Checking
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
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.process.watchdog import watched_loop

SCHEMA = "bazar.catalog.schema.sqlite"
POSTGRES_SCHEMA = "bazar.catalog.schema.postgres"


@asynccontextmanager
async def catalog_app(
    database: Path, secret: str, currency: str | None = None, name: str | None = None
) -> AsyncIterator[HttpApp]:
    """Open the catalog; close it at the end.

    Args:
        database: its file.
        secret: of the service.
        currency: of all prices, or None: the one that the shop has, else US dollars.
        name: of the shop, at its first start.

    Raises:
        StartupError: the database cannot be opened, or the shop has another currency.
    """
    metrics = Metrics("catalog")
    feed = Feed()
    opened = SqliteDatabase(database, metrics.commit_batch, feed.publish)
    metrics.watch("bazar_wal_bytes", "Size of the database's write-ahead log.", opened.log_bytes)
    try:
        await migrate(opened, SCHEMA)
        store = SqliteStore()
        settings = Settings(opened, store)
        currency = (await settings.open(currency, name)).currency
        shelf = Shelf(opened, store, currency)
        await shelf.complete()
        stock = Stock(opened, store)
        rehearsals = Rehearsals(opened, store, scratch_catalog, currency)
        imports = Imports(opened, store, rehearsals, currency)
        checking = Checking(opened, store)

        async def check() -> None:
            await opened.read(lambda transaction: transaction.one("SELECT 1"))

        api = CatalogApi(shelf, stock, imports, checking, feed)
        routes = [*endpoints_of(api), *endpoints_of(ShopApi(settings, stock))]
        own = [with_place(endpoint, feed) for endpoint in routes]
        endpoints = operations("catalog", metrics, check, own)
        try:
            with watched_loop(metrics):
                yield HttpApp("catalog", endpoints, metrics, secret, on_stop=feed.close)
        finally:
            await rehearsals.close()
    finally:
        await opened.close()


async def scratch_catalog() -> tuple[Database, Store]:
    """Return an empty catalog for the moment; who asked for it closes its database."""
    scratch = Scratch()
    await migrate(scratch, SCHEMA)
    return scratch, SqliteStore()
