"""Every command. Each is a few lines: options in, one call, a table or JSON out."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bazar import __version__, commands, keeper
from bazar.kit.config import SECRET_FILE, database_path, find_secret, service_url
from bazar.kit.errors import StartupError
from bazar.kit.idempotency import format_key
from bazar.kit.identity import new_key
from bazar.kit.money import CURRENCIES
from bazar.load import command as load
from bazar.remote import Addresses, Shop
from bazar.terminal import (
    DATA_DEFAULT,
    Currency,
    Data,
    Host,
    LogFormat,
    SecretFile,
    environment_secret,
    fail,
)

app = typer.Typer(
    name="bazar",
    help="An online book store of three small services that sells each copy exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Port = Annotated[int, typer.Option(envvar="BAZAR_PORT", min=1, max=65535, help="Of the front.")]


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"bazar {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Give the whole command line its options."""


@app.command()
def up(  # noqa: PLR0913  one parameter an option
    *,
    data: Data = DATA_DEFAULT,
    host: Host = "127.0.0.1",
    port: Port = 5000,
    catalog_port: Annotated[
        int, typer.Option(envvar="BAZAR_CATALOG_PORT", min=1, max=65535, help="Of the catalog.")
    ] = 5001,
    order_port: Annotated[
        int, typer.Option(envvar="BAZAR_ORDER_PORT", min=1, max=65535, help="Of the order service.")
    ] = 5002,
    empty: Annotated[
        bool, typer.Option("--empty", help="Start without the sample catalogue.")
    ] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Load the sample catalogue, first start or not.")
    ] = False,
    currency: Currency = "USD",
    log_format: LogFormat = "text",
) -> None:
    """Start the whole shop on this machine: catalog, order and front. Ctrl-C stops it.

    The first start with a data folder loads the sample catalogue.
    """
    from bazar.cluster import UpSettings
    from bazar.cluster import up as run_up
    from bazar.kit import log

    if empty and sample:
        fail("--empty and --sample contradict each other")
    log.configure("bazar", log_format)
    settings = UpSettings(
        data=data.absolute(),
        host=host,
        port=port,
        catalog_port=catalog_port,
        order_port=order_port,
        currency=_currency(currency),
        log_format=log_format,
    )

    def when_ready(addresses: Addresses, first: bool) -> None:  # noqa: FBT001  a callback
        if sample or (first and not empty):
            _load_sample(addresses, settings.data)
        log.flush()
        secret_file = data / SECRET_FILE
        typer.echo(
            f"\nBazar is open at {addresses.front}\n"
            f"  API page    {addresses.front}/docs\n"
            f"  catalog     {addresses.catalog}\n"
            f"  order       {addresses.order}\n"
            f"  data        {data} (service secret: {secret_file})\n\n"
            f"Buy a book:\n  curl -X POST {addresses.front}/purchase/2 "
            f"-H 'Idempotency-Key: {format_key(new_key())}'\n\nCtrl-C stops the shop.\n"
        )
        sys.stdout.flush()

    try:
        asyncio.run(run_up(settings, when_ready))
    except StartupError as error:
        fail(str(error))


def _load_sample(addresses: Addresses, data: Path) -> None:
    from importlib.resources import as_file, files

    from bazar.importer import ImportOptions, import_file
    from bazar.kit.security import read_secret

    with as_file(files("bazar.sample") / "books.csv") as file:
        import_file(
            Shop(addresses, read_secret(data / SECRET_FILE)),
            ImportOptions(
                file=file,
                update="none",
                dry_run=False,
                mapping={},
                defaults={},
                rejects=data / "sample.rejects.csv",
            ),
            lambda _rows: None,
        )


@app.command()
def serve(  # noqa: PLR0913  one parameter an option
    service: Annotated[
        Literal["catalog", "order", "front"], typer.Argument(help="Which service to start.")
    ],
    *,
    host: Host = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            envvar="BAZAR_PORT",
            min=1,
            max=65535,
            help="Port to listen on [default: front 5000, catalog 5001, order 5002].",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            envvar="BAZAR_DATABASE",
            help="sqlite:///FILE, or a file [default: SERVICE.db in the data folder].",
        ),
    ] = None,
    catalog: Annotated[
        str, typer.Option(envvar="BAZAR_CATALOG", help="Address of the catalog.")
    ] = "http://127.0.0.1:5001",
    order: Annotated[
        str, typer.Option(envvar="BAZAR_ORDER", help="Address of the order service.")
    ] = "http://127.0.0.1:5002",
    data: Data = DATA_DEFAULT,
    secret_file: SecretFile = None,
    currency: Currency = "USD",
    log_format: LogFormat = "text",
) -> None:
    """Start one service on this machine. All services need the same secret.

    The secret comes from --secret-file, from BAZAR_SECRET, or from the data folder.
    """
    from bazar.cluster import DEFAULT_PORTS, ServiceSettings, running
    from bazar.kit import log
    from bazar.kit.server import serve as run_service

    currency = _currency(currency)
    log.configure(service, log_format)
    try:
        settings = ServiceSettings(
            service=service,
            database=database_path(database, data / f"{service}.db"),
            catalog_url=service_url(catalog, "--catalog"),
            order_url=service_url(order, "--order"),
            secret=find_secret(environment_secret(secret_file), secret_file, data, host),
            currency=currency,
        )
        run_service(lambda: running(settings), host, port or DEFAULT_PORTS[service])
    except StartupError as error:
        fail(f"{service}: {error}")


def _currency(code: str) -> str:
    if code.upper() not in CURRENCIES:
        fail(f"--currency takes an ISO 4217 code such as USD, not {code!r}")
    return code.upper()


commands.register(app)
keeper.register(app)
load.register(app)


def main() -> None:
    """Run the command line. What it writes is its owner's alone."""
    os.umask(0o077)
    app()
