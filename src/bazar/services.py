"""One service: what it is started with, and how it is opened."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bazar.kit.data.moved import refuse_moved
from bazar.kit.http.admission import Admission
from bazar.kit.http.app import HttpApp
from bazar.kit.http.cors import Cors
from bazar.kit.peers.client import new_client
from bazar.kit.peers.credentials import Credentials, watch
from bazar.kit.peers.roles import role_name
from bazar.kit.process.config import proxy_networks, without_password
from bazar.kit.secret import is_loopback
from bazar.tools.remote import ServiceName

Metrics = Literal["secret", "open"]
"""Who may ask for `/metrics`: who has the service secret, or anyone."""
OpenApi = Literal["on", "off"]
"""Whether anyone may order over the JSON routes of the front, or only who has the secret."""
Cache = Literal["on", "off"]
"""Whether the front keeps answers of the catalog."""

STORING: tuple[ServiceName, ...] = ("catalog", "order")
"""The services that have a database, and may have replicas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """How the public reaches the shop, and who of it may do what."""

    hosts: str = ""
    """Names by which a proxy before it is reached, with commas between them."""
    url: str = ""
    """Where people reach the shop, or empty."""
    proxies: str = ""
    """Network addresses of proxies whose word on who asks counts, with commas between them."""
    open_api: OpenApi = "on"
    cors: Sequence[str] = ()
    """Origins whose pages may ask the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What one service is started with."""

    service: ServiceName
    host: str
    database: Path | str
    """A file of SQLite, or an address in a PostgreSQL."""
    catalog_url: str
    """Several, of replicas, with commas between them."""
    order_url: str
    secret: str
    currency: str | None
    """None: that of the shop, which is US dollars where nobody ever said another."""
    name: str | None
    """Of the shop, at its first start."""
    metrics: Metrics
    public: Public = Public()
    cache: Cache = "on"
    smtp_url: str = ""
    """By which server the order service sends mail; empty: by none."""
    mail_from: str = ""
    tls: Credentials | None = None
    """What it shows of itself; None: all goes in the clear."""
    probe_port: int | None = None
    """Where it tells in the clear whether it is well."""


@asynccontextmanager
async def running(settings: ServiceSettings) -> AsyncIterator[HttpApp]:
    """Open one service, and close it at the end; the others are not even imported.

    Raises:
        StartupError: it cannot start.
    """
    if isinstance(settings.database, str):
        from bazar.kit.data.postgres_opening import check_postgres

        await check_postgres(settings.database, without_password(settings.database))
    elif settings.service in STORING:
        refuse_moved(settings.database.parent)
    client = new_client()
    catalog_url, order_url, secret = settings.catalog_url, settings.order_url, settings.secret
    match settings.service:
        case "catalog":
            from bazar.catalog.app import catalog_app

            opened = catalog_app(settings.database, secret, settings.currency, settings.name)
        case "order":
            from bazar.order.app import order_app
            from bazar.order.mail.settings import mail_settings

            mail = mail_settings(settings.smtp_url, settings.mail_from, settings.public.url)
            opened = order_app(
                settings.database, catalog_url, secret, client, mail, tls=settings.tls
            )
        case "front":
            from bazar.front.app import front_app

            open_api = settings.public.open_api == "on"
            opened = front_app(
                catalog_url,
                order_url,
                secret,
                client,
                settings.public.url,
                open_api=open_api,
                proxies=proxy_networks(settings.public.proxies),
                cached=settings.cache == "on",
                tls=settings.tls,
            )
    async with opened as app, _watched(settings.tls):
        own = urlsplit(settings.public.url).hostname or ""
        app.admission = Admission(
            loopback=is_loopback(settings.host),
            public_hosts=[own, role_name(settings.service), *settings.public.hosts.split(",")],
        )
        if settings.service == "front" and settings.public.cors:
            app.cors = Cors(settings.public.cors)
        if settings.metrics == "open":
            app.open_to_strangers("/metrics")
        yield app
    await client.close()


@asynccontextmanager
async def _watched(tls: Credentials | None) -> AsyncIterator[None]:
    """Have the log say when a certificate ends soon, as long as the service runs."""
    if tls is None:
        yield
        return
    watching = asyncio.create_task(watch(tls))
    try:
        yield
    finally:
        watching.cancel()
