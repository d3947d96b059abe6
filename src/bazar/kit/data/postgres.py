"""PostgreSQL: many connections, a transaction for each unit of work, the server gathers flushes.

How it works: a unit of work runs on a connection that is its own, in a task that nobody cancels.
What it announced goes out as notifications in the message that commits it. So does a mark in the
write-ahead log, where the unit is not known to have written anything: a row may be visible before
a synchronous standby has it, and whoever is told of it must not outlive it. With something
written, or the mark, the commit waits until everything before it is where it has to be.

Lazy writes go through a connection that commits without waiting for the disk: visible to all at
once, made durable by any later commit, and by the server within moments.

Until its COMMIT is sent a unit that fails on a lost connection has done nothing, so it is run
again, after pauses, until the patience is over: a server that restarts is a pause. When the
connection is lost around the COMMIT nobody knows what became of it: only a unit that may run
twice is run again.

Source: docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from bazar.kit.data.database import (
    QUEUE_MAX,
    READERS,
    WRITE_S_MAX,
    Lane,
    Row,
    Standing,
    Value,
    Work,
)
from bazar.kit.data.postgres_connecting import (
    MARK,
    Away,
    Connection,
    Unknown,
    cut_after,
    lost,
    unsent,
)
from bazar.kit.data.postgres_listening import CHANNEL
from bazar.kit.data.postgres_pool import CLOSE_TIMEOUT_S, Server
from bazar.kit.data.postgres_scans import Scans
from bazar.kit.data.postgres_standing import Firsts
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

WRITERS = 4
LAZY_WRITERS = 1
POINT_READERS = 4
READ_S_MAX = 2.0
"""After which the connection of a read is cut."""
WAIT_S_MAX = 8.0
"""After which a write that waits for others is refused."""
CLOSE_S_MAX = 10.0
"""After which writes that go on are cut."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
BY_INDEX = {"enable_seqscan": "off"}
"""Of who looks rows up by their keys. A plan that was made while a table was empty would read it
from end to end, and is kept until the server looks at the table again, a minute of sales later."""
WRITER = {"idle_in_transaction_session_timeout": "250ms"}
"""A process that hangs inside a transaction keeps nobody from its rows for longer: buyers who want
the same book wait for it. No transaction rests for as long between two statements."""
LAZY = WRITER | {"synchronous_commit": "off"}
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE"})

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
        self.wrote = False
        """Whether it is known to have changed a row."""

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        row = await self._connection.fetchrow(numbered(sql), *values)
        return None if row is None else tuple(row)

    async def all(self, sql: str, *values: Any) -> list[Row]:  # noqa: ANN401  arrays too
        """Return every row; a value may be an array."""
        return list(map(tuple, await self._connection.fetch(numbered(sql), *values)))

    async def run(self, sql: str, *values: Any) -> int:  # noqa: ANN401  arrays too
        """Run a statement and return how many rows it changed; a value may be an array."""
        changed = _changed(await self._connection.execute(numbered(sql), *values))
        self.wrote = self.wrote or changed > 0
        return changed

    async def all_many(self, sql: str, rows: Iterable[Row]) -> list[Row]:
        """Run a statement once for each row of values; return all that they return, in order."""
        return list(map(tuple, await self._connection.fetchmany(numbered(sql), list(rows))))

    async def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement once for each row of values, all in one message."""
        await self._connection.executemany(numbered(sql), rows)

    async def count_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        return sum([await self.run(sql, *row) for row in rows])

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        await self._connection.execute(f"{sql}\n;SELECT")  # the driver trips over no statement

    async def lock(self, name: str) -> None:
        """Wait until no other transaction has locked this name, and lock it until the end."""
        await self._connection.execute(_LOCK, name)

    def announce(self, change: object) -> None:
        """Have a change told to all who listen, if this transaction commits."""
        assert self._announced is not None, "a read changes nothing that could be announced"
        self._announced.append(change)


def _changed(tag: str) -> int:
    """Return how many rows a command changed, as its tag says.

    Source: postgresql.org/docs/current/protocol-message-formats.html, CommandComplete
    """
    return int(tag.rpartition(" ")[2]) if tag.partition(" ")[0] in _WRITES else 0


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
        self._server = Server(url)
        self._writers = self._server.pool("writes", WRITERS, BY_INDEX | WRITER)
        self._lazy_writers = self._server.pool("lazy writes", LAZY_WRITERS, BY_INDEX | LAZY)
        self._readers = self._server.pool("reads", POINT_READERS, BY_INDEX)
        self._scans = Scans(self._server, PostgresTransaction)
        self._firsts = Firsts(self._server)
        self._units: set[asyncio.Task[Any]] = set()
        self._closing = False
        self.used = self._server.used
        """Returns how many connections are in use now."""
        self.waiting = self._server.waiting
        """Returns how many wait for one now."""

    def count(self, watch: Callable[[str, str, Callable[[], float]], None]) -> None:
        """Have both numbers shown by what is given the name of each, and what it is."""
        watch("bazar_database_used", "Connections to the database that are in use.", self.used)
        watch("bazar_database_waiting", "Those that wait for a connection to it.", self.waiting)

    async def read(self, work: Work[T]) -> T:
        """Run one short statement, on a connection that has no transaction open.

        Raises:
            Overloaded: definite; it waited for too long behind others.
            Unavailable: the server is away.
        """

        async def use(connection: Connection) -> T:
            with cut_after(READ_S_MAX, connection):
                return await work(PostgresTransaction(connection))

        return await self._readers.run(use, READ_S_MAX, idempotent=True)

    async def scan(self, work: Work[T], lane: Lane = READERS) -> T:
        """Run reads on one snapshot.

        Raises:
            Overloaded: definite; too many scans wait in this lane, or it took too long.
            Unavailable: the database is closing, or the server is away.
        """
        return await self._scans.scan(work, lane)

    async def write(
        self,
        work: Work[T],
        *,
        lazy: bool = False,
        single: bool = False,
        idempotent: bool = False,
        limit_s: float = WRITE_S_MAX,
    ) -> T:
        """Run a read-write transaction and return once it is durable; a lazy one, once visible.

        It goes on to its end even where its caller goes away.

        Raises:
            Overloaded: definite; too many writes wait, or it waited for too long.
            Unavailable: indefinite; the connection was lost around the commit, or the database is
                closing, or the server is away.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        if len(self._units) >= QUEUE_MAX:
            message = f"{len(self._units)} writes wait already"
            raise Overloaded(message)
        pool = self._lazy_writers if lazy else self._writers

        async def use(connection: Connection) -> T:
            with cut_after(limit_s, connection):
                if single:
                    result = await _run_alone(connection, work)
                else:
                    result = await self._run(connection, work, durable=not lazy)
            if pool.is_doubtful(connection):
                message = "the server did not wait for its standby"
                raise Unknown(message)
            if not lazy:
                self._on_batch(1)
            return result

        unit = asyncio.create_task(pool.run(use, WAIT_S_MAX, idempotent=idempotent))
        self._units.add(unit)
        unit.add_done_callback(self._forget)
        await asyncio.wait({unit})
        return unit.result()

    def _forget(self, unit: asyncio.Task[Any]) -> None:
        """Forget a unit that has ended; nobody may be left who looks at its error."""
        self._units.discard(unit)
        if not unit.cancelled():
            unit.exception()

    async def _run(self, connection: Connection, work: Work[T], *, durable: bool) -> T:
        announced: list[object] = []
        transaction = PostgresTransaction(connection, announced)
        await connection.execute("BEGIN")
        try:
            result = await work(transaction)
        except Exception as error:
            if not lost(error, connection):
                await connection.execute("ROLLBACK")
            raise
        end = [f"NOTIFY {CHANNEL}, {_quoted(text)}" for text in self._payloads(announced)]
        if durable and not transaction.wrote:
            end.append(MARK)
        await _commit(connection, "; ".join([*end, "COMMIT"]))
        return result

    def _payloads(self, announced: Sequence[object]) -> Iterable[str]:
        if not announced:
            return ()
        assert self._encode is not None, "nobody said how changes of this database are told"
        return self._encode(announced)

    async def standing(self, name: str) -> Standing:
        """Tell whether this process is the one that does something; it is not where that fails."""
        return "first" if await self._firsts.is_first(name) else "other"

    async def close(self) -> None:
        """Finish what is under way, then close."""
        self._closing = True
        self._scans.close()
        if self._units:
            await asyncio.wait(self._units, timeout=CLOSE_S_MAX)
        await self._server.close()
        if self._units:  # they hear that their connections are cut
            await asyncio.wait(self._units, timeout=CLOSE_TIMEOUT_S)
        for unit in self._units:
            unit.cancel()


async def _commit(connection: Connection, end: str) -> None:
    """Send what ends a transaction.

    Raises:
        Away: the connection was lost before that.
        Unknown: nobody knows whether it was committed.
    """
    try:
        tag = await connection.execute(end)
    except Exception as error:
        if lost(error, connection):
            raise _of_a_commit(error) from error
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        raise
    if tag != "COMMIT":
        message = "the work went on after one of its statements had failed"
        raise RuntimeError(message)


async def _run_alone(connection: Connection, work: Work[T]) -> T:
    """Run a unit of one statement, which the server commits by itself.

    Raises:
        Away: the connection was lost before that.
        Unknown: nobody knows whether it was committed.
    """
    try:
        return await work(PostgresTransaction(connection))
    except Exception as error:
        if lost(error, connection):
            raise _of_a_commit(error) from error
        raise


def _of_a_commit(error: Exception) -> Exception:
    """Return what a lost connection says of the message that was to commit."""
    return Away(str(error)) if unsent(error) else Unknown(str(error))


def _quoted(text: str) -> str:
    """Return a text as a literal.

    Source: postgresql.org/docs/current/sql-syntax-lexical.html, standard_conforming_strings
    """
    return "'" + text.replace("'", "''") + "'"
