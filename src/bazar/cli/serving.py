"""The command `bazar serve`: one service on this machine."""

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from bazar.cli.network import (
    SHOP_OPTION,
    Announce,
    Interfaces,
    ShopName,
    found_by,
    looking,
)
from bazar.cli.starting import Workers, currency_code, end, invited_origins, public_address
from bazar.cli.terminal import (
    DATA_DEFAULT,
    Cache,
    CorsOrigins,
    Currency,
    Data,
    Host,
    LogFormat,
    LogLevel,
    MailFrom,
    MetricsFor,
    Name,
    OpenApi,
    Proxies,
    PublicHost,
    PublicUrl,
    SecretFile,
    environment_secret,
    environment_smtp_url,
)
from bazar.kit.errors import StartupError
from bazar.kit.peers.addresses import Looking
from bazar.kit.process.config import (
    PORT_MAX,
    database_place,
    find_secret,
    listening_host,
    service_urls,
)
from bazar.tools.remote import DEFAULT_PORTS, Addresses, ServiceName

if TYPE_CHECKING:
    from bazar.kit.http.app import HttpApp
    from bazar.kit.process.server import Announce as Announcing
    from bazar.services import ServiceSettings

_USUAL = Addresses()
_ADDRESSES = (
    "its address, or several with commas between; a name stands for all its addresses, and "
    "'mdns:' for whoever announces itself."
)
ServicePort = Annotated[
    int | None,
    typer.Option(
        envvar="BAZAR_PORT",
        min=1,
        max=PORT_MAX,
        help="Port to listen on [default: front 5000, catalog 5001, order 5002].",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        envvar="BAZAR_DATABASE",
        help="sqlite:///FILE, a file, or postgresql://HOST/NAME "
        "[default: SERVICE.db in the data folder].",
    ),
]
Catalogs = Annotated[
    str, typer.Option(envvar="BAZAR_CATALOG", help=f"Of the catalog: {_ADDRESSES}")
]
Orders = Annotated[
    str, typer.Option(envvar="BAZAR_ORDER", help=f"Of the order service: {_ADDRESSES}")
]


def serve(  # noqa: PLR0913  one parameter an option
    service: Annotated[ServiceName, typer.Argument(help="Which service to start.")],
    *,
    host: Host = "127.0.0.1",
    public_host: PublicHost = "",
    public_url: PublicUrl = "",
    proxies: Proxies = "",
    port: ServicePort = None,
    database: Database = None,
    catalog: Catalogs = _USUAL.catalog,
    order: Orders = _USUAL.order,
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    currency: Currency = None,
    name: Name = None,
    open_api: OpenApi = "on",
    cache: Cache = "on",
    cors: CorsOrigins = None,
    mail_from: MailFrom = "",
    workers: Workers = 1,
    announce: Announce = False,
    shop: ShopName = SHOP_OPTION,
    interface: Interfaces = "",
    log_level: LogLevel = "info",
    log_format: LogFormat = "text",
    metrics: MetricsFor = "secret",
) -> None:
    """Start one service on this machine. All services need the same secret.

    The secret comes from --secret-file, from BAZAR_SECRET, or from the data folder.

    Examples:
      bazar serve catalog --database sqlite:///books.db
      bazar serve front --catalog http://books.example:5001
      bazar serve order --host 0.0.0.0 --announce --catalog mdns:
    """
    from bazar.kit import log
    from bazar.services import ServiceSettings

    currency = currency_code(currency)
    log.configure(service, log_format, log_level)
    try:
        host = listening_host(host)
        where = looking(shop, interface, host, announce=announce)
        settings = ServiceSettings(
            service=service,
            host=host,
            public_hosts=public_host,
            public_url=public_address(public_url),
            proxies=proxies,
            database=database_place(database, data / f"{service}.db", service),
            catalog_url=found_by(service_urls(catalog, "--catalog"), where),
            order_url=found_by(service_urls(order, "--order"), where),
            secret=find_secret(environment_secret(secret_file), secret_file, data, host),
            currency=currency,
            name=name,
            open_api=open_api,
            cache=cache,
            cors=invited_origins(cors),
            smtp_url=environment_smtp_url(),
            mail_from=mail_from,
            metrics=metrics,
        )
        told = partial(_announce, service, where) if announce else None
        code = _run(settings, port or DEFAULT_PORTS[service], workers, told)
    except StartupError as error:
        end(f"{service}: {error}")
    raise typer.Exit(code)


def _run(
    settings: "ServiceSettings", port: int, workers: int, announce: "Announcing | None"
) -> int:
    """Run a service until told to stop, in several processes where that is asked for."""
    from bazar.kit.process.server import is_worker, serve
    from bazar.services import running

    if settings.service == "front" and workers > 1 and not is_worker():
        _share_port(settings.host, port, workers)
        return 0
    return serve(lambda: running(settings), settings.host, port, announce)


async def _announce(
    service: ServiceName, where: Looking, app: "HttpApp", host: str, port: int
) -> None:
    """Tell the network of a service that listens here, until cancelled."""
    from bazar.kit.peers.mdns import announce

    await announce(service, host, port, where, app.is_ready)


def _share_port(host: str, port: int, workers: int) -> None:
    """Run this very command line in several processes until told to stop."""
    from bazar.kit.process.sharing import share_port

    command = [sys.executable, "-m", "bazar", *sys.argv[1:]]
    asyncio.run(share_port("front", command, (host, port), workers))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)
