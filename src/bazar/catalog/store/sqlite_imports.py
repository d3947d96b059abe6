"""How SQLite takes in rows of files: a statement for all rows of a part, and none for each."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

import msgspec

from bazar.catalog.domain import StoredBook
from bazar.catalog.store import BY_HAND, CountedBook, FileRow, KnownBy, Seen, Sought
from bazar.catalog.store.ledger import LedgerRows
from bazar.catalog.store.shared import (
    ADD_BOOK,
    ADD_BOOK_WITH_ID,
    BOOK,
    NAME_YEAR,
    counted_book,
    described,
)
from bazar.catalog.store.sqlite_search import add_terms
from bazar.kit.data.database import Row, Transaction, made
from bazar.kit.text import INVISIBLE


def _bare(text: str) -> str:
    """Return an expression of a text without signs that nobody sees, as `books_by_name` has it."""
    for sign in INVISIBLE:
        text = f"replace({text}, char({ord(sign)}), '')"
    return text


def _named(name: str) -> str:
    """Return an expression of the book with a name and no ISBN.

    The planner would take the index of the ISBNs, and read every book that has none.
    """
    return f"""(
        SELECT book_id FROM books INDEXED BY books_by_name
        WHERE {_bare("title || char(10) || author")} = {name}
            AND {NAME_YEAR} = value ->> 4 AND isbn IS NULL
        ORDER BY book_id LIMIT 1
    )"""


# Each line of the array is [row, ISBN, name, its other spelling, year].
_KNOWN_BY = f"""
SELECT (SELECT book_id FROM books WHERE isbn = value ->> 1),
    (SELECT book_id FROM made_by_rows WHERE import_id = ?2 AND row = value ->> 0),
    coalesce({_named("value ->> 2")}, {_named("value ->> 3")})
FROM json_each(?1)"""

_COUNTED_BOOKS = f"""
SELECT {BOOK}, counts.import_id, counts.row, seen_import_id, seen_row
FROM json_each(?1) AS given CROSS JOIN books ON books.book_id = given.value
LEFT JOIN counts USING (book_id)"""

_NOTE_RECEIVED = """
INSERT INTO movements (book_id, kind, copies, moved_at_ms)
VALUES (?1, 'received', ?2, ?3)"""

_NOTE_ADJUSTED = """
INSERT INTO movements (book_id, kind, copies, moved_at_ms)
VALUES (?1, 'adjusted', ?2, ?3)"""

_ADJUST = """
UPDATE books SET stock = stock + ?2, version = version + 1
WHERE book_id = ?1
RETURNING version"""

_SAVE_SEEN = """
INSERT INTO counts (book_id, import_id, row, seen_import_id, seen_row)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (book_id) DO UPDATE SET import_id = excluded.import_id, row = excluded.row,
    seen_import_id = excluded.seen_import_id, seen_row = excluded.seen_row"""

# Only what a file may contradict: before the first one is seen there is nothing to keep.
_SAVE_COUNT = f"""
INSERT INTO counts (book_id, import_id, row)
SELECT ?1, (SELECT max(import_id) FROM imports), {BY_HAND}
WHERE (SELECT max(import_id) FROM imports) IS NOT NULL
ON CONFLICT (book_id) DO UPDATE SET import_id = excluded.import_id, row = excluded.row"""

_SAVE_MADE_BY = """
INSERT INTO made_by_rows (import_id, row, book_id)
VALUES (?1, ?2, ?3)
ON CONFLICT (import_id, row) DO NOTHING"""

_encode = msgspec.json.encode


class ImportRows(LedgerRows):
    """Takes in rows of files."""

    part_rows = 10
    """Looked up and written at once, in some milliseconds."""
    unit_s = 0.012
    """All others wait: whoever reads a book too."""

    async def known_by(
        self, transaction: Transaction, sought: Sequence[Sought], import_id: int | None
    ) -> list[KnownBy]:
        """Return the books that rows of a file may be about."""
        rows = [(one.row, one.isbn, one.name, one.parted, one.year) for one in sought]
        found = await transaction.all(_KNOWN_BY, _encode(rows).decode(), import_id)
        return [made(KnownBy, row) for row in found]

    async def counted_books(
        self,
        transaction: Transaction,
        book_ids: Collection[int],
        *,
        lock: bool = False,  # noqa: ARG002  one alone writes
    ) -> dict[int, CountedBook]:
        """Return those of some books that exist, by id, with what files have said of them."""
        rows = await transaction.all(_COUNTED_BOOKS, _encode(list(book_ids)).decode())
        return {one.book.book_id: one for one in map(counted_book, rows)}

    async def add_books(
        self, transaction: Transaction, books: Sequence[StoredBook], at_ms: int
    ) -> list[int]:
        """Insert books with their terms and first copies; return their ids, in the same order."""
        sql = ADD_BOOK_WITH_ID if books[0].book_id else ADD_BOOK
        rows = [described(book, at_ms) for book in books]
        ids = [made(int, row) for row in await transaction.all_many(sql, rows)]
        stored = list(zip(ids, books, strict=True))
        await add_terms(transaction, stored)
        await transaction.run_many(
            _NOTE_RECEIVED, [(book_id, one.stock, at_ms) for book_id, one in stored if one.stock]
        )
        return ids

    async def adjust(
        self, transaction: Transaction, copies: Mapping[int, int], at_ms: int
    ) -> dict[int, int]:
        """Add copies to books, as their ledger then says; return the new versions."""
        changes: list[Row] = list(copies.items())
        versions = await transaction.all_many(_ADJUST, changes)
        await transaction.run_many(_NOTE_ADJUSTED, [(*change, at_ms) for change in changes])
        return dict(zip(copies, (made(int, row) for row in versions), strict=True))

    async def save_seen(self, transaction: Transaction, seen: Sequence[Seen]) -> None:
        """Note which rows of a file were about books, and which counted them."""
        rows = [(one.book_id, *one.counted, *one.seen) for one in seen]
        await transaction.run_many(_SAVE_SEEN, rows)

    async def save_counts(self, transaction: Transaction, book_ids: Collection[int]) -> None:
        """Note that books were counted just now, and not by a file."""
        await transaction.run_many(_SAVE_COUNT, [(book_id,) for book_id in book_ids])

    async def save_made_by(
        self, transaction: Transaction, made_by: Sequence[tuple[FileRow, int]]
    ) -> None:
        """Note which books rows of a file have made, or were about; the first one stays."""
        rows = [(*row, book_id) for row, book_id in made_by]
        await transaction.run_many(_SAVE_MADE_BY, cast("list[Row]", rows))
