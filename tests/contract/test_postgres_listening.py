"""What a PostgreSQL's writers announce: told to each listener, in order, or known to be missing."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from bazar.kit.data.database import Transaction
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_connecting import DRIVER_ERRORS, Away, connect
from bazar.kit.data.postgres_listening import BEAT_INTERVAL_S, BEAT_TIMEOUT_S, Line, Listener
from support.moments import WAIT_S, until
from support.postgres import RELEASES, server

TURNS = 12
"""Of the loop, within which a connection does not begin to listen yet."""


class Ear:
    """Gathers what a listener tells."""

    def __init__(self, url: str) -> None:
        """Listen; the time is a number that grows with each look at it."""
        self.told: list[str] = []
        """Payloads in their order; `beat` and `lost` stand for themselves."""
        self.beats: list[float] = []
        self._ticks = count()
        self.listener = Listener(
            url,
            on_changes=self.told.extend,
            on_beat=self._beat,
            on_lost=lambda: self.told.append("lost"),
            clock=self.look,
        )

    def look(self) -> float:
        """Return the next number."""
        return float(next(self._ticks))

    def _beat(self, sent_at: float) -> None:
        self.beats.append(sent_at)
        self.told.append("beat")

    async def beaten_after(self, moment: float) -> None:
        """Wait for a beat that was sent after a moment."""
        await until(lambda: bool(self.beats) and self.beats[-1] > moment)

    def payloads(self) -> list[str]:
        """Return what was announced."""
        return [one for one in self.told if one not in {"beat", "lost"}]


@pytest.fixture(params=sorted(RELEASES))
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Make an empty database on each release in turn."""
    return server(RELEASES[request.param]).url(tmp_path / "test.db")


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    """Open it; each change is told in a payload of its own."""
    database = PostgresDatabase(url, encode=lambda changes: [str(one) for one in changes])
    yield database
    await database.close()


@pytest.fixture
async def ear(url: str) -> AsyncIterator[Ear]:
    """Listen to it."""
    ear = Ear(url)
    yield ear
    await ear.listener.close()


async def say(database: PostgresDatabase, *changes: object) -> None:
    """Announce some changes in one commit."""

    async def work(transaction: Transaction) -> None:
        for change in changes:
            transaction.announce(change)
        await transaction.one("SELECT 1")

    await database.write(work)


async def backends(database: PostgresDatabase, query: str) -> list[int]:
    """Return the processes of the server whose last statement begins so."""
    sql = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND starts_with(query, ?1)"
    )
    rows = await database.read(lambda t: t.all(sql, query))
    return [int(str(row[0])) for row in rows]


async def test_a_beat_proves_that_all_before_it_has_come(
    database: PostgresDatabase, ear: Ear
) -> None:
    """Whatever was committed before a beat was sent, by four writers at once, is told before it."""
    await ear.beaten_after(-1)
    said = count()
    for _ in range(5):
        await asyncio.gather(*(say(database, next(said)) for _ in range(40)))
        now = ear.look()
        ear.listener.ask()
        await ear.beaten_after(now)
        assert set(map(str, range(len(ear.payloads())))) == set(ear.payloads())
    assert 200 == len(ear.payloads())
    assert "lost" not in ear.told


async def test_changes_are_told_in_the_order_of_the_commits(
    database: PostgresDatabase, ear: Ear
) -> None:
    """Each transaction says the number that it counted, and quotes do no harm."""
    await database.write(lambda t: t.script("CREATE TABLE counters (total BIGINT)"))
    await database.write(lambda t: t.script("INSERT INTO counters VALUES (0)"))
    await ear.beaten_after(-1)

    async def count_on(transaction: Transaction) -> None:
        row = await transaction.one("UPDATE counters SET total = total + 1 RETURNING total")
        assert row is not None
        transaction.announce(f"it's {row[0]!r}")

    await asyncio.gather(*(database.write(count_on) for _ in range(50)))
    await until(lambda: len(ear.payloads()) == 50)
    assert [f"it's {number}" for number in range(1, 51)] == ear.payloads()


