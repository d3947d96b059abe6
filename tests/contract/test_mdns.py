"""Announcements on a real network, which is loopback: what is heard, believed, and forgotten.

Nothing here leaves this machine. Each test has a shop of its own, since all of them share it.
"""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from zeroconf import ServiceInfo, Zeroconf
from zeroconf.asyncio import AsyncZeroconf

from bazar.kit.identity import new_key
from bazar.kit.peers import candidates, mdns
from bazar.kit.peers.addresses import Address, Addresses, Looking, Prove, is_announced
from bazar.kit.peers.discovery import Discovery
from bazar.kit.peers.interfaces import Interface, interfaces
from bazar.kit.peers.mdns import Announced, announce, kind

BOUND_S = 10.0
LOOPBACK = "127.0.0.1"
GROUP = ("224.0.0.251", 5353)
CATALOG = kind("catalog")


@pytest.fixture
def looking() -> Looking:
    """Return a shop that nobody else announces, with a name that is odd."""
    return Looking(f"Café, 書店 = {new_key()}", (LOOPBACK,))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without long pauses."""
    monkeypatch.setattr(mdns, "LOOK_S", 0.02)
    monkeypatch.setattr(mdns, "EXPIRE_S", 0.02)
    monkeypatch.setattr(candidates, "PROVE_AGAIN_S", 0.02)


async def everybody(_address: Address) -> bool:
    """Believe everybody."""
    return True


async def ready() -> bool:
    """Be ready."""
    return True


def of(*ports: int, host: str = LOOPBACK) -> Addresses:
    """Return addresses of this machine."""
    return frozenset(Address(f"http://{host}:{port}") for port in ports)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(BOUND_S):
        while not holds():  # noqa: ASYNC110  many things are waited for here
            await asyncio.sleep(0.01)


@asynccontextmanager
async def told(
    looking: Looking, port: int, service: str = "catalog", host: str = LOOPBACK
) -> AsyncIterator[asyncio.Task[None]]:
    """Announce a service; withdraw it at the end."""
    task = asyncio.create_task(announce(service, host, port, looking, ready))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def heard(
    looking: Looking, prove: Prove = everybody, service: str = "catalog"
) -> AsyncIterator[Announced]:
    """Listen for announcements."""
    announced = Announced(service, looking)
    task = asyncio.create_task(announced.follow(lambda: None, prove))
    try:
        yield announced
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def speaking() -> AsyncIterator[Zeroconf]:
    """Speak to the network as anybody can."""
    opened = AsyncZeroconf(interfaces=[LOOPBACK])
    try:
        await opened.zeroconf.async_wait_for_start()
        yield opened.zeroconf
    finally:
        await opened.async_close()


def said(looking: Looking, name: str, port: int, **other: str) -> ServiceInfo:
    """Return an announcement that anybody could make."""
    return ServiceInfo(
        CATALOG,
        f"{name}.{CATALOG}",
        port=port,
        properties={"shop": looking.shop, "v": "1", **other},
        server=f"{name}.local.",
        parsed_addresses=[LOOPBACK],
    )


def ours(found: Announced) -> set[str]:
    """Return the names under which a service at port 5001 is announced."""
    heard_of = found._candidates._instances  # noqa: SLF001  names, which nothing else needs
    return {name for name, addresses in heard_of.items() if addresses == of(5001)}


async def test_whoever_is_announced_is_found_in_any_order(looking: Looking) -> None:
    """One was announced before somebody looked, the other comes later."""
    async with told(looking, 5001), heard(looking) as found:
        await until(lambda: of(5001) == found.known)
        async with told(looking, 5003):
            await until(lambda: of(5001, 5003) == found.known)
            assert of(5001, 5003) == found.announced
        await until(lambda: of(5001) == found.announced)
        assert of(5001, 5003) == found.known


async def test_other_shops_other_services_and_other_versions_are_not_meant(
    looking: Looking,
) -> None:
    """They are on the same network; the name of another shop is remembered for people."""
    other = looking._replace(shop=f"{looking.shop} too")
    async with (
        heard(looking) as found,
        told(other, 5001),
        told(looking, 5002, "order"),
        speaking() as anybody,
    ):
        anybody.async_send(anybody.generate_service_broadcast(said(looking, "v2", 5004, v="2"), 60))
        async with told(looking, 5003):
            await until(lambda: of(5003) == found.known)
        await until(lambda: other.shop in found.shops)
        assert of(5003) == found.known


async def test_nobody_is_believed_without_a_proof(looking: Looking) -> None:
    """Who cannot give one yet is asked again."""
    asked: list[str] = []
    may = asyncio.Event()

    async def prove(address: Address) -> bool:
        asked.append(address.url)
        return may.is_set() and address in of(5001)

    async with told(looking, 5001), told(looking, 666), heard(looking, prove) as found:
        await until(lambda: asked.count("http://127.0.0.1:666") > 2)
        assert frozenset() == found.known
        assert of(5001, 666) == found.announced
        may.set()
        await until(lambda: of(5001) == found.known)


async def test_what_a_service_says_of_itself_is_what_others_hear(looking: Looking) -> None:
    """Its shop, and its addresses, letter by letter."""
    said_of_it: list[str] = []
    task = asyncio.create_task(
        announce("catalog", LOOPBACK, 5001, looking, ready, tell=said_of_it.append)
    )
    async with heard(looking) as found:
        await until(lambda: of(5001) == found.known)
        (told_of_it,) = said_of_it
        assert all(is_announced(told_of_it, looking.shop, one.url) for one in found.known)
    task.cancel()
    await asyncio.wait({task})


async def test_a_service_is_announced_once_it_is_ready(looking: Looking) -> None:
    """Not before."""
    tries = 0

    async def ready_at_last() -> bool:
        nonlocal tries
        tries += 1
        assert frozenset() == found.announced
        return tries > 20

    async with heard(looking) as found:
        task = asyncio.create_task(announce("catalog", LOOPBACK, 5001, looking, ready_at_last))
        await until(lambda: of(5001) == found.known)
        task.cancel()
        await asyncio.wait({task})
        assert 21 == tries


async def test_a_goodbye_of_somebody_else_takes_nobody_away(looking: Looking) -> None:
    """It can be sent by anybody, for every name on the network."""
    async with told(looking, 5001), heard(looking) as found, speaking() as anybody:
        await until(lambda: of(5001) == found.known)
        (name,) = ours(found)
        goodbye = said(looking, name.partition(".")[0], 5001)
        anybody.async_send(anybody.generate_service_broadcast(goodbye, 0))
        anybody.async_send(anybody.generate_service_broadcast(said(looking, "last", 5009), 60))
        await until(lambda: of(5009) <= found.known)
        assert of(5001, 5009) == found.known


async def test_a_host_that_gets_another_address_is_announced_anew(looking: Looking) -> None:
    """As are its other addresses; where it has none it waits for one."""
    lan = Interface("lo", 1, (LOOPBACK,), ())
    there: list[Sequence[Interface]] = [()]

    async def run() -> None:
        await announce("catalog", LOOPBACK, 5001, looking, ready, see=lambda _named: there[-1])

    async with heard(looking) as found:
        task = asyncio.create_task(run())
        async with told(looking, 5003):
            await until(lambda: of(5003) == found.known)
        assert frozenset() == found.announced - of(5003)
        there.append((lan,))
        await until(lambda: of(5001) <= found.known)
        names = ours(found)
        there.append((lan._replace(number=7),))
        await until(lambda: bool(ours(found) - names))
        assert of(5001) <= found.known
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.filterwarnings(  # zeroconf leaves the socket of what it cannot open to the collector
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
async def test_a_network_that_cannot_be_opened_is_tried_again(
    looking: Looking,
) -> None:
    """What listens there hears all once it can."""
    nowhere = Interface("eth9", 999_999, ("203.0.113.9",), ("2001:db8::9",))
    there: list[Sequence[Interface]] = [(nowhere,)]
    announced = Announced("catalog", looking)
    looks = 0

    def see(_named: Sequence[str]) -> Sequence[Interface]:
        nonlocal looks
        looks += 1
        return there[-1]

    announced._network._see = see  # noqa: SLF001  the machine of this test
    task = asyncio.create_task(announced.follow(lambda: None, everybody))
    async with told(looking, 5001):
        await until(lambda: looks > 5)
        there.append(interfaces(looking.interfaces))
        await until(lambda: of(5001) == announced.known)
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("seed", range(3))
async def test_noise_on_the_network_changes_nothing(looking: Looking, seed: int) -> None:
    """Neither packets that are none, nor announcements of things that cannot be."""
    dice = random.Random(seed)
    odd = [
        said(looking, "port0", 0),
        ServiceInfo(CATALOG, f"none.{CATALOG}", port=5001, properties={"shop": looking.shop}),
        *(
            ServiceInfo(
                CATALOG,
                f"{name}.{CATALOG}",
                port=5001,
                properties=b"\xff\x00\x05shop=" + dice.randbytes(9),
                server="x.local.",
                parsed_addresses=["224.0.0.1", "0.0.0.0", "fe80::1"],  # noqa: S104
            )
            for name in ("x" * 63, "é", "a b", "\\", "=")
        ),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        noise.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK))
        async with heard(looking) as found, speaking() as anybody, told(looking, 5001):
            for one in odd:
                packets = anybody.generate_service_broadcast(one, 60).packets()
                for packet in packets:
                    noise.sendto(packet, GROUP)
                    damaged = bytearray(packet)
                    for _ in range(8):
                        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
                    noise.sendto(damaged, GROUP)
                noise.sendto(dice.randbytes(dice.randrange(1, 1400)), GROUP)
            async with told(looking, 5002):
                await until(lambda: of(5001, 5002) == found.known)


async def test_a_flood_hides_nobody(looking: Looking) -> None:
    """Whoever was found stays, and whoever comes meanwhile is found; no more is remembered."""

    async def prove(address: Address) -> bool:
        return address in of(5001, 5002)

    most = 2 * candidates.INSTANCES_MAX
    async with heard(looking, prove) as found, told(looking, 5001), speaking() as anybody:
        await until(lambda: of(5001) == found.known)
        for number in range(most):
            fake = said(looking, f"fake-{number}", 6000 + number)
            anybody.async_send(anybody.generate_service_broadcast(fake, None))
            if number % 20 == 0:
                await asyncio.sleep(0)
        async with told(looking, 5002):
            await until(lambda: of(5001, 5002) == found.known)
        assert len(found.announced) <= candidates.INSTANCES_MAX


async def test_the_word_stands_for_whoever_is_announced_among_addresses(
    looking: Looking,
) -> None:
    """An address that was given stays beside them, and each change is told."""
    changes: list[Addresses] = []
    found = Discovery(f"http://10.0.0.2:5001,{looking}", service="catalog")
    assert found.changes
    assert of(5001, host="10.0.0.2") == found.known
    task = asyncio.create_task(found.follow(changes.append, everybody))
    async with told(looking, 5003):
        await until(lambda: bool(changes))
    assert [of(5001, host="10.0.0.2") | of(5003)] == changes
    found.hurry()
    task.cancel()
    await asyncio.wait({task})
