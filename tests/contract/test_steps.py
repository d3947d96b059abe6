"""Schema steps on every engine: all or nothing, each once, by one of many, by no old release."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bazar.kit.data.database import Database, Transaction
from bazar.kit.data.migrate import migrate
from bazar.kit.errors import StartupError
from support.engines import POSTGRES, Opener
from support.notes import opened

FIRST = {"0001_first.sql": "CREATE TABLE first (a BIGINT); INSERT INTO first VALUES (1);"}
SECOND = {"0002_second.sql": "-- a remark\nALTER TABLE first ADD COLUMN b BIGINT;"}
BROKEN = {"0003_broken.sql": "CREATE TABLE half (a BIGINT); CREATE NONSENSE"}
EMPTY = {"0003_empty.sql": "-- nothing to do here\n"}

Package = Callable[[str, Mapping[str, str]], str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Make packages of steps, and return their names."""
    monkeypatch.syspath_prepend(tmp_path)

    def made(name: str, files: Mapping[str, str]) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        for file, sql in files.items():
            (folder / file).write_text(sql)
        return name

    return made


async def columns(database: Database) -> int:
    """Return how many columns the first table has."""
    row = await database.read(lambda t: t.one("SELECT * FROM first"))
    assert row is not None
    return len(row)


async def test_each_step_is_applied_once(engine: Opener, tmp_path: Path, package: Package) -> None:
    """A later release adds its own, a step may be empty, and who is up to date applies none."""
    old = package("steps_old", FIRST)
    new = package("steps_new", FIRST | SECOND | EMPTY)
    async with opened(engine, tmp_path / "steps.db", []) as database:
        assert ["0001_first.sql"] == await migrate(database, old)
        assert 1 == await columns(database)
        assert ["0002_second.sql", "0003_empty.sql"] == await migrate(database, new)
        assert [] == await migrate(database, new)
        assert 2 == await columns(database)


async def test_a_newer_schema_is_refused(engine: Opener, tmp_path: Path, package: Package) -> None:
    """A database of a newer release is left as it is, with a message that says what to do."""
    old = package("steps_from_before", FIRST)
    async with opened(engine, tmp_path / "steps.db", []) as database:
        await migrate(database, package("steps_from_tomorrow", FIRST | SECOND))
        with pytest.raises(StartupError, match="install a newer release"):
            await migrate(database, old)
        assert 2 == await columns(database)


async def test_a_step_that_fails_leaves_nothing_behind(
    engine: Opener, tmp_path: Path, package: Package
) -> None:
    """All steps are one transaction: the good ones before a bad one are rolled back too."""
    broken = package("steps_broken", FIRST | SECOND | BROKEN)
    good = package("steps_good", FIRST)
    async with opened(engine, tmp_path / "steps.db", []) as database:
        with pytest.raises(Exception, match="syntax error"):
            await migrate(database, broken)
        assert ["0001_first.sql"] == await migrate(database, good)


@pytest.mark.parametrize("name", POSTGRES)
async def test_of_many_that_start_at_once_one_applies_a_step(
    name: str, tmp_path: Path, package: Package
) -> None:
    """Eight replicas of a new release start together: each step is applied once, and all go on."""
    steps = package("steps_at_once", FIRST | SECOND)
    databases = [POSTGRES[name](tmp_path / "steps.db") for _ in range(8)]
    applied = await asyncio.gather(*(migrate(database, steps) for database in databases))
    rows = await databases[0].read(lambda t: t.one("SELECT count(*) FROM first"))
    await asyncio.gather(*(database.close() for database in databases))
    assert ["0001_first.sql", "0002_second.sql"] == [step for steps in applied for step in steps]
    assert (1,) == rows


@pytest.mark.parametrize("name", POSTGRES)
async def test_a_replica_that_runs_already_goes_on_through_a_step(
    name: str, tmp_path: Path, package: Package
) -> None:
    """A statement that was prepared before the step is prepared again, whoever sends it."""

    async def look(transaction: Transaction) -> list[tuple[object, ...]]:
        return list(await transaction.all("SELECT * FROM first"))

    old, new = POSTGRES[name](tmp_path / "steps.db"), POSTGRES[name](tmp_path / "steps.db")
    await migrate(old, package("steps_running", FIRST))
    for ask in (old.read, old.scan, old.write):
        assert [(1,)] == await ask(look)
    await migrate(new, package("steps_starting", FIRST | SECOND))
    for ask in (old.read, old.scan, old.write):
        assert [(1, None)] == await ask(look)
    await asyncio.gather(old.close(), new.close())
