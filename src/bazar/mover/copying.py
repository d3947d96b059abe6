"""Copy a table in order of its key, some thousand rows a transaction, from wherever it stopped."""

from collections.abc import Callable

from bazar.kit.data.database import Row
from bazar.kit.data.postgres_tables import PostgresTables, Unfit
from bazar.kit.data.sqlite_tables import SqliteTables, Unreadable, quoted
from bazar.kit.errors import StartupError
from bazar.mover.plan import Made, Step
from bazar.mover.state import Progress, State

ROWS = 2000
"""Of a transaction. More are no faster, and take more memory."""
DAMAGED_MAX = 10
"""So many are named."""


class Copying:
    """One table, from one end to the other."""

    def __init__(self, source: SqliteTables, target: PostgresTables, step: Step) -> None:
        """Prepare to read it."""
        self._source = source
        self._target = target
        self._step = step
        self._state = State(target)
        if isinstance(step, Made):
            self._table, self._selected, self._where = step.source, step.columns, step.where
        else:
            self._columns = columns_of(source, step.name, step.key)
            self._table, self._selected, self._where = step.name, quoted(self._columns), "TRUE"

    def count(self) -> int:
        """Return how many rows there are to be moved."""
        return self._source.count(self._table, self._where)

    async def run(self, progress: Progress, moved: Callable[[int], None]) -> None:
        """Move what is left.

        Args:
            progress: how far it is.
            moved: is told how many more rows have arrived.

        Raises:
            StartupError: some rows cannot be moved; it names them.
        """
        after = progress.after
        try:
            while rows := self._read(after, ROWS):
                last_key = rows[-1][: len(self._step.key)]
                async with self._target.transaction():
                    await self._write(rows)
                    await self._state.advance(self._step.name, last_key, len(rows))
                after = last_key
                moved(len(rows))
        except (Unreadable, Unfit) as error:
            named = "; ".join(await self._damaged(after)) or str(error)
            message = (
                f"rows of {self._step.name} cannot be moved: {named}. Mend them in "
                f"{self._source.path}, then move again; what has arrived of others stays as it is"
            )
            raise StartupError(message) from error
        await self._state.end(self._step.name)

    def _read(self, after: Row | None, limit: int, offset: int = 0) -> list[Row]:
        return self._source.rows(
            self._table,
            self._selected,
            self._step.key,
            after,
            limit,
            where=self._where,
            offset=offset,
        )

    async def _write(self, rows: list[Row]) -> None:
        if isinstance(self._step, Made):
            await self._target.insert(self._step.insert, list(map(self._step.make, rows)))
        else:
            await self._target.fill(self._step.name, self._columns, rows)

    async def _damaged(self, after: Row | None) -> list[str]:
        """Name the rows of the next transaction that cannot be moved; nothing is changed."""
        found: list[str] = []
        async with self._target.undone():
            for number in range(ROWS):
                try:
                    if not (row := self._read(after, 1, number)):
                        break
                    async with self._target.transaction():
                        await self._write(row)
                except (Unreadable, Unfit) as error:
                    found.append(f"{self._named(after, number)}: {error}")
                if len(found) == DAMAGED_MAX:
                    break
        return found

    def _named(self, after: Row | None, number: int) -> str:
        """Return the key of a row, whatever is in it, as text."""
        key = self._step.key
        raw = ", ".join(f'CAST("{column}" AS BLOB)' for column in key)
        try:
            (row,) = self._source.rows(
                self._table, raw, key, after, 1, where=self._where, offset=number
            )
        except Unreadable:
            return f"row {number + 1} after {after}"
        texts = (value.decode("utf-8", "replace") for value in row if isinstance(value, bytes))
        return ", ".join(f"{column} {text}" for column, text in zip(key, texts, strict=True))


def columns_of(source: SqliteTables, table: str, key: tuple[str, ...]) -> list[str]:
    """Return the columns of a table, those of its key first."""
    return [*key, *sorted(source.layout[table] - set(key))]
