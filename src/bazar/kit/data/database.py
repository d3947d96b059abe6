"""The seam to the database: what every engine offers, and nothing that one engine alone has.

A unit of work is an async function of one transaction. Engines that answer at once (SQLite) run
it without ever suspending; engines behind a network (PostgreSQL) suspend in it.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

T = TypeVar("T")

Standing = Literal["alone", "first", "other"]
"""Of a process at its database: nobody else uses it; it is the first to do something; it is not."""
QUEUE_MAX = 8192
"""So many writes wait; one more is refused."""
WRITE_S_MAX = 5.0
"""How long a write may take where it meets others, once it is its turn."""

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

    async def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Run a statement once for each row of values."""
        ...

    async def count_many(self, sql: str, rows: Iterable[Row]) -> int:
        """Run a statement once for each row of values; return how many rows it changed in all."""
        ...

    async def script(self, sql: str) -> None:
        """Run several statements that take no values."""
        ...

    async def lock(self, name: str) -> None:
        """Wait until no other transaction has locked this name, and lock it until the end.

        An engine with one writer has nothing to wait for.
        """
        ...

    def announce(self, change: object) -> None:
        """Have a change told to whoever the database delivers to, if this transaction commits.

        It is told once it is committed, even if the caller went away; changes are told in the order
        of the commits. An engine of one process tells it before the caller is answered; where many
        processes listen, each hears it in a moment. Reads announce nothing, and lazy writes
        neither: what was told must not be undone.
        """
        ...


Work = Callable[[Transaction], Awaitable[T]]


@dataclass(frozen=True)
class Lane:
    """A place for scans of one kind, so that no crowd of another kind pushes them out."""

    name: str
    """What those who scan in it are called."""
    threads: int
    """So many scans run at once."""
    scans_max: int
    """So many run or wait at once, however many ask."""
    patience_s: float
    """After which a scan that still waits is dropped."""
    limit_s: float
    """After which a scan is ended, counted from its question."""


READERS = Lane("readers", threads=2, scans_max=64, patience_s=2.0, limit_s=2.5)
"""What takes milliseconds and may have to wait for the disk: a page, a list."""
SEARCHERS = Lane("searchers", threads=2, scans_max=64, patience_s=2.0, limit_s=2.5)
"""What may take long, whoever asks."""
KEEPERS = Lane("keepers", threads=2, scans_max=16, patience_s=8.0, limit_s=120.0)
"""What only those ask who have the secret: ledgers, and reports on whole tables."""


class Database(Protocol):
    """A database of one service."""

    async def read(self, work: Work[T]) -> T:
        """Run one short statement, such as a point look-up; two might see two states."""
        ...

    async def scan(self, work: Work[T], lane: Lane = READERS) -> T:
        """Run reads on one consistent snapshot that may take long, such as a search or a page.

        It ends when its lane's time is over, and when its asker is gone. An engine behind a
        network may run it again from its start.

        Raises:
            Overloaded: definite; too many scans wait in this lane, or it took too long.
            Unavailable: the database is closing.
        """
        ...

    async def write(
        self,
        work: Work[T],
        *,
        lazy: bool = False,
        single: bool = False,
        idempotent: bool = False,
        limit_s: float = WRITE_S_MAX,
    ) -> T:
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
            single: the work sends one statement, which writes, and announces nothing; an engine
                behind a network saves trips then.
            idempotent: to run the work again after it was committed does no more than to run it
                once. So it is run again where nobody knows whether it was.
            limit_s: after which an engine behind a network gives it up; longer for what works
                on whole tables.

        Raises:
            Overloaded: definite; too many writes wait.
            Unavailable: indefinite; the connection was lost around the commit.
        """
        ...

    async def standing(self, name: str) -> Standing:
        """Tell whether this process is the one that does something, of all that use the database.

        It is the first to do it from when it asks for a name that nobody has, until it closes or
        loses its connection. Of two, each may think so for a moment: this saves work, and decides
        nothing.
        """
        ...

    async def close(self) -> None:
        """Finish what waits and close."""
        ...
