"""The command `bazar up`: the whole shop on this machine."""

import asyncio
import shlex
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from bazar.cli.starting import (
    Workers,
    currency_code,
    end,
    invited_origins,
    listening_address,
    public_address,
)
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
    PostgresBin,
    Proxies,
    PublicHost,
    PublicUrl,
    environment_smtp_url,
    misused,
)
from bazar.kit.errors import StartupError
from bazar.kit.identity import new_key
from bazar.kit.money import to_price
from bazar.kit.process.config import (
    PORT_MAX,
    SECRET_FILE,
    is_postgres,
    without_password,
)
from bazar.tools.remote import DEFAULT_PORTS, Addresses, RemoteError
from bazar.tools.shop import Shop
from bazar.wire.shop import ShopEdit

if TYPE_CHECKING:  # it knows all services, and most commands none
    from bazar.cluster import UpSettings

Port = Annotated[int, typer.Option(envvar="BAZAR_PORT", min=1, max=PORT_MAX, help="Of the front.")]
CatalogPort = Annotated[
    int, typer.Option(envvar="BAZAR_CATALOG_PORT", min=1, max=PORT_MAX, help="Of the catalog.")
]
OrderPort = Annotated[
    int, typer.Option(envvar="BAZAR_ORDER_PORT", min=1, max=PORT_MAX, help="Of the order service.")
]
REPLICAS_MAX = 16
OFFERED = 2
"""The book that all examples buy."""
TRIED_MAX = 20
"""Books of which one is offered to be bought, the first that there are."""
Engine = Annotated[
    str,
    typer.Option(
        envvar="BAZAR_DATABASE",
        help="sqlite; postgresql: one of our own in the data folder; or postgresql://HOST "
        "[default: what the data folder holds, at first sqlite].",
    ),
]
Replicas = Annotated[
    int,
    typer.Option(
        envvar="BAZAR_REPLICAS",
        min=1,
        max=REPLICAS_MAX,
        help="Processes of the catalog, and of the order service, over one PostgreSQL; each takes "
        "the next free port, such as 5003 and 5004.",
    ),
]


def up(  # noqa: PLR0913  one parameter an option
    *,
    data: Data = DATA_DEFAULT,
    host: Host = "127.0.0.1",
    public_host: PublicHost = "",
    public_url: PublicUrl = "",
    proxies: Proxies = "",
    port: Port = DEFAULT_PORTS["front"],
    catalog_port: CatalogPort = DEFAULT_PORTS["catalog"],
    order_port: OrderPort = DEFAULT_PORTS["order"],
    empty: Annotated[
        bool, typer.Option("--empty", help="Start without the sample catalogue.")
    ] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Load the sample catalogue, first start or not.")
    ] = False,
    currency: Currency = None,
    name: Name = None,
    open_api: OpenApi = "on",
    cache: Cache = "on",
    cors: CorsOrigins = None,
    mail_from: MailFrom = "",
    database: Engine = "",
    postgres_bin: PostgresBin = None,
    replicas: Replicas = 1,
    workers: Workers = 1,
    log_level: LogLevel = "warning",
    log_format: LogFormat = "text",
    metrics: MetricsFor = "secret",
) -> None:
    """Start the whole shop on this machine: catalog, order and front. Ctrl-C stops it.

    The first start with a data folder loads the sample catalogue.

    Examples:
      bazar up --data my-shop --empty --currency EUR
    """
    from bazar.cluster import UpSettings

    if empty and sample:
        misused("--empty and --sample contradict each other")
    settings = UpSettings(
        data=data.absolute(),
        host=listening_address(host),
        public_hosts=public_host,
        public_url=public_address(public_url),
        proxies=proxies,
        port=port,
        catalog_port=catalog_port,
        order_port=order_port,
        currency=currency_code(currency),
        name=name,
        open_api=open_api,
        cache=cache,
        cors=invited_origins(cors),
        smtp_url=environment_smtp_url(),
        mail_from=mail_from,
        database=database,
        postgres_bin=postgres_bin,
        replicas=replicas,
        workers=workers,
        log_level=log_level,
        log_format=log_format,
        metrics=metrics,
        sample=True if sample else False if empty else None,
    )
    _run_shop(settings, data)


