"""Find the shop that the options name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from bazar.cli.terminal import fail
from bazar.kit.errors import StartupError
from bazar.kit.process.config import SECRET_FILE, service_url
from bazar.kit.secret import check_secret, read_secret
from bazar.tools.remote import SHOP_FILE, Addresses, RemoteError, Shop


def find_shop(
    data: Path,
    url: str | None = None,
    catalog: str | None = None,
    order: str | None = None,
    secret_file: Path | None = None,
) -> Shop:
    """Return the shop that the options name, else the one that runs on this data folder."""
    known = Addresses()
    with suppress(OSError, msgspec.DecodeError):
        known = msgspec.json.decode((data / SHOP_FILE).read_bytes(), type=Addresses)
    try:
        secret = find_client_secret(data, secret_file)
        addresses = Addresses(
            service_url(url or known.front, "--url"),
            service_url(catalog or known.catalog, "--catalog"),
            service_url(order or known.order, "--order"),
        )
    except StartupError as error:
        fail(str(error))
    return Shop(addresses, secret or "")


def find_client_secret(data: Path, secret_file: Path | None) -> str | None:
    """Return the secret of a named file, of the shop that runs here, of BAZAR_SECRET, or none."""
    if secret_file is not None:
        return read_secret(secret_file)
    kept, given = data / SECRET_FILE, os.environ.get("BAZAR_SECRET")
    if kept.exists() and ((data / SHOP_FILE).exists() or not given):
        return read_secret(kept)
    return check_secret(given) if given else None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what the shop refuses into one line and exit code 1."""
    try:
        yield
    except RemoteError as error:
        fail(str(error))
