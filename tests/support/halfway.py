"""Transactions that stand still while another one meets them, on an engine that has several."""

import asyncio
from collections.abc import Awaitable, Callable

from bazar.kit.data.database import Database, Transaction

BOUND_S = 4.0


class Halfway:
    """A transaction that has done something and is not at its end."""

    def __init__(
        self, database: Database, first: Callable[[Transaction], Awaitable[object]]
    ) -> None:
        """Begin it."""
        self._there = asyncio.Event()
        self._on = asyncio.Event()

        async def work(transaction: Transaction) -> None:
            await first(transaction)
            self._there.set()
            async with asyncio.timeout(2 * BOUND_S):
                await self._on.wait()

        self._writing = asyncio.create_task(database.write(work))

    async def there(self) -> None:
        """Wait until it has done what it does."""
        await self._there.wait()

    async def end(self) -> None:
        """Have it committed."""
        self._on.set()
        await self._writing


async def waits_for(database: Database, what: str) -> None:
    """Return once somebody at this database waits for a thing of this kind, such as a lock."""
    async with asyncio.timeout(BOUND_S):
        while not await database.read(
            lambda t: t.all(
                "SELECT 1 FROM pg_stat_activity "
                "WHERE datname = current_database() AND ?1 IN (wait_event_type, wait_event)",
                what,
            )
        ):
            pass
