"""Connections to PostgreSQL, kept and counted; and the patience with one that is lost.

A pool of our own, since a pool that asks the server to forget its settings at each return would
pay a trip for each transaction. The connection that was given back last goes out first.

What broke one connection may have broken all: when one is lost, those that nobody uses are cut,
in every pool of the database.

Source: docs/decisions/0029-postgresql-through-asyncpg.md
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg

from bazar.kit.data.postgres_connecting import (
    SETTINGS,
    Away,
    Connection,
    Refused,
    Unknown,
    connect,
    lost,
)
from bazar.kit.errors import InvalidRequest, Overloaded, Unavailable

T = TypeVar("T")

PATIENCE_S = 3.0
"""How long something is tried again while the server is away."""
PAUSE_S_FIRST = 0.02
PAUSE_S_MAX = 0.25
CLOSE_TIMEOUT_S = 1.0
_AGAIN = {
    asyncpg.SerializationError: 10,
    asyncpg.DeadlockDetectedError: 10,
    asyncpg.UniqueViolationError: 10,
    asyncpg.InvalidCachedStatementError: 2,
}
"""What may go well when it is run again from its start, and how often it is: it met another
transaction, which has made the same row just before; or a new schema."""
_NO_SETTINGS: Mapping[str, str] = {}
_WARNING = "01000"
"""The state of the notice that a commit does not wait for the standby any more, although it says
that all went well. Its text is in the language of the server."""


class Server:
    """One database, as all that this process asks of it."""

    def __init__(self, url: str) -> None:
        """Open no connection yet; the address is as libpq takes it."""
        self._url = url
        self._pools: list[Pool] = []
        self._away: Away | None = None
        """Why there was no connection when somebody looked last; None where there was one."""
        self._looking: asyncio.Future[None] | None = None
        """Ends when somebody who looks whether it is back knows."""

    def pool(self, who: str, size: int, settings: Mapping[str, str] = _NO_SETTINGS) -> "Pool":
        """Return a new pool.

        Args:
            who: uses its connections, in the plural.
            size: how many connections there are, at most.
            settings: of their sessions, beside those that all have.
        """
        pool = Pool(self, who, size, settings)
        self._pools.append(pool)
        return pool

    async def connect(self, settings: Mapping[str, str] = _NO_SETTINGS) -> Connection:
        """Open a connection.

        While the server is away one looks for all who want one. A server that starts has enough
        to do, without a crowd at each of its hosts that is told to wait.

        Raises:
            Away: there is none now.
        """
        if self._away is None:
            return await self._look(settings)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_future()
            try:
                return await self._look(settings)
            finally:
                self._looking.set_result(None)
                self._looking = None
        await asyncio.wait({self._looking})
        if self._away is not None:
            raise type(self._away)(str(self._away))
        return await self._look(settings)

    async def _look(self, settings: Mapping[str, str]) -> Connection:
        """Open a connection, and note whether there is one."""
        try:
            found = await connect(self._url, {**SETTINGS, **settings})
        except Away as error:
            self._away = error
            raise
        self._away = None
        return found

    def cut_idle(self) -> None:
        """Cut all connections that nobody uses."""
        for pool in self._pools:
            pool.cut_idle()

    def used(self) -> int:
        """Return how many connections are used now."""
        return sum(len(pool.used) for pool in self._pools)

    def waiting(self) -> int:
        """Return how many wait for a connection now."""
        return sum(pool.waiting for pool in self._pools)

    async def close(self) -> None:
        """Close the connections that nobody uses, and cut the others."""
        idle = [connection for pool in self._pools for connection in pool.close()]
        closing = (connection.close(timeout=CLOSE_TIMEOUT_S) for connection in idle)
        await asyncio.gather(*closing, return_exceptions=True)


class Pool:
    """Connections of one kind to one database, opened when they are needed."""

    def __init__(self, server: Server, who: str, size: int, settings: Mapping[str, str]) -> None:
        """Open none yet."""
        self._server = server
        self._who = who
        self._settings = settings
        self._places = asyncio.Semaphore(size)
        self._idle: list[Connection] = []
        self._doubtful: set[Connection] = set()
        self._closing = False
        self.used: set[Connection] = set()
        self.waiting = 0

    async def run(
        self,
        use: Callable[[Connection], Awaitable[T]],
        patience_s: float,
        *,
        idempotent: bool,
    ) -> T:
        """Run something on a connection, again where that helps.

        Args:
            use: runs it; from its start each time. A connection that it leaves in the middle of
                something is cut.
            patience_s: how long it waits for those who came before.
            idempotent: it is run again where nobody knows what became of it, too.

        Raises:
            InvalidRequest: definite; a text holds a NUL, which PostgreSQL does not keep.
            Overloaded: definite; it waited for too long.
            Unavailable: indefinite; the server is away, nobody knows what became of it, or the
                pool is closing.
        """
        async with self._place(patience_s):
            loop = asyncio.get_running_loop()
            until_s = loop.time() + PATIENCE_S
            pause_s = PAUSE_S_FIRST
            conflicts = 0
            while True:
                try:
                    return await self._once(use)
                except tuple(_AGAIN) as error:
                    conflicts += 1
                    if conflicts > next(_AGAIN[kind] for kind in _AGAIN if isinstance(error, kind)):
                        raise
                    await asyncio.sleep(random.uniform(0, PAUSE_S_FIRST))  # noqa: S311  no secret
                    continue
                except asyncpg.CharacterNotInRepertoireError as error:
                    message = "a text must not hold a NUL character"
                    raise InvalidRequest(message) from error
                except (Away, Unknown) as error:
                    late = isinstance(error, Refused) or loop.time() + pause_s > until_s
                    if late or self._closing or (isinstance(error, Unknown) and not idempotent):
                        raise self._unavailable(error) from error
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S_MAX)

    def is_doubtful(self, connection: Connection) -> bool:
        """Tell whether the server has warned of something since this connection was lent."""
        return connection in self._doubtful

    def cut_idle(self) -> None:
        """Cut the connections that nobody uses."""
        while self._idle:
            self._idle.pop().terminate()

    def close(self) -> list[Connection]:
        """Lend nothing any more, cut what is used, and return what nobody uses, to be closed."""
        self._closing = True
        for connection in self.used:
            connection.terminate()
        idle, self._idle = self._idle, []
        return idle

    @asynccontextmanager
    async def _place(self, patience_s: float) -> AsyncIterator[None]:
        """Wait until it is one's turn to use a connection."""
        self.waiting += 1
        try:
            if self._places.locked():
                async with asyncio.timeout(patience_s):
                    await self._places.acquire()
            else:
                await self._places.acquire()
        except TimeoutError:
            message = f"this waited for {patience_s:g} s behind other {self._who}"
            raise Overloaded(message) from None
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def _once(self, use: Callable[[Connection], Awaitable[T]]) -> T:
        """Run something on a connection, and keep that where it is well afterwards.

        Raises:
            Away: there is none, or it was lost.
        """
        connection = await self._open()
        self.used.add(connection)
        try:
            return await use(connection)
        except BaseException as error:
            broken = isinstance(error, Unknown) or lost(error, connection)
            if broken or not isinstance(error, Exception) or _is_busy(connection):
                connection.terminate()
            if broken:
                self._server.cut_idle()
            if broken and not isinstance(error, (Away, Unknown)):
                raise Away(str(error)) from error
            raise
        finally:
            self.used.discard(connection)
            self._doubtful.discard(connection)
            if not connection.is_closed():
                self._idle.append(connection)

    async def _open(self) -> Connection:
        """Return the connection that was used last, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        if self._closing:
            raise Away
        connection = await self._server.connect(self._settings)
        if self._closing or connection.is_closed():  # it may be lost as soon as it is there
            connection.terminate()
            raise Away
        connection.add_log_listener(self._note)
        return connection

    def _note(self, connection: Connection, message: asyncpg.PostgresLogMessage) -> None:
        if message.sqlstate == _WARNING:
            self._doubtful.add(connection)

    def _unavailable(self, error: Exception) -> Unavailable:
        if self._closing:
            return Unavailable("the database is closing")
        if isinstance(error, Unknown):
            return Unavailable(f"nobody knows what became of a commit: {error}")
        return Unavailable(f"the database cannot be reached: {error}")


def _is_busy(connection: Connection) -> bool:
    return not connection.is_closed() and bool(connection.is_in_transaction())
