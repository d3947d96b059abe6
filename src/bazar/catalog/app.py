"""Wire the catalog together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bazar.catalog.api import CatalogApi
from bazar.catalog.service import Catalog
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics

SCHEMA = "bazar.catalog.schema.sqlite"


@asynccontextmanager
async def catalog_app(database: Path, secret: str, currency: str = "USD") -> AsyncIterator[HttpApp]:
    """Open the catalog; close it at the end.

    Raises:
        StartupError: the database cannot be opened.
    """
    metrics = Metrics("catalog")
    opened = SqliteDatabase(database, metrics.commit_batch)
    try:
        await migrate(opened, SCHEMA)
        catalog = Catalog(opened, currency)

        async def check() -> None:
            await catalog.database.read(lambda transaction: transaction.one("SELECT 1"))

        endpoints = operations("catalog", metrics, check, endpoints_of(CatalogApi(catalog)))
        yield HttpApp("catalog", endpoints, metrics, secret, on_stop=catalog.feed.close)
    finally:
        await opened.close()
