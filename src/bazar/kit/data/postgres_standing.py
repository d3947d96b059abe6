"""Who of all processes at one database does what only one need do: whoever locked its name first.

A lock goes with the connection that took it: whoever dies, or is cut off, is followed by another.
Both may then think for a moment that they are the one, so nothing that must happen once may rest
on this alone.

Source: postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from bazar.kit.data.postgres_connecting import Connection, cut_after
from bazar.kit.data.postgres_pool import Server
from bazar.kit.errors import Overloaded, Unavailable

ANSWER_S_MAX = 2.0
"""After which the connection is cut, and its locks with it."""
_TRY = "SELECT pg_try_advisory_lock(hashtextextended($1, 1))"
"""Not of the numbers that transactions lock."""
_STILL_THERE = "SELECT 1"


class Firsts:
    """The names that this process has locked."""

    def __init__(self, server: Server) -> None:
        """Connect when it is needed."""
        self._pool = server.pool("questions who is first", 1)
        self._locked: dict[str, Connection] = {}
        """On which connection: with that one the lock is gone."""

    async def is_first(self, name: str) -> bool:
        """Tell whether this process has a name, which it takes where nobody has it."""

        async def take(connection: Connection) -> bool:
            with cut_after(ANSWER_S_MAX, connection):
                return await self._take(connection, name)

        try:
            return await self._pool.run(take, ANSWER_S_MAX, idempotent=True)
        except (Overloaded, Unavailable):
            return False

    async def _take(self, connection: Connection, name: str) -> bool:
        if name in self._locked and self._locked[name] is connection:
            await connection.execute(_STILL_THERE)
            return True
        self._locked.pop(name, None)
        if await connection.fetchval(_TRY, name):
            self._locked[name] = connection
            return True
        return False
