"""SQLite with group commit: one writer thread, one flush for all the writes that wait.

How it works: `write` puts a unit of work into a queue. The writer thread takes all that waits
(at most 512), runs each inside a savepoint of one transaction, commits once (one fsync, since
`synchronous=FULL` in WAL mode), and only then answers them all. A unit that raises is rolled
back alone. Nothing is answered before it is durable, so a crash at any point loses only work
whose caller never heard of success.

A failed flush leaves the kernel's pages in an unknown state, so the process stops at once and
never flushes again; the next start replays the write-ahead log from the disk.

Source: sqlite.org/wal.html; docs/decisions/0002-sqlite-through-apsw.md
"""

import asyncio
import fcntl
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any, TypeVar, cast

import apsw

from bazar.kit.database import Row, Value, Work
from bazar.kit.errors import Overloaded, StartupError, Unavailable

T = TypeVar("T")

SQLITE_VERSION_MIN = (3, 51, 3)
"""Older ones can lose commits in WAL mode with two connections (the WAL-reset bug)."""

BATCH_MAX = 512
QUEUE_MAX = 8192
LAZY_DELAY_MAX_S = 0.05
BUSY_TIMEOUT_MS = 5000
EXIT_DISK_FAILED = 74

_DISK_ERRORS = (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError)


class SqliteTransaction:
    """A transaction whose awaits never suspend."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Wrap a connection that has a transaction open."""
        self._connection = connection
        self._execute = connection.execute

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

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        self._execute(sql).close()


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: asyncio.Future[Any]
    lazy: bool
    result: Any = None
    error: BaseException | None = None


class SqliteDatabase:
    """One SQLite file, held by this process alone."""

    def __init__(self, path: Path, on_batch: Callable[[int], None] = lambda _size: None) -> None:
        """Open the file, creating it where it is missing. Needs a running event loop.

        Args:
            path: the database file; beside it lie `-wal`, `-shm` and `.lock` files.
            on_batch: is told the size of each committed batch, in the writer thread.

        Raises:
            StartupError: the folder cannot be written, another process holds the file, or the
                file is not a database.
        """
        if tuple(map(int, apsw.sqlite_lib_version().split("."))) < SQLITE_VERSION_MIN:
            message = f"SQLite {apsw.sqlite_lib_version()} is too old; install the locked apsw"
            raise StartupError(message)
        self._path = path
        self._lock_file = _hold(path)
        try:
            self._reader = _connect(path)
            self._writer = _connect(path)
        except apsw.Error as error:
            self._lock_file.close()
            message = f"cannot open the database {path}: {error}"
            raise StartupError(message) from error
        self._loop = asyncio.get_running_loop()
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._urgent = 0
        self._lazy_since_s: float | None = None
        self._closing = False
        self._wake = threading.Condition()
        self._scanners = ThreadPoolExecutor(2, thread_name_prefix="scan")
        self._scanner_connections: dict[int, apsw.Connection] = {}
        self._thread = threading.Thread(target=self._write_batches, name="writer", daemon=True)
        self._thread.start()

    async def read(self, work: Work[T]) -> T:
        """Run short reads on one snapshot, right here: a point look-up takes microseconds."""
        return _in_snapshot(self._reader, work)

    async def scan(self, work: Work[T]) -> T:
        """Run long reads on one snapshot in a thread, so that the event loop goes on."""
        return await self._loop.run_in_executor(self._scanners, self._scan, work)

    def _scan(self, work: Work[T]) -> T:
        thread = threading.get_ident()
        if thread not in self._scanner_connections:
            self._scanner_connections[thread] = _connect(self._path)
        return _in_snapshot(self._scanner_connections[thread], work)

    async def write(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a read-write transaction and return once it is durable.

        Raises:
            Overloaded: definite; 8,192 writes wait already.
            Unavailable: definite; the database is closing.
        """
        job = _Job(work, self._loop.create_future(), lazy)
        with self._wake:
            if self._closing:
                message = "the database is closing"
                raise Unavailable(message)
            if len(self._jobs) >= QUEUE_MAX:
                message = f"{QUEUE_MAX} writes wait already"
                raise Overloaded(message)
            self._jobs.append(job)
            if not lazy:
                self._urgent += 1
                self._wake.notify()
            elif self._lazy_since_s is None:
                self._lazy_since_s = monotonic()
                self._wake.notify()
        return cast("T", await job.future)

    async def close(self) -> None:
        """Commit what waits, then close and let go of the file."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        await self._loop.run_in_executor(None, self._thread.join)
        self._scanners.shutdown()
        for connection in (self._reader, self._writer, *self._scanner_connections.values()):
            connection.close()
        self._lock_file.close()

    def _write_batches(self) -> None:
        while batch := self._next_batch():
            try:
                self._commit(batch)
            except _DISK_ERRORS as error:
                _stop_at_once(self._path, error)
            self._on_batch(len(batch))
            self._loop.call_soon_threadsafe(_deliver, batch)

    def _next_batch(self) -> list[_Job]:
        with self._wake:
            while not self._urgent and not self._closing:
                if self._lazy_since_s is None:
                    self._wake.wait()
                    continue
                patience_s = self._lazy_since_s + LAZY_DELAY_MAX_S - monotonic()
                if patience_s <= 0:
                    break
                self._wake.wait(patience_s)
            batch = [self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))]
            self._urgent -= sum(not job.lazy for job in batch)
            self._lazy_since_s = monotonic() if any(job.lazy for job in self._jobs) else None
        return batch

    def _commit(self, batch: list[_Job]) -> None:
        execute = self._writer.execute
        transaction = SqliteTransaction(self._writer)
        execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                execute("SAVEPOINT job")
                try:
                    job.result = _drive(job.work(transaction))
                except _DISK_ERRORS:
                    raise
                except Exception as error:  # noqa: BLE001  handed to the caller
                    job.error = error
                    execute("ROLLBACK TO job")
                execute("RELEASE job")
        except BaseException:
            if self._writer.in_transaction:
                execute("ROLLBACK")
            raise
        execute("COMMIT")


