"""A backup of a SQLite file shows one moment, and holds nobody up for long."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from bazar.kit.backup import BackupNotFound, BackupState, NoRoomForBackup
from bazar.kit.data import sqlite_backups
from bazar.kit.data.sqlite import SqliteDatabase
from bazar.kit.data.sqlite_backups import SqliteBackups
from bazar.kit.errors import Unavailable


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open a database with one table of notes."""
    database = SqliteDatabase(tmp_path / "test.db")
    await database.write(lambda t: t.script("CREATE TABLE notes (body)"))
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def backups(database: SqliteDatabase) -> AsyncIterator[SqliteBackups]:
    """Prepare to back it up."""
    backups = SqliteBackups(database)
    try:
        yield backups
    finally:
        await backups.close()


async def note(database: SqliteDatabase, body: str) -> None:
    """Write a note."""
    await database.write(lambda t: t.run("INSERT INTO notes VALUES (?1)", body))


async def made(backups: SqliteBackups, backup_id: str) -> BackupState:
    """Return a backup once it is made."""
    while not (state := backups.state(backup_id)).made:  # noqa: ASYNC110  as a client asks
        await asyncio.sleep(0)
    return state


async def content(backups: SqliteBackups, backup_id: str) -> bytes:
    """Return all of a backup."""
    state, found = await made(backups, backup_id), b""
    while piece := await backups.piece(backup_id, len(found)):
        found += piece
    assert (state.size_bytes, state.sha256) == (len(found), sha256(found).hexdigest())
    return found


def notes_in(found: bytes, folder: Path) -> list[Any]:
    """Return the notes of a database that is given as bytes."""
    path = folder / "copy.db"
    path.write_bytes(found)
    connection = apsw.Connection(str(path))
    try:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        return [body for (body,) in connection.execute("SELECT body FROM notes").fetchall()]
    finally:
        connection.close()
        path.unlink()


async def test_it_shows_the_moment_at_which_it_began(
    database: SqliteDatabase, backups: SqliteBackups, tmp_path: Path
) -> None:
    """What is written while it is copied and read is not in it, however much."""
    await note(database, "before")
    await backups.begin("one")
    for _number in range(50):
        await note(database, "after" * 1000)
    assert ["before"] == notes_in(await content(backups, "one"), tmp_path)


async def test_it_leaves_nothing_beside_the_database(
    database: SqliteDatabase, backups: SqliteBackups, tmp_path: Path
) -> None:
    """Its file has no name, so nobody finds half a copy after a crash; an older one goes."""
    await backups.begin("one")
    await made(backups, "one")
    assert not (tmp_path / "test.db.backup").exists()
    (tmp_path / "test.db.backup").write_bytes(b"of a process that was killed")
    SqliteBackups(database)
    assert not (tmp_path / "test.db.backup").exists()


async def test_the_same_begin_twice_is_one_backup(
    database: SqliteDatabase, backups: SqliteBackups, tmp_path: Path
) -> None:
    """A call whose answer got lost is sent again, and must not take a later moment."""
    await note(database, "before")
    await backups.begin("one")
    await note(database, "after")
    assert "one" == (await backups.begin("one")).id
    assert ["before"] == notes_in(await content(backups, "one"), tmp_path)


async def test_another_backup_ends_the_one_before(backups: SqliteBackups) -> None:
    """Also one that is amid its copy; whoever reads that is told so."""
    await backups.begin("one")
    await backups.begin("two")
    for gone in ("one", "nothing"):
        with pytest.raises(BackupNotFound):
            backups.state(gone)
        with pytest.raises(BackupNotFound):
            await backups.piece(gone, 0)
    await made(backups, "two")
    await backups.end("two")
    with pytest.raises(BackupNotFound):
        await backups.end("two")


async def test_a_backup_that_nobody_reads_goes(
    backups: SqliteBackups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes as much room as the database."""
    monkeypatch.setattr(sqlite_backups, "LINGER_S", 0.0)
    await backups.begin("one")
    await asyncio.sleep(0.01)
    with pytest.raises(BackupNotFound):
        backups.state("one")


async def test_a_backup_stays_while_somebody_asks_for_it(
    backups: SqliteBackups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long its copy takes: each question keeps it as long as the first did."""
    monkeypatch.setattr(sqlite_backups, "LINGER_S", 0.0)
    await backups.begin("one")
    monkeypatch.setattr(sqlite_backups, "LINGER_S", 600.0)
    backups.state("one")
    await asyncio.sleep(0.01)
    assert "one" == backups.state("one").id


async def test_nothing_is_written_while_the_moment_beside_is_taken(
    database: SqliteDatabase, backups: SqliteBackups, tmp_path: Path
) -> None:
    """A write that began meanwhile is done afterwards, and is not in the backup; reads go on."""
    await note(database, "before")
    writing: list[asyncio.Task[None]] = []
    counted: list[object] = []

    async def beside(_backup_id: str) -> None:
        writing.append(asyncio.create_task(note(database, "meanwhile")))
        await asyncio.sleep(0.05)
        assert not writing[0].done()
        counted.append(await database.read(lambda t: t.one("SELECT count(*) FROM notes")))

    state = await backups.begin("one", beside)
    await writing[0]
    assert [(1,)] == counted
    assert ["before"] == notes_in(await content(backups, state.id), tmp_path)


async def test_a_moment_that_takes_too_long_is_taken_anew(
    database: SqliteDatabase, backups: SqliteBackups, tmp_path: Path
) -> None:
    """Under another id, so that what was taken too late is never used."""
    tried: list[str] = []

    async def beside(backup_id: str) -> None:
        tried.append(backup_id)
        if len(tried) == 1:
            await note(database, "late")  # waits until the hold is over, and so the moment too
        if len(tried) == 2:
            message = "busy"
            raise Unavailable(message)

    state = await backups.begin("one", beside)
    assert (["one-0", "one-1", "one-2"], "one-2") == (tried, state.id)
    assert ["late"] == notes_in(await content(backups, state.id), tmp_path)


async def test_a_moment_that_cannot_be_taken_is_given_up(
    database: SqliteDatabase, backups: SqliteBackups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what the other side said; then writes go on, and the next backup may go well."""
    monkeypatch.setattr(sqlite_backups, "HOLD_PAUSE_S", 0.0)

    async def beside(_backup_id: str) -> None:
        message = "the catalog is away"
        raise Unavailable(message)

    with pytest.raises(Unavailable, match="the catalog is away"):
        await backups.begin("one", beside)
    await note(database, "goes on")
    assert "two" == (await backups.begin("two")).id


async def test_a_disk_without_room_is_left_alone(
    backups: SqliteBackups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would stop the shop."""
    monkeypatch.setattr(sqlite_backups, "ROOM_BYTES_LEFT", 2**62)
    with pytest.raises(NoRoomForBackup):
        await backups.begin("one")
