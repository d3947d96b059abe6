"""Settings: what a process is told by options and environment variables, checked once at start."""

import re
import shlex
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from bazar.kit.errors import StartupError
from bazar.kit.peers.addresses import MDNS
from bazar.kit.process.postgres_programs import INSTALL
from bazar.kit.secret import check_secret, is_loopback, read_or_make_secret, read_secret

PORT_MAX = 65535
POSTGRES_SCHEMES = ("postgresql://", "postgres://")
ENGINES = frozenset({"sqlite", "postgresql", "postgres"})
"""Words that `bazar up` knows: nobody means a file by them."""
_USER = re.compile("[^/?#@:]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
"""Begins an address, even one that is not written as it should be."""
SECRET_FILE = "secret"  # noqa: S105  a file name
RESTORING_FILE = "restoring"
"""In a data folder while a restore puts its files there, and so after one that was killed."""


def database_path(url: str | None, default: Path) -> Path:
    """Return the file of `sqlite:///relative.db`, `sqlite:////absolute.db`, or of a plain path.

    Raises:
        StartupError: another kind of database.
    """
    if not url:
        return default
    if url in ENGINES:
        message = (
            f"{url} is no database of a single service: name sqlite:///FILE or "
            "postgresql://HOST/NAME; a PostgreSQL of its own is run by 'bazar up' alone"
        )
        raise StartupError(message)
    if not _SCHEME.match(url):
        return Path(url)
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite" or not rest.startswith("/") or len(rest) == 1:
        message = f"the database {url} is not of the form sqlite:///FILE or postgresql://HOST/NAME"
        raise StartupError(message)
    return Path(rest[1:])


def is_postgres(url: str | None) -> bool:
    """Tell whether a database's address is one of a PostgreSQL."""
    return (url or "").startswith(POSTGRES_SCHEMES)


def database_place(url: str | None, default: Path, service: str) -> Path | str:
    """Return the file of a service's database, or its address in a PostgreSQL.

    Args:
        url: as it was named.
        default: the file where none was named.
        service: whose; a PostgreSQL whose address names no database keeps it under this name.

    Raises:
        StartupError: another kind of database, or there is nothing to speak to it with.
    """
    if not is_postgres(url):
        return database_path(url, default)
    check_driver()
    before, name, query = postgres_parts(str(url))
    return f"{before}/{name or service}{query}"


def check_driver() -> None:
    """Make sure that there is something to speak to a PostgreSQL with.

    Raises:
        StartupError: there is not.
    """
    if find_spec("asyncpg") is None:
        message = f"PostgreSQL needs the Python package asyncpg; get it with: {INSTALL}"
        raise StartupError(message)


def postgres_parts(url: str) -> tuple[str, str, str]:
    """Return what stands before a database's name in an address, the name, and what follows it.

    An address may name several hosts, with commas between them, which is no address of the web.
    """
    address, mark, query = url.partition("?")
    scheme, separator, rest = address.partition("://")
    hosts, _, name = rest.partition("/")
    return f"{scheme}{separator}{hosts}", name, f"{mark}{query}"


def without_password(url: str) -> str:
    """Return an address of a PostgreSQL as everybody may see it: user, hosts and database alone.

    A password may not be written as it should be, with `/`, `?` or `@` in it.
    """
    address, _, query = url.partition("?")
    scheme, separator, rest = address.partition("://")
    if "@" in query:
        return f"{scheme}{separator}"
    who, _, place = rest.rpartition("@")
    hosts, _, name = place.partition("/")
    user = who.partition(":")[0]
    shown = f"{user}@" if _USER.fullmatch(user) else ""
    return f"{scheme}{separator}{shown}{hosts}/{name}"


def listening_host(host: str) -> str:
    """Return an address or a name to listen on, without the brackets of an address of IPv6.

    Raises:
        StartupError: it is empty, which would mean every address, or has a zone, which no address
            of the web can name.
    """
    bare = host.strip().removeprefix("[").removesuffix("]")
    if not bare or "%" in bare or "/" in bare:
        message = (
            f"--host takes an address of this machine or a name of it, such as 127.0.0.1, ::1 or "
            f"localhost, not {host!r}; 0.0.0.0 and :: are all of them"
        )
        raise StartupError(message)
    return bare


def service_url(url: str, what: str, *, found: bool = False) -> str:
    """Return an http address without its last slash.

    Args:
        url: the address.
        what: it is, for error messages.
        found: whether `mdns:` would do as well.

    Raises:
        StartupError: it is none.
    """
    try:
        parts = urlsplit(url)
        proper = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        proper = proper and not (parts.query or parts.fragment)
    except ValueError:
        proper = False
    if not proper:
        also = f", or {MDNS}" * found
        message = f"{what} must be an address such as http://127.0.0.1:5001{also}, not {url!r}"
        raise StartupError(message)
    return url.rstrip("/")


def service_urls(urls: str, what: str, *, tls: bool = False) -> str:
    """Return http addresses with commas between them, each without its last slash, or `mdns:`.

    Args:
        urls: the addresses.
        what: they are, for error messages.
        tls: whether only those under TLS are good.

    Raises:
        StartupError: there is none, or one of them is none.
    """
    given = [url.strip() for url in urls.split(",") if url.strip()]
    checked = [
        url if url == MDNS else service_url(url, what, found=True) for url in given or [urls]
    ]
    for url in checked:
        if tls and url != MDNS and not url.startswith("https:"):
            message = (
                f"with --tls nothing is sent in the clear, so {what} takes no {url}: name "
                f"https{url.removeprefix('http')}, of a service that was started with --tls as well"
            )
            raise StartupError(message)
    return ",".join(checked)


def under_tls(url: str) -> str:
    """Return the usual address of a service as one under TLS."""
    return url.replace("http:", "https:", 1)


def proxy_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the network addresses of proxies, such as `10.0.0.2, 192.0.2.0/24`.

    Raises:
        StartupError: one of them is none.
    """
    try:
        return tuple([ip_network(one.strip()) for one in text.split(",") if one.strip()])
    except ValueError as error:
        message = f"proxies are network addresses such as 10.0.0.2 or 192.0.2.0/24: {error}"
        raise StartupError(message) from error


def find_secret(given: str | None, file: Path | None, data: Path, host: str) -> str:
    """Return the service secret: given, from a file, or made in the data folder.

    Raises:
        StartupError: it is too short, cannot be read, or the address can be reached from other
            machines and nobody chose a secret; or the folder holds half a shop.
    """
    refuse_half_restored(data)
    if given:
        return check_secret(given)
    if file is not None:
        return read_secret(file)
    if not is_loopback(host):
        message = (
            f"{host} can be reached from other machines: give all services one secret, "
            "with BAZAR_SECRET or --secret-file"
        )
        raise StartupError(message)
    return read_or_make_secret(data / SECRET_FILE)


def refuse_half_restored(data: Path) -> None:
    """Refuse a data folder that a restore has not filled to its end: a part of a shop is none.

    Raises:
        StartupError: it is one.
    """
    if (data / RESTORING_FILE).exists():
        message = (
            f"the data folder {data} holds half a shop, since a restore is under way or broke off: "
            f"run 'bazar restore FILE --data {shlex.quote(str(data))}' once more"
        )
        raise StartupError(message)
