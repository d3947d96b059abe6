"""The storm's own PostgreSQL suffers what it is told to, and keeps what it has said."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from chaos.database import DatabaseServer, address
from chaos.network import Link
from support.postgres import needing_postgres
from support.processes import wait_for

ANSWER_S = 0.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseServer]:
    """Run one with an empty database."""
    with needing_postgres():
        made = DatabaseServer(tmp_path_factory.mktemp("database"), ["catalog"])
    with made as running:
        yield running


async def connected(url: str) -> Any:  # noqa: ANN401  asyncpg has no types
    """Connect as soon as it is ready."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await asyncpg.connect(url)
            except (asyncpg.PostgresError, OSError):
                await asyncio.sleep(0.02)


async def kept(server: DatabaseServer) -> list[str]:
    """Return the words that the database holds."""
    connection = await connected(server.url("catalog"))
    rows = await connection.fetch("SELECT word FROM kept ORDER BY word")
    await connection.close()
    return [row["word"] for row in rows]


async def test_what_was_committed_outlives_a_kill(server: DatabaseServer) -> None:
    """It is killed with all its processes, and starts again with what it had told a client."""
    connection = await connected(server.url("catalog"))
    await connection.execute("CREATE TABLE kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ('told')")
    first = server.process
    server.kill()
    assert first is not None
    assert first.poll() is not None
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.execute("INSERT INTO kept VALUES ('lost')")
    server.start()
    wait_for("it is ready", server.ready)
    assert ["told"] == await kept(server)


async def test_one_that_stands_still_answers_later(server: DatabaseServer) -> None:
    """Not only its first process: nobody who is connected hears anything."""
    connection = await connected(server.url("catalog"))
    server.pause()
    asked = asyncio.ensure_future(connection.fetchval("SELECT 7"))
    done, _ = await asyncio.wait([asked], timeout=ANSWER_S)
    assert not done
    server.resume()
    assert 7 == await asked
    await connection.close()


async def test_a_crash_ends_every_connection_and_it_recovers(server: DatabaseServer) -> None:
    """One process dies, all others give up what they were at, and the server goes on."""
    connection = await connected(server.url("catalog"))
    first = server.process
    ended = asyncio.Event()
    connection.add_termination_listener(lambda _connection: ended.set())
    server.crash()
    async with asyncio.timeout(10):
        await ended.wait()
    again = await connected(server.url("catalog"))
    assert 7 == await again.fetchval("SELECT 7")
    await again.close()
    assert first is server.process


async def test_a_link_leads_to_it(server: DatabaseServer) -> None:
    """So that a service can be cut off from its database while that goes on."""
    async with Link("order to database", server.socket) as link:
        connection = await connected(address(link.url, "catalog"))
        assert 7 == await connection.fetchval("SELECT 7")
        cut = asyncio.create_task(link.cut(ANSWER_S))
        await asyncio.sleep(0)
        asked = asyncio.ensure_future(connection.fetchval("SELECT 8"))
        await asyncio.wait([asked, cut], return_when=asyncio.FIRST_COMPLETED)
        assert cut.done()
        assert 8 == await asked
        await connection.close()
