"""The tables of a PostgreSQL database, whatever is in them, for the one who fills them."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from time import monotonic
from typing import cast

import asyncpg

from bazar.kit.data.database import Row, Value
from bazar.kit.data.postgres_connecting import CONNECT_TIMEOUT_S, SETTINGS, Connection, connect
from bazar.kit.data.sqlite_tables import Layout, quoted
from bazar.kit.errors import StartupError

PATIENCE_S = 10.0
"""Within which the server notices that the one who filled them before was killed."""
_PAUSE_S = 0.1
_SERVICES = SETTINGS["application_name"]
_FILLING = {**SETTINGS, "application_name": f"{_SERVICES} move"}
_ABOUT_A_ROW = frozenset({"22", "23"})
"""Classes of SQLSTATEs: what is no value of a type, and what breaks a constraint.
Source: postgresql.org/docs/current/errcodes-appendix.html"""

_TAKE = "SELECT pg_try_advisory_lock(hashtextextended('move', 2))"
_IN_USE = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = $1
)"""
_COLUMNS = """
SELECT table_name::text, column_name::text
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"""
_COUNTING = """
SELECT attname::text, pg_get_serial_sequence($1, attname)
FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attidentity <> ''"""


class Unfit(Exception):
    """A row cannot be kept here."""


class PostgresTables:
    """A database that one process fills, with a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection; `filling` opens one."""
        self.connection = connection

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """Begin a transaction, or a part of one that can be undone by itself."""
        return cast("AbstractAsyncContextManager[object]", self.connection.transaction())

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """Begin a transaction that never happened, once it is over."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            yield
        finally:
            await transaction.rollback()

    async def in_use(self) -> bool:
        """Tell whether services use the database."""
        return bool(await self.connection.fetchval(_IN_USE, _SERVICES))

    async def layout(self) -> Layout:
        """Return the tables and their columns."""
        columns: dict[str, set[str]] = {}
        for table, column in await self.connection.fetch(_COLUMNS):
            columns.setdefault(table, set()).add(column)
        return {table: frozenset(found) for table, found in columns.items()}

    async def has_rows(self, table: str) -> bool:
        """Tell whether a table has any."""
        return bool(await self.connection.fetchval(f'SELECT EXISTS (SELECT FROM "{table}")'))

    async def rows(
        self, table: str, columns: Iterable[str], key: Iterable[str], after: Row | None, limit: int
    ) -> list[Row]:
        """Return the next rows in order of a key.

        Args:
            table: its name.
            columns: in the order in which they are wanted.
            key: columns that tell the rows apart.
            after: the key of the last row that came before; None: begin.
            limit: how many at most.
        """
        beyond = "TRUE"
        if after is not None:
            marks = ", ".join(f"${number}" for number, _ in enumerate(after, 1))
            beyond = f"({quoted(key)}) > ({marks})"
        sql = (
            f'SELECT {quoted(columns)} FROM "{table}" WHERE {beyond} '
            f"ORDER BY {quoted(key)} LIMIT {limit}"
        )
        return [tuple(row) for row in await self.connection.fetch(sql, *(after or ()))]

    async def fill(self, table: str, columns: Iterable[str], rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            Unfit: one of them cannot be kept; which one is not said.
        """
        with _fitting():
            await self.connection.copy_records_to_table(table, records=rows, columns=list(columns))

    async def insert(self, sql: str, rows: Sequence[Row]) -> None:
        """Add rows by a statement that takes each column as an array.

        Raises:
            Unfit: one of them cannot be kept; which one is not said.
        """
        columns: list[list[Value]] = [list(column) for column in zip(*rows, strict=True)]
        with _fitting():
            await self.connection.execute(sql, *columns)

    async def count_from(self, table: str, last_given: int) -> None:
        """Have a table whose rows are numbered go on after the highest number.

        Args:
            table: its name; one that numbers nothing is left alone.
            last_given: a number that was given, even if its row is gone.
        """
        for column, sequence in await self.connection.fetch(_COUNTING, table):
            highest = await self.connection.fetchval(
                f'SELECT greatest($1, max("{column}")) FROM "{table}"', last_given
            )
            if highest:
                await self.connection.execute("SELECT setval($1::regclass, $2)", sequence, highest)

    async def settle(self, tables: Iterable[str]) -> None:
        """Have the server know what it has in some tables, so that it plans well from the first."""
        await self.connection.execute(f"VACUUM (ANALYZE) {quoted(tables)}")


@asynccontextmanager
async def filling(url: str) -> AsyncIterator[PostgresTables]:
    """Connect to a database in order to fill it, and keep others from doing the same.

    Raises:
        Away: it cannot be reached.
        StartupError: somebody else fills it.
    """
    connection = await connect(url, _FILLING)
    try:
        give_up_s = monotonic() + PATIENCE_S
        while not await connection.fetchval(_TAKE):
            if monotonic() > give_up_s:
                message = "another process fills it; stop that one first"
                raise StartupError(message)
            await asyncio.sleep(_PAUSE_S)
        yield PostgresTables(connection)
    finally:
        with suppress(Exception):  # what failed before is what counts
            await connection.close(timeout=CONNECT_TIMEOUT_S)


class _fitting:  # noqa: N801  reads as a function
    """Say of errors that are about a row that it does not fit, without what is in it."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, asyncpg.PostgresError):
            if str(error.sqlstate)[:2] in _ABOUT_A_ROW:
                raise Unfit(error.message or type(error).__name__) from None
        elif isinstance(error, (TypeError, ValueError, OverflowError)):
            message = f"a value is not of its column's type ({type(error).__name__})"
            raise Unfit(message) from None
