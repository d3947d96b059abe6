"""SQLite: one file, one connection that writes, in a group commit; one that reads; few that scan.

Every connection is in WAL mode with `synchronous=FULL`, so a commit returns after its fsync.

A failed flush leaves the kernel's pages in an unknown state, so the process stops at once and
never flushes again; the next start replays the write-ahead log from the disk.

Source: sqlite.org/wal.html; docs/decisions/0002-sqlite-through-apsw.md
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import apsw

from bazar.kit import log
from bazar.kit.data.database import READERS, WRITE_S_MAX, Lane, Row, Standing, Value, Work
from bazar.kit.data.group import Deliver, GroupCommit, OnBatch, at_once
from bazar.kit.data.sqlite_checkpoints import DISK_ERRORS, LOG_BYTES_KEPT, Checkpoints
from bazar.kit.data.sqlite_scans import Scans
from bazar.kit.errors import StartupError
from bazar.kit.lock import FileHold, hold

T = TypeVar("T")

SQLITE_VERSION_MIN = (3, 51, 3)
"""Older ones can lose commits in WAL mode with two connections (the WAL-reset bug)."""

BUSY_TIMEOUT_MS = 5000
EXIT_DISK_FAILED = 74
EXIT_FAULT = 70
SAYING_MAX_S = 1.0

FLUSHED = "FULL"
"""How `synchronous` stands for a commit that is durable when it returns."""
UNFLUSHED = "NORMAL"
"""How it stands for one that is not."""
_PRAGMAS = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = {FLUSHED};
PRAGMA wal_autocheckpoint = 0;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA recursive_triggers = ON;
PRAGMA temp_store = MEMORY;
"""
CHECKPOINT_BUSY_TIMEOUT_MS = 20
"""Commits wait as long, where another program reads; the next checkpoint may go well."""


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

    async def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement once for each row of values."""
        self._connection.executemany(sql, rows).close()

    async def count_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        before = self._connection.total_changes()
        self._connection.executemany(sql, rows).close()
        return self._connection.total_changes() - before

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        self._execute(sql).close()

    async def lock(self, name: str) -> None:
        """Do nothing: whoever writes is the only one."""

    def announce(self, change: object) -> None:
        """Have a change told once it is durable."""
        assert self._announced is not None, "a read changes nothing that could be announced"
        self._announced.append(change)


class SqliteWriter:
    """The connection that writes, in the words of group commit."""

    passing_errors: tuple[type[Exception], ...] = (apsw.Error,)
    disk_errors = DISK_ERRORS

    def __init__(self, path: Path) -> None:
        """Open a connection to the file."""
        self._path = path
        self.connection = _connect(path)
        self._execute = self.connection.execute
        self._execute(f"PRAGMA journal_size_limit = {LOG_BYTES_KEPT}").close()
        self._flushes = True
        self.log_pages = 0
        """In the log, after the last commit."""
        self.connection.set_wal_hook(self._note_log)

    def begin(self, announced: list[object], *, flush: bool) -> SqliteTransaction:
        """Begin a transaction; wait for another program that writes.

        A commit with `synchronous=NORMAL` is written into the log and not flushed. The next one
        with FULL flushes the log, and with it all that stands before.

        Source: sqlite.org/pragma.html#pragma_synchronous
        """
        if flush is not self._flushes:  # which cannot be changed inside a transaction
            level = FLUSHED if flush else UNFLUSHED
            self._execute(f"PRAGMA synchronous = {level}", can_cache=False).close()
            self._flushes = flush
        self._execute("BEGIN IMMEDIATE")
        return SqliteTransaction(self.connection, announced)

    def flush_with_commit(self) -> None:
        """Write the first page, as it is; a row that gets the values that it had writes nothing."""
        self._execute("PRAGMA user_version = 0")

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self.log_pages = pages
        return apsw.SQLITE_OK

    def commit(self) -> None:
        """Write the transaction into the log, and flush that where it began so."""
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

    def stop(self, error: BaseException) -> NoReturn:
        """End the process at once, past everything that could flush again."""
        if isinstance(error, self.disk_errors):
            code, what = EXIT_DISK_FAILED, f"the disk under {self._path} failed ({error})"
            then = "make room or mend the disk, then start again"
        else:
            code, what = EXIT_FAULT, f"a write to {self._path} broke down ({error!r})"
            then = "the next start goes on from what is on the disk"
        line = f"bazar: {what}; nothing unsaved was acknowledged. Stopping: {then}.\n"
        log.last_words(line)
        os._exit(code)


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
        self._held = ExitStack()
        path = self._hold(path)
        self.path = path
        """Where the file really is."""
        try:
            self._reader = _connect(path)
            self._writer = SqliteWriter(path)
            self._checkpointer = _connect(path)
            self._checkpointer.set_busy_timeout(CHECKPOINT_BUSY_TIMEOUT_MS)
        except apsw.Error as error:
            self._held.close()
            message = f"cannot open the database {path}: {error}"
            raise StartupError(message) from error
        self._reading = SqliteTransaction(self._reader)
        self._on_batch = on_batch
        self._writes = GroupCommit(self._writer, self._flushed, deliver)
        self._scans = Scans(self.connection, _in_snapshot)
        self._checkpoints = Checkpoints(
            path,
            self._checkpointer,
            lambda: self._writer.log_pages,
            self._writes,
            self._scans,
            self._writer.stop,
        )
        self.log_bytes = self._checkpoints.log_bytes

    def _hold(self, path: Path) -> Path:
        """Lock the file and its name; return where it really is, which is beside its log."""
        what = f"the database {path}"
        try:
            path = path.resolve()
        except (OSError, RuntimeError) as error:
            message = f"cannot open {what}: {error}"
            raise StartupError(message) from error
        with ExitStack() as held:
            held.enter_context(hold(path.with_name(path.name + ".lock"), what))
            held.enter_context(closing(FileHold(path, what)))
            self._held = held.pop_all()
        return path

    async def read(self, work: Work[T]) -> T:
        """Run one short statement right here: a point look-up takes microseconds."""
        return cast("T", at_once(work(self._reading)))

    def scan(self, work: Work[T], lane: Lane = READERS) -> Coroutine[Any, Any, T]:
        """Run long reads on one snapshot in a thread, so that the event loop goes on.

        Raises:
            Overloaded: definite; too many scans wait in this lane, or it took too long.
            Unavailable: the database is closing.
        """
        return self._scans.scan(work, lane)

    def write(
        self,
        work: Work[T],
        *,
        lazy: bool = False,
        single: bool = False,  # noqa: ARG002  it saves no trip here
        idempotent: bool = False,  # noqa: ARG002  what became of a commit is known
        limit_s: float = WRITE_S_MAX,  # noqa: ARG002  nobody else writes
    ) -> Coroutine[Any, Any, T]:
        """Run a read-write transaction, in one flush with all that wait, and return after it.

        Raises:
            Overloaded: definite; 8,192 writes wait already.
            Unavailable: the database is closing, or another program held the file for 5 seconds.
        """
        return self._writes.write(work, lazy=lazy)  # no coroutine of our own around each write

    def connection(self) -> apsw.Connection:
        """Open one more connection, for what only reads; who asked for it closes it."""
        return _connect(self.path)

    async def held(self, act: Callable[[], Awaitable[object]], limit_s: float) -> bool:
        """Do something while nothing is written; tell whether that was so until its end.

        Every write waits meanwhile, at most for `limit_s`; reads go on.

        Raises:
            TimeoutError: it took longer.
        """
        loop = asyncio.get_running_loop()
        begun, done = asyncio.Event(), threading.Event()

        def hold() -> bool:
            loop.call_soon_threadsafe(begun.set)
            return done.wait(limit_s)

        holding = asyncio.ensure_future(self._writes.aside(hold))
        try:
            await begun.wait()
            async with asyncio.timeout(limit_s):
                await act()
        finally:
            done.set()
        return await holding

    def _flushed(self, size: int) -> None:
        self._on_batch(size)
        self._checkpoints.committed()

    async def standing(self, name: str) -> Standing:  # noqa: ARG002
        """Tell that this process is alone: it has locked the file."""
        return "alone"

    async def close(self) -> None:
        """Commit what waits, then close and let go of the file."""
        await self._scans.close()
        await self._checkpoints.close()
        await self._writes.close()
        # The last one puts all of the log into the file.
        for connection in (self._checkpointer, self._reader, self._writer.connection):
            connection.close()
        self._held.close()


class _ScanTransaction(SqliteTransaction):
    """A transaction that ends before its next statement where it has to."""

    def __init__(self, connection: apsw.Connection, has_to_end: Callable[[], bool]) -> None:
        super().__init__(connection)
        self._has_to_end = has_to_end

    async def one(self, sql: str, *values: Value) -> Row | None:
        self._check()
        return await super().one(sql, *values)

    async def all(self, sql: str, *values: Value) -> list[Row]:
        self._check()
        return await super().all(sql, *values)

    async def all_many(self, sql: str, rows: Iterable[Row]) -> list[Row]:
        self._check()
        return await super().all_many(sql, rows)

    def _check(self) -> None:
        if self._has_to_end():
            message = "nobody waits for this any more"
            raise apsw.InterruptError(message)


def _in_snapshot(
    connection: apsw.Connection,
    work: Work[Any],
    has_to_end: Callable[[], bool],
) -> Any:  # noqa: ANN401
    """Run reads in a transaction, which stays open."""
    connection.execute("BEGIN")
    return at_once(work(_ScanTransaction(connection, has_to_end)))


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute(_PRAGMAS).fetchall()
    return connection
