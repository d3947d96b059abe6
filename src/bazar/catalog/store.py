"""Every statement that the catalog sends to its database. One function, one purpose; no rules."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import cast

import msgspec
from msgspec.structs import astuple

from bazar.catalog.domain import StoredBook, topic_key
from bazar.kit.clock import as_datetime
from bazar.kit.data.database import Row, Transaction
from bazar.wire.books import BookTitle, TopicCount
from bazar.wire.stock import Movement, Outcome

_COLUMNS = (
    "book_id, isbn, title, author, year, topic, description, price_minor, currency, stock, version"
)
_SELECT_BOOK = f"SELECT {_COLUMNS} FROM books WHERE book_id = ?1"
_SELECT_OUTCOME = "SELECT outcome FROM reservations WHERE order_id = ?1"
_INSERT_MOVEMENT = (
    "INSERT INTO movements (book_id, kind, copies, order_id, moved_at_ms) "
    "VALUES (?1, ?2, ?3, ?4, ?5)"
)
_SAVE_OUTCOME = (
    "INSERT INTO reservations (order_id, status, outcome, decided_at_ms) "
    "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (order_id) DO UPDATE "
    "SET status = excluded.status, outcome = excluded.outcome"
)
_WEIGHTS = "10.0, 5.0, 3.0, 1.0"
"""Of a match in title, author, topic and description, for the order of relevance."""

_outcome = msgspec.json.Decoder(Outcome).decode
_encode = msgspec.json.encode


def _book(row: Row) -> StoredBook:
    return StoredBook(*row)  # type: ignore[arg-type]


async def book(transaction: Transaction, book_id: int) -> StoredBook | None:
    """Return a book, or None."""
    row = await transaction.one(_SELECT_BOOK, book_id)
    return _book(row) if row else None


async def books(transaction: Transaction, book_ids: Collection[int]) -> dict[int, StoredBook]:
    """Return those of some books that exist, by id."""
    rows = await transaction.all_many(_SELECT_BOOK, [(book_id,) for book_id in book_ids])
    return {book.book_id: book for book in map(_book, rows)}


async def book_by_isbn(transaction: Transaction, isbn: str) -> StoredBook | None:
    """Return the book with an ISBN-13, or None."""
    row = await transaction.one(f"SELECT {_COLUMNS} FROM books WHERE isbn = ?1", isbn)
    return _book(row) if row else None


async def book_by_name(
    transaction: Transaction, title: str, author: str, year: int | None
) -> StoredBook | None:
    """Return the first book with exactly this title, author and year and no ISBN, or None."""
    row = await transaction.one(
        f"SELECT {_COLUMNS} FROM books "
        "WHERE title = ?1 AND author = ?2 AND year IS ?3 AND isbn IS NULL ORDER BY book_id",
        title,
        author,
        year,
    )
    return _book(row) if row else None


async def titles_by_topic(transaction: Transaction, topic: str, limit: int) -> list[BookTitle]:
    """Return id and title of the books of a topic, in order of id."""
    rows = await transaction.all(
        "SELECT book_id, title FROM books WHERE topic_key = ?1 ORDER BY book_id LIMIT ?2",
        topic_key(topic),
        limit,
    )
    return [BookTitle(*row) for row in rows]  # type: ignore[arg-type]


async def topics(transaction: Transaction) -> list[TopicCount]:
    """Return every topic with the number of its books."""
    rows = await transaction.all(
        "SELECT min(topic), count(*) FROM books GROUP BY topic_key ORDER BY topic_key"
    )
    return [TopicCount(*row) for row in rows]  # type: ignore[arg-type]


async def books_after(
    transaction: Transaction, after: int, topic: str | None, limit: int
) -> list[StoredBook]:
    """Return a page of books in order of id, of one topic or of all."""
    if topic is None:
        rows = await transaction.all(
            f"SELECT {_COLUMNS} FROM books WHERE book_id > ?1 ORDER BY book_id LIMIT ?2",
            after,
            limit,
        )
    else:
        rows = await transaction.all(
            f"SELECT {_COLUMNS} FROM books WHERE topic_key = ?3 AND book_id > ?1 "
            "ORDER BY book_id LIMIT ?2",
            after,
            limit,
            topic_key(topic),
        )
    return [_book(row) for row in rows]


async def books_matching(
    transaction: Transaction,
    match: str,
    topic: str | None,
    after: tuple[float, int] | None,
    limit: int,
) -> list[tuple[float, StoredBook]]:
    """Return a page of books in order of relevance, each with its score (lower is better).

    Source: sqlite.org/fts5.html
    """
    score, book_id = after if after is not None else (-1e300, 0)
    rows = await transaction.all(
        "WITH found AS MATERIALIZED ("
        f"SELECT rowid AS found_id, bm25(books_text, {_WEIGHTS}) AS score "
        "FROM books_text WHERE books_text MATCH ?1) "
        f"SELECT score, {_COLUMNS} FROM found JOIN books ON book_id = found_id "
        "WHERE (score, book_id) > (?2, ?3) AND (?4 IS NULL OR topic_key = ?4) "
        "ORDER BY score, book_id LIMIT ?5",
        match,
        score,
        book_id,
        None if topic is None else topic_key(topic),
        limit,
    )
    return [(cast("float", row[0]), _book(row[1:])) for row in rows]


async def add_book(transaction: Transaction, new: StoredBook, *, choose_id: bool) -> int:
    """Insert a book without stock and return its id.

    Args:
        transaction: to write in.
        new: the book; its stock and version are ignored.
        choose_id: let the database choose the id.
    """
    row = await transaction.one(
        "INSERT INTO books (book_id, isbn, title, author, year, topic, description, "
        "price_minor, currency, topic_key) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING book_id",
        None if choose_id else new.book_id,
        *astuple(new)[1:9],
        topic_key(new.topic),
    )
    return cast("int", cast("Row", row)[0])


async def edit_book(transaction: Transaction, edited: StoredBook) -> int:
    """Replace what describes a book, not its stock, and return the new version."""
    row = await transaction.one(
        "UPDATE books SET isbn = ?2, title = ?3, author = ?4, year = ?5, topic = ?6, "
        "description = ?7, price_minor = ?8, currency = ?9, topic_key = ?10, "
        "version = version + 1 WHERE book_id = ?1 RETURNING version",
        *astuple(edited)[:9],
        topic_key(edited.topic),
    )
    return cast("int", cast("Row", row)[0])


async def move_stock(  # noqa: PLR0913, PLR0917  the columns of a ledger row
    transaction: Transaction,
    book_id: int,
    kind: str,
    copies: int,
    order_id: str | None,
    at_ms: int,
) -> int:
    """Change a book's stock and write the ledger row that says so; return the new version.

    The database refuses a stock below zero: callers check first.
    """
    row = await transaction.one(
        "UPDATE books SET stock = stock + ?2, version = version + 1 "
        "WHERE book_id = ?1 RETURNING version",
        book_id,
        copies,
    )
    await transaction.run(_INSERT_MOVEMENT, book_id, kind, copies, order_id, at_ms)
    return cast("int", cast("Row", row)[0])


async def sell(transaction: Transaction, decided: Sequence[Outcome], at_ms: int) -> None:
    """Store decisions that were made just now, and take from the stock what they sold.

    Each book is written once, however many orders bought it, so that a rush for one book costs
    no more than a rush for many. The database refuses a stock below zero: callers check first.
    """
    copies: Counter[int] = Counter()
    sales: Counter[int] = Counter()
    movements = []
    for outcome in decided:
        for line in outcome.lines:
            copies[line.book_id] += line.quantity
            movements.append((line.book_id, "sold", -line.quantity, outcome.order_id, at_ms))
        sales.update({line.book_id for line in outcome.lines})
    await transaction.run_many(
        "UPDATE books SET stock = stock - ?2, version = version + ?3 WHERE book_id = ?1",
        [(book_id, copies[book_id], sales[book_id]) for book_id in sales],
    )
    await transaction.run_many(_INSERT_MOVEMENT, movements)
    await transaction.run_many(_SAVE_OUTCOME, [_outcome_row(outcome, at_ms) for outcome in decided])


async def outcome(transaction: Transaction, order_id: str) -> Outcome | None:
    """Return what was decided about an order, or None."""
    row = await transaction.one(_SELECT_OUTCOME, order_id)
    return _outcome(cast("str", row[0])) if row else None


async def outcomes(transaction: Transaction, order_ids: Collection[str]) -> dict[str, Outcome]:
    """Return what was decided about some orders, by order id."""
    rows = await transaction.all_many(_SELECT_OUTCOME, [(order_id,) for order_id in order_ids])
    found = [_outcome(cast("str", row[0])) for row in rows]
    return {outcome.order_id: outcome for outcome in found}


async def save_outcome(transaction: Transaction, decided: Outcome, at_ms: int) -> None:
    """Store a decision, or the release that ends it."""
    await transaction.run(_SAVE_OUTCOME, *_outcome_row(decided, at_ms))


def _outcome_row(decided: Outcome, at_ms: int) -> Row:
    return decided.order_id, decided.status, _encode(decided).decode(), at_ms


async def outcomes_after(transaction: Transaction, after: str, limit: int) -> list[Outcome]:
    """Return a page of decisions in order of order id."""
    rows = await transaction.all(
        "SELECT outcome FROM reservations WHERE order_id > ?1 ORDER BY order_id LIMIT ?2",
        after,
        limit,
    )
    return [_outcome(cast("str", row[0])) for row in rows]


async def movements_after(transaction: Transaction, after: int, limit: int) -> list[Movement]:
    """Return a page of the stock ledger."""
    rows = await transaction.all(
        "SELECT movement_id, book_id, kind, copies, order_id, moved_at_ms FROM movements "
        "WHERE movement_id > ?1 ORDER BY movement_id LIMIT ?2",
        after,
        limit,
    )
    return [
        Movement(
            id=cast("int", row[0]),
            book_id=cast("int", row[1]),
            kind=cast("str", row[2]),  # type: ignore[arg-type]
            copies=cast("int", row[3]),
            order_id=cast("str | None", row[4]),
            moved_at=as_datetime(cast("int", row[5])),
        )
        for row in rows
    ]


async def counts(transaction: Transaction) -> tuple[int, int, int]:
    """Return the number of books, ledger rows and reservations."""
    row = await transaction.one(
        "SELECT (SELECT count(*) FROM books), (SELECT count(*) FROM movements), "
        "(SELECT count(*) FROM reservations)"
    )
    return cast("tuple[int, int, int]", row)


async def stock_differences(transaction: Transaction) -> Sequence[Row]:
    """Return book id, stock and ledger sum where the two differ, or where either is negative."""
    return await transaction.all(
        "SELECT book_id, stock, coalesce(total, 0) FROM books LEFT JOIN "
        "(SELECT book_id AS moved_id, sum(copies) AS total FROM movements GROUP BY book_id) "
        "ON moved_id = book_id WHERE stock <> coalesce(total, 0) OR stock < 0 ORDER BY book_id"
    )


async def reservation_differences(transaction: Transaction) -> Sequence[Row]:
    """Return order id, book id, copies by the reservation and by the ledger where they differ.

    A reserved order took its lines from the stock; a rejected or released one took nothing, or
    gave all of it back.
    """
    return await transaction.all(
        "SELECT order_id, book_id, sum(expected), sum(moved) FROM ("
        "SELECT order_id, line.value ->> 'id' AS book_id, "
        "CASE status WHEN 'reserved' THEN -(line.value ->> 'quantity') ELSE 0 END AS expected, "
        "0 AS moved FROM reservations, json_each(outcome, '$.lines') AS line "
        "UNION ALL SELECT order_id, book_id, 0, copies FROM movements WHERE order_id IS NOT NULL) "
        "GROUP BY order_id, book_id HAVING sum(expected) <> sum(moved) ORDER BY 1, 2"
    )
