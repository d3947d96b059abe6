"""How far a move is, kept in the new database itself, in the transactions that move the rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from bazar.kit.data.database import Row
from bazar.kit.data.moved import STATE, STATE_IS_THERE, UNFINISHED
from bazar.kit.data.postgres_tables import PostgresTables

_READ = """
SELECT table_name, last_key, rows, done FROM move_state"""
_BEGIN = """
INSERT INTO move_state (table_name, rows, done)
SELECT name, 0, FALSE FROM unnest($1::text[]) AS name
ON CONFLICT (table_name) DO NOTHING"""
_ADVANCE = """
UPDATE move_state SET last_key = $2, rows = rows + $3
WHERE table_name = $1"""
_END = """
UPDATE move_state SET done = TRUE
WHERE table_name = $1"""
_END_ALL = """
UPDATE move_state SET done = TRUE
WHERE NOT done"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one step is."""

    after: Row | None
    """The key of the last row that was moved."""
    rows: int
    done: bool


class State:
    """The steps of a move into one database."""

    def __init__(self, tables: PostgresTables) -> None:
        """Use the connection that moves the rows."""
        self._connection = tables.connection

    async def is_there(self) -> bool:
        """Tell whether a move into the database has begun, or is done."""
        return bool(await self._connection.fetchval(STATE_IS_THERE))

    async def unfinished(self) -> bool:
        """Tell whether a move that has begun is not done."""
        return bool(await self._connection.fetchval(UNFINISHED))

    async def begin(self, steps: Iterable[str]) -> None:
        """Note what is to be done, where it is not noted yet."""
        if not await self.is_there():
            await self._connection.execute(STATE)
        await self._connection.execute(_BEGIN, list(steps))

    async def read(self) -> dict[str, Progress]:
        """Return how far each step is."""
        return {
            name: Progress(_key(last_key), rows, done)
            for name, last_key, rows, done in await self._connection.fetch(_READ)
        }

    async def advance(self, step: str, last_key: Row, rows: int) -> None:
        """Note that so many more rows are moved, up to this one."""
        await self._connection.execute(_ADVANCE, step, msgspec.json.encode(last_key).decode(), rows)

    async def end(self, step: str) -> None:
        """Note that a step is done."""
        await self._connection.execute(_END, step)

    async def end_all(self) -> None:
        """Note that everything is done."""
        await self._connection.execute(_END_ALL)


def _key(text: str | None) -> Row | None:
    if text is None:
        return None
    return cast("Row", tuple(msgspec.json.decode(text)))
