"""Options of commands that find a shop on the network, or tell the network of one."""

import asyncio
import socket
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated
from unicodedata import normalize

import msgspec
import typer

from bazar.cli.terminal import misused
from bazar.kit.errors import StartupError
from bazar.kit.peers.addresses import MDNS, SHOP_BYTES_MAX, SHOP_DEFAULT, Looking
from bazar.kit.peers.credentials import Credentials
from bazar.kit.process.config import under_tls
from bazar.tools.remote import Addresses, ServiceName

if TYPE_CHECKING:
    from bazar.kit.peers.finding import Found

Announce = Annotated[
    bool,
    typer.Option(
        "--announce",
        help="Announce the service on the network (mDNS), for those who look with 'mdns:'.",
    ),
]
ShopName = Annotated[
    str,
    typer.Option(
        "--shop",
        envvar="BAZAR_SHOP",
        help="Which shop of several on the network, for --announce and 'mdns:'.",
    ),
]
Interfaces = Annotated[
    str,
    typer.Option(
        "--interface",
        metavar="ADDRESS",
        envvar="BAZAR_INTERFACE",
        help="Address or name of the interface for --announce and 'mdns:', or several with commas "
        "between.",
    ),
]
SHOP_OPTION = SHOP_DEFAULT
STRANGERS_SHOWN = 5


class NobodyFoundError(StartupError):
    """Nobody on the network announces the service that somebody looks for."""


def looking(shop: str, interfaces: str, host: str = "", *, announce: bool = False) -> Looking:
    """Return which shop is meant, and on which interfaces, or end with a clear message.

    Args:
        shop: its name.
        interfaces: those that were named, with commas between them.
        host: what the command itself listens on: without named ones the interfaces follow from
            it, and one that listens on loopback says nothing to any network.
        announce: whether that is announced there.
    """
    name = normalize("NFC", shop).strip()
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= SHOP_BYTES_MAX or not name.isprintable():
        misused(f"--shop takes a name of 1 to {SHOP_BYTES_MAX} bytes in one line, not {shop!r}")
    named = tuple(one.strip() for one in interfaces.split(",") if one.strip())
    if any(not one.isprintable() or set(one) & set(" /+") for one in named):
        misused(f"--interface takes addresses or names of interfaces, not {interfaces!r}")
    where = Looking(name, named or (_interfaces_of(host) if host else ()))
    if announce:
        _check_announced(host, where)
    return where


def _interfaces_of(host: str) -> tuple[str, ...]:
    """Return the addresses that a host to listen on stands for; none where it is all of them."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):  # whoever listens there says so
        return ()
    addresses = sorted({str(one[4][0]).partition("%")[0] for one in found})
    everywhere = any(ip_address(one).is_unspecified for one in addresses)
    return () if everywhere else tuple(addresses)


def _check_announced(host: str, where: Looking) -> None:
    """Make sure that others can reach what is announced, or end with a clear message."""
    from bazar.kit.peers.interfaces import interfaces

    own = _interfaces_of(host)
    outside = [one.name for one in interfaces(where.interfaces) if not one.is_loopback]
    if outside and own and all(ip_address(one).is_loopback for one in own):
        misused(
            f"--announce: nobody reaches {host} by the interface {outside[0]}; listen on another "
            "address with --host, or leave --interface out"
        )


def found_by(urls: str, where: Looking) -> str:
    """Return addresses in which `mdns:` says which shop is meant, and where it is looked for."""
    return ",".join(str(where) if url == MDNS else url for url in urls.split(","))


def announced_addresses(
    addresses: Addresses,
    asked: Collection[ServiceName],
    where: Looking,
    secret: str,
    tls: Credentials | None = None,
) -> Addresses:
    """Return addresses with those of whoever announces itself in place of `mdns:`.

    Args:
        addresses: of the three services.
        asked: the services that will be asked; nobody looks for the others.
        where: which shop is meant, and where it is looked for.
        secret: of the shop, which catalog and order service prove to know.
        tls: what a keeper shows of themselves, where those two are asked under TLS.

    Raises:
        NobodyFoundError: nobody announces itself, or nobody who proves to be of this shop.
    """
    sought = sought_there({name: getattr(addresses, name) for name in asked})
    for name, one in heard(sought, where, secret, tls).items():
        given = getattr(addresses, name).split(",")
        found = [url for url in given if url != MDNS]
        there = sorted(address.url for address in one.proven)
        found += map(under_tls, there) if tls and name != "front" else there
        if not found:
            raise NobodyFoundError(_nobody(name, one, where))
        kept = found[:1] if name == "front" else found
        addresses = msgspec.structs.replace(addresses, **{name: ",".join(kept)})
    return addresses


def sought_there(given: Mapping[ServiceName, str | None]) -> list[ServiceName]:
    """Return which services are looked for on the network, of those with these addresses."""
    return [name for name, urls in given.items() if MDNS in map(str.strip, (urls or "").split(","))]


def heard(
    sought: Collection[ServiceName], where: Looking, secret: str, tls: Credentials | None = None
) -> "dict[str, Found]":
    """Return who announces itself on the network as one of these services."""
    if not sought:
        return {}
    from bazar.kit.peers.finding import look

    return asyncio.run(look(dict.fromkeys(sought, where), secret, tls))


def _nobody(service: str, found: "Found", where: Looking) -> str:
    """Return why nobody was found, and what to do about it."""
    if found.strangers:
        shown = ", ".join(sorted(address.url for address in found.strangers)[:STRANGERS_SHOWN])
        return (
            f"{shown} is announced as the {service} service of the shop {where.shop!r}, and does "
            "not prove it, or is not ready: name its secret with --secret-file or BAZAR_SECRET, "
            "or another shop with --shop"
        )
    others = f"; there is one of {', '.join(map(repr, sorted(found.shops)))}" if found.shops else ""
    on = f" on {', '.join(where.interfaces)}" if where.interfaces else ""
    return (
        f"no {service} service of the shop {where.shop!r} is announced{on}{others}: start it with "
        "--announce, name the network with --interface, or its address"
    )
