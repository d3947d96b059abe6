"""SQLite: one file, one connection that writes, in a group commit; one that reads; few that scan.

Every connection is in WAL mode with `synchronous=FULL`, so a commit returns after its fsync.

A failed flush leaves the kernel's pages in an unknown state, so the process stops at once and
never flushes again; the next start replays the write-ahead log from the disk.

Source: sqlite.org/wal.html; docs/decisions/0002-sqlite-through-apsw.md
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn, TypeVar, cast

import apsw

from bazar.kit import log
from bazar.kit.data.database import Row, Value, Work
from bazar.kit.data.group import Deliver, GroupCommit, OnBatch, at_once
from bazar.kit.errors import Overloaded, StartupError
from bazar.kit.lock import hold

T = TypeVar("T")

SQLITE_VERSION_MIN = (3, 51, 3)
"""Older ones can lose commits in WAL mode with two connections (the WAL-reset bug)."""

SCAN_THREADS = 2
SCANS_MAX = 64
"""Scans that run or wait; so many requests at most wait for one, however many ask."""
SCAN_PATIENCE_S = 2.0
"""After which a scan that still waits is dropped: nobody waits for an answer much longer."""
BUSY_TIMEOUT_MS = 5000
EXIT_DISK_FAILED = 74

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA recursive_triggers = ON;
PRAGMA temp_store = MEMORY;
"""


def sqlite_version() -> tuple[int, ...]:
    """Return the version of the SQLite that is used, which comes with apsw."""
    return tuple(map(int, apsw.sqlite_lib_version().split(".")))


