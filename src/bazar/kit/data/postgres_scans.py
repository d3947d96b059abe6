"""Scans on PostgreSQL: long reads on one snapshot, each kind in its own lane, each with an end.

A scan that has to end has its connection cut, and the server ends its statement when it looks
whether its client is still there, ten times a second.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from bazar.kit.data.database import Lane, Transaction, Work
from bazar.kit.data.postgres_connecting import Connection, lost
from bazar.kit.data.postgres_pool import Pool, Server
from bazar.kit.errors import Overloaded, Unavailable

T = TypeVar("T")

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class Scans:
    """The scans of one database."""

    def __init__(self, server: Server, transaction: Callable[[Connection], Transaction]) -> None:
        """Connect when it is needed."""
        self._server = server
        self._transaction = transaction
        self._lanes: dict[Lane, Pool] = {}
        self._scans: Counter[Lane] = Counter()
        """Those that run or wait, in each lane."""
        self._closing = False

    async def scan(self, work: Work[T], lane: Lane) -> T:
        """Run reads on one snapshot; they end with their asker, and when their time is over.

        Raises:
            Overloaded: definite; too many wait in this lane, it waited or took too long.
            Unavailable: the database is closing, or the server is away.
        """
        if self._closing:
            message = "the database is closing"
            raise Unavailable(message)
        if self._scans[lane] >= lane.scans_max:
            message = f"{self._scans[lane]} {lane.name} wait already"
            raise Overloaded(message)
        if lane not in self._lanes:
            self._lanes[lane] = self._server.pool(lane.name, lane.threads)
        self._scans[lane] += 1
        try:
            async with asyncio.timeout(lane.limit_s) as limit:
                return await self._lanes[lane].run(
                    lambda connection: self._once(connection, work),
                    lane.patience_s,
                    idempotent=True,
                )
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"this took longer than the {lane.limit_s:g} s that {lane.name} have"
            raise Overloaded(message) from None
        finally:
            self._scans[lane] -= 1

    async def _once(self, connection: Connection, work: Work[T]) -> T:
        await connection.execute(_BEGIN)
        try:
            result = await work(self._transaction(connection))
        except Exception as error:
            if not lost(error, connection):
                await connection.execute("ROLLBACK")
            raise
        await connection.execute("COMMIT")
        return result

    def close(self) -> None:
        """End those that run, and those that wait."""
        self._closing = True
        for pool in self._lanes.values():
            for connection in pool.close():
                connection.terminate()
