"""The seam to the database: what every engine offers, and nothing that one engine alone has.

A unit of work is an async function of one transaction. Engines that answer at once (SQLite) run
it without ever suspending; engines behind a network (PostgreSQL) suspend in it.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")

Value = int | float | str | bytes | None
Row = tuple[Value, ...]


def made(kind: Callable[..., T], row: Row) -> T:
    """Return a row as what its columns make, in their order: the one place where rows get types.

    Args:
        kind: a struct whose members are the columns of the statement, or a function of them.
        row: of that statement.
    """
    return kind(*row)


class Transaction(Protocol):
    """One transaction: committed when its work returns, rolled back when it raises."""

    async def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        ...

    async def all(self, sql: str, *values: Value) -> list[Row]:
        """Return every row."""
        ...

    async def run(self, sql: str, *values: Value) -> int:
        """Run a statement and return how many rows it changed."""
        ...

    async def all_many(self, sql: str, rows: Iterable[Row]) -> list[Row]:
        """Run a statement once for each row of values; return all that they return, in order."""
        ...

    async def run_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        ...

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        ...

    def announce(self, change: object) -> None:
        """Have a change told to whoever the database delivers to, if this transaction commits.

        It is told once it is committed and before the caller is answered, even if that caller went
        away; changes are told in the order of the commits. Reads announce nothing, and lazy writes
        neither: what was told must not be undone.
        """
        ...


Work = Callable[[Transaction], Awaitable[T]]


class Database(Protocol):
    """A database of one service."""

    async def read(self, work: Work[T]) -> T:
        """Run one short statement, such as a point look-up; two might see two states."""
        ...

    async def scan(self, work: Work[T]) -> T:
        """Run reads on one consistent snapshot that may take long, such as a search or a page.

        Raises:
            Overloaded: definite; too many scans wait, or it waited for too long.
        """
        ...

    async def write(self, work: Work[T], *, lazy: bool = False) -> T:
        """Run a read-write transaction and return once it is durable.

        Args:
            work: may run again from the start when something that shares its batch raises, so
                what it leaves behind outside the transaction must not matter; what it announced
                is forgotten with the rest.
            lazy: return as soon as it is committed: every read, scan and write that starts from
                then on sees it, and a crash of this process loses nothing. A power cut may undo
                it, until the next durable write, or the flush that follows within 50 ms, has
                made it durable too. Whatever a power cut leaves ends at one commit: never a later
                one without an earlier one. For what can be derived again.

        Raises:
            Overloaded: definite; too many writes wait.
            Unavailable: indefinite; the connection was lost around the commit.
        """
        ...

    async def close(self) -> None:
        """Finish what waits and close."""
        ...
