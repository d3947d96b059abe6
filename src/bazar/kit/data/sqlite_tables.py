"""The tables of a SQLite file, whatever is in them, for who only reads it and keeps others out."""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import apsw

from bazar.kit.data.database import Row
from bazar.kit.errors import StartupError
from bazar.kit.lock import FileHold, hold

Layout = dict[str, frozenset[str]]
"""The columns of each table."""

_COLUMNS = """
SELECT tables.name, columns.name
FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite^_%' ESCAPE '^'"""
_NUMBER = """
SELECT coalesce(max(number), 0) FROM schema_history"""
_LAST_GIVEN = """
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1"""


DiskFull = apsw.FullError
"""SQLite found no room."""


class Unreadable(Exception):
    """Some value is no text, though it has to be one, or a part of the file is damaged."""


class SqliteTables:
    """A file that nobody else has open meanwhile. What a killed process left in its log counts."""

    def __init__(self, path: Path) -> None:
        """Open a file that is there.

        Raises:
            StartupError: it is not there, is in use, or is no database.
        """
        self.path = path
        what = f"the database {path}"
        if not path.exists():
            message = f"{what} is not there"
            raise StartupError(message)
        self._held = ExitStack()
        real = path.resolve()
        with ExitStack() as held:
            held.enter_context(hold(real.with_name(real.name + ".lock"), what))
            held.enter_context(closing(FileHold(real, what)))
            try:
                self._connection = apsw.Connection(str(real), flags=apsw.SQLITE_OPEN_READONLY)
                held.callback(self._connection.close)
                self.layout = self._layout()
            except (apsw.Error, Unreadable) as error:
                message = f"cannot open {what}: {error}"
                raise StartupError(message) from error
            self._held = held.pop_all()

    def close(self) -> None:
        """Let others use it."""
        self._held.close()

    def _layout(self) -> Layout:
        columns: dict[str, set[str]] = {}
        for table, column in self._all(_COLUMNS):
            columns.setdefault(str(table), set()).add(str(column))
        return {table: frozenset(found) for table, found in columns.items()}

    def schema_number(self) -> int:
        """Return the number of the last step that made its tables; 0 where none did."""
        if "schema_history" not in self.layout:
            return 0
        ((number,),) = self._all(_NUMBER)
        return cast("int", number)

    def count(self, table: str, where: str = "TRUE") -> int:
        """Return how many rows a table has."""
        ((count,),) = self._all(f'SELECT count(*) FROM "{table}" WHERE {where}')
        return cast("int", count)

    def last_given(self, table: str) -> int:
        """Return the highest number that a table has ever counted up to; 0 where it does not."""
        try:
            ((number,),) = self._all(_LAST_GIVEN, (table,))
        except apsw.SQLError:  # nothing counts up here
            return 0
        return cast("int", number)

    def rows(  # noqa: PLR0913  as the statement has parts
        self,
        table: str,
        columns: str,
        key: Iterable[str],
        after: Row | None,
        limit: int,
        *,
        where: str = "TRUE",
        offset: int = 0,
    ) -> list[Row]:
        """Return the next rows in order of a key.

        Args:
            table: its name.
            columns: as a SELECT names them.
            key: columns that tell the rows apart.
            after: the key of the last row that came before; None: begin.
            limit: how many at most.
            where: which of them.
            offset: how many to pass over.

        Raises:
            Unreadable: one of them cannot be read.
        """
        names = quoted(key)
        beyond = "TRUE"
        if after is not None:
            marks = ", ".join("?" for _ in after)
            beyond = f"({names}) > ({marks})"
        sql = (
            f'SELECT {columns} FROM "{table}" WHERE {beyond} AND {where} '
            f"ORDER BY {names} LIMIT {limit} OFFSET {offset}"
        )
        return self._all(sql, after or ())

    def _all(self, sql: str, values: Row = ()) -> list[Row]:
        try:
            return cast("list[Row]", self._connection.execute(sql, values).fetchall())
        except (UnicodeDecodeError, apsw.CorruptError, apsw.NotADBError) as error:
            raise Unreadable(str(error)) from error


def quoted(names: Iterable[str]) -> str:
    """Return names of columns as a list in a statement; some are words of SQL."""
    return ", ".join(f'"{name}"' for name in names)
