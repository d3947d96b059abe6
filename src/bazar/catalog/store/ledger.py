"""The rows of the stock ledger, and the stock that they sum to; the same on every engine."""

from msgspec.structs import replace

from bazar.catalog.store import AFTER_ALL_ROWS, NO_WHY, BookStock, Why
from bazar.kit.clock import as_datetime
from bazar.kit.data.database import Row, Transaction, made
from bazar.wire.stock import Movement, MovementKind, Reason

_MOVE_STOCK = """
UPDATE books SET stock = stock + ?2, version = version + 1
WHERE book_id = ?1
RETURNING version"""

_INSERT_MOVEMENT = """
INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms, reason, note, actor)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"""

_MOVEMENTS_AFTER = """
SELECT movement_id, book_id, kind, copies, order_id, moved_at_ms, reason, note, actor
FROM movements
WHERE movement_id > ?1
ORDER BY movement_id LIMIT ?2"""

_MOVEMENTS_OF_BOOK = """
SELECT movement_id, book_id, kind, copies, order_id, moved_at_ms, reason, note, actor
FROM movements
WHERE book_id = ?1 AND movement_id < ?2
ORDER BY movement_id DESC LIMIT ?3"""

_STOCK_BEFORE = """
SELECT stock - (
    SELECT CAST(coalesce(sum(copies), 0) AS bigint) FROM movements
    WHERE book_id = ?1 AND movement_id >= ?2
)
FROM books
WHERE book_id = ?1"""

_LEDGER_AT = """
SELECT movement_id FROM movements
WHERE movement_id > ?1
ORDER BY movement_id LIMIT 1 OFFSET ?2"""

# The `+` has a part of the ledger read, and not all that was ever noted about the books.
_LEDGER_SUMS = """
SELECT +book_id, CAST(sum(copies) AS bigint) FROM movements
WHERE movement_id > ?1 AND movement_id <= ?2 AND +book_id > ?3 AND +book_id <= ?4
GROUP BY +book_id"""


class LedgerRows:
    """Reads and writes the ledger."""

    async def move_stock(  # noqa: PLR0913, PLR0917  the columns of a ledger row
        self,
        transaction: Transaction,
        book_id: int,
        kind: MovementKind,
        copies: int,
        order_id: str | None,
        at_ms: int,
        why: Why = NO_WHY,
    ) -> int:
        """Change a book's stock and write the ledger row that says so; return the new version."""
        row = await transaction.one(_MOVE_STOCK, book_id, copies)
        assert row is not None
        await self._note_movement(transaction, book_id, kind, copies, order_id, at_ms, why)
        return made(int, row)

    async def _note_movement(  # noqa: PLR0913, PLR0917  the columns of a ledger row
        self,
        transaction: Transaction,
        book_id: int,
        kind: MovementKind,
        copies: int,
        order_id: str | None,
        at_ms: int,
        why: Why = NO_WHY,
    ) -> None:
        await transaction.run(_INSERT_MOVEMENT, book_id, kind, copies, order_id, at_ms, *why)

    async def movements_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[Movement]:
        """Return a page of the stock ledger."""
        rows = await transaction.all(_MOVEMENTS_AFTER, after, limit)
        return [made(movement, row) for row in rows]

    async def movements_of_book(
        self, transaction: Transaction, book_id: int, before: int, limit: int
    ) -> list[Movement]:
        """Return a page of one book's ledger, the newest first, with the stock after each row."""
        rows = await transaction.all(_MOVEMENTS_OF_BOOK, book_id, before, limit)
        left = await transaction.one(_STOCK_BEFORE, book_id, before)
        return _with_stock([made(movement, row) for row in rows], left)

    async def ledger_until(self, transaction: Transaction, after: int, limit: int) -> int:
        """Return the number of the row that comes so many after another; at the end the highest."""
        row = await transaction.one(_LEDGER_AT, after, limit - 1)
        return made(int, row) if row else AFTER_ALL_ROWS

    async def ledger_sums(
        self, transaction: Transaction, rows: tuple[int, int], books: tuple[int, int]
    ) -> list[BookStock]:
        """Return what some rows of the ledger sum to for some books that they name."""
        sums = await transaction.all(_LEDGER_SUMS, *rows, *books)
        return [made(BookStock, row) for row in sums]


def _with_stock(newest_first: list[Movement], left: Row | None) -> list[Movement]:
    """Return rows with the stock after each, given the stock after the first of them."""
    stock = made(int, left) if left else 0
    told = []
    for movement in newest_first:
        told.append(replace(movement, stock_after=stock))
        stock -= movement.copies
    return told


def movement(  # noqa: PLR0913, PLR0917  the columns of a ledger row
    movement_id: int,
    book_id: int,
    kind: MovementKind,
    copies: int,
    order_id: str | None,
    moved_at_ms: int,
    reason: Reason | None,
    note: str,
    actor: str,
) -> Movement:
    """Return a row of the ledger, without the stock after it."""
    return Movement(
        id=movement_id,
        book_id=book_id,
        kind=kind,
        copies=copies,
        order_id=order_id,
        moved_at=as_datetime(moved_at_ms),
        reason=reason,
        note=note,
        actor=actor,
    )
