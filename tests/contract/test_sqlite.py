"""What the SQLite engine promises beyond the contract: how it is set up, and what survives."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from bazar.kit.data import sqlite
from bazar.kit.data.database import Transaction, Value
from bazar.kit.data.sqlite import EXIT_DISK_FAILED, EXIT_FAULT, SqliteDatabase
from bazar.kit.errors import StartupError, Unavailable

ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path)}

WRITER = """
import asyncio, pathlib, sys
from bazar.kit.data.sqlite import SqliteDatabase

async def main():
    database = SqliteDatabase(pathlib.Path(sys.argv[1]))
    await database.write(lambda t: t.script("CREATE TABLE notes (body TEXT)"))
    for number in range(10**9):
        await database.write(lambda t: t.run("INSERT INTO notes VALUES (?1)", str(number)))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Open an empty file."""
    database = SqliteDatabase(tmp_path / "test.db")
    yield database
    await database.close()


async def _pragmas(transaction: Transaction) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema"):
        row = await transaction.one(f"PRAGMA {name}")
        assert row is not None
        found[name] = row[0]
    return found


async def test_every_connection_is_set_up_for_durability(database: SqliteDatabase) -> None:
    """Writer, reader and scanner use WAL and synchronous=FULL and hold foreign keys."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0}
    assert wanted == await database.write(_pragmas)
    assert wanted == await database.read(_pragmas)
    assert wanted == await database.scan(_pragmas)


async def test_the_library_has_the_fix_for_the_wal_reset_bug() -> None:
    """SQLite is 3.51.3 or newer."""
    assert (3, 51, 3) <= tuple(map(int, apsw.sqlite_lib_version().split(".")))


def test_an_old_library_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a library older than the smallest version nothing is opened."""
    monkeypatch.setattr(sqlite, "SQLITE_VERSION_MIN", (99, 0, 0))
    with pytest.raises(StartupError, match="too old"):
        SqliteDatabase(tmp_path / "test.db")
    assert [] == list(tmp_path.iterdir())


async def test_foreign_keys_are_enforced(database: SqliteDatabase) -> None:
    """A row that refers to nothing is refused."""
    await database.write(
        lambda t: t.script(
            "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a_id REFERENCES a (id))"
        )
    )
    with pytest.raises(apsw.ConstraintError):
        await database.write(lambda t: t.run("INSERT INTO b VALUES (7)"))


@pytest.mark.parametrize("content", [b"this is no database, whatever its name says" * 100])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """The file is left as it is, and the lock is let go of."""
    path = tmp_path / "test.db"
    path.write_bytes(content)
    with pytest.raises(StartupError, match="cannot open the database"):
        SqliteDatabase(path)
    assert content == path.read_bytes()
    path.unlink()
    await SqliteDatabase(path).close()


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    """The message is one line for the person who started it."""
    (tmp_path / "test.db").mkdir()
    with pytest.raises(StartupError) as caught:
        SqliteDatabase(tmp_path / "test.db")
    assert 1 == len(str(caught.value).splitlines())


async def test_a_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be gives a StartupError, no traceback."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StartupError, match="cannot write to the data folder"):
        SqliteDatabase(tmp_path / "data" / "test.db")


def _write_and_kill(path: Path) -> list[int]:
    """Kill a process in the middle of its writes, and return those that it had told us of."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline() for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    assert -signal.SIGKILL == writer.returncode
    return [int(line) for line in told if line.endswith("\n")]


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Every write whose call had returned is there after the process was killed."""
    path = tmp_path / "test.db"
    numbers = _write_and_kill(path)
    database = SqliteDatabase(path)
    try:
        rows = await database.read(lambda t: t.all("SELECT body FROM notes ORDER BY rowid"))
    finally:
        await database.close()
    kept = [int(str(row[0])) for row in rows]
    assert numbers == kept[: len(numbers)]
    assert len(kept) - len(numbers) in {0, 1}


async def test_two_connections_cannot_lose_an_update(tmp_path: Path) -> None:
    """A second writer on the file, past our lock, waits its turn and overwrites nothing."""
    path = tmp_path / "test.db"
    database = SqliteDatabase(path)
    await database.write(
        lambda t: t.script("CREATE TABLE counters (total); INSERT INTO counters VALUES (0)")
    )

    def from_outside() -> None:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(10_000)
        for _ in range(25):
            connection.execute("BEGIN IMMEDIATE")
            total = connection.execute("SELECT total FROM counters").get
            connection.execute("UPDATE counters SET total = ?", (total + 1,))
            connection.execute("COMMIT")
        connection.close()

    async def from_inside(transaction: Transaction) -> None:
        row = await transaction.one("SELECT total FROM counters")
        assert row is not None
        await transaction.run("UPDATE counters SET total = ?1", int(str(row[0])) + 1)

    async def client() -> None:
        for _ in range(25):
            await database.write(from_inside)

    try:
        await asyncio.gather(asyncio.to_thread(from_outside), client(), client())
        row = await database.read(lambda t: t.one("SELECT total FROM counters"))
    finally:
        await database.close()
    assert (75,) == row


async def test_a_file_that_another_program_holds_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes fail with Unavailable while another program writes, and work again after it."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
    database = SqliteDatabase(tmp_path / "test.db")
    await database.write(lambda t: t.script("CREATE TABLE notes (body)"))
    outside = apsw.Connection(str(tmp_path / "test.db"))
    outside.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Unavailable):
            await database.write(lambda t: t.run("INSERT INTO notes VALUES (1)"))
        outside.execute("ROLLBACK")
        assert 1 == await database.write(lambda t: t.run("INSERT INTO notes VALUES (2)"))
        assert [(2,)] == await database.read(lambda t: t.all("SELECT body FROM notes"))
    finally:
        outside.close()
        await database.close()


async def test_a_full_disk_stops_the_process_and_acknowledges_nothing(tmp_path: Path) -> None:
    """The process ends with its own exit code, and no write that failed was ever answered."""
    script = (
        "import asyncio, pathlib, resource, signal, sys\n"
        "from bazar.kit.data.sqlite import SqliteDatabase\n"
        "async def main():\n"
        "    database = SqliteDatabase(pathlib.Path(sys.argv[1]))\n"
        "    await database.write(lambda t: t.script('CREATE TABLE notes (body)'))\n"
        "    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "    for number in range(1000):\n"
        "        await database.write(lambda t: t.run("
        "'INSERT INTO notes VALUES (?1)', str(number) + ' ' + 'x' * 10_000))\n"
        "        print(number, flush=True)\n"
        "asyncio.run(main())\n"
    )
    path = tmp_path / "test.db"
    stopped = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, str(path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert EXIT_DISK_FAILED == stopped.returncode, stopped.stderr
    assert "make room or mend the disk" in stopped.stderr
    acknowledged = [int(line) for line in stopped.stdout.splitlines()]
    assert 0 < len(acknowledged) < 1000
    database = SqliteDatabase(path)
    try:
        rows = await database.read(lambda t: t.all("SELECT body FROM notes ORDER BY rowid"))
    finally:
        await database.close()
    kept = [int(str(row[0]).split()[0]) for row in rows]
    assert acknowledged == kept[: len(acknowledged)]


BROKEN = """
import asyncio, pathlib, sys
from bazar.kit.data import sqlite

class Broken(sqlite.SqliteWriter):
    broken = False

    def {step}(self, *given, **named):
        if Broken.broken:
            raise MemoryError("on purpose")
        return super().{step}(*given, **named)

async def main():
    sqlite.SqliteWriter = Broken
    database = sqlite.SqliteDatabase(pathlib.Path(sys.argv[1]))
    await database.write(lambda t: t.script("CREATE TABLE notes (body)"))
    Broken.broken = True
    write = database.write(lambda t: t.run("INSERT INTO notes VALUES (1)"))
    await asyncio.wait_for(write, 5)

asyncio.run(main())
"""


@pytest.mark.parametrize("step", ["begin", "commit"])
def test_a_fault_around_a_batch_ends_the_process_with_a_line(tmp_path: Path, step: str) -> None:
    """Else every later write would wait for ever while the service says that it is ready."""
    stopped = subprocess.run(
        [sys.executable, "-c", BROKEN.format(step=step), str(tmp_path / "test.db")],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert EXIT_FAULT == stopped.returncode, stopped.stderr
    (line,) = stopped.stderr.splitlines()
    assert "test.db broke down (MemoryError('on purpose'))" in line


async def test_the_lock_file_names_its_holder(database: SqliteDatabase, tmp_path: Path) -> None:
    """The process id is in the lock file, for whoever is refused."""
    assert database is not None
    assert f"{os.getpid()}\n" == (tmp_path / "test.db.lock").read_text()


def test_a_closed_database_is_one_file(tmp_path: Path) -> None:
    """All of it is in there, after scans too, so that a copy of the file alone is a backup."""
    path = tmp_path / "whole.db"

    async def use() -> None:
        database = SqliteDatabase(path)
        await database.write(lambda t: t.script("CREATE TABLE notes (body TEXT)"))
        await asyncio.gather(*(database.scan(_pragmas) for _ in range(4)))
        await database.write(lambda t: t.run("INSERT INTO notes VALUES ('kept')"))
        await database.close()

    asyncio.run(use())
    assert ["whole.db", "whole.db.lock"] == sorted(one.name for one in tmp_path.iterdir())
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    assert [("kept",)] == apsw.Connection(str(copy)).execute("SELECT body FROM notes").fetchall()
