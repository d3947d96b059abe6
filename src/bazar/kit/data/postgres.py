"""PostgreSQL: many connections, a transaction for each unit of work, the server gathers flushes.

How it works: a unit of work runs on a connection that is its own, in a task that nobody cancels.
What it announced goes out as notifications in the message that commits it, and so does a mark in
the write-ahead log. That mark is there for units that only repeat what they found: a row may be
visible before a synchronous standby has it, and whoever is told of it must not outlive it. With
the mark the commit waits until everything before it is where it has to be.

Lazy writes go through a connection that commits without waiting for the disk: visible to all at
once, made durable by any later commit, and by the server within moments.

Until its COMMIT is sent a unit that fails on a lost connection has done nothing, so it is run
again, after pauses, until its patience is over: a server that restarts is a pause. When the
connection is lost around the COMMIT nobody knows what became of it: only a unit that may run
twice is run again.

Source: docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

from bazar.kit.data.database import READERS, Lane, Row, Standing, Value, Work
from bazar.kit.data.postgres_pool import Connection, Pool, again, answered, lost
from bazar.kit.data.postgres_scans import Scans
from bazar.kit.data.postgres_standing import Firsts
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

WRITERS = 4
READERS_MAX = 4
LAZY_WRITERS = 2
QUEUE_MAX = 8192
PATIENCE_S = 3.0
"""How long a unit is tried again while the server is away."""
UNIT_S_MAX = 8.0
"""After which the connection of a unit is cut."""
PAUSE_S_FIRST = 0.02
PAUSE_S_MAX = 0.25
CONFLICTS_MAX = 10
"""How often one unit gives way to others."""
CHANNEL = "bazar_changes"
MARK = "SELECT pg_logical_emit_message(true, 'bazar', '')"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_SETTINGS = {"application_name": "bazar", "jit": "off", "TimeZone": "UTC"}
_LAZY = {"synchronous_commit": "off"}

Encode = Callable[[Sequence[object]], Iterable[str]]
"""Returns what was announced as payloads, each of less than 8,000 bytes."""


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """Return a statement with its parameters as PostgreSQL writes them: `$1` for `?1`."""
    return re.sub(r"\?(\d+)", r"$\1", sql)


class PostgresTransaction:
    """A transaction on one connection."""

    def __init__(self, connection: Connection, announced: list[object] | None = None) -> None:
        """Wrap a connection; one that writes gathers its changes."""
        self._connection = connection
        self._announced = announced

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        return cast("Row | None", await self._connection.fetchrow(numbered(sql), *values))

    async def all(self, sql: str, *values: Any) -> list[Row]:  # noqa: ANN401  arrays too
        """Return every row; a value may be an array."""
        return cast("list[Row]", await self._connection.fetch(numbered(sql), *values))

    async def run(self, sql: str, *values: Any) -> int:  # noqa: ANN401  arrays too
        """Run a statement and return how many rows it changed; a value may be an array."""
        status = await self._connection.execute(numbered(sql), *values)
        return _changed(status)

    async def all_many(self, sql: str, rows: Iterable[Row]) -> list[Row]:
        """Run a statement once for each row of values; return all that they return, in order."""
        return cast("list[Row]", await self._connection.fetchmany(numbered(sql), list(rows)))

    async def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement once for each row of values, all in one message."""
        await self._connection.executemany(numbered(sql), rows)

    async def count_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        return sum([await self.run(sql, *row) for row in rows])

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        await self._connection.execute(sql)

    async def lock(self, name: str) -> None:
        """Wait until no other transaction has locked this name, and lock it until the end."""
        await self._connection.execute(_LOCK, name)

    def announce(self, change: object) -> None:
        """Have a change told to all who listen, if this transaction commits."""
        assert self._announced is not None, "a read changes nothing that could be announced"
        self._announced.append(change)


def _changed(status: str) -> int:
    """Return how many rows a command changed, as its tag says.

    Source: postgresql.org/docs/current/protocol-message-formats.html, CommandComplete
    """
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


class _CommitLost(Exception):
    """Nobody knows whether a unit was committed."""


