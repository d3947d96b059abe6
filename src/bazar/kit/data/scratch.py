"""A database of nobody's: in memory, in an unnamed file where it grows, and gone once it is closed.

Its work runs in a thread, so that it holds up no event loop however long it takes. An error of its
disk is an error of the one who asked, and no reason to stop.

Source: sqlite.org/inmemorydb.html#temp_db
"""

import asyncio
from typing import TypeVar, cast

import apsw

from bazar.kit.data.database import READERS, WRITE_S_MAX, Lane, Standing, Work
from bazar.kit.data.group import at_once
from bazar.kit.data.sqlite import SqliteTransaction
from bazar.kit.errors import Unavailable

T = TypeVar("T")


class Scratch:
    """One such database, for one user at a time. It keeps nothing, so its writes are never lazy."""

    def __init__(self) -> None:
        """Open it, empty."""
        self._connection = apsw.Connection("")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._one_at_a_time = asyncio.Lock()

    async def write(
        self,
        work: Work[T],
        *,
        lazy: bool = False,  # noqa: ARG002
        single: bool = False,  # noqa: ARG002
        idempotent: bool = False,  # noqa: ARG002
        limit_s: float = WRITE_S_MAX,  # noqa: ARG002
    ) -> T:
        """Run a transaction, and return when it is done.

        Raises:
            Unavailable: there is no room for it.
        """
        async with self._one_at_a_time:
            try:
                return await asyncio.to_thread(self._run, work)
            except apsw.Error as error:
                message = f"a database for the moment broke down: {error}"
                raise Unavailable(message) from error

    async def read(self, work: Work[T]) -> T:
        """Run a transaction, as `write` does."""
        return await self.write(work)

    async def scan(self, work: Work[T], lane: Lane = READERS) -> T:  # noqa: ARG002
        """Run a transaction, as `write` does: nobody else is in its way."""
        return await self.write(work)

    async def standing(self, name: str) -> Standing:  # noqa: ARG002
        """Tell that this process is alone."""
        return "alone"

    def _run(self, work: Work[T]) -> T:
        self._connection.execute("BEGIN")
        try:
            result = at_once(work(SqliteTransaction(self._connection, [])))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return cast("T", result)

    async def close(self) -> None:
        """Forget everything."""
        async with self._one_at_a_time:
            self._connection.close()
