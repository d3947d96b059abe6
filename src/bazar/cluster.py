"""The whole deployment on one screen: which services, on which ports, with which databases."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from bazar.catalog.app import catalog_app
from bazar.front.app import front_app
from bazar.kit import log
from bazar.kit.errors import StartupError
from bazar.kit.http.admission import Admission
from bazar.kit.http.app import HttpApp
from bazar.kit.lock import hold
from bazar.kit.peers.client import new_client
from bazar.kit.process.config import SECRET_FILE, proxy_networks
from bazar.kit.process.connections import raise_file_limit
from bazar.kit.process.readiness import until_ready, wait_for_ports
from bazar.kit.process.server import address
from bazar.kit.process.supervisor import Child, Supervisor
from bazar.kit.secret import is_loopback, read_or_make_secret
from bazar.order.app import order_app
from bazar.order.mail.settings import mail_settings
from bazar.tools.remote import DEFAULT_PORTS, SHOP_FILE, Addresses, ServiceName

Metrics = Literal["secret", "open"]
"""Who may ask for `/metrics`: who has the service secret, or anyone."""
OpenApi = Literal["on", "off"]
"""Whether anyone may order over the JSON routes of the front, or only who has the secret."""

LOOPBACK = "127.0.0.1"
STARTED_FILE = "started"
LOCK_FILE = "up.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """What one service is started with."""

    service: ServiceName
    host: str
    public_hosts: str
    """Names by which a proxy before it is reached, with commas between them."""
    public_url: str
    """Where people reach the shop, or empty."""
    proxies: str
    """Network addresses of proxies whose word on who asks counts, with commas between them."""
    database: Path
    catalog_url: str
    order_url: str
    secret: str
    currency: str | None
    """None: that of the shop, which is US dollars where nobody ever said another."""
    name: str | None
    """Of the shop, at its first start."""
    open_api: OpenApi
    metrics: Metrics
    smtp_url: str = ""
    """By which server the order service sends mail; empty: by none."""
    mail_from: str = ""


@asynccontextmanager
async def running(settings: ServiceSettings) -> AsyncIterator[HttpApp]:
    """Open one service, and close it at the end.

    Raises:
        StartupError: it cannot start.
    """
    client = new_client()
    catalog_url, order_url, secret = settings.catalog_url, settings.order_url, settings.secret
    match settings.service:
        case "catalog":
            opened = catalog_app(settings.database, secret, settings.currency, settings.name)
        case "order":
            mail = mail_settings(settings.smtp_url, settings.mail_from, settings.public_url)
            opened = order_app(settings.database, catalog_url, secret, client, mail)
        case "front":
            open_api = settings.open_api == "on"
            opened = front_app(
                catalog_url,
                order_url,
                secret,
                client,
                settings.public_url,
                open_api=open_api,
                proxies=proxy_networks(settings.proxies),
            )
    async with opened as app:
        own = urlsplit(settings.public_url).hostname or ""
        app.admission = Admission(
            loopback=is_loopback(settings.host),
            public_hosts=[own, *settings.public_hosts.split(",")],
        )
        if settings.metrics == "open":
            app.open_to_strangers("/metrics")
        yield app
    await client.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What `bazar up` was asked for."""

    data: Path
    host: str
    public_hosts: str
    public_url: str
    proxies: str
    port: int
    catalog_port: int
    order_port: int
    currency: str | None
    name: str | None
    open_api: OpenApi
    log_format: log.Format
    metrics: Metrics
    sample: bool | None
    """Whether to load the sample catalogue; None: at the first start with this data folder."""
    smtp_url: str = ""
    mail_from: str = ""

    def addresses(self) -> Addresses:
        """Return where each service will be."""
        return Addresses(
            front=front_url(self.host, self.port),
            catalog=f"http://{LOOPBACK}:{self.catalog_port}",
            order=f"http://{LOOPBACK}:{self.order_port}",
        )

    def listening(self) -> dict[ServiceName, tuple[str, int]]:
        """Return host and port of each service.

        Raises:
            StartupError: two of them are at one port.
        """
        ports = {self.port, self.catalog_port, self.order_port}
        if len(ports) < len(DEFAULT_PORTS):
            message = "the three services need three different ports"
            raise StartupError(message)
        return {
            "front": (self.host, self.port),
            "catalog": (LOOPBACK, self.catalog_port),
            "order": (LOOPBACK, self.order_port),
        }

    def children(self) -> list[Child]:
        """Return the three processes, in the order in which they start."""
        at = self.addresses()
        catalog, order = ["--catalog", at.catalog], ["--order", at.order]
        return [
            self._child("catalog", *self._database("catalog"), *self._first_start()),
            self._child("order", *catalog, *self._database("order"), also=self._mail()),
            self._child("front", *catalog, *order, *self._public()),
        ]

    def _first_start(self) -> list[str]:
        """Return what the catalog is told of a new shop, as far as it was said."""
        said = {"--currency": self.currency, "--name": self.name}
        return [
            word for option, value in said.items() if value is not None for word in (option, value)
        ]

    def _public(self) -> list[str]:
        said = ["--public-host", self.public_hosts, "--public-url", self.public_url]
        return [*said, "--proxies", self.proxies, "--open-api", self.open_api]

    def _database(self, name: str) -> list[str]:
        return ["--database", str(self.data / f"{name}.db")]

    def _mail(self) -> Mapping[str, str]:
        """Return what the order service is told of mail: not as options, which anyone can read."""
        if not self.smtp_url:
            return {}
        return {
            "BAZAR_SMTP_URL": self.smtp_url,
            "BAZAR_MAIL_FROM": self.mail_from,
            "BAZAR_PUBLIC_URL": self.public_url,
        }

    def _child(
        self, name: ServiceName, *options: str, also: Mapping[str, str] = MappingProxyType({})
    ) -> Child:
        host, port = self.listening()[name]
        command = [sys.executable, "-m", "bazar", "serve", name, "--host", host, "--port"]
        command += [str(port), "--secret-file", str(self.data / SECRET_FILE), *options]
        command += ["--log-format", self.log_format, "--metrics", self.metrics]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BAZAR_")}
        inherited |= also
        return Child(name, command, inherited, getattr(self.addresses(), name))