def _deliver(batch: list[_Job]) -> None:
    for job in batch:
        if job.future.done():  # the caller went away; what it asked for is durable all the same
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)


def _stop_at_once(path: Path, error: Exception) -> None:
    sys.stdout.flush()
    sys.stderr.write(
        f"bazar: the disk under {path} failed ({error}); nothing unsaved was acknowledged. "
        "Stopping: make room or mend the disk, then start again.\n"
    )
    sys.stderr.flush()
    os._exit(EXIT_DISK_FAILED)


def _drive(work: Any) -> Any:  # noqa: ANN401
    """Run a coroutine that never suspends to its end."""
    try:
        cast("Coroutine[Any, Any, Any]", work).send(None)
    except StopIteration as done:
        return done.value
    message = "a unit of work may await nothing but its transaction"
    raise RuntimeError(message)


def _in_snapshot(connection: apsw.Connection, work: Work[T]) -> T:
    connection.execute("BEGIN")
    try:
        return cast("T", _drive(work(SqliteTransaction(connection))))
    finally:
        connection.execute("COMMIT")


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "recursive_triggers = OFF",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _hold(path: Path) -> IO[str]:
    """Lock the file for this process; the lock ends with the process, however it ends."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_file = lock_path.open("a+")
    except OSError as error:
        message = f"cannot write to the data folder {path.parent}: {error.strerror}"
        raise StartupError(message) from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.seek(0)
        holder = lock_file.read().strip() or "unknown"
        lock_file.close()
        message = f"the database {path} is in use by another process (pid {holder})"
        raise StartupError(message) from error
    lock_file.truncate(0)
    lock_file.write(f"{os.getpid()}\n")
    lock_file.flush()
    return lock_file
