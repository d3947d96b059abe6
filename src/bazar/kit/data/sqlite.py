"""SQLite with group commit: one flush to the disk for all the writes that wait.

How it works: `write` puts a unit of work into a queue. As soon as no flush is under way, all that
waits (at most 512) runs here, on the event loop, in one transaction; then a thread commits it (one
fsync, since `synchronous=FULL` in WAL mode) while the next units gather; and only then are they
all answered. When a unit raises, the batch is rolled back and runs again with a savepoint around
each unit, so that the one that raises is rolled back alone. Nothing is answered before it is
durable, so a crash at any point loses only work whose caller never heard of success.

The statements run on the event loop and only the commit in a thread, because a thread that runs
many short statements has to win Python's lock back after each (docs/performance.md).

A failed flush leaves the kernel's pages in an unknown state, so the process stops at once and
never flushes again; the next start replays the write-ahead log from the disk.

Source: sqlite.org/wal.html; docs/decisions/0002-sqlite-through-apsw.md
"""

import asyncio
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any, TypeVar, cast

import apsw

from bazar.kit.data.database import Row, Value, Work
from bazar.kit.errors import Overloaded, StartupError, Unavailable
from bazar.kit.lock import hold

T = TypeVar("T")

SQLITE_VERSION_MIN = (3, 51, 3)
"""Older ones can lose commits in WAL mode with two connections (the WAL-reset bug)."""

BATCH_MAX = 512
QUEUE_MAX = 8192
LAZY_DELAY_MAX_S = 0.05
SCAN_THREADS = 2
SCANS_MAX = 64
"""Scans that run or wait; so many requests at most wait for one, however many ask."""
SCAN_PATIENCE_S = 2.0
"""After which a scan that still waits is dropped: nobody waits for an answer much longer."""
BUSY_TIMEOUT_MS = 5000
EXIT_DISK_FAILED = 74

_DISK_ERRORS = (apsw.IOError, apsw.FullError, apsw.CorruptError, apsw.NotADBError)


def sqlite_version() -> tuple[int, ...]:
    """Return the version of the SQLite that is used, which comes with apsw."""
    return tuple(map(int, apsw.sqlite_lib_version().split(".")))


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


@dataclass(slots=True)
class _Job:
    work: Work[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class SqliteDatabase:
    """One SQLite file, held by this process alone."""

    def __init__(self, path: Path, on_batch: Callable[[int], None] = lambda _size: None) -> None:
        """Open the file, creating it where it is missing. Needs a running event loop.

        Args:
            path: the database file; beside it lie `-wal`, `-shm` and `.lock` files.
            on_batch: is told the size of each committed batch.

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
            self._writer = _connect(path)
        except apsw.Error as error:
            self._lock_file.close()
            message = f"cannot open the database {path}: {error}"
            raise StartupError(message) from error
        self._reading = SqliteTransaction(self._reader)
        self._loop = asyncio.get_running_loop()
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._flushing = False
        self._start: asyncio.Handle | None = None
        self._start_is_urgent = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._commits: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._committer = threading.Thread(target=self._commit_batches, name="commit", daemon=True)
        self._committer.start()
        self._scanners = ThreadPoolExecutor(SCAN_THREADS, thread_name_prefix="scan")
        self._scans = 0
        self._scanner_connections: dict[int, apsw.Connection] = {}

    async def read(self, work: Work[T]) -> T:
        """Run one short statement right here: a point look-up takes microseconds."""
        return cast("T", _drive(work(self._reading)))

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
            asked_at_s = monotonic()
            return await self._loop.run_in_executor(self._scanners, self._scan, work, asked_at_s)
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

    async def write(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a read-write transaction and return once it is durable.

        Raises:
            Overloaded: definite; 8,192 writes wait already.
            Unavailable: the database is closing.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        if len(self._jobs) >= QUEUE_MAX:
            message = f"{QUEUE_MAX} writes wait already"
            raise Overloaded(message)
        job = _Job(work, self._loop.create_future())
        self._jobs.append(job)
        self._schedule(LAZY_DELAY_MAX_S if lazy else 0)
        return cast("T", await job.future)

    async def close(self) -> None:
        """Commit what waits, then close and let go of the file."""
        self._closing = True
        if self._jobs:
            self._schedule(0)
        await self._idle.wait()
        self._commits.put(None)
        self._committer.join()
        for connection in self._scanner_connections.values():
            connection.interrupt()  # a long scan must not hold up the end
        await self._loop.run_in_executor(None, self._scanners.shutdown)
        # The last one puts all of the log into the file, but not if it was interrupted.
        for connection in (*self._scanner_connections.values(), self._reader, self._writer):
            connection.close()
        self._lock_file.close()

    def _schedule(self, delay_s: float) -> None:
        """Have the next batch start, now or at the latest after a delay."""
        self._idle.clear()
        if self._flushing:
            return  # the end of this flush starts the next batch
        if self._start is not None:
            if delay_s or self._start_is_urgent:
                return
            self._start.cancel()
        self._start_is_urgent = not delay_s
        if delay_s:
            self._start = self._loop.call_later(delay_s, self._start_batch)
        else:
            self._start = self._loop.call_soon(self._start_batch)

    def _start_batch(self) -> None:
        self._start = None
        self._flushing = True
        batch = [self._jobs.popleft() for _ in range(min(BATCH_MAX, len(self._jobs)))]
        try:
            self._run(batch)
        except _DISK_ERRORS as error:
            _stop_at_once(self._path, error)
        except apsw.Error as error:
            self._finish_batch(batch, error)
        else:
            self._commits.put(batch)

    def _run(self, batch: list[_Job]) -> None:
        """Run a batch in one transaction: all at once, or one by one where a unit raises."""
        transaction = SqliteTransaction(self._writer)
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.result = _drive(job.work(transaction))
        except _DISK_ERRORS:
            raise
        except Exception:  # noqa: BLE001  found again, and handed to its caller, one by one
            self._writer.execute("ROLLBACK")
            self._run_one_by_one(batch)

    def _run_one_by_one(self, batch: list[_Job]) -> None:
        execute = self._writer.execute
        transaction = SqliteTransaction(self._writer)
        execute("BEGIN IMMEDIATE")
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

    def _commit_batches(self) -> None:
        """Commit what `_start_batch` hands over, one batch at a time, until the end."""
        while (batch := self._commits.get()) is not None:
            failed = None
            try:
                self._writer.execute("COMMIT")
            except _DISK_ERRORS as error:
                _stop_at_once(self._path, error)
            except Exception as error:  # noqa: BLE001  handed to the callers of the batch
                failed = error
            self._loop.call_soon_threadsafe(self._finish_batch, batch, failed)

    def _finish_batch(self, batch: list[_Job], error: BaseException | None) -> None:
        if error is not None:  # another process held the file for longer than the busy timeout
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for job in batch:
                job.error = Unavailable(f"the database did not take the write: {error}")
        self._on_batch(len(batch))
        for job in batch:
            if job.future.done():  # the caller went away; what it asked for is durable all the same
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)
        self._flushing = False
        if self._jobs:
            self._schedule(0)
        else:
            self._idle.set()


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
        "recursive_triggers = ON",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection
