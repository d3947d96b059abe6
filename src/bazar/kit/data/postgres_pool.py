"""Connections to PostgreSQL, kept and counted; and what an error of one says about it.

A pool of our own, since a pool that asks the server to forget its settings at each return would
pay a trip for each transaction. The last one that was given back goes out first.

Nothing here cancels what a connection is doing: to cancel a COMMIT that waits for a synchronous
standby makes a row visible that a failover may lose, and says that all went well. What takes too
long has its connection cut instead.

Source: postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION;
docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 2.0
STATEMENTS_KEPT = 400
"""Prepared ones, of one connection; all that a service sends are fewer."""
UNSYNCED = "canceling wait for synchronous replication"
"""Begins the notice that a commit is not where it was to be, although it says that it is."""
_OF_THE_SERVER = frozenset({"08", "25", "53", "57"})
"""Classes of SQLSTATEs that are about the connection or the server, and not about a statement."""
_AGAIN = frozenset({"40001", "40P01", "23505"})
"""Serialization failure, deadlock, and a row that another transaction has made just before."""

Connection = Any
"""An asyncpg connection; asyncpg has no types."""


def answered(error: BaseException) -> bool:
    """Tell whether an error is the server's answer to a statement, so that its connection is well.

    Source: postgresql.org/docs/current/errcodes-appendix.html
    """
    state = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    return state is not None and state[:2] not in _OF_THE_SERVER


def again(error: BaseException) -> bool:
    """Tell whether the same transaction may go well when it is run again from its start."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _AGAIN


def lost(error: BaseException) -> bool:
    """Tell whether an error says that a connection, or the server, cannot be used."""
    kinds = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
    return isinstance(error, kinds) and not answered(error)


class Pool:
    """Connections of one kind to one database, opened when they are needed."""

    def __init__(self, url: str, size: int, settings: dict[str, str]) -> None:
        """Open none yet.

        Args:
            url: of the database, as libpq takes it; of several hosts the one that can be written.
            size: how many are used at once, at most.
            settings: of each session.
        """
        self._url = url
        self._settings = settings
        self._free = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._out: set[Connection] = set()
        self.doubtful: set[Connection] = set()
        """Those that said of a commit that it is not where it was to be."""
        self.waiting = 0
        """How many wait for one."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; one that is not well afterwards is not lent again.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: none can be opened.
        """
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        try:
            connection = self._idle.pop() if self._idle else await self._open()
            self._out.add(connection)
            try:
                yield connection
            except BaseException as error:
                if not answered(error) or connection.is_in_transaction():
                    connection.terminate()
                    if lost(error):
                        self._cut_idle()  # what broke one may have broken them all
                raise
            finally:
                self._out.discard(connection)
                self._take_back(connection)
        finally:
            self._free.release()

    def _take_back(self, connection: Connection) -> None:
        if connection in self.doubtful:
            self.doubtful.discard(connection)
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)

    async def _open(self) -> Connection:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_S,
            statement_cache_size=STATEMENTS_KEPT,
            max_cached_statement_lifetime=0,
            server_settings=self._settings,
            target_session_attrs="read-write" if "," in self._url else None,
        )
        connection.add_log_listener(self._note)
        return connection

    def _note(self, connection: Connection, message: Any) -> None:  # noqa: ANN401
        if UNSYNCED in str(message.message):
            self.doubtful.add(connection)

    def _cut_idle(self) -> None:
        while self._idle:
            self._idle.pop().terminate()

    def cut(self) -> None:
        """Cut all connections, whatever they are doing."""
        self._cut_idle()
        for connection in self._out:
            connection.terminate()

    async def close(self) -> None:
        """Close those that nobody uses, and cut the others."""
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(Exception):
                await connection.close(timeout=1)
        self.cut()
