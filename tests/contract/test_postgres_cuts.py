"""A connection to PostgreSQL that breaks: what was done, what is said of it, and what runs again.

The wire between this process and the server breaks before or after a message of the test's choice.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from bazar.kit.data import postgres_pool
from bazar.kit.data.database import Transaction
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_listening import Listener
from bazar.kit.errors import Unavailable
from support.cutting import Where, Wire, wire_to
from support.moments import until
from support.notes import bodies, create
from support.postgres import RELEASES, server

COMMIT = b"COMMIT"
INSERT = "INSERT INTO notes (body) VALUES (?1) ON CONFLICT (body) DO NOTHING"


class Cuttable(NamedTuple):
    """A database behind a wire."""

    database: PostgresDatabase
    wire: Wire
    url: str
    """Past the wire."""


@pytest.fixture(params=RELEASES)
async def cuttable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Cuttable]:
    """Open a database with a table of notes through a wire."""
    url = server(RELEASES[request.param]).url(tmp_path / "test.db")
    async with wire_to(url) as (wire, near):
        database = PostgresDatabase(near, encode=lambda changes: [str(one) for one in changes])
        await database.write(create)
        yield Cuttable(database, wire, url)
        await database.close()


class Keyed:
    """A unit that writes a note which may be there already, and counts how often it ran."""

    def __init__(self, body: str) -> None:
        """Have run never."""
        self._body = body
        self.runs = 0

    async def __call__(self, transaction: Transaction) -> int:
        """Write it, and say which run that was."""
        self.runs += 1
        transaction.announce(f"{self._body} {self.runs}")
        return await transaction.run(INSERT, self._body)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_commit_without_an_answer_is_indefinite(cuttable: Cuttable, where: Where) -> None:
    """It is run once, whatever became of it; the next one finds a new connection."""
    database, wire, _ = cuttable
    unit = Keyed("a")
    wire.cut_at(COMMIT, where)
    with pytest.raises(Unavailable, match="nobody knows what became of a commit") as raised:
        await database.write(unit)
    assert False is raised.value.definite
    assert 1 == unit.runs
    assert (["a"] if where == "after" else []) == await database.read(bodies)
    assert 1 == await database.write(Keyed("b"))


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_unit_that_may_run_twice_is_run_again(cuttable: Cuttable, where: Where) -> None:
    """Its caller hears of its success, and it is done once."""
    database, wire, _ = cuttable
    unit = Keyed("a")
    wire.cut_at(COMMIT, where, times=2)
    assert (1 if where == "before" else 0) == await database.write(unit, idempotent=True)
    assert 3 == unit.runs
    assert ["a"] == await database.read(bodies)


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("mark", [b"BEGIN", b"INSERT INTO notes"])
async def test_before_its_commit_every_unit_is_run_again(
    cuttable: Cuttable, mark: bytes, where: Where
) -> None:
    """Nothing was done by the first run, and nobody hears what it announced."""
    database, wire, url = cuttable
    told: list[str] = []
    beats: list[float] = []
    listener = Listener(
        url, on_changes=told.extend, on_beat=beats.append, on_lost=lambda: None, clock=lambda: 0.0
    )
    await until(lambda: beats != [])
    unit = Keyed("a")
    wire.cut_at(mark, where)
    assert 1 == await database.write(unit)
    assert ["a"] == await database.read(bodies)
    await until(lambda: told != [])
    await listener.close()
    assert [f"a {unit.runs}"] == told
    assert (2 if mark != b"BEGIN" else 1) == unit.runs


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_unit_of_one_statement_is_its_own_commit(
    cuttable: Cuttable, where: Where, *, idempotent: bool
) -> None:
    """Where its answer is lost nobody knows, and only one that may run twice is run again."""
    database, wire, _ = cuttable

    async def single(transaction: Transaction) -> int:
        return await transaction.run("INSERT INTO notes (body) VALUES ('a') ON CONFLICT DO NOTHING")

    wire.cut_at(b"INSERT INTO notes", where)
    if idempotent:
        await database.write(single, single=True, idempotent=True)
        assert ["a"] == await database.read(bodies)
    else:
        with pytest.raises(Unavailable, match="nobody knows"):
            await database.write(single, single=True)
        assert (["a"] if where == "after" else []) == await database.read(bodies)


async def test_a_connection_that_is_lost_before_the_commit_is_definite(cuttable: Cuttable) -> None:
    """Where it is known to be closed no COMMIT was sent: the unit is run again."""
    database, wire, _ = cuttable
    runs: list[int] = []

    async def work(transaction: Transaction) -> int:
        runs.append(await transaction.run(INSERT, "a"))
        if len(runs) == 1:
            wire.cut()
            await until(lambda: wire.connections == 0)
            await asyncio.sleep(0.05)  # the driver hears of it
        return len(runs)

    assert 2 == await database.write(work)
    assert [1, 1] == runs
    assert ["a"] == await database.read(bodies)


async def test_reads_and_scans_are_asked_again(cuttable: Cuttable) -> None:
    """Whatever breaks in them, their askers do not notice."""
    database, wire, _ = cuttable
    await database.write(Keyed("a"))
    for ask in (database.read, database.scan):
        wire.cut_at(b"SELECT body", "after")
        assert ["a"] == await ask(bodies)
    wire.cut_at(b"BEGIN ISOLATION", "before")
    assert ["a"] == await database.scan(bodies)


async def test_connections_that_broke_while_nobody_used_them_cost_nothing(
    cuttable: Cuttable,
) -> None:
    """A unit that may not run twice does not even notice."""
    database, wire, _ = cuttable
    wire.cut()
    await until(lambda: wire.connections == 0)
    await asyncio.sleep(0.05)  # the driver hears of it
    unit = Keyed("a")
    assert 1 == await database.write(unit)
    assert 1 == unit.runs


async def test_one_that_breaks_takes_along_all_that_nobody_uses(cuttable: Cuttable) -> None:
    """Of every kind: what broke one may have broken them all, or leads to another server now."""
    database, wire, _ = cuttable
    everyone = asyncio.Barrier(4)

    async def together(transaction: Transaction) -> None:
        await everyone.wait()
        await transaction.one("SELECT 1")

    await asyncio.gather(*(database.write(together) for _ in range(4)))
    await asyncio.gather(database.read(bodies), database.scan(bodies))
    await database.write(Keyed("lazy"), lazy=True)
    assert 7 == wire.connections
    wire.cut_at(COMMIT, "after")
    with pytest.raises(Unavailable):
        await database.write(Keyed("a"))
    await until(lambda: wire.connections == 0)


async def test_patience_ends(cuttable: Cuttable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stays away is told of in our own words, soon, and without its address."""
    monkeypatch.setattr(postgres_pool, "PATIENCE_S", 0.2)
    database, wire, _ = cuttable
    wire.refuses = True
    wire.cut()
    for ask in (database.read, database.scan, database.write):
        with pytest.raises(Unavailable, match="the database cannot be reached: "):
            await ask(bodies)
    wire.refuses = False
    assert [] == await database.read(bodies)


async def test_a_short_absence_is_a_pause(cuttable: Cuttable) -> None:
    """A unit that may not run twice waits until the server is there again."""
    database, wire, _ = cuttable
    wire.refuses = True
    wire.cut()
    unit = Keyed("a")
    writing = asyncio.ensure_future(database.write(unit))
    await until(lambda: database.used() == 0 and wire.connections == 0)
    await asyncio.sleep(0.3)
    wire.refuses = False
    assert 1 == await writing
    assert 1 == unit.runs


async def test_one_that_is_lost_as_it_opens_is_a_pause(cuttable: Cuttable) -> None:
    """The server lets it in and is gone, as one does that is killed just then."""
    database, wire, _ = cuttable
    wire.cut()
    wire.greeted = 2
    assert 1 == await database.write(Keyed("a"))
    assert 0 == wire.greeted
    assert ["a"] == await database.read(bodies)