async def test_what_is_rolled_back_is_not_told(database: PostgresDatabase, ear: Ear) -> None:
    """A unit that raises announced nothing, and what follows is told."""
    await ear.beaten_after(-1)

    async def failing(transaction: Transaction) -> None:
        transaction.announce("never")
        await transaction.one("SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        await database.write(failing)
    await say(database, "after")
    await until(lambda: ear.payloads() != [])
    assert ["after"] == ear.payloads()


async def test_whoever_asks_for_a_beat_need_not_wait_for_the_next(ear: Ear) -> None:
    """A beat that was asked for while one was under way is sent after it, at once."""
    await ear.beaten_after(-1)
    started_s = time.monotonic()
    for _ in range(20):
        now = ear.look()
        ear.listener.ask()
        await ear.beaten_after(now)
    assert time.monotonic() - started_s < 20 * BEAT_INTERVAL_S / 2


@pytest.mark.parametrize("query", ["LISTEN", "NOTIFY bazar_beat"])
async def test_a_connection_that_is_lost_is_told_and_opened_again(
    database: PostgresDatabase, ear: Ear, query: str
) -> None:
    """Between the loss and the next beat nothing is known; after it all is told again."""
    await ear.beaten_after(-1)
    (backend,) = await backends(database, query)
    await database.read(lambda t: t.one("SELECT pg_terminate_backend(?1)", backend))
    await until(lambda: "lost" in ear.told)
    await ear.beaten_after(ear.look())
    await say(database, "after")
    await until(lambda: ear.payloads() == ["after"])
    assert 1 == ear.told.count("lost")
    assert 1 == len(await backends(database, "LISTEN"))


@pytest.mark.parametrize("query", ["LISTEN", "NOTIFY bazar_beat"])
async def test_a_connection_that_hangs_is_given_up(
    database: PostgresDatabase, ear: Ear, query: str
) -> None:
    """A beat that does not come back in time ends what was known, and both connections."""
    await ear.beaten_after(-1)
    (backend,) = await backends(database, query)
    os.kill(backend, signal.SIGSTOP)
    try:
        started_s = time.monotonic()
        await until(lambda: "lost" in ear.told)
        assert time.monotonic() - started_s < BEAT_INTERVAL_S + BEAT_TIMEOUT_S + 0.5
        await ear.beaten_after(ear.look())
    finally:
        os.kill(backend, signal.SIGCONT)
    assert 1 == ear.told.count("lost")


async def test_a_connection_that_is_lost_while_it_begins_to_listen_is_a_lost_one(url: str) -> None:
    """At whichever turn of the loop; what would end whoever listens for ever is no answer."""
    for turns in range(TURNS):
        ears, voice = await connect(url), await connect(url)
        opening = asyncio.create_task(Line(ears, voice, lambda _told: None).open())
        for _turn in range(turns):
            await asyncio.sleep(0)
        ears.terminate()
        with suppress(*DRIVER_ERRORS, Away):  # or it was done before
            await opening
        voice.terminate()


async def test_closing_is_told_and_ends_both_connections(
    database: PostgresDatabase, url: str
) -> None:
    """Whoever listened knows that nothing comes any more."""
    ear = Ear(url)
    await ear.beaten_after(-1)
    await ear.listener.close()
    assert "lost" == ear.told[-1]
    await say(database, "unheard")
    assert [] == ear.payloads()
    give_up_s = time.monotonic() + WAIT_S
    while await backends(database, "LISTEN") or await backends(database, "NOTIFY bazar_beat"):
        assert time.monotonic() < give_up_s, "a connection is still there"


async def test_a_server_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    """Nothing is told, and nothing raises."""
    ear = Ear(f"postgresql://nobody@/nothing?host={tmp_path}")
    await asyncio.sleep(0.25)
    await ear.listener.close()
    assert [] == ear.told
