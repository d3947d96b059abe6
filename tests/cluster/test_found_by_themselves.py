"""A shop whose services know no address: they find each other, and nobody else, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bazar.kit.identity import new_key
from bazar.kit.peers.addresses import Looking
from bazar.kit.peers.mdns import announce
from bazar.tools.remote import Addresses
from support.processes import free_ports, run_bazar, wait_for
from support.running import ThreeServices

LOOPBACK = "127.0.0.1"
TRIES_MAX = 8
PURCHASES = 10
Listen = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Announced(ThreeServices):
    """Three services that are told the name of their shop alone."""

    def __init__(self, folder: Path, name: str) -> None:
        """Name the shop."""
        super().__init__(folder)
        self.name = name
        found = Addresses(self.addresses.front, "mdns:", "mdns:")
        self.seen = {"order": found, "front": found}

    def command(self, service: str) -> list[str]:
        """Return the words that start a process."""
        return [*super().command(service), "--announce", "--shop", self.name]

    def move(self, service: str) -> None:
        """Have a service start at another port from now on."""
        url = f"http://{LOOPBACK}:{free_ports(1)[0]}"
        self.urls[service] = url


async def ready() -> bool:
    """Be ready."""
    return True


@asynccontextmanager
async def strange(name: str, listen: Listen) -> AsyncIterator[None]:
    """Announce somebody else as the catalog and the order service of a shop."""
    server = await asyncio.start_server(listen, LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    where = Looking(name, (LOOPBACK,))
    telling = [
        asyncio.create_task(announce(service, LOOPBACK, port, where, ready))
        for service in ("catalog", "order")
    ]
    try:
        yield
    finally:
        for task in telling:
            task.cancel()
        await asyncio.wait(telling)
        server.close()
        await server.wait_closed()


async def test_services_find_each_other_in_any_order_and_after_a_move(tmp_path: Path) -> None:
    """And nobody is taken in by a stranger who announces the same: he hears no secret.

    Nor does it help him to pass on what he is asked, to the true catalog, and to answer as it does.
    """
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            port = int(shop.urls["catalog"].rpartition(":")[2])
            answer, call = await asyncio.open_connection(LOOPBACK, port)
            call.write(heard[-1])
            answered.append(await answer.readuntil(b"}"))
            writer.write(answered[-1])
            await writer.drain()
            call.close()
        writer.close()

    answered: list[bytes] = []

    def passed() -> list[bytes]:
        return [answer for answer in answered if answer.startswith(b"HTTP/1.1 200 ")]

    name = f"found {new_key()}"
    with Announced(tmp_path, name) as shop:
        async with strange(name, listen):
            await asyncio.to_thread(shop.open, "front", "order", "catalog")
            book_id = await asyncio.to_thread(shop.add_book, PURCHASES + 1)
            await asyncio.to_thread(
                wait_for, "the proof of the catalog, passed on to two", lambda: len(passed()) > 1
            )
            async with shop.customers() as customers:
                for _ in range(PURCHASES):
                    assert 201 == (await customers.buy(book_id, new_key())).status
                await asyncio.to_thread(shop.stop, "order")
                shop.move("order")
                await asyncio.to_thread(shop.start, "order")
                key, tries = new_key(), 0
                while (
                    await customers.buy(book_id, key)
                ).status != 201:  # each waits for some seconds
                    tries += 1
                    assert tries < TRIES_MAX
            assert all(b" /readyz " in said for said in heard)
            assert not any(shop.secret.encode() in said for said in heard)
            words = ("--shop", name, "--interface", LOOPBACK, "--data", tmp_path / "none")
            expected = f"order: {shop.urls['order']} announced; not ours, or not ready"
            for _try in range(TRIES_MAX):  # a look is short, and hears who is quick enough
                found = await asyncio.to_thread(
                    run_bazar,
                    *("doctor", "--url", "mdns:", "--catalog", "mdns:", "--order", "mdns:", *words),
                    env={"BAZAR_SECRET": shop.secret},
                )
                if expected in found.out:
                    break
            assert expected in found.out
