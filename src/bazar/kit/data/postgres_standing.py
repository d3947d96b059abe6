"""Who of all processes at one database does what only one need do: whoever locked its name first.

A lock goes with the connection that took it: whoever dies, or is cut off, is followed by another.
Both may then think for a moment that they are the one, so nothing that must happen once may rest
on this alone.

Source: postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

import asyncio

from bazar.kit.data.postgres_pool import Connection, Pool, lost

ANSWER_S_MAX = 2.0
"""After which the connection is cut, and its locks with it."""
_TRY = "SELECT pg_try_advisory_lock(hashtextextended($1, 1))"
"""Not of the numbers that transactions lock."""
_STILL_THERE = "SELECT 1"


class Firsts:
    """The names that this process has locked."""

    def __init__(self, url: str, settings: dict[str, str]) -> None:
        """Connect when it is needed."""
        self._pool = Pool(url, 1, settings)
        self._locked: dict[str, Connection] = {}
        """On which connection: with that one the lock is gone."""

    async def is_first(self, name: str) -> bool:
        """Tell whether this process has a name, which it takes where nobody has it."""
        try:
            async with self._pool.connection() as connection:
                limit = asyncio.get_running_loop().call_later(ANSWER_S_MAX, connection.terminate)
                try:
                    return await self._take(connection, name)
                finally:
                    limit.cancel()
        except Exception as error:
            if lost(error):
                return False
            raise

    async def _take(self, connection: Connection, name: str) -> bool:
        if name in self._locked and self._locked[name] is connection:
            await connection.execute(_STILL_THERE)
            return True
        self._locked.pop(name, None)
        if await connection.fetchval(_TRY, name):
            self._locked[name] = connection
            return True
        return False

    async def close(self) -> None:
        """Give all names back."""
        await self._pool.close()
