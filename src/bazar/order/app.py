"""Wire the order service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pyreqwest.client import Client

from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.http.app import HttpApp
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.kit.process.watchdog import watched_loop
from bazar.order.api import OrderApi
from bazar.order.checking import Checking
from bazar.order.driving import Driving
from bazar.order.service import Orders
from bazar.order.store.sqlite import SqliteStore
from bazar.order.upstream import CatalogClient

SCHEMA = "bazar.order.schema.sqlite"


@asynccontextmanager
async def order_app(
    database: Path, catalog_url: str, secret: str, client: Client
) -> AsyncIterator[HttpApp]:
    """Open the order service; close it at the end.

    Raises:
        StartupError: the database cannot be opened.
    """
    metrics = Metrics("order")
    opened = SqliteDatabase(database, metrics.commit_batch)
    metrics.watch("bazar_wal_bytes", "Size of the database's write-ahead log.", opened.log_bytes)
    try:
        await migrate(opened, SCHEMA)
        catalog = CatalogClient(Upstream("catalog", catalog_url, client, secret))
        store = SqliteStore()
        driving = Driving(opened, store, catalog)
        orders = Orders(opened, store, driving, metrics)

        async def check() -> None:
            await opened.read(lambda transaction: transaction.one("SELECT 1"))

        metrics.watch(
            "bazar_orders_stuck",
            "Orders that the catalog does not take although it answers.",
            lambda: len(driving.stuck),
        )
        driving.start()
        try:
            endpoints = operations(
                "order", metrics, check, endpoints_of(OrderApi(orders, Checking(opened, store)))
            )
            with watched_loop(metrics):
                yield HttpApp("order", endpoints, metrics, secret)
        finally:
            await driving.stop()
            await catalog.stop()
    finally:
        await opened.close()