def _run_shop(settings: "UpSettings", data: Path) -> None:
    """Run a shop until it is told to stop; `data` is its folder as a person named it."""
    from bazar.cluster import up as run_up
    from bazar.kit import log

    def when_ready(addresses: Addresses) -> None:
        log.show(_opened(addresses, settings, data))

    log.configure("bazar", settings.log_format, settings.log_level)
    try:
        asyncio.run(run_up(settings, lambda at: _load_sample(at, settings.data), when_ready))
    except StartupError as error:
        end(str(error))
    log.show("Bazar is closed.\n")


def _opened(addresses: Addresses, settings: "UpSettings", data: Path) -> str:
    """Return what a person is told of a shop that is open now."""
    several = f" ({settings.workers} processes)"
    return (
        f"\nBazar is open at {settings.public_url or addresses.front}/\n"
        f"  front       {addresses.front}{several if settings.workers > 1 else ''}\n"
        f"  API page    {addresses.front}/docs\n"
        f"  catalog     {addresses.catalog.replace(',', ' ')}\n"
        f"  order       {addresses.order.replace(',', ' ')}\n"
        f"  database    {_kept(settings, data)}\n"
        f"{_priced(addresses)}"
        f"  data        {data} (service secret: {data / SECRET_FILE})\n"
        f"{_logged(settings, data)}\n"
        f"{_what_to_do(addresses, data, settings.open_api)}Ctrl-C stops the shop.\n\n"
    )


def _logged(settings: "UpSettings", data: Path) -> str:
    """Return where the log is, where it is in files."""
    from bazar.cluster import LOGS_FOLDER

    if settings.log_level != "debug":
        return ""
    return f"  logs        {data / LOGS_FOLDER}, for 'bazar trace'\n"


def _priced(addresses: Addresses) -> str:
    """Return in which currency the shop keeps its prices, whatever this start was told."""
    try:
        return f"  currency    {Shop(addresses, '').catalog.settings().currency}\n"
    except RemoteError:  # it has just answered; who looks at it sees what is wrong
        return ""


def _kept(settings: "UpSettings", data: Path) -> str:
    """Return in words what keeps a shop."""
    from bazar.cluster import OWN_POSTGRES, POSTGRES_FOLDER

    engine = settings.engine()
    if is_postgres(engine):
        return f"PostgreSQL at {without_password(engine)}"
    if engine == OWN_POSTGRES:
        return f"PostgreSQL in {data / POSTGRES_FOLDER}"
    return f"SQLite in {data}"


def _what_to_do(addresses: Addresses, data: Path, open_api: str) -> str:
    """Return how to fill a shop that has no book, else a purchase to try where one can be made."""
    front = Shop(addresses, "").front
    try:
        found = front.first(TRIED_MAX)
    except RemoteError:  # it has just answered; who looks at it sees what is wrong
        return ""
    named = "" if data == DATA_DEFAULT else f" --data {shlex.quote(str(data))}"
    if not found:
        return f"The shelves are empty. Fill them:\n  bazar import books.csv --dry-run{named}\n\n"
    there = {book.id for book in found if book.quantity}
    if open_api == "off" or not there:
        return ""
    offered = OFFERED if OFFERED in there else min(there)
    return f"Buy a book:\n  bazar buy {offered}{named}\n\n"


def _load_sample(addresses: Addresses, data: Path) -> None:
    from importlib.resources import as_file, files

    from bazar.kit.secret import read_secret
    from bazar.tools.importing import ImportFileError, ImportOptions, import_file

    shop = Shop(addresses, read_secret(data / SECRET_FILE))
    with as_file(files("bazar.sample") / "books.csv") as file:
        options = ImportOptions(
            file=file,
            update="none",
            dry_run=False,
            mapping={},
            defaults={},
            rejects=data / "sample.rejects.csv",
        )
        try:
            import_file(shop, options, lambda _rows: None)
            _fill_settings(shop)
        except (RemoteError, ImportFileError) as error:
            message = f"the sample catalogue cannot be loaded: {error}"
            raise StartupError(message) from error


def _fill_settings(shop: Shop) -> None:
    """Give a shop whose settings nobody has changed yet those of the sample."""
    from importlib.resources import files

    kept = shop.catalog.settings()
    if kept.version > 1:
        return
    content = (files("bazar.sample") / "shop.json").read_bytes()
    sample = msgspec.json.decode(content, type=ShopEdit)
    assert isinstance(sample.post_price, Decimal)
    price = sample.post_price.quantize(to_price(1, kept.currency))
    shop.catalog.edit_settings(msgspec.structs.replace(sample, post_price=price), new_key())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)
