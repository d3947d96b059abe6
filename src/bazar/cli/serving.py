"""The command `bazar serve`: one service on this machine."""

import asyncio
import sys
from functools import partial
from pathlib import Path
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
    LogFileOption,
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
    Tls,
    environment_secret,
    environment_smtp_url,
)
from bazar.kit.errors import StartupError
from bazar.kit.peers.addresses import Looking
from bazar.kit.peers.credentials import read_credentials
from bazar.kit.process.config import (
    PORT_MAX,
    database_place,
    find_secret,
    listening_host,
    service_urls,
    under_tls,
)
from bazar.tools.remote import DEFAULT_PORTS, Addresses, ServiceName

if TYPE_CHECKING:  # it knows all services
    from bazar.kit.http.app import HttpApp
    from bazar.kit.process.server import Announce as Announcing
    from bazar.services import Public, ServiceSettings

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
ProbePort = Annotated[
    int | None,
    typer.Option(
        envvar="BAZAR_PROBE_PORT",
        min=1,
        max=PORT_MAX,
        help="Port that tells in the clear whether the service is well, and nothing else.",
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
    str | None,
    typer.Option(
        envvar="BAZAR_CATALOG",
        help=f"Of the catalog: {_ADDRESSES} [default: {_USUAL.catalog}]",
    ),
]
Orders = Annotated[
    str | None,
    typer.Option(
        envvar="BAZAR_ORDER",
        help=f"Of the order service: {_ADDRESSES} [default: {_USUAL.order}]",
    ),
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
    catalog: Catalogs = None,
    order: Orders = None,
    tls: Tls = None,
    probe_port: ProbePort = None,
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
    log_file: LogFileOption = None,
    log_format: LogFormat = "text",
    metrics: MetricsFor = "secret",
) -> None:
    """Start one service on this machine. All services need the same secret.

    The secret comes from --secret-file, from BAZAR_SECRET, or from the data folder.

    Examples:
      bazar serve catalog --database sqlite:///books.db
      bazar serve front --catalog http://books.example:5001
      bazar serve order --announce --catalog mdns:
    """
    from bazar.services import ServiceSettings

    port = port or DEFAULT_PORTS[service]
    try:
        host = listening_host(host)
        where = looking(shop, interface, host, announce=announce)
        settings = ServiceSettings(
            service=service,
            host=host,
            public=_public(public_host, public_url, proxies, open_api, cors),
            database=database_place(database, data / f"{service}.db", service),
            catalog_url=found_by(_asked(catalog, _USUAL.catalog, "--catalog", tls), where),
            order_url=found_by(_asked(order, _USUAL.order, "--order", tls), where),
            currency=currency_code(currency),
            tls=read_credentials(tls, service) if tls else None,
            # After all that may be refused: it may make the data folder.
            secret=find_secret(environment_secret(secret_file), secret_file, data, host),
            name=name,
            cache=cache,
            smtp_url=environment_smtp_url(),
            mail_from=mail_from,
            metrics=metrics,
            probe_port=probe_port,
        )
        _log_to(log_file, log_format, log_level, settings, port)
        told = partial(_announce, service, where) if announce else None
        code = _run(settings, port, workers, told)
    except StartupError as error:
        end(f"{service}: {error}")
    raise typer.Exit(code)


def _public(
    hosts: str, url: str, proxies: str, open_api: OpenApi, cors: list[str] | None
) -> "Public":
    """Return what concerns the public, checked, or end with a clear message."""
    from bazar.services import Public

    return Public(
        hosts=hosts,
        url=public_address(url),
        proxies=proxies,
        open_api=open_api,
        cors=invited_origins(cors),
    )


def _run(
    settings: "ServiceSettings", port: int, workers: int, announce: "Announcing | None"
) -> int:
    """Run a service until told to stop, in several processes where that is asked for."""
    from bazar.kit.process.server import Place, is_worker, serve
    from bazar.services import running

    if settings.service == "front" and workers > 1 and not is_worker():
        _share_port(settings.host, port, workers)
        return 0
    tls = None if settings.service == "front" else settings.tls
    place = Place(settings.host, port, tls, settings.probe_port)
    return serve(lambda: running(settings), place, announce)


def _asked(given: str | None, usual: str, option: str, tls: Path | None) -> str:
    """Return the addresses of a service that will be asked.

    Raises:
        StartupError: one is none, or is not under TLS where all has to be.
    """
    if given is None:
        return under_tls(usual) if tls else usual
    return service_urls(given, option, tls=tls is not None)


def _log_to(
    file: Path | None, style: LogFormat, level: LogLevel, settings: "ServiceSettings", port: int
) -> None:
    """Open the log, in a file where one is named; where steps are logged, each line says whose."""
    from bazar.kit import log
    from bazar.kit.log_file import LogFile
    from bazar.kit.steps import process_name, steps

    watched = level == "debug"
    process = process_name(settings.host, port) if watched else ""
    log.configure(settings.service, style, level, LogFile(file) if file else None, process)
    steps.watch(settings.secret, on=watched)


async def _announce(
    service: ServiceName, where: Looking, app: "HttpApp", host: str, port: int
) -> None:
    """Tell the network of a service that listens here, until cancelled."""
    from bazar.kit.peers.mdns import announce

    def tell(said: str) -> None:
        app.announced = said

    await announce(service, host, port, where, app.is_ready, tell=tell)


def _share_port(host: str, port: int, workers: int) -> None:
    """Run this very command line in several processes until told to stop."""
    from bazar.kit.process.sharing import share_port

    command = [sys.executable, "-m", "bazar", *sys.argv[1:]]
    asyncio.run(share_port("front", command, (host, port), workers))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)
