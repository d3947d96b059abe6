"""Whether a request that failed may have reached somebody, who then may have done it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pyreqwest.exceptions import RequestError

from bazar.kit.peers.answers import is_unsent
from bazar.kit.peers.client import new_client
from support.processes import free_ports

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(10)  # what is left unread makes the kernel reset
    writer.transport.abort()


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
    await writer.drain()
    writer.close()


async def failed(port: int) -> RequestError:
    """Ask a port, and return how that failed."""
    async with new_client() as client:
        with pytest.raises(RequestError) as caught:
            await (await client.get(f"http://127.0.0.1:{port}/x").build().send()).bytes()
    return caught.value


@pytest.mark.parametrize("serve", [_close, _reset, _break_off])
async def test_what_was_sent_may_have_been_done(serve: Serve) -> None:
    """Whoever got it went away before an answer: the transport calls that no connection, too."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        assert not is_unsent(await failed(server.sockets[0].getsockname()[1]))


async def test_what_reached_nobody_did_nothing() -> None:
    """Where nobody listens."""
    assert is_unsent(await failed(free_ports(1)[0]))
