"""What PostgreSQL does in its own way: sets as arrays, locks, full text, the ledger by commits.

Many transactions write at the same time. So whoever looks before changing locks the rows that are
looked at, several books in order of id; and what was decided about an order is looked up after its
books were locked, by a statement of its own, which then sees what another has committed while this
one waited.

Source: postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS,
docs/decisions/0032-many-catalogs-over-one-database.md
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, first_version
from bazar.catalog.store import LedgerNumbers, ReservationDifference
from bazar.catalog.store.ledger import movement
from bazar.catalog.store.postgres_arrays import columns, every
from bazar.catalog.store.postgres_imports import ImportRows
from bazar.catalog.store.postgres_lists import ListingStore
from bazar.catalog.store.shared import (
    DESCRIPTION,
    decoded,
    description,
    outcome_row,
    there,
)
from bazar.catalog.words import terms
from bazar.kit.data.database import Transaction, made
from bazar.wire.books import TopicCount
from bazar.wire.stock import Movement, Outcome

_BOOKS = """
SELECT book_id, NULL, title, '', NULL, '', '', price_minor, currency, stock, version, retired_at_ms
FROM books
WHERE book_id = ANY(?1::bigint[])
ORDER BY book_id"""

_OUTCOMES = """
SELECT outcome FROM reservations
WHERE order_id = ANY(?1::text[])"""

_TOPICS = """
WITH spelt AS (
    SELECT topic_key, topic, sum(books) AS books
    FROM (
        SELECT topic_key, topic, books FROM topics
        UNION ALL
        SELECT topic_key, topic, books FROM topics_moved
    ) AS counted
    GROUP BY topic_key, topic
    HAVING sum(books) > 0
), largest AS (
    SELECT topic_key, min(topic) AS topic, CAST(sum(books) AS bigint) AS books FROM spelt
    GROUP BY topic_key
    ORDER BY sum(books) DESC, topic_key LIMIT ?1
)
SELECT topic, books FROM largest
ORDER BY topic_key"""


def _add_book(columns: str, numbers: str, result: str) -> str:
    """Return the statement that adds a book, its words and its first copies at once."""
    return f"""
