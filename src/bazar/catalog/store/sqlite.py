"""What SQLite does in its own way: sets as JSON arrays, full text, a look into stored JSON.

A set of keys or rows goes to a statement as one JSON array wherever that is cheaper than a run
for each of them (docs/performance.md).
"""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from bazar.catalog.domain import StoredBook
from bazar.catalog.store import LedgerNumbers, ReservationDifference
from bazar.catalog.store.shared import decoded, outcome_row
from bazar.catalog.store.sqlite_imports import ImportRows
from bazar.catalog.store.sqlite_lists import ListingStore
from bazar.catalog.store.sqlite_search import add_terms
from bazar.kit.data.database import Transaction, made
from bazar.kit.data.integrity import faults
from bazar.wire.stock import Outcome

# A CROSS JOIN is never turned round, so this looks up the books of the list and reads no others.
_BOOKS = """
SELECT book_id, NULL, title, '', NULL, '', '', price_minor, currency, stock, version, retired_at_ms
FROM json_each(?1) CROSS JOIN books ON book_id = value"""

_OUTCOMES = """
SELECT outcome
FROM json_each(?1) CROSS JOIN reservations ON order_id = value"""

_FORGET_TERMS = """
DELETE FROM books_text
WHERE rowid = ?1"""

_SELL = """
UPDATE books SET stock = stock - ?2, version = version + ?3
WHERE book_id = ?1"""

# Each line of the array is [book id, copies, order id].
_INSERT_SALES = """
INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms)
SELECT value ->> 0, 'sold', value ->> 1, value ->> 2, ?2
FROM json_each(?1)"""

_INSERT_OUTCOME = """
INSERT INTO reservations (order_id, status, outcome, decided_at_ms)
VALUES (?1, ?2, ?3, ?4)"""

_RESERVATION_DIFFERENCES = """
WITH moved AS (
    SELECT order_id, line.value ->> 'id' AS book_id, 0 AS ledger,
        CASE status WHEN 'reserved' THEN -(line.value ->> 'quantity') ELSE 0 END AS reserved
    FROM reservations,
        json_each(CASE WHEN json_valid(outcome) THEN outcome ELSE '{}' END, '$.lines') AS line
    WHERE order_id > ?1 AND order_id <= ?2
    UNION ALL
    SELECT order_id, book_id, copies, 0 FROM movements
    WHERE order_id > ?1 AND order_id <= ?2
)
SELECT order_id, book_id, sum(reserved), sum(ledger) FROM moved
GROUP BY order_id, book_id
HAVING sum(reserved) <> sum(ledger)
ORDER BY order_id, book_id"""

# What counts the numbers up remembers the highest one that it gave, should its row be gone.
_LEDGER_NUMBERS = """
SELECT (SELECT count(*) FROM movements),
       max((SELECT coalesce(max(movement_id), 0) FROM movements),
           (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'movements'))"""

_encode = msgspec.json.encode


class SqliteStore(ImportRows, ListingStore):
    """The catalog in a SQLite file."""

    async def books(
        self,
        transaction: Transaction,
        book_ids: Collection[int],
        *,
        lock: bool = False,  # noqa: ARG002  one alone writes
    ) -> dict[int, StoredBook]:
        """Return those of some books that exist, by id, without what only describes them."""
        rows = await transaction.all(_BOOKS, _json(book_ids))
        return {book.book_id: book for book in [made(StoredBook, row) for row in rows]}

    async def add_book(self, transaction: Transaction, new: StoredBook, at_ms: int) -> StoredBook:
        """Insert a book, with its terms and first copies, and return it as it is stored."""
        book = await super().add_book(transaction, new, at_ms)
        await add_terms(transaction, [(book.book_id, book)])
        return book

    async def edit_book(
        self, transaction: Transaction, edited: StoredBook, at_ms: int
    ) -> StoredBook:
        """Replace what describes a book, not its stock, and return it with its new version."""
        old = await self.book(transaction, edited.book_id)
        book = await super().edit_book(transaction, edited, at_ms)
        if old is None or _indexed(old) != _indexed(book):
            await self.save_terms(transaction, [book])
        return book

    async def save_terms(self, transaction: Transaction, books: Sequence[StoredBook]) -> None:
        """Have books be found by the terms that they have now, or not at all once retired."""
        await transaction.run_many(_FORGET_TERMS, [(book.book_id,) for book in books])
        await add_terms(transaction, [(book.book_id, book) for book in books])

    async def sell(self, transaction: Transaction, decided: Sequence[Outcome], at_ms: int) -> None:
        """Store decisions that were made just now, and take from the stock what they sold."""
        copies: Counter[int] = Counter()
        sales: Counter[int] = Counter()
        sold = []
        for outcome in decided:
            for line in outcome.lines:
                copies[line.book_id] += line.quantity
                sold.append((line.book_id, -line.quantity, outcome.order_id))
            sales.update({line.book_id for line in outcome.lines})
        await transaction.run_many(
            _SELL, [(book_id, copies[book_id], sales[book_id]) for book_id in sales]
        )
        await transaction.run(_INSERT_SALES, _json(sold), at_ms)
        await transaction.run_many(
            _INSERT_OUTCOME, [(*outcome_row(outcome), at_ms) for outcome in decided]
        )

    async def outcomes(
        self, transaction: Transaction, order_ids: Collection[str]
    ) -> dict[str, Outcome]:
        """Return what was decided about some orders, by order id."""
        rows = await transaction.all(_OUTCOMES, _json(order_ids))
        return {outcome.order_id: outcome for outcome in [made(decoded, row) for row in rows]}

    async def reservation_differences(
        self, transaction: Transaction, after: str, until: str
    ) -> list[ReservationDifference]:
        """Return where reservations and ledger differ, in order of order id and book id."""
        rows = await transaction.all(_RESERVATION_DIFFERENCES, after, until)
        return [made(ReservationDifference, row) for row in rows]

    async def ledger_numbers(self, transaction: Transaction) -> LedgerNumbers:
        """Return how many rows the ledger has, and its highest number; they are equal."""
        row = await transaction.one(_LEDGER_NUMBERS)
        assert row is not None
        return made(LedgerNumbers, row)

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what SQLite finds wrong with its file, and rows without their like."""
        return await faults(transaction)


def _indexed(book: StoredBook) -> tuple[object, ...]:
    """Return what the terms of a book are made of."""
    sold = book.retired_at_ms is None
    texts = book.title, book.subtitle, book.author, book.publisher, book.topic, book.description
    return sold, *texts


def _json(value: object) -> str:
    return _encode(value).decode()
