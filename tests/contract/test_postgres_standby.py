"""Commits that wait for a synchronous standby which is not there: nothing is told before it has it.

The server is told to wait for a standby of a name that nobody has.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bazar.kit.data import postgres
from bazar.kit.data.database import Row, Transaction, Work
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_connecting import MARK
from bazar.kit.data.postgres_listening import Listener
from bazar.kit.errors import Unavailable
from support.moments import until
from support.notes import bodies, create, note
from support.postgres import RELEASES, Server, server

SHORT_S = 0.3
INSERT = "INSERT INTO notes (body) VALUES (?1) ON CONFLICT (body) DO NOTHING"


class Lonely:
    """A server whose standby can be taken away and given back."""

    def __init__(self, server: Server, database: PostgresDatabase, url: str) -> None:
        """Have none that is missing."""
        self._server = server
        self.database = database
        self.url = url

    async def lose(self) -> None:
        """Have commits wait from now on."""
        self._server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        self._server.execute("SELECT pg_reload_conf()")
        waits = False
        while not waits:  # the server takes a moment
            probe = await asyncpg.connect(self.url)
            waiting = asyncio.ensure_future(probe.execute(MARK))
            await asyncio.wait({waiting}, timeout=0.1)
            waits = not waiting.done()
            probe.terminate()
            await asyncio.gather(waiting, return_exceptions=True)

    def give_back(self) -> None:
        """Have all that waits go on."""
        self._server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        self._server.execute("SELECT pg_reload_conf()")

    async def committing(self) -> int:
        """Return the process of the server that waits in a commit of ours."""
        sql = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event = 'SyncRep' AND application_name = 'bazar'"
        )
        rows: list[Row] = []
        while not rows:
            rows = await self.database.read(lambda t: t.all(sql))
        ((pid,),) = rows
        assert isinstance(pid, int)
        return pid


@pytest.fixture(params=RELEASES)
async def lonely(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lonely]:
    """Open a database with one note, whose standby is gone."""
    running = server(RELEASES[request.param])
    url = running.url(tmp_path / "test.db")
    database = PostgresDatabase(url, encode=lambda changes: [str(one) for one in changes])
    await database.write(create)
    await database.write(note("there"))
    lonely = Lonely(running, database, url)
    try:
        await lonely.lose()
        yield lonely
    finally:
        lonely.give_back()
        await database.close()


async def look(transaction: Transaction) -> list[str]:
    """Answer from what is stored, and write nothing."""
    return await bodies(transaction)


async def write_what_is_there(transaction: Transaction) -> list[str]:
    """Find, by way of a write that writes nothing, what is stored."""
    assert 0 == await transaction.run(INSERT, "there")
    return await bodies(transaction)


async def write_many_that_are_there(transaction: Transaction) -> list[str]:
    """Find what is stored, by way of many writes that write nothing."""
    await transaction.run_many(INSERT, [("there",), ("there",)])
    assert [] == await transaction.all_many(f"{INSERT} RETURNING body", [("there",)])
    return await bodies(transaction)


async def announce(transaction: Transaction) -> list[str]:
    """Write nothing, and announce it."""
    transaction.announce("nothing")
    return await bodies(transaction)


@pytest.mark.parametrize(
    "work", [look, write_what_is_there, write_many_that_are_there, announce, note("new")]
)
async def test_no_write_answers_before_the_standby_has_what_it_tells(
    lonely: Lonely, work: Work[object]
) -> None:
    """One that only found what is stored waits as well; it may have been told by a lost commit."""
    with pytest.raises(Unavailable, match="nobody knows what became of a commit") as raised:
        await lonely.database.write(work, limit_s=SHORT_S)
    assert False is raised.value.definite
    assert ["there"] == await lonely.database.read(bodies)


async def test_a_single_write_waits_too(lonely: Lonely) -> None:
    """The server commits it by itself, and answers as late."""
    with pytest.raises(Unavailable, match="nobody knows what became of a commit"):
        await lonely.database.write(note("new"), single=True, limit_s=SHORT_S)
    assert ["there"] == await lonely.database.read(bodies)


async def test_reads_scans_and_lazy_writes_do_not_wait(lonely: Lonely) -> None:
    """They promise nothing of the standby."""
    assert ["there"] == await lonely.database.read(bodies)
    assert ["there"] == await lonely.database.scan(bodies)
    assert 1 == await lonely.database.write(note("lazy"), lazy=True)
    assert ["there", "lazy"] == await lonely.database.read(bodies)


async def test_a_caller_that_goes_away_cancels_no_commit(lonely: Lonely) -> None:
    """To cancel it would make it visible, and lose it with the server."""
    writing = asyncio.ensure_future(lonely.database.write(note("new")))
    await lonely.committing()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await asyncio.sleep(SHORT_S)
    assert ["there"] == await lonely.database.read(bodies)
    lonely.give_back()
    found: list[str] = []
    while found != ["there", "new"]:
        found = await lonely.database.read(bodies)


async def test_closing_cuts_a_commit_and_does_not_cancel_it(
    lonely: Lonely, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller hears that nobody knows, and nobody sees it."""
    monkeypatch.setattr(postgres, "CLOSE_S_MAX", SHORT_S)
    writing = asyncio.ensure_future(lonely.database.write(note("new"), idempotent=True))
    await lonely.committing()
    await lonely.database.close()
    with pytest.raises(Unavailable):
        await writing
    after = PostgresDatabase(lonely.url)
    assert ["there"] == await after.read(bodies)
    await after.close()


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
@pytest.mark.parametrize("single", [True, False])
async def test_a_commit_that_somebody_else_ends_is_not_acknowledged(
    lonely: Lonely, how: str, *, single: bool
) -> None:
    """The server says that all went well, with a warning, or nothing at all."""
    writing = asyncio.ensure_future(lonely.database.write(note("new"), single=single))
    backend = await lonely.committing()
    await lonely.database.read(lambda t: t.one(f"SELECT {how}(?1)", backend))
    with pytest.raises(Unavailable, match="nobody knows what became of a commit"):
        await writing


async def test_a_server_without_its_standby_has_no_beat(lonely: Lonely) -> None:
    """It may not be the one that sells any more: nobody may trust that it tells of every change."""
    beats: list[float] = []
    listener = Listener(
        lonely.url, on_changes=lambda _told: None, on_beat=beats.append, on_lost=lambda: None
    )
    try:
        await asyncio.sleep(SHORT_S)
        assert [] == beats
        lonely.give_back()
        await until(lambda: bool(beats))
    finally:
        await listener.close()
