"""What `up` and `serve` have in common: their options, and how a start ends that cannot be."""

from typing import Annotated, NoReturn

import typer

from bazar.cli.terminal import fail, misused, visible
from bazar.kit.errors import StartupError
from bazar.kit.money import DECIMALS
from bazar.kit.process.config import listening_host, service_url

WORKERS_MAX = 64
Workers = Annotated[
    int,
    typer.Option(
        envvar="BAZAR_WORKERS",
        min=1,
        max=WORKERS_MAX,
        help="Processes of the front, on one port.",
    ),
]


def end(message: str) -> NoReturn:
    """End with one line on standard error and exit code 1, read or not."""
    from bazar.kit import log

    log.last_words(f"bazar: {visible(message)}\n")
    raise typer.Exit(1)


def listening_address(host: str) -> str:
    """Return where to listen, or end with a clear message."""
    try:
        return listening_host(host)
    except StartupError as error:
        fail(str(error))


def public_address(url: str) -> str:
    """Return the address of the shop without its last slash, or end with a clear message."""
    if not url:
        return ""
    try:
        checked = service_url(url, "--public-url")
    except StartupError as error:
        misused(str(error))
    if checked.count("/") > len("//"):
        misused(f"--public-url takes an address without a path, not {url!r}")
    return checked


def invited_origins(given: list[str] | None) -> tuple[str, ...]:
    """Return the origins of invited pages, or end with a clear message."""
    from bazar.kit.http.cors import origins_of

    try:
        return origins_of(given or ())
    except StartupError as error:
        misused(str(error))


def currency_code(code: str | None) -> str | None:
    """Return a currency's code in capitals, or end with a clear message."""
    if code is None:
        return None
    if code.upper() not in DECIMALS:
        misused(f"--currency takes an ISO 4217 code such as USD, not {code!r}")
    return code.upper()