def front_url(host: str, port: int) -> str:
    """Return where a front can be asked that listens on an address, or on every one."""
    asked = LOOPBACK if host in {"0.0.0.0", "::"} else host  # noqa: S104
    return f"http://{address(asked, port)}"


async def up(
    settings: UpSettings,
    fill: Callable[[Addresses], None],
    when_ready: Callable[[Addresses], None],
) -> None:
    """Run the shop until SIGINT or SIGTERM.

    Args:
        settings: where.
        fill: loads the sample catalogue, where it is wanted; it is called in a thread.
        when_ready: is called once all services answer, in a thread.

    Raises:
        StartupError: a port is taken, the data folder cannot be written or is in use, or a
            service does not get ready. Nothing is left running.
    """
    raise_file_limit()
    with hold(settings.data / LOCK_FILE, f"the data folder {settings.data}"):
        read_or_make_secret(settings.data / SECRET_FILE)
        await wait_for_ports(settings.listening().values())
        supervisor = Supervisor()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await _open(settings, supervisor, fill, stop)
            if not stop.is_set():
                addresses = settings.addresses()
                (settings.data / STARTED_FILE).touch()
                (settings.data / SHOP_FILE).write_bytes(msgspec.json.encode(addresses))
                await asyncio.to_thread(when_ready, addresses)
                await stop.wait()
        finally:
            (settings.data / SHOP_FILE).unlink(missing_ok=True)
            await supervisor.stop()


async def _open(
    settings: UpSettings,
    supervisor: Supervisor,
    fill: Callable[[Addresses], None],
    stop: asyncio.Event,
) -> None:
    """Start the services; the front only when the books are in, so that nobody misses them."""
    catalog, order, front = children = settings.children()
    await supervisor.start(catalog)
    await supervisor.start(order)
    first = not (settings.data / STARTED_FILE).exists()
    if first if settings.sample is None else settings.sample:
        await until_ready([catalog], stop)
        if not stop.is_set():
            await asyncio.to_thread(fill, settings.addresses())
    if not stop.is_set():
        await supervisor.start(front)
        await until_ready(children, stop)
