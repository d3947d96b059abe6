"""The statements that every engine takes as they are, and the way from rows to what they mean."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, first_version
from bazar.catalog.store import AFTER_ALL_ORDERS, BookStock, CountedBook, FileRow, KeptWrite
from bazar.catalog.store.ledger import LedgerRows
from bazar.catalog.store.settings import ShopRows
from bazar.catalog.words import name_key, title_key, topic_key
from bazar.kit.clock import as_datetime
from bazar.kit.data.database import Row, Transaction, made
from bazar.wire.audit import KeptDecision
from bazar.wire.books import BookEdited, BookTitle, TopicCount
from bazar.wire.stock import Outcome

NAME_YEAR = "coalesce(year, -9999)"
"""The year by which a book without an ISBN is known: that of nobody where it has none."""
BOOK = (
    "book_id, isbn, title, author, year, topic, description, price_minor, currency, stock, "
    "version, retired_at_ms, subtitle, publisher, format, pages, language, condition, shelf, "
    "low_at, added_at_ms, edited_at_ms"
)
"""The columns of a book, in the order of its members."""
DESCRIPTION = (
    "isbn, title, author, year, topic, description, price_minor, currency, subtitle, publisher, "
    "format, pages, language, condition, shelf, low_at, retired_at_ms, topic_key, author_key, "
    "title_key"
)
"""Those that describe it, as `description` returns them."""

_BOOK = f"""
SELECT {BOOK}
FROM books
WHERE book_id = ?1"""

_BOOK_BY_ISBN = f"""
SELECT {BOOK}
FROM books
WHERE isbn = ?1"""

_LAST_BOOK = f"""
SELECT {BOOK}
FROM books
WHERE book_id = (SELECT max(book_id) FROM books)"""

_BOOKS_AFTER = f"""
SELECT {BOOK}
FROM books
WHERE book_id > ?1 AND retired_at_ms IS NULL
ORDER BY book_id LIMIT ?2"""

_ALL_AFTER = f"""
SELECT {BOOK}
FROM books
WHERE book_id > ?1
ORDER BY book_id LIMIT ?2"""

_EDITS_AFTER = """
SELECT book_id, title, edited_at_ms FROM books
WHERE book_id > ?1 AND retired_at_ms IS NULL
ORDER BY book_id LIMIT ?2"""

_BOOKS_OF_TOPIC_AFTER = f"""
SELECT {BOOK}
FROM books
WHERE topic_key = ?3 AND book_id > ?1 AND retired_at_ms IS NULL
ORDER BY book_id LIMIT ?2"""

_TITLES_BY_TOPIC = """
SELECT book_id, title FROM books
WHERE topic_key = ?1 AND retired_at_ms IS NULL
ORDER BY book_id LIMIT ?2"""

_TOPICS = """
WITH largest AS (
    SELECT topic_key, min(topic) AS topic, sum(books) AS books FROM topics
    GROUP BY topic_key
    ORDER BY sum(books) DESC, topic_key LIMIT ?1
)
SELECT topic, books FROM largest
ORDER BY topic_key"""

# An engine that counts books up chooses the id only where the column is not named.
ADD_BOOK = f"""
INSERT INTO books ({DESCRIPTION}, added_at_ms, edited_at_ms, stock, version)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?21, ?22, ?23)
RETURNING book_id"""

ADD_BOOK_WITH_ID = f"""
INSERT INTO books ({DESCRIPTION}, added_at_ms, edited_at_ms, stock, version, book_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?21, ?22, ?23, ?24)
RETURNING book_id"""

_EDIT_BOOK = f"""
UPDATE books
SET ({DESCRIPTION}) = (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                        ?18, ?19, ?20),
    version = version + 1, edited_at_ms = ?22
