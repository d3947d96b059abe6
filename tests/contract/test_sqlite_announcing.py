"""What a transaction announces on SQLite: told before its caller is answered, and by batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bazar.kit.data.database import Database, Transaction, Work
from support.engines import ENGINES, Opener


@pytest.fixture
def engine() -> Opener:
    """Name SQLite alone."""
    return ENGINES["sqlite"]


@pytest.fixture
def told() -> list[list[Any]]:
    """Gather what is delivered, a list for each delivery."""
    return []


@pytest.fixture
async def database(
    engine: Opener, tmp_path: Path, told: list[list[Any]]
) -> AsyncIterator[Database]:
    """Open a database with a table of notes."""

    def deliver(changes: Sequence[Any]) -> None:
        told.append(list(changes))

    database = engine(tmp_path / "test.db", deliver=deliver)
    await database.write(lambda t: t.script("CREATE TABLE notes (body TEXT NOT NULL UNIQUE)"))
    yield database
    await database.close()


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


async def test_what_a_unit_announced_is_told_before_its_caller_is_answered(
    database: Database, told: list[list[Any]]
) -> None:
    """When the call returns, its changes have been delivered, in their order."""
    await database.write(note("a", "b"))
    assert [["a", "b"]] == told
    await database.write(note("c"))
    assert [["a", "b"], ["c"]] == told


async def test_mates_of_a_unit_that_raises_are_told_once(
    database: Database, told: list[list[Any]]
) -> None:
    """Their units ran twice, since the batch was rolled back; their changes are told once."""
    results = await asyncio.gather(
        database.write(note("a")),
        database.write(note("never", fault=LookupError("on purpose"))),
        database.write(note("b")),
        database.write(note("c", "a")),  # breaks the UNIQUE rule after its first note
        database.write(note("d")),
        return_exceptions=True,
    )
    assert [None, None, None] == [results[0], results[2], results[4]]
    assert ["a", "b", "d"] == [change for changes in told for change in changes]
    assert {"a", "b", "d"} == await kept(database)


async def test_a_caller_that_goes_away_does_not_hide_its_changes(
    database: Database, told: list[list[Any]]
) -> None:
    """What was committed is told, even where nobody waited for the answer."""
    early = asyncio.ensure_future(database.write(note("early")))
    await asyncio.sleep(0)
    early.cancel()
    await database.write(note("last"))
    assert early.cancelled()
    assert ["early", "last"] == [change for changes in told for change in changes]


async def test_changes_are_told_in_the_order_of_the_commits(
    database: Database, told: list[list[Any]]
) -> None:
    """Each unit announces the number that it wrote, and the numbers never go back."""
    await database.write(lambda t: t.script("CREATE TABLE counters (total INTEGER NOT NULL)"))
    await database.write(lambda t: t.run("INSERT INTO counters VALUES (0)"))

    async def count(transaction: Transaction) -> None:
        row = await transaction.one("UPDATE counters SET total = total + 1 RETURNING total")
        assert row is not None
        transaction.announce(row[0])

    async def client(*, lazy: bool) -> None:
        for _ in range(10):
            await database.write(count, lazy=lazy)

    await asyncio.gather(*(client(lazy=number % 3 == 0) for number in range(6)))
    assert list(range(1, 61)) == [change for changes in told for change in changes]


async def test_units_that_are_committed_together_are_told_together(
    database: Database, told: list[list[Any]]
) -> None:
    """A hundred writes at once wake whoever is delivered to far fewer than a hundred times."""
    await asyncio.gather(*(database.write(note(str(number))) for number in range(100)))
    assert [str(number) for number in range(100)] == [one for changes in told for one in changes]
    assert len(told) < 10


async def test_a_lazy_unit_is_told_with_its_commit(
    database: Database, told: list[list[Any]]
) -> None:
    """Not while it waits, but when it leaves with the next durable one."""
    lazy = asyncio.ensure_future(database.write(note("lazy"), lazy=True))
    await asyncio.sleep(0)
    assert [] == told
    await database.write(note("urgent"))
    assert ["lazy", "urgent"] == [change for changes in told for change in changes]
    await lazy


async def test_what_waits_at_the_close_is_told(
    engine: Opener, tmp_path: Path, told: list[list[Any]]
) -> None:
    """Closing commits what waits, and tells it."""
    database = engine(tmp_path / "other.db", deliver=lambda changes: told.append(list(changes)))
    await database.write(lambda t: t.script("CREATE TABLE notes (body TEXT NOT NULL UNIQUE)"))
    waiting = asyncio.ensure_future(database.write(note("late"), lazy=True))
    await asyncio.sleep(0)
    await database.close()
    assert [["late"]] == told
    await waiting
