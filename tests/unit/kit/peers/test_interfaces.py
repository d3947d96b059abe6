"""Interfaces: what is announced on which of them, under which addresses."""

import pytest

from bazar.kit.peers.interfaces import Interface, interfaces, multicast_on, reached_at

LO = Interface("lo", 1, ("127.0.0.1",), ("::1",))
LAN = Interface("eth0", 2, ("10.0.0.2", "10.0.0.3"), ("fd00::2", "fe80::2"))
OTHER = Interface("eth1", 3, (), ("fe80::3",))


@pytest.mark.parametrize(
    ("host", "there", "named", "reached"),
    [
        ("127.0.0.2", [LO], True, ["127.0.0.2"]),
        ("::1", [LO], True, ["::1"]),
        ("127.0.0.1", [LO, LAN], True, []),
        ("127.0.0.1", [LAN], True, []),
        ("0.0.0.0", [LO, LAN, OTHER], False, ["10.0.0.2", "10.0.0.3"]),  # noqa: S104
        ("::", [LO, LAN, OTHER], False, ["10.0.0.2", "10.0.0.3", "fd00::2"]),
        ("0.0.0.0", [LO], False, []),  # noqa: S104
        ("0.0.0.0", [LO], True, ["127.0.0.1"]),  # noqa: S104
        ("0.0.0.0", [LO, LAN], True, ["10.0.0.2", "10.0.0.3"]),  # noqa: S104
        ("203.0.113.99", [LO, LAN], False, []),
    ],
)
def test_what_others_reach_is_announced(
    host: str,
    there: list[Interface],
    named: bool,  # noqa: FBT001  a column of the table above
    reached: list[str],
) -> None:
    """Loopback only where nobody else hears it; no address of a link; none that is not ours."""
    assert tuple(reached) == reached_at(host, there, named=named)


def test_multicast_is_sent_once_an_interface() -> None:
    """By an address of IPv4, and by its number for IPv6; on loopback by IPv4 alone."""
    assert ["127.0.0.1", "10.0.0.2", 2, 3] == multicast_on([LO, LAN, OTHER])


@pytest.mark.parametrize("name", ["127.0.0.1", "127.9.9.9", "lo"])
def test_loopback_is_found_by_any_of_its_addresses_and_by_its_name(name: str) -> None:
    """All of 127.0.0.0/8 belongs to it, though it shows one."""
    (found,) = interfaces([name])
    assert found.is_loopback
    assert "127.0.0.1" in found.ipv4


def test_an_interface_that_is_not_there_is_not_found() -> None:
    """It may come later."""
    assert () == interfaces(["203.0.113.99", "nothing0"])
