"""What SQLite does in its own way: sets as JSON arrays, full text, a look into stored JSON.

A set of keys or rows goes to a statement as one JSON array wherever that is cheaper than a run
for each of them (docs/performance.md).
"""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from bazar.catalog.domain import StoredBook
from bazar.catalog.store import LedgerNumbers, ReservationDifference
from bazar.catalog.store.lists import MATCHES_MAX
from bazar.catalog.store.shared import BOOK, decoded, outcome_row
from bazar.catalog.store.sqlite_imports import ImportRows
from bazar.catalog.store.sqlite_lists import SCORE, ListingStore, match_expression
from bazar.kit.data.database import Transaction, made
from bazar.kit.data.integrity import faults
from bazar.wire.books import topic_key
from bazar.wire.stock import Outcome

# A CROSS JOIN is never turned round, so this looks up the books of the list and reads no others.
_BOOKS = """
SELECT book_id, NULL, title, '', NULL, '', '', price_minor, currency, stock, version, retired_at_ms
FROM json_each(?1) CROSS JOIN books ON book_id = value"""

_OUTCOMES = """
SELECT outcome
FROM json_each(?1) CROSS JOIN reservations ON order_id = value"""

# Only what is ranked is sorted, and only what is shown is read.
_BOOKS_MATCHING = f"""
WITH found AS MATERIALIZED (
    SELECT rowid AS found_id, {SCORE} AS score
    FROM books_text
    WHERE books_text MATCH ?1
    LIMIT {MATCHES_MAX}
), page AS MATERIALIZED (
    SELECT score, found_id FROM found
    WHERE (score, found_id) > (?2, ?3)
    ORDER BY score, found_id LIMIT ?4
)
SELECT score, {BOOK}
FROM page CROSS JOIN books ON book_id = found_id
ORDER BY score, book_id"""

# The `+` has the words looked for once, and not once for each book of the topic.
_BOOKS_OF_TOPIC_MATCHING = f"""
WITH found AS MATERIALIZED (
    SELECT rowid AS found_id, {SCORE} AS score
    FROM books_text
    WHERE books_text MATCH ?1 AND +rowid IN (
        SELECT book_id FROM books WHERE topic_key = ?5 AND retired_at_ms IS NULL
    )
    LIMIT {MATCHES_MAX}
), page AS MATERIALIZED (
    SELECT score, found_id FROM found
    WHERE (score, found_id) > (?2, ?3)
    ORDER BY score, found_id LIMIT ?4
)
SELECT score, {BOOK}
FROM page CROSS JOIN books ON book_id = found_id
ORDER BY score, book_id"""
_BEFORE_ALL = (-1e300, 0)

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

    async def books_matching(
        self,
        transaction: Transaction,
        words: Sequence[str],
        topic: str | None,
        after: tuple[float, int] | None,
        limit: int,
    ) -> list[tuple[float, StoredBook]]:
        """Return a page of books that have words which begin so, the most relevant first.

        Source: sqlite.org/fts5.html
        """
        values = (match_expression(words), *(after or _BEFORE_ALL), limit)
        if topic is None:
            rows = await transaction.all(_BOOKS_MATCHING, *values)
        else:
            rows = await transaction.all(_BOOKS_OF_TOPIC_MATCHING, *values, topic_key(topic))
        return [(made(float, row[:1]), made(StoredBook, row[1:])) for row in rows]

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


def _json(value: object) -> str:
    return _encode(value).decode()