WHERE book_id = ?21
RETURNING version"""

_IMPORT_ID = """
SELECT coalesce((SELECT import_id FROM imports WHERE file_key = ?1),
                (SELECT max(import_id) FROM imports) + 1,
                1)"""

_SAVE_IMPORT = """
INSERT INTO imports (import_id, file_key, begun_at_ms)
VALUES (?1, ?2, ?3)
ON CONFLICT (file_key) DO NOTHING"""

_KEPT_WRITE = """
SELECT request, answer FROM keyed_writes
WHERE key = ?1"""

_KEEP_WRITE = """
INSERT INTO keyed_writes (key, request, answer)
VALUES (?1, ?2, ?3)"""

_FORGET_WRITES = """
DELETE FROM keyed_writes
WHERE write_id <= (SELECT max(write_id) FROM keyed_writes) - ?1"""

_OUTCOME = """
SELECT outcome FROM reservations
WHERE order_id = ?1"""

_ADD_OUTCOME = """
INSERT INTO reservations (order_id, status, outcome, decided_at_ms)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (order_id) DO NOTHING
RETURNING 1"""

_SAVE_OUTCOME = """
UPDATE reservations SET status = ?2, outcome = ?3
WHERE order_id = ?1"""

_OUTCOMES_AFTER = """
SELECT outcome FROM reservations
WHERE order_id > ?1
ORDER BY order_id LIMIT ?2"""

_STOCKS_AFTER = """
SELECT book_id, stock FROM books
WHERE book_id > ?1
ORDER BY book_id LIMIT ?2"""

_DECISION_AT = """
SELECT order_id FROM reservations
WHERE order_id > ?1
ORDER BY order_id LIMIT 1 OFFSET ?2"""

_ORDER_OF_LEDGER_AT = """
SELECT order_id FROM movements
WHERE order_id > ?1
ORDER BY order_id LIMIT 1 OFFSET ?2"""

_COUNT_DECISIONS = """
SELECT count(*) FROM reservations
WHERE order_id > ?1 AND order_id <= ?2"""

_KEPT_DECISIONS = """
SELECT order_id, status, outcome FROM reservations
WHERE order_id > ?1
ORDER BY order_id LIMIT ?2"""

_KEPT_DECISION = """
SELECT order_id, status, outcome FROM reservations
WHERE order_id = ?1"""

_LAST_DECISION = """
SELECT coalesce(max(order_id), '') FROM reservations"""

_LAST_ORDER_OF_LEDGER = """
SELECT coalesce(max(order_id), '') FROM movements
WHERE order_id IS NOT NULL"""

decoded = msgspec.json.Decoder(Outcome).decode
"""Returns an outcome as it is kept."""
_encode = msgspec.json.encode


class SharedStore(LedgerRows, ShopRows):
    """What is the same on every engine."""

    def locked(self, sql: str) -> str:
        """Return a statement that locks the rows that it finds; the same where one alone writes."""
        return sql

    async def book(
        self, transaction: Transaction, book_id: int, *, lock: bool = False
    ) -> StoredBook | None:
        """Return a book, or None."""
        row = await transaction.one(self.locked(_BOOK) if lock else _BOOK, book_id)
        return made(StoredBook, row) if row else None

    async def book_by_isbn(
        self, transaction: Transaction, isbn: str, *, lock: bool = False
    ) -> StoredBook | None:
        """Return the book with an ISBN-13, or None."""
        row = await transaction.one(self.locked(_BOOK_BY_ISBN) if lock else _BOOK_BY_ISBN, isbn)
        return made(StoredBook, row) if row else None

    async def last_book(self, transaction: Transaction) -> StoredBook | None:
        """Return the book with the highest id, or None."""
        row = await transaction.one(_LAST_BOOK)
        return made(StoredBook, row) if row else None

    async def titles_by_topic(
        self, transaction: Transaction, topic: str, limit: int
    ) -> list[BookTitle]:
        """Return id and title of the books of a topic, in order of id."""
        rows = await transaction.all(_TITLES_BY_TOPIC, topic_key(topic), limit)
        return [made(BookTitle, row) for row in rows]

    async def topics(self, transaction: Transaction, limit: int) -> list[TopicCount]:
        """Return the topics with the most books, each with their number, in order of its key."""
        return [made(TopicCount, row) for row in await transaction.all(_TOPICS, limit)]

    async def books_after(
        self, transaction: Transaction, after: int, topic: str | None, limit: int
    ) -> list[StoredBook]:
        """Return a page of books that are sold, in order of id, of one topic or of all."""
        if topic is None:
            rows = await transaction.all(_BOOKS_AFTER, after, limit)
        else:
            rows = await transaction.all(_BOOKS_OF_TOPIC_AFTER, after, limit, topic_key(topic))
        return [made(StoredBook, row) for row in rows]

    async def all_after(self, transaction: Transaction, after: int, limit: int) -> list[StoredBook]:
        """Return a page of all books, the retired ones too, in order of id."""
        return [made(StoredBook, row) for row in await transaction.all(_ALL_AFTER, after, limit)]

    async def edits_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[BookEdited]:
        """Return a page of books that are sold, in order of id, each with its last edit."""
        return [made(_edited, row) for row in await transaction.all(_EDITS_AFTER, after, limit)]

    async def add_book(self, transaction: Transaction, new: StoredBook, at_ms: int) -> StoredBook:
        """Insert a book, with its first copies as received, and return it as it is stored.

        Its first copies come with its row: to add them afterwards costs an import a third.
        """
        version = first_version(new)
        sql = ADD_BOOK_WITH_ID if new.book_id else ADD_BOOK
        row = await transaction.one(sql, *described(new, at_ms))
        book_id = made(int, there(row))
        if new.stock:
            await self._note_movement(transaction, book_id, "received", new.stock, None, at_ms)
        return replace(new, book_id=book_id, version=version, added_at_ms=at_ms, edited_at_ms=at_ms)

    async def edit_book(
        self, transaction: Transaction, edited: StoredBook, at_ms: int
    ) -> StoredBook:
        """Replace what describes a book, not its stock, and return it with its new version."""
        row = await transaction.one(_EDIT_BOOK, *description(edited), edited.book_id, at_ms)
        return replace(edited, version=made(int, there(row)), edited_at_ms=at_ms)

    async def edit_books(
        self, transaction: Transaction, edited: Sequence[StoredBook], at_ms: int
    ) -> dict[int, int]:
        """Replace what describes books, and return their new versions, by id."""
        stored = [await self.edit_book(transaction, book, at_ms) for book in edited]
        return {book.book_id: book.version for book in stored}

    async def import_id(self, transaction: Transaction, key: str) -> int:
        """Return the number of the file with a key, or the next one where the file is new."""
        return made(int, there(await transaction.one(_IMPORT_ID, key)))

    async def save_import(
        self, transaction: Transaction, import_id: int, key: str, at_ms: int
    ) -> None:
        """Note that rows of a file are taken in; a file that is noted stays as it is."""
        await transaction.run(_SAVE_IMPORT, import_id, key, at_ms)

    async def kept_write(self, transaction: Transaction, key: str) -> KeptWrite | None:
        """Return what was asked with a key, and its answer, or None."""
        row = await transaction.one(_KEPT_WRITE, key)
        return made(KeptWrite, row) if row else None

    async def keep_write(
        self, transaction: Transaction, key: str, request: str, answer: str, keys_max: int
    ) -> None:
        """Keep what was asked with a new key, and its answer; forget all but the last keys."""
        await transaction.run(_KEEP_WRITE, key, request, answer)
        await transaction.run(_FORGET_WRITES, keys_max)

    async def outcome(
        self, transaction: Transaction, order_id: str, *, lock: bool = False
    ) -> Outcome | None:
        """Return what was decided about an order, or None."""
        row = await transaction.one(self.locked(_OUTCOME) if lock else _OUTCOME, order_id)
        return made(decoded, row) if row else None

    async def add_outcome(self, transaction: Transaction, decided: Outcome, at_ms: int) -> bool:
        """Store a decision about an order unless there is one; tell whether there was none."""
        return await transaction.one(_ADD_OUTCOME, *outcome_row(decided), at_ms) is not None

    async def save_outcome(self, transaction: Transaction, decided: Outcome) -> None:
        """Store what ends a decision that is there, and locked."""
        await transaction.run(_SAVE_OUTCOME, *outcome_row(decided))

    async def outcomes_after(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[Outcome]:
        """Return a page of decisions in order of order id."""
        return [made(decoded, row) for row in await transaction.all(_OUTCOMES_AFTER, after, limit)]

    async def stocks_after(
        self, transaction: Transaction, after: int, limit: int
    ) -> list[BookStock]:
        """Return a page of the stock of all books, in order of id."""
        rows = await transaction.all(_STOCKS_AFTER, after, limit)
        return [made(BookStock, row) for row in rows]

    async def orders_until(self, transaction: Transaction, after: str, limit: int) -> str:
        """Return the order id that so many decisions, or rows of the ledger, lead up to."""
        at = [
            await transaction.one(sql, after, limit - 1)
            for sql in (_DECISION_AT, _ORDER_OF_LEDGER_AT)
        ]
        return min((made(str, row) for row in at if row), default=AFTER_ALL_ORDERS)

    async def count_decisions(self, transaction: Transaction, after: str, until: str) -> int:
        """Return how many decisions have an order id after one, and up to another."""
        return made(int, there(await transaction.one(_COUNT_DECISIONS, after, until)))

    async def kept_decisions(
        self, transaction: Transaction, after: str, limit: int
    ) -> list[KeptDecision]:
        """Return a page of decisions as they are kept, in order of order id."""
        rows = await transaction.all(_KEPT_DECISIONS, after, limit)
        return [made(KeptDecision, row) for row in rows]

    async def kept_decision(self, transaction: Transaction, order_id: str) -> KeptDecision | None:
        """Return a decision as it is kept, or None."""
        row = await transaction.one(_KEPT_DECISION, order_id)
        return made(KeptDecision, row) if row else None

    async def last_order_id(self, transaction: Transaction) -> str:
        """Return the highest order id of a decision or a ledger row, empty where there is none."""
        last = [await transaction.one(sql) for sql in (_LAST_DECISION, _LAST_ORDER_OF_LEDGER)]
        return max(made(str, there(row)) for row in last)


def described(new: StoredBook, at_ms: int) -> Row:
    """Return a new book as the statements that add one number it."""
    own = (new.book_id,) if new.book_id else ()
    return *description(new), at_ms, new.stock, first_version(new), *own


def counted_book(row: Row) -> CountedBook:
    """Return a book with where its last count came from, and the last row about it."""
    *of_book, import_id, number, seen_import_id, seen_row = row
    if import_id is None:
        return CountedBook(made(StoredBook, tuple(of_book)))
    return CountedBook(
        made(StoredBook, tuple(of_book)),
        made(FileRow, (import_id, number)),
        made(FileRow, (seen_import_id, seen_row)),
    )


def outcome_row(decided: Outcome) -> tuple[str, str, str]:
    """Return order id, status and document of a decision, as they are kept."""
    return decided.order_id, decided.status, _encode(decided).decode()


def there(row: Row | None) -> Row:
    """Return the row of a statement that always has one."""
    assert row is not None
    return row


def description(book: StoredBook) -> Row:
    """Return what describes a book, as the statements that write it number it."""
    return (
        book.isbn,
        book.title,
        book.author,
        book.year,
        book.topic,
        book.description,
        book.price_minor,
        book.currency,
        book.subtitle,
        book.publisher,
        book.format,
        book.pages,
        book.language,
        book.condition,
        book.shelf,
        book.low_at,
        book.retired_at_ms,
        topic_key(book.topic),
        name_key(book.author),
        title_key(book.title),
    )


def _edited(book_id: int, title: str, edited_at_ms: int | None) -> BookEdited:
    edited_at = None if edited_at_ms is None else as_datetime(edited_at_ms)
    return BookEdited(book_id, title, edited_at)
