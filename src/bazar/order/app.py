"""Wire the order service together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pyreqwest.client import Client

from bazar.kit.data.database import Database
from bazar.kit.data.migrate import migrate
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.data.sqlite_backups import SqliteBackups
from bazar.kit.http.app import HttpApp
from bazar.kit.http.backups import BackupApi
from bazar.kit.http.endpoint import endpoints_of
from bazar.kit.http.operations import operations
from bazar.kit.metrics import Metrics
from bazar.kit.peers.client import Upstream
from bazar.kit.peers.credentials import Credentials
from bazar.kit.peers.racing import ON_THE_WAY, Rules
from bazar.kit.process.watchdog import watched_loop
from bazar.order.api import OrderApi
from bazar.order.checking import Checking
from bazar.order.driving import Driving
from bazar.order.mail.settings import MailSettings
from bazar.order.mail.wished import Wished
from bazar.order.outbox import Outbox
from bazar.order.service import Orders
from bazar.order.store import Store
from bazar.order.store.sqlite import SqliteStore
from bazar.order.store.wishes import WishStore
from bazar.order.upstream import CatalogClient
from bazar.order.wish_api import WishApi
from bazar.order.wishing import Wishing
from bazar.wire.teaching.order import ORDER

if TYPE_CHECKING:  # most shops send no mail
    from bazar.order.mail.sending import Sending

SCHEMA = "bazar.order.schema.sqlite"
POSTGRES_SCHEMA = "bazar.order.schema.postgres"


@asynccontextmanager
async def order_app(  # noqa: PLR0913  one parameter a setting
    database: Path | str,
    catalog_url: str,
    secret: str,
    client: Client,
    mail: MailSettings | None = None,
    *,
    tls: Credentials | None = None,
) -> AsyncIterator[HttpApp]:
    """Open the order service; close it at the end.

    Args:
        database: its file, or the address of a PostgreSQL database, which others may use too.
        catalog_url: where the catalog is.
        secret: of the shop.
        client: for calls to the catalog.
        mail: by which server mail is sent; None: none is.
        tls: what it shows of itself to the catalog; None: that is asked in the clear.

    Raises:
        StartupError: the database cannot be opened.
    """
    metrics = Metrics("order")
    opened, store, schema, backups = _kept(database, metrics)
    try:
        await migrate(opened, schema)
        await opened.write(store.adopt)
        upstream = Upstream("catalog", catalog_url, client, secret, tls=tls)
        upstream.rules = Rules(ON_THE_WAY)
        catalog = CatalogClient(upstream)
        outbox = Outbox(store, on=mail is not None)
        driving = Driving(opened, store, catalog, outbox)
        orders = Orders(opened, store, driving, metrics)
        wishes = WishStore()
        wishing = Wishing(opened, wishes, catalog, secret, on=mail is not None)
        sending = _sending(opened, store, mail, wishes, wishing, metrics)

        async def check() -> None:
            await opened.read(lambda transaction: transaction.one("SELECT 1"))

        metrics.watch(
            "bazar_orders_stuck",
            "Orders that the catalog does not take although it answers.",
            lambda: len(driving.stuck),
        )
        send_trial = sending.send_trial if sending else None
        own = endpoints_of(OrderApi(orders, Checking(opened, store), send_trial))
        own += endpoints_of(WishApi(wishing))
        own += endpoints_of(BackupApi(backups, catalog.begin_backup))
        upstream.start()
        driving.start()
        if sending:
            sending.start()
            wishing.start()
        try:
            endpoints = operations("order", metrics, check, own, ORDER)
            with watched_loop(metrics):
                yield HttpApp("order", endpoints, metrics, secret, check=check)
        finally:
            if sending:
                await wishing.stop()
                await sending.stop()
            await driving.stop()
            await catalog.stop()
            await upstream.stop()
    finally:
        if backups is not None:
            await backups.close()
        await opened.close()


class _Kept(NamedTuple):
    """Where orders are kept, and how."""

    database: Database
    store: Store
    schema: str
    backups: SqliteBackups | None
    """None where the database is one that others back up."""


def _kept(database: Path | str, metrics: Metrics) -> _Kept:
    """Open a database; what a server of databases is talked to with is loaded only then."""
    if isinstance(database, Path):
        opened = SqliteDatabase(database, metrics.commit_batch)
        metrics.watch(
            "bazar_wal_bytes", "Size of the database's write-ahead log.", opened.log_bytes
        )
        return _Kept(opened, SqliteStore(), SCHEMA, SqliteBackups(opened))
    from bazar.kit.data.postgres import PostgresDatabase
    from bazar.order.store.postgres import PostgresStore

    postgres = PostgresDatabase(database, metrics.commit_batch)
    postgres.count(metrics.watch)
    return _Kept(postgres, PostgresStore(), POSTGRES_SCHEMA, None)


def _sending(  # noqa: PLR0913, PLR0917  what letters are sent with
    database: Database,
    store: Store,
    mail: MailSettings | None,
    wishes: WishStore,
    wishing: Wishing,
    metrics: Metrics,
) -> "Sending | None":
    """Return what sends mail, where the shop does; languages are loaded only then."""
    if mail is None:
        return None
    from bazar.order.mail.sending import Sending

    wished = Wished(database, store, wishes, wishing.there)
    sending = Sending(database, store, mail, wished)
    metrics.watch("bazar_mails_waiting", "Mails that wait to be sent.", sending.waiting)
    metrics.watch("bazar_mails_dead", "Mails that were given up.", lambda: sending.dead)
    return sending