WITH new AS (
    INSERT INTO books ({DESCRIPTION}, added_at_ms, edited_at_ms, stock, version{columns})
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
            ?20, ?21, ?21, ?22, ?23{numbers})
    RETURNING book_id
), text AS (
    INSERT INTO books_text (book_id, words)
    SELECT book_id, array_to_tsvector(?24::text[]) FROM new
    WHERE ?17::bigint IS NULL
), first AS (
    INSERT INTO movements (book_id, kind, copies, moved_at_ms)
    SELECT book_id, 'received', ?22::bigint, ?21::bigint FROM new
    WHERE ?22::bigint > 0
)
SELECT book_id{result} FROM new"""


_ADD_BOOK = _add_book("", "", "")
# What counts the ids up does not see those that others choose, and has to be told.
_ADD_BOOK_WITH_ID = _add_book(
    ", book_id",
    ", ?25",
    """, (
    SELECT setval('books_book_id_seq', ?25) FROM books_book_id_seq
    WHERE last_value < ?25 OR NOT is_called
)""",
)

_EDIT_BOOK = f"""
WITH changed AS (
    UPDATE books
    SET ({DESCRIPTION}) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                           ?17, ?18, ?19, ?20),
        version = version + 1, edited_at_ms = ?23
    WHERE book_id = ?21
    RETURNING book_id, version
), gone AS (
    DELETE FROM books_text
    WHERE book_id = ?21 AND ?17::bigint IS NOT NULL
), text AS (
    INSERT INTO books_text (book_id, words)
    SELECT book_id, array_to_tsvector(?22::text[]) FROM changed
    WHERE ?17::bigint IS NULL
    ON CONFLICT (book_id) DO UPDATE SET words = excluded.words
    WHERE books_text.words <> excluded.words
)
SELECT version FROM changed"""

_FORGET_TERMS = """
DELETE FROM books_text
WHERE book_id = ANY(?1::bigint[])"""

_ADD_TERMS = """
INSERT INTO books_text (book_id, words)
SELECT book_id, array_to_tsvector(string_to_array(terms, ' '))
FROM unnest(?1::bigint[], ?2::text[]) AS made (book_id, terms)"""

_SELL = """
WITH taken AS (
    UPDATE books SET stock = stock - sold.copies, version = version + sold.sales
    FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[]) AS sold (book_id, copies, sales)
    WHERE books.book_id = sold.book_id
), noted AS (
    INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms)
    SELECT line.book_id, 'sold', line.copies, line.order_id, ?10::bigint
    FROM unnest(?4::bigint[], ?5::bigint[], ?6::text[]) AS line (book_id, copies, order_id)
)
INSERT INTO reservations (order_id, status, outcome, decided_at_ms)
SELECT decided.order_id, decided.status, decided.outcome, ?10::bigint
FROM unnest(?7::text[], ?8::text[], ?9::text[]) AS decided (order_id, status, outcome)"""

# In the order in which transactions began to write, and only as far as all of them have ended.
_MOVEMENTS_AFTER = """
SELECT movement_id, book_id, kind, copies, order_id, moved_at_ms, reason, note, actor
FROM movements
WHERE (written_by, movement_id) > (
        coalesce((
            SELECT written_by FROM movements
            WHERE movement_id <= ?1
            ORDER BY movement_id DESC LIMIT 1
        ), '0'::xid8), ?1
    )
    AND written_by < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY written_by, movement_id LIMIT ?2"""

# Rows that a transaction wrote which this server has not begun yet came from another server.
_ADOPT = """
UPDATE movements SET written_by = '0'::xid8
WHERE movement_id IN (
    SELECT movement_id FROM movements
    WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY written_by LIMIT ?1
)"""

_FOREIGN = """
SELECT movement_id FROM movements
WHERE written_by >= pg_snapshot_xmax(pg_current_snapshot())
ORDER BY written_by LIMIT 1"""

_DECIDED = """
SELECT order_id, status, outcome FROM reservations
WHERE order_id > ?1 AND order_id <= ?2"""

_LEDGER_OF_ORDERS = """
SELECT order_id, book_id, CAST(sum(copies) AS bigint) FROM movements
WHERE order_id > ?1 AND order_id <= ?2
GROUP BY order_id, book_id"""

_LEDGER_ROWS = """
SELECT count(*) FROM movements"""

_FAULTS = """
SELECT 'movements: book ' || book_id || ' is not there' FROM (
    SELECT DISTINCT book_id FROM movements
    EXCEPT
    SELECT book_id FROM books
) AS orphans
UNION ALL
SELECT 'books_text: book ' || book_id || ' is not there as it should be' FROM (
    SELECT coalesce(books_text.book_id, books.book_id) AS book_id
    FROM books_text FULL JOIN books ON books_text.book_id = books.book_id
    WHERE (books.book_id IS NULL OR (retired_at_ms IS NULL) <> (books_text.book_id IS NOT NULL))
        AND NOT EXISTS (
            SELECT 1 FROM unfolded
            WHERE books.book_id BETWEEN first_id AND last_id
        )
) AS wordless
UNION ALL
SELECT 'books_scarce: book ' || book_id || ' is not there as it should be' FROM (
    SELECT coalesce(few.book_id, books.book_id) AS book_id
    FROM books_scarce AS few FULL JOIN (
        SELECT book_id, stock, low_at FROM books
        WHERE retired_at_ms IS NULL AND (stock <= 5 OR stock <= low_at)
    ) AS books ON few.book_id = books.book_id
    WHERE (few.stock, few.low_at) IS DISTINCT FROM (books.stock, books.low_at)
) AS unscarce
UNION ALL
SELECT 'topics: ' || topic || ' is counted wrongly' FROM (
    SELECT topic_key, topic, sum(books) FROM (
        SELECT topic_key, topic, books FROM topics
        UNION ALL
        SELECT topic_key, topic, books FROM topics_moved
        UNION ALL
        SELECT topic_key, topic, -1 FROM books WHERE retired_at_ms IS NULL
    ) AS counted
    GROUP BY topic_key, topic
    HAVING sum(books) <> 0
) AS miscounted
UNION ALL
SELECT 'pages whose checksum is wrong: ' || checksum_failures FROM pg_stat_database
WHERE datname = current_database() AND checksum_failures > 0"""


class _SoldLine(msgspec.Struct):
    id: int
    quantity: int


class _Lines(msgspec.Struct):
    lines: list[_SoldLine] = []


_lines = msgspec.json.Decoder(_Lines).decode


class PostgresStore(ImportRows, ListingStore):
    """The catalog in PostgreSQL."""

    def locked(self, sql: str) -> str:
        """Return a statement that has the rows it finds changed by no other until the end.

        Not FOR UPDATE: rows of the ledger refer to books, and take a lock on them that this one
        lets in.
        """
        return f"{sql}\nFOR NO KEY UPDATE"

    async def books(
        self, transaction: Transaction, book_ids: Collection[int], *, lock: bool = False
    ) -> dict[int, StoredBook]:
        """Return those of some books that exist, by id, without what only describes them."""
        rows = await every(transaction, self.locked(_BOOKS) if lock else _BOOKS, list(book_ids))
        return {book.book_id: book for book in [made(StoredBook, row) for row in rows]}

    async def topics(self, transaction: Transaction, limit: int) -> list[TopicCount]:
        """Return the topics with the most books, each with their number, in order of its key."""
        return [made(TopicCount, row) for row in await transaction.all(_TOPICS, limit)]

    async def add_book(self, transaction: Transaction, new: StoredBook, at_ms: int) -> StoredBook:
        """Insert a book, with its words and first copies, and return it as it is stored."""
        version = first_version(new)
        given: tuple[Any, ...]
        given = *description(new), at_ms, new.stock, version, terms(new)
        if new.book_id:
            row = await transaction.one(_ADD_BOOK_WITH_ID, *given, new.book_id)
        else:
            row = await transaction.one(_ADD_BOOK, *given)
        return replace(
            new, book_id=there(row)[0], version=version, added_at_ms=at_ms, edited_at_ms=at_ms
        )

    async def edit_book(
        self, transaction: Transaction, edited: StoredBook, at_ms: int
    ) -> StoredBook:
        """Replace what describes a book, not its stock, and return it with its new version."""
        given: tuple[Any, ...]
        given = *description(edited), edited.book_id, terms(edited), at_ms
        row = await transaction.one(_EDIT_BOOK, *given)
        return replace(edited, version=made(int, there(row)), edited_at_ms=at_ms)

    async def save_terms(self, transaction: Transaction, books: Sequence[StoredBook]) -> None:
        """Have books be found by the terms that they have now, or not at all once retired."""
        sold = [book for book in books if book.retired_at_ms is None]
        await every(transaction, _FORGET_TERMS, [one.book_id for one in books])
        await every(
            transaction,
            _ADD_TERMS,
            [book.book_id for book in sold],
            [" ".join(terms(book)) for book in sold],
        )

    async def sell(self, transaction: Transaction, decided: Sequence[Outcome], at_ms: int) -> None:
        """Store decisions that were made just now, and take from the stock what they sold.

        The rows come in one order, as those of another that writes the same ones do.
        """
        copies: Counter[int] = Counter()
        sales: Counter[int] = Counter()
        sold = []
        outcomes = sorted(map(outcome_row, decided))
        for outcome in decided:
            for line in outcome.lines:
                copies[line.book_id] += line.quantity
                sold.append((line.book_id, -line.quantity, outcome.order_id))
            sales.update({line.book_id for line in outcome.lines})
        book_ids = sorted(sales)
        await every(
            transaction,
            _SELL,
            book_ids,
            [copies[book_id] for book_id in book_ids],
            [sales[book_id] for book_id in book_ids],
            *columns(sold, 3),
            *columns(outcomes, 3),
            at_ms,
        )

    async def outcomes(
        self, transaction: Transaction, order_ids: Collection[str]
    ) -> dict[str, Outcome]:
        """Return what was decided about some orders, by order id."""
        rows = await every(transaction, _OUTCOMES, list(order_ids))
        return {outcome.order_id: outcome for outcome in [made(decoded, row) for row in rows]}

    async def movements_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[Movement]:
        """Return a page of the stock ledger, by the transactions that have written it.

        Source: postgresql.org/docs/current/functions-info.html, pg_snapshot_xmin
        """
        rows = await transaction.all(_MOVEMENTS_AFTER, after, limit)
        return [made(movement, row) for row in rows]

    async def adopt(self, transaction: Transaction, limit: int) -> int:
        """Have rows of the ledger that came from another server stand before all new ones.

        A database that was dumped and restored brings the numbers of its transactions along, and
        this server may have lower ones. Nobody would see such rows, and new ones would come in
        before them. Returns how many it was, of so many at most.
        """
        await transaction.lock("ledger")
        if await transaction.one(_FOREIGN) is None:
            return 0
        await transaction.script("ALTER TABLE movements DISABLE TRIGGER movements_never_change")
        adopted = await transaction.run(_ADOPT, limit)
        await transaction.script("ALTER TABLE movements ENABLE TRIGGER movements_never_change")
        return adopted

    async def reservation_differences(
        self, transaction: Transaction, after: str, until: str
    ) -> list[ReservationDifference]:
        """Return where reservations and ledger differ, in order of order id and book id."""
        reserved: defaultdict[tuple[str, int], int] = defaultdict(int)
        for order_id, status, outcome in await transaction.all(_DECIDED, after, until):
            for line in _lines_of(str(outcome)) if status == "reserved" else ():
                reserved[str(order_id), line.id] -= line.quantity
        rows = await transaction.all(_LEDGER_OF_ORDERS, after, until)
        ledger = {(order_id, book_id): copies for order_id, book_id, copies in rows}
        found = (
            ReservationDifference(*key, reserved.get(key, 0), ledger.get(key, 0))  # type: ignore[arg-type]
            for key in sorted(reserved.keys() | ledger.keys())
        )
        return [one for one in found if one.reserved != one.ledger]

    async def ledger_numbers(self, transaction: Transaction) -> LedgerNumbers:
        """Return how many rows the ledger has, for both: its numbers have gaps."""
        rows = made(int, there(await transaction.one(_LEDGER_ROWS)))
        return LedgerNumbers(rows, rows)

    async def faults(self, transaction: Transaction) -> list[str]:
        """Return what does not hold between the tables, and pages that the server found damaged."""
        return [made(str, row) for row in await transaction.all(_FAULTS)]


def _lines_of(outcome: str) -> list[_SoldLine]:
    """Return the lines of a decision as it is kept; none where it cannot be read."""
    try:
        return _lines(outcome).lines
    except msgspec.MsgspecError:
        return []
