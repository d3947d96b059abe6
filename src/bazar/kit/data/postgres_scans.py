"""Scans on PostgreSQL: long reads on one snapshot, each kind in its own lane, each with an end."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bazar.kit.data.database import Lane, Transaction, Work
from bazar.kit.data.postgres_pool import Connection, Pool, lost
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class _Queue:
    """Those who scan in one lane."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.scans = 0


class Scans:
    """The scans of one database."""

    def __init__(
        self,
        url: str,
        settings: dict[str, str],
        transaction: Callable[[Connection], Transaction],
    ) -> None:
        """Connect when it is needed."""
        self._url = url
        self._settings = settings
        self._transaction = transaction
        self._queues: dict[Lane, _Queue] = {}
        self._closing = False

    async def scan(self, work: Work[T], lane: Lane) -> T:
        """Run reads on one snapshot; they end with their asker, and when their time is over.

        Raises:
            Overloaded: definite; too many wait in this lane, or it took too long.
            Unavailable: the database is closing, or the server is away.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        queue = self._queues.get(lane)
        if queue is None:
            queue = self._queues[lane] = _Queue(Pool(self._url, lane.threads, self._settings))
        if queue.scans >= lane.scans_max:
            message = f"{lane.scans_max} {lane.name} scan or wait already"
            raise Overloaded(message)
        queue.scans += 1
        try:
            async with asyncio.timeout(lane.limit_s):
                return await self._run(queue.pool, work)
        except TimeoutError as error:
            message = f"a scan of {lane.name} took too long"
            raise Overloaded(message) from error
        except Exception as error:
            if lost(error):
                message = f"the database cannot be reached: {error}"
                raise Unavailable(message) from error
            raise
        finally:
            queue.scans -= 1

    async def _run(self, pool: Pool, work: Work[T]) -> T:
        async with pool.connection() as connection:
            await connection.execute(_BEGIN)
            try:
                result = await work(self._transaction(connection))
            except Exception as error:
                if not lost(error):
                    await connection.execute("ROLLBACK")
                raise
            await connection.execute("COMMIT")
            return result

    async def close(self) -> None:
        """End those that are under way."""
        self._closing = True
        for queue in self._queues.values():
            await queue.pool.close()
