"""What a transaction announces, on every engine: told once it is committed, in order, or never."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from bazar.kit.clock import passing_s
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.data.postgres import PostgresDatabase
from bazar.kit.data.postgres_listening import Listener
from bazar.kit.data.sqlite import SqliteDatabase
from support.moments import until
from support.postgres import RELEASES, server

WAIT_S = 10.0


class Heard(Protocol):
    """A database, and what is told of it."""

    database: Database
    told: list[Any]

    async def settle(self) -> None:
        """Return when all is told that was committed before."""
        ...


class HeardHere:
    """An engine that tells this process alone, before it answers."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        self.told: list[Any] = []
        self.database: Database = SqliteDatabase(path, deliver=self.told.extend)

    async def settle(self) -> None:
        """Do nothing."""


class HeardEverywhere:
    """An engine that tells all who listen, in a moment."""

    def __init__(self, url: str) -> None:
        """Open it, and listen to it."""
        self.told: list[Any] = []
        self.database: Database = PostgresDatabase(url, encode=_encoded)
        self._beaten = asyncio.Event()
        self._after = 0.0
        self.listener = Listener(
            url, on_changes=self._hear, on_beat=self._beat, on_lost=self._beaten.clear
        )

    async def settle(self) -> None:
        """Wait for a beat that was sent from now on."""
        self._after = passing_s()
        self._beaten.clear()
        self.listener.ask()
        await asyncio.wait_for(self._beaten.wait(), WAIT_S)

    def _hear(self, payloads: list[str]) -> None:
        for payload in payloads:
            self.told.extend(json.loads(payload))

    def _beat(self, sent_at: float) -> None:
        if sent_at >= self._after:
            self._beaten.set()


def _encoded(changes: Sequence[object]) -> Iterable[str]:
    return [json.dumps(list(changes))]


@asynccontextmanager
async def _here(path: Path) -> AsyncIterator[Heard]:
    heard = HeardHere(path)
    yield heard
    await heard.database.close()


@asynccontextmanager
async def _everywhere(release: int, path: Path) -> AsyncIterator[Heard]:
    heard = HeardEverywhere(server(release).url(path))
    try:
        await heard.settle()
        yield heard
    finally:
        await heard.listener.close()
        await heard.database.close()


def _opened(engine: str, path: Path) -> AbstractAsyncContextManager[Heard]:
    return _everywhere(RELEASES[engine], path) if engine in RELEASES else _here(path)


@pytest.fixture(params=["sqlite", *RELEASES])
async def heard(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Heard]:
    """Open a database with a table of notes, and hear what it tells."""
    async with _opened(request.param, tmp_path / "test.db") as heard:
        await heard.database.write(
            lambda t: t.script("CREATE TABLE notes (body TEXT NOT NULL UNIQUE)")
        )
        yield heard


def note(*bodies: str, fault: Exception | None = None) -> Work[None]:
    """Return a unit that writes notes, announces each, and then raises, if it should."""

    async def work(transaction: Transaction) -> None:
        for body in bodies:
            transaction.announce(body)
            await transaction.run("INSERT INTO notes (body) VALUES (?1)", body)
        if fault is not None:
            raise fault

    return work


async def kept(database: Database) -> set[str]:
    """Return the notes that are there."""
    rows = await database.read(lambda t: t.all("SELECT body FROM notes"))
    return {str(row[0]) for row in rows}


async def test_what_a_unit_announced_is_told(heard: Heard) -> None:
    """Its changes come in their order, after those of the unit before, and once."""
    await heard.database.write(note("a", "it's"))
    await heard.database.write(note("c"))
    await heard.settle()
    assert ["a", "it's", "c"] == heard.told


async def test_a_commit_without_changes_tells_nothing(heard: Heard) -> None:
    """Whoever listens is never woken for nothing."""
    await heard.database.write(note())
    await heard.settle()
    assert [] == heard.told


async def test_what_is_told_is_already_there(heard: Heard) -> None:
    """A reader that is woken by a change finds it."""
    for number in range(20):
        writing = asyncio.ensure_future(heard.database.write(note(str(number))))
        await until(lambda: len(heard.told) > number)  # noqa: B023  called before the next
        assert str(number) in await kept(heard.database)
        await writing


async def test_a_unit_that_raises_tells_nothing(heard: Heard) -> None:
    """It is rolled back with all that it announced."""
    with pytest.raises(LookupError):
        await heard.database.write(note("a", fault=LookupError("on purpose")))
    await heard.settle()
    assert [] == heard.told
    assert set() == await kept(heard.database)


async def test_those_beside_a_unit_that_raises_are_told_once(heard: Heard) -> None:
    """Whatever ran twice, and whatever broke a rule after its first note, is told once or never."""
    database = heard.database
    results = await asyncio.gather(
        database.write(note("a")),
        database.write(note("never", fault=LookupError("on purpose"))),
        database.write(note("b")),
        database.write(note("d")),
        return_exceptions=True,
    )
    with pytest.raises(Exception, match=r"(?i)unique"):
        await database.write(note("c", "a"))
    assert [None, None, None] == [results[0], results[2], results[3]]
    await heard.settle()
    assert ["a", "b", "d"] == sorted(heard.told)
    assert {"a", "b", "d"} == await kept(database)


async def test_a_caller_that_goes_away_does_not_hide_its_changes(heard: Heard) -> None:
    """What was committed is told, even where nobody waited for the answer."""
    early = asyncio.ensure_future(heard.database.write(note("early")))
    await asyncio.sleep(0)
    early.cancel()
    await heard.database.write(note("last"))
    await until(lambda: "early" in heard.told)
    await heard.settle()
    assert early.cancelled()
    assert ["early", "last"] == sorted(heard.told)


async def test_changes_are_told_in_the_order_of_the_commits(heard: Heard) -> None:
    """Each unit announces the number that it wrote, and the numbers never go back."""
    database = heard.database
    await database.write(lambda t: t.script("CREATE TABLE counters (total INTEGER NOT NULL)"))
    await database.write(lambda t: t.run("INSERT INTO counters VALUES (0)"))

    async def count(transaction: Transaction) -> None:
        row = await transaction.one("UPDATE counters SET total = total + 1 RETURNING total")
        assert row is not None
        transaction.announce(row[0])

    async def client() -> None:
        for _ in range(10):
            await database.write(count)

    await asyncio.gather(*(client() for _ in range(6)))
    await heard.settle()
    assert list(range(1, 61)) == heard.told


async def test_a_read_cannot_announce(heard: Heard) -> None:
    """Neither a read nor a scan changes anything: to announce there is a fault."""

    async def work(transaction: Transaction) -> None:
        transaction.announce("never")

    for read in (heard.database.read, heard.database.scan):
        with pytest.raises(AssertionError, match="a read changes nothing"):
            await read(work)
    await heard.settle()
    assert [] == heard.told
