"""Who is the first of several processes at one PostgreSQL database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.kit.data.database import Database
from bazar.kit.data.postgres import PostgresDatabase
from support.engines import ENGINES
from support.postgres import RELEASES, server


@pytest.fixture(params=sorted(RELEASES))
async def databases(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Open a database twice, as two processes do."""
    url = server(RELEASES[request.param]).url(tmp_path / "standing")
    one, other = PostgresDatabase(url), PostgresDatabase(url)
    yield one, other
    await one.close()
    await other.close()


async def test_one_of_two_is_the_first(
    databases: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """Of each name by itself, however often it asks, until it closes."""
    one, other = databases
    for _ in range(2):
        assert ("first", "other") == (await one.standing("a"), await other.standing("a"))
        assert ("first", "other") == (await other.standing("b"), await one.standing("b"))
    await one.close()
    assert "first" == await other.standing("a")


async def test_whoever_is_cut_off_is_not_the_first_any_more(
    databases: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """Another one is, as soon as the server knows; and the one that was finds out."""
    one, other = databases
    assert "first" == await one.standing("a")
    await other.read(
        lambda t: t.all(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'"
        )
    )
    assert "first" == await other.standing("a")
    assert "other" == await one.standing("a")
    assert "other" == await one.standing("a")


async def test_a_name_of_a_transaction_is_another_one(
    databases: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """Who waits for a name in a transaction does not wait for the first of that name."""
    one, other = databases
    assert "first" == await one.standing("a")
    await other.write(lambda t: t.lock("a"))


async def test_who_has_a_database_for_itself_is_alone(tmp_path: Path) -> None:
    """As with SQLite."""
    database: Database = ENGINES["sqlite"](tmp_path / "standing.db")
    assert "alone" == await database.standing("a")
    await database.close()