class PostgresDatabase:
    """One PostgreSQL database, which other processes use at the same time."""

    def __init__(
        self,
        url: str,
        on_batch: Callable[[int], None] = lambda _size: None,
        encode: Encode | None = None,
    ) -> None:
        """Connect when it is needed. Needs a running event loop.

        Args:
            url: of the database, such as `postgresql://user@host/name`; several hosts may stand
                in it, with commas between them.
            on_batch: is told the size of each durable commit, which is 1.
            encode: what is announced; None where nothing is.
        """
        self._on_batch = on_batch
        self._encode = encode
        self._writers = Pool(url, WRITERS, _SETTINGS)
        self._lazy_writers = Pool(url, LAZY_WRITERS, _SETTINGS | _LAZY)
        self._readers = Pool(url, READERS_MAX, _SETTINGS)
        self._scans = Scans(url, _SETTINGS, PostgresTransaction)
        self._firsts = Firsts(url, _SETTINGS)
        self._units: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def read(self, work: Work[T]) -> T:
        """Run one short statement, on a connection that has no transaction open.

        Raises:
            Unavailable: the server is away.
        """

        async def once(_patience: float) -> T:
            async with self._readers.connection() as connection:
                with _cut_after(connection, UNIT_S_MAX):
                    return await work(PostgresTransaction(connection))

        return await self._patiently(once, again_when_lost=True)

    async def scan(self, work: Work[T], lane: Lane = READERS) -> T:
        """Run reads on one snapshot.

        Raises:
            Overloaded: definite; too many scans wait in this lane, or it took too long.
            Unavailable: the database is closing, or the server is away.
        """
        return await self._scans.scan(work, lane)

    async def write(
        self, work: Work[T], *, lazy: bool = False, single: bool = False, idempotent: bool = False
    ) -> T:
        """Run a read-write transaction and return once it is durable; a lazy one, once visible.

        It goes on to its end even where its caller goes away.

        Raises:
            Overloaded: definite; too many writes wait.
            Unavailable: indefinite; the connection was lost around the commit, or the database is
                closing, or the server is away.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        pool = self._lazy_writers if lazy else self._writers
        if pool.waiting >= QUEUE_MAX:
            message = f"{QUEUE_MAX} writes wait already"
            raise Overloaded(message)

        async def once(_patience: float) -> T:
            async with pool.connection() as connection:
                with _cut_after(connection, UNIT_S_MAX):
                    if single:
                        result = await self._run_single(connection, work)
                    else:
                        result = await self._run(connection, work, durable=not lazy)
                if connection in pool.doubtful:
                    message = "a commit was not taken to the standby"
                    raise _CommitLost(message)
                return result

        unit = asyncio.create_task(self._patiently(once, again_when_lost=idempotent))
        self._units.add(unit)
        unit.add_done_callback(self._units.discard)
        result = await asyncio.shield(unit)
        if not lazy:
            self._on_batch(1)
        return result

    async def _run(self, connection: Connection, work: Work[T], *, durable: bool) -> T:
        announced: list[object] = []
        await connection.execute("BEGIN")
        try:
            result = await work(PostgresTransaction(connection, announced))
        except BaseException as error:
            if not lost(error) and not connection.is_closed():
                await connection.execute("ROLLBACK")
            raise
        told = [f"NOTIFY {CHANNEL}, {_quoted(text)}" for text in self._payloads(announced)]
        end = [*told, MARK, "COMMIT"] if durable else [*told, "COMMIT"]
        await self._commit(connection, "; ".join(end))
        return result

    async def _commit(self, connection: Connection, end: str) -> None:
        try:
            await connection.execute(end)
        except Exception as error:
            if answered(error):
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
                raise
            raise _CommitLost(str(error)) from error

    async def _run_single(self, connection: Connection, work: Work[T]) -> T:
        """Run a unit of one statement, which the server commits by itself."""
        try:
            return await work(PostgresTransaction(connection, None))
        except Exception as error:
            if lost(error):
                raise _CommitLost(str(error)) from error
            raise

    def _payloads(self, announced: Sequence[object]) -> Iterable[str]:
        if not announced:
            return ()
        assert self._encode is not None, "nobody said how changes of this database are told"
        return self._encode(announced)

    async def _patiently(
        self, once: Callable[[float], Awaitable[T]], *, again_when_lost: bool
    ) -> T:
        """Run something again where that helps, and say in our own words where nothing does."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + PATIENCE_S
        pause_s, conflicts = PAUSE_S_FIRST, 0
        while True:
            try:
                return await once(until_s - loop.time())
            except _CommitLost as error:
                reason = f"the connection was lost around a commit: {error}"
                if not again_when_lost:
                    raise Unavailable(reason) from error
            except Exception as error:
                if again(error) and conflicts < CONFLICTS_MAX:
                    conflicts += 1
                    continue
                if not lost(error):
                    raise
                reason = f"the database cannot be reached: {error}"
            if self._closing or loop.time() + pause_s > until_s:
                raise Unavailable(reason)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)

    async def standing(self, name: str) -> Standing:
        """Tell whether this process is the one that does something; it is not where that fails."""
        return "first" if await self._firsts.is_first(name) else "other"

    async def close(self) -> None:
        """Finish what is under way, then close."""
        self._closing = True
        if self._units:
            await asyncio.wait(self._units, timeout=UNIT_S_MAX)
        await self._scans.close()
        await self._firsts.close()
        for pool in (self._writers, self._lazy_writers, self._readers):
            await pool.close()


class _cut_after:  # noqa: N801  reads as a function
    """Cut a connection that takes longer, which nothing else can stop without a lie."""

    def __init__(self, connection: Connection, limit_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(limit_s, connection.terminate)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()


def _quoted(text: str) -> str:
    """Return a text as a literal.

    Source: postgresql.org/docs/current/sql-syntax-lexical.html, standard_conforming_strings
    """
    return "'" + text.replace("'", "''") + "'"