class SqliteTransaction:
    """A transaction whose awaits never suspend."""

    def __init__(self, connection: apsw.Connection, announced: list[object] | None = None) -> None:
        """Wrap a connection that has a transaction open; one that writes gathers its changes."""
        self._connection = connection
        self._execute = connection.execute
        self._announced = announced

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        cursor = self._execute(sql, values)
        row = cursor.fetchone()
        cursor.close()
        return row

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Return every row."""
        return cast("list[Row]", self._execute(sql, values).fetchall())

    async def run(self, sql: str, *values: Value) -> int:
        """Run a statement and return how many rows it changed."""
        self._execute(sql, values).close()
        return self._connection.changes()

    async def all_many(self, sql: str, rows: Iterable[Row]) -> list[Row]:
        """Run a statement once for each row of values; return all that they return, in order."""
        return cast("list[Row]", self._connection.executemany(sql, rows).fetchall())

    async def run_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        before = self._connection.total_changes()
        self._connection.executemany(sql, rows).close()
        return self._connection.total_changes() - before

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        self._execute(sql).close()

    def announce(self, change: object) -> None:
        """Have a change told once it is durable."""
        assert self._announced is not None, "a read changes nothing that could be announced"
        self._announced.append(change)


class SqliteWriter:
    """The connection that writes, in the words of group commit."""

    disk_errors: tuple[type[Exception], ...] = (
        apsw.IOError,
        apsw.FullError,
        apsw.CorruptError,
        apsw.NotADBError,
    )

    def __init__(self, path: Path) -> None:
        """Open a connection to the file."""
        self._path = path
        self.connection = _connect(path)
        self._execute = self.connection.execute

    def begin(self, announced: list[object]) -> SqliteTransaction:
        """Begin a transaction; wait for another program that writes."""
        self._execute("BEGIN IMMEDIATE")
        return SqliteTransaction(self.connection, announced)

    def commit(self) -> None:
        """Write the transaction into the log, and flush that."""
        self._execute("COMMIT")

    def roll_back(self) -> None:
        """Undo the transaction, if one is open."""
        if self.connection.in_transaction:
            self._execute("ROLLBACK")

    def mark(self) -> None:
        """Set the point to go back to."""
        self._execute("SAVEPOINT mark")

    def go_back(self) -> None:
        """Undo what was done since the mark."""
        self._execute("ROLLBACK TO mark")

    def unmark(self) -> None:
        """Take the mark away."""
        self._execute("RELEASE mark")

    def stop(self, error: Exception) -> NoReturn:
        """End the process at once, past everything that could flush again."""
        log.last_words(
            f"bazar: the disk under {self._path} failed ({error}); nothing unsaved was "
            "acknowledged. Stopping: make room or mend the disk, then start again.\n"
        )
        os._exit(EXIT_DISK_FAILED)


class SqliteDatabase:
    """One SQLite file, held by this process alone."""

    def __init__(
        self,
        path: Path,
        on_batch: OnBatch = lambda _size: None,
        deliver: Deliver = lambda _changes: None,
    ) -> None:
        """Open the file, creating it where it is missing. Needs a running event loop.

        Args:
            path: the database file; beside it lie `-wal`, `-shm` and `.lock` files.
            on_batch: is told the size of each committed batch.
            deliver: is given the changes that each commit announced.

        Raises:
            StartupError: the folder cannot be written, another process holds the file, or the
                file is not a database.
        """
        if sqlite_version() < SQLITE_VERSION_MIN:
            message = f"SQLite {apsw.sqlite_lib_version()} is too old; install the locked apsw"
            raise StartupError(message)
        self._path = path
        self._lock_file = hold(path.with_name(path.name + ".lock"), f"the database {path}")
        try:
            self._reader = _connect(path)
            self._writer = SqliteWriter(path)
        except apsw.Error as error:
            self._lock_file.close()
            message = f"cannot open the database {path}: {error}"
            raise StartupError(message) from error
        self._reading = SqliteTransaction(self._reader)
        self._writes = GroupCommit(self._writer, on_batch, deliver)
        self._scanners = ThreadPoolExecutor(SCAN_THREADS, thread_name_prefix="scan")
        self._scans = 0
        self._scanner_connections: dict[int, apsw.Connection] = {}

    async def read(self, work: Work[T]) -> T:
        """Run one short statement right here: a point look-up takes microseconds."""
        return cast("T", at_once(work(self._reading)))

    async def scan(self, work: Work[T]) -> T:
        """Run long reads on one snapshot in a thread, so that the event loop goes on.

        Raises:
            Overloaded: definite; 64 run or wait already, or it waited for 2 seconds.
        """
        if self._scans >= SCANS_MAX:
            message = f"{self._scans} searches wait already"
            raise Overloaded(message)
        self._scans += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._scanners, self._scan, work, monotonic())
        finally:
            self._scans -= 1

    def _scan(self, work: Work[T], asked_at_s: float) -> T:
        if monotonic() - asked_at_s > SCAN_PATIENCE_S:
            message = f"this search waited for {SCAN_PATIENCE_S:g} s behind others"
            raise Overloaded(message)
        thread = threading.get_ident()
        if thread not in self._scanner_connections:
            self._scanner_connections[thread] = _connect(self._path)
        return _in_snapshot(self._scanner_connections[thread], work)

    def write(self, work: Work[T], *, lazy: bool = False) -> Coroutine[Any, Any, T]:
        """Run a read-write transaction, in one flush with all that wait, and return after it.

        Raises:
            Overloaded: definite; 8,192 writes wait already.
            Unavailable: the database is closing, or another program held the file for 5 seconds.
        """
        return self._writes.write(work, lazy=lazy)  # no coroutine of our own around each write

    async def close(self) -> None:
        """Commit what waits, then close and let go of the file."""
        await self._writes.close()
        for connection in self._scanner_connections.values():
            connection.interrupt()  # a long scan must not hold up the end
        await asyncio.get_running_loop().run_in_executor(None, self._scanners.shutdown)
        # The last one puts all of the log into the file, but not if it was interrupted.
        scanned = self._scanner_connections.values()
        for connection in (*scanned, self._reader, self._writer.connection):
            connection.close()
        self._lock_file.close()


def _in_snapshot(connection: apsw.Connection, work: Work[T]) -> T:
    connection.execute("BEGIN")
    try:
        return cast("T", at_once(work(SqliteTransaction(connection))))
    finally:
        connection.execute("COMMIT")


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute(_PRAGMAS).fetchall()
    return connection
