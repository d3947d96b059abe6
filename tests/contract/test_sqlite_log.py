"""SQLite's write-ahead log stays small, whoever reads in it, and its failures are seen."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bazar.kit.data import sqlite_checkpoints
from bazar.kit.data.database import KEEPERS, SEARCHERS, Lane, Transaction
from bazar.kit.data.sqlite import EXIT_DISK_FAILED, SqliteDatabase

BODY = "x" * 4000
MIB = 1024 * 1024
FAILING = """
import asyncio, pathlib, sys
import apsw
from bazar.kit.data import sqlite_checkpoints
from bazar.kit.data.sqlite import SqliteDatabase

FAILING = False

class File(apsw.VFSFile):
    def __init__(self, name, flags):
        super().__init__("unix", name, flags)
        self.is_database = bool(flags[0] & apsw.SQLITE_OPEN_MAIN_DB)

    def {call}(self, *given):
        if FAILING and self.is_database:
            raise apsw.IOError("on purpose")
        return super().{call}(*given)

class Disk(apsw.VFS):
    def __init__(self):
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):
        return File(name, flags)

async def main():
    global FAILING
    disk = Disk()
    sqlite_checkpoints.COPY_PAGES = 20
    database = SqliteDatabase(pathlib.Path(sys.argv[1]))
    await database.write(lambda t: t.script("CREATE TABLE notes (body)"))
    FAILING = True
    for number in range(200):
        await database.write(lambda t: t.run("INSERT INTO notes VALUES (?1)", "x" * 4000))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SqliteDatabase]:
    """Open a database whose log is looked after far more often."""
    monkeypatch.setattr(sqlite_checkpoints, "COPY_PAGES", 50)
    monkeypatch.setattr(sqlite_checkpoints, "LOG_BYTES_MAX", MIB)
    monkeypatch.setattr(sqlite_checkpoints, "HOLD_PAUSE_S", 0.05)
    database = SqliteDatabase(tmp_path / "test.db")
    await database.write(lambda t: t.script("CREATE TABLE notes (body TEXT)"))
    yield database
    await database.close()


async def write(database: SqliteDatabase, count: int) -> int:
    """Write so many notes, each a page and more; return the largest size of the log."""
    largest = 0
    for _ in range(count):
        await database.write(lambda t: t.run("INSERT INTO notes VALUES (?1)", BODY))
        largest = max(largest, database.log_bytes())
    return largest


async def slow(transaction: Transaction) -> None:
    """Read, and hold on to what was read for a while."""
    await transaction.one("SELECT count(*) FROM notes")
    time.sleep(0.05)  # noqa: ASYNC251  as a long search would
    await transaction.one("SELECT count(*) FROM notes")


async def without_a_gap(database: SqliteDatabase, lane: Lane) -> None:
    """Scan again and again, side by side, so that a scan is under way at every moment."""

    async def again_and_again(delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        while True:
            await database.scan(slow, lane)

    await asyncio.gather(again_and_again(0), again_and_again(0.025))


async def test_a_log_that_nobody_reads_begins_anew(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every so many pages it is copied, and its room is used again; no scan has to wait."""
    monkeypatch.setattr(sqlite_checkpoints, "LOG_BYTES_MAX", 1000 * MIB)
    assert await write(database, 1500) < 4 * MIB
    assert (1500,) == await database.read(lambda t: t.one("SELECT count(*) FROM notes"))


@pytest.mark.parametrize("lane", [SEARCHERS, KEEPERS], ids=lambda lane: lane.name)
async def test_a_log_is_bounded_beside_scans_that_never_pause(
    database: SqliteDatabase, lane: Lane
) -> None:
    """Scans wait for a moment where it would grow for ever; then it is as good as gone."""
    scans = asyncio.ensure_future(without_a_gap(database, lane))
    largest = await write(database, 1500)
    assert largest < 5 * MIB
    assert not scans.done()
    scans.cancel()
    await asyncio.gather(scans, return_exceptions=True)
    assert await write(database, 100) < 3 * MIB


@pytest.mark.parametrize("call", ["xSync", "xWrite"])
def test_a_checkpoint_that_fails_stops_the_process(tmp_path: Path, call: str) -> None:
    """What was acknowledged is in the log; nobody goes on beside a file that cannot be written."""
    path = tmp_path / "test.db"
    stopped = subprocess.run(
        [sys.executable, "-c", FAILING.format(call=call), str(path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert EXIT_DISK_FAILED == stopped.returncode, stopped.stderr
    assert f"the disk under {path} failed" in stopped.stderr
    acknowledged = len(stopped.stdout.splitlines())
    assert 0 < acknowledged < 200

    async def kept() -> object:
        database = SqliteDatabase(path)
        try:
            return await database.read(lambda t: t.one("SELECT count(*) FROM notes"))
        finally:
            await database.close()

    assert asyncio.run(kept()) in {(acknowledged,), (acknowledged + 1,)}
