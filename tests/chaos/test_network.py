"""The faulty network does to bytes what its faults say, and leaves them alone otherwise."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

import pytest

from chaos.network import DELAY_S, FAULTS, SLOW_BYTES, SLOW_PAUSE_S, Link

WORDS = b"buy a book " * 20
LASTS_S = 0.3
WAIT_S = 20.0


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """Return the way to a party that says everything back."""

    async def echo(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
            writer.close()
        except ConnectionError:
            writer.transport.abort()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Link("test", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as opened:
        yield opened
    server.close()
    await server.wait_closed()


async def connected(link: Link) -> tuple[StreamReader, StreamWriter]:
    """Connect through the link, and see that it passes bytes."""
    host, _, port = link.url.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await ask(reader, writer)
    return reader, writer


async def ask(reader: StreamReader, writer: StreamWriter) -> float:
    """Send the words, expect them back, and return after how many seconds they were there."""
    clock = asyncio.get_running_loop().time
    started_s = clock()
    writer.write(WORDS)
    assert WORDS == await asyncio.wait_for(reader.readexactly(len(WORDS)), WAIT_S)
    return clock() - started_s


@pytest.mark.parametrize(
    ("kind", "at_least_s"),
    [
        ("delay", 2 * DELAY_S),
        ("cut", LASTS_S * 0.9),
        ("slow bytes", SLOW_PAUSE_S * (len(WORDS) // SLOW_BYTES) * 0.9),
    ],
)
async def test_what_is_held_up_arrives_whole(link: Link, kind: str, at_least_s: float) -> None:
    """Late bytes are the same bytes, and after the fault they are in time again."""
    reader, writer = await connected(link)
    fault = asyncio.create_task(_strike(link, kind))
    await asyncio.sleep(0)
    assert at_least_s <= await ask(reader, writer)
    await fault
    await ask(reader, writer)
    writer.close()


async def test_a_reset_ends_connections_with_an_error(link: Link) -> None:
    """Who waits for an answer learns at once that there will be none; later others may connect."""
    reader, writer = await connected(link)
    fault = asyncio.create_task(_strike(link, "reset"))
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), WAIT_S)
    writer.close()
    await fault
    _reader, writer = await connected(link)
    writer.close()


async def test_lost_answers_end_in_a_reset(link: Link) -> None:
    """The request arrives, its answer does not."""
    reader, writer = await connected(link)
    fault = asyncio.create_task(_strike(link, "lost answers"))
    await asyncio.sleep(0)
    writer.write(WORDS)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(1), WAIT_S)
    writer.close()
    await fault


async def test_a_half_close_ends_one_direction(link: Link) -> None:
    """Of two connections one ends toward the near side, the other toward the far side."""
    pairs = [await connected(link) for _ in range(2)]
    await _strike(link, "half-close")
    for reader, writer in pairs:
        assert b"" == await asyncio.wait_for(reader.read(), WAIT_S)
        writer.close()


async def _strike(link: Link, kind: str) -> None:
    await FAULTS[kind](link, LASTS_S)
