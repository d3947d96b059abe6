"""The network interfaces of this machine: on which to announce, and under which addresses.

What listens on loopback is announced on the loopback interface alone. What listens everywhere is
announced under the addresses that other machines can reach, as far as they work just now: one
that IPv6 still makes sure of, or whose interface went away, is not there yet or any more.
"""

import socket
from collections.abc import Collection, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

import ifaddr

_LOOPBACK = "127.0.0.1"


class Interface(NamedTuple):
    """One interface, and its addresses that can be used now."""

    name: str
    number: int
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]
    """With those of the link alone, but without their zone."""

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine hears what is said here."""
        return any(ip_address(one).is_loopback for one in (*self.ipv4, *self.ipv6))


def interfaces(named: Collection[str] = ()) -> tuple[Interface, ...]:
    """Return the interfaces of this machine that have an address.

    Args:
        named: by an address or a name, those that are meant; none: all.
    """
    found = []
    for adapter in ifaddr.get_adapters():
        if adapter.index is None:
            continue
        ipv4 = [one.ip for one in adapter.ips if isinstance(one.ip, str) and _works(one.ip)]
        ipv6 = [one.ip for one in adapter.ips if not isinstance(one.ip, str)]
        ipv6_working = [ip[0] for ip in ipv6 if _works(ip[0], ip[2])]
        one = Interface(adapter.name, adapter.index, tuple(ipv4), tuple(ipv6_working))
        if (ipv4 or ipv6_working) and (not named or any(_is_named(one, name) for name in named)):
            found.append(one)
    return tuple(sorted(found))


def _works(ip: str, zone: int = 0) -> bool:
    """Tell whether this machine can send from an address."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind((ip, 0, 0, zone) if family == socket.AF_INET6 else (ip, 0))
    except OSError:
        return False
    return True


def _is_named(interface: Interface, name: str) -> bool:
    """Tell whether a name or an address means an interface; all of loopback is one."""
    if name == interface.name or name in {*interface.ipv4, *interface.ipv6}:
        return True
    address = as_address(name)
    return address is not None and address.is_loopback and interface.is_loopback


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address that a text is, or None."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def multicast_on(those: Sequence[Interface]) -> list[str | int]:
    """Return interfaces as zeroconf names them: by an address of IPv4, by their number for IPv6."""
    chosen: list[str | int] = []
    for one in those:
        if one.is_loopback:
            chosen += [_LOOPBACK] * (_LOOPBACK in one.ipv4)
            continue
        chosen += [*one.ipv4[:1], *([one.number] if one.ipv6 else [])]
    return chosen


def reached_at(host: str, those: Sequence[Interface], *, named: bool) -> tuple[str, ...]:
    """Return under which addresses others reach what listens on this machine.

    Args:
        host: the address that it listens on; 0.0.0.0 and :: are all of them.
        those: the interfaces on which it is announced.
        named: whether somebody named them; else nobody means loopback by all addresses.
    """
    own = ip_address(host)
    if own.is_loopback:
        return (host,) if all(one.is_loopback for one in those) else ()
    if not own.is_unspecified:
        return (host,) if _works(host) else ()
    outside = [one for one in those if not one.is_loopback]
    reached: list[str] = []
    for one in outside or (those if named else ()):
        reached += one.ipv4
        if own.version == ip_address("::").version:
            reached += [ip for ip in one.ipv6 if not ip_address(ip).is_link_local]
    return tuple(sorted(reached))
