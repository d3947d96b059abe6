"""How PostgreSQL takes in rows of files: a trip for all rows of a part, and none for each."""

from collections.abc import Collection, Mapping, Sequence

from bazar.catalog.domain import StoredBook, first_version
from bazar.catalog.store import BY_HAND, CountedBook, FileRow, KnownBy, Seen, Sought
from bazar.catalog.store.ledger import LedgerRows
from bazar.catalog.store.postgres_arrays import columns, every
from bazar.catalog.store.shared import (
    BOOK,
    DESCRIPTION,
    NAME_YEAR,
    counted_book,
    description,
)
from bazar.catalog.words import terms
from bazar.kit.data.database import Transaction, made
from bazar.kit.text import INVISIBLE

_BARE = f"translate(title || chr(10) || author, '{INVISIBLE}', '')"


def _named(name: str) -> str:
    """Return an expression of the book with a name and no ISBN.

    By the number that the index has instead of the name: with more to check the planner would read
    all of a name, to sort them. Whoever asks sees the name itself.
    """
    return f"""(
        SELECT book_id FROM books
        WHERE hashtextextended({_BARE}, {NAME_YEAR}) = hashtextextended({name} COLLATE "C", year_is)
            AND isbn IS NULL
        ORDER BY book_id LIMIT 1
    )"""


_KNOWN_BY = f"""
SELECT (SELECT book_id FROM books WHERE isbn = isbn_is),
    (SELECT book_id FROM made_by_rows WHERE import_id = ?1 AND row = row_is),
    coalesce({_named("name_is")}, {_named("parted_is")})
FROM unnest(?2::bigint[], ?3::text[], ?4::text[], ?5::text[], ?6::bigint[]) WITH ORDINALITY
    AS sought (row_is, isbn_is, name_is, parted_is, year_is, place)
ORDER BY place"""

_COUNTED_BOOKS = f"""
SELECT {BOOK.replace("book_id", "books.book_id", 1)},
    counts.import_id, counts.row, seen_import_id, seen_row
FROM books LEFT JOIN counts ON counts.book_id = books.book_id
WHERE books.book_id = ANY(?1::bigint[])
ORDER BY books.book_id"""

# Only a locked row itself is read as it is once the lock is there: what is joined to it is older.
_LOCK_BOOKS = """
SELECT book_id FROM books
WHERE book_id = ANY(?1::bigint[])
ORDER BY book_id
FOR NO KEY UPDATE"""

_NEW_IDS = """
SELECT nextval('books_book_id_seq') FROM generate_series(1, ?1::bigint)"""

# What counts the ids up does not see those that others choose, and has to be told.
_RAISE_IDS = """
SELECT setval('books_book_id_seq', ?1::bigint) FROM books_book_id_seq
WHERE last_value < ?1::bigint OR NOT is_called"""

_KINDS = {"year": "bigint", "price_minor": "bigint", "pages": "bigint", "low_at": "bigint"} | {
    "retired_at_ms": "bigint"
}
"""Of the columns that describe a book, those that are no text."""
_DESCRIBED = DESCRIPTION.split(", ")
_ARRAYS = ", ".join(
    f"?{number}::{_KINDS.get(column, 'text')}[]" for number, column in enumerate(_DESCRIBED, 1)
)
_NEXT = len(_DESCRIBED) + 1

_ADD_BOOKS = f"""
WITH given AS (
    SELECT *
    FROM unnest({_ARRAYS}, ?{_NEXT}::bigint[], ?{_NEXT + 1}::bigint[], ?{_NEXT + 2}::bigint[],
                ?{_NEXT + 3}::text[])
        AS one ({DESCRIPTION}, book_id, stock, version, terms)
), new AS (
    INSERT INTO books ({DESCRIPTION}, book_id, stock, version, added_at_ms, edited_at_ms)
    SELECT {DESCRIPTION}, book_id, stock, version, ?{_NEXT + 4}::bigint, ?{_NEXT + 4}::bigint
    FROM given
), text AS (
    INSERT INTO books_text (book_id, words)
    SELECT book_id, array_to_tsvector(string_to_array(terms, ' ')) FROM given
    WHERE retired_at_ms IS NULL
)
INSERT INTO movements (book_id, kind, copies, moved_at_ms)
SELECT book_id, 'received', stock, ?{_NEXT + 4}::bigint FROM given
WHERE stock > 0
ORDER BY book_id"""

# The books are locked already, in the order of their ids.
_EDIT_BOOKS = f"""
WITH given AS (
    SELECT *
    FROM unnest({_ARRAYS}, ?{_NEXT}::bigint[], ?{_NEXT + 1}::text[])
        AS one ({DESCRIPTION}, book_id, terms)
), changed AS (
    UPDATE books
    SET ({DESCRIPTION}) = ({", ".join(f"given.{column}" for column in _DESCRIBED)}),
        version = version + 1, edited_at_ms = ?{_NEXT + 2}::bigint
    FROM given
    WHERE books.book_id = given.book_id
    RETURNING books.book_id, version
), gone AS (
    DELETE FROM books_text USING given
    WHERE books_text.book_id = given.book_id AND given.retired_at_ms IS NOT NULL
), text AS (
    INSERT INTO books_text (book_id, words)
    SELECT book_id, array_to_tsvector(string_to_array(terms, ' ')) FROM given
    WHERE retired_at_ms IS NULL
    ON CONFLICT (book_id) DO UPDATE SET words = excluded.words
    WHERE books_text.words <> excluded.words
)
SELECT book_id, version FROM changed"""

_ADJUST = """
WITH given AS (
    SELECT * FROM unnest(?1::bigint[], ?2::bigint[]) AS one (book_id, copies)
), noted AS (
    INSERT INTO movements (book_id, kind, copies, moved_at_ms)
    SELECT book_id, 'adjusted', copies, ?3::bigint FROM given
)
UPDATE books SET stock = stock + given.copies, version = version + 1
FROM given
WHERE books.book_id = given.book_id
RETURNING books.book_id, version"""

# Who counts nothing locks no book: a keeper may have counted it since.
_SAVE_SEEN = """
INSERT INTO counts (book_id, import_id, row, seen_import_id, seen_row)
SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[])
ON CONFLICT (book_id) DO UPDATE
SET (import_id, row) = (
        SELECT import_id, row
        FROM (VALUES (counts.import_id, counts.row), (excluded.import_id, excluded.row))
            AS one (import_id, row)
        ORDER BY import_id DESC, row DESC LIMIT 1
    ),
    seen_import_id = excluded.seen_import_id, seen_row = excluded.seen_row"""

# Only what a file may contradict: before the first one is seen there is nothing to keep.
_SAVE_COUNTS = f"""
INSERT INTO counts (book_id, import_id, row)
SELECT book_id, (SELECT max(import_id) FROM imports), {BY_HAND}
FROM unnest(?1::bigint[]) AS one (book_id)
WHERE EXISTS (SELECT FROM imports)
ON CONFLICT (book_id) DO UPDATE SET import_id = excluded.import_id, row = excluded.row"""

_SAVE_MADE_BY = """
INSERT INTO made_by_rows (import_id, row, book_id)
SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[])
ON CONFLICT (import_id, row) DO NOTHING"""


class ImportRows(LedgerRows):
    """Takes in rows of files."""

    part_rows = 200
    """Each part takes a dozen trips to the server, whatever the number of its rows."""
    unit_s = 0.0
    """A part is a transaction: the books of a part are locked in the order of their ids, and those
    of two parts in any."""

    async def known_by(
        self, transaction: Transaction, sought: Sequence[Sought], import_id: int | None
    ) -> list[KnownBy]:
        """Return the books that rows of a file may be about."""
        rows = await every(transaction, _KNOWN_BY, import_id, *columns(sought, 5))
        return [made(KnownBy, row) for row in rows]

    async def counted_books(
        self, transaction: Transaction, book_ids: Collection[int], *, lock: bool = False
    ) -> dict[int, CountedBook]:
        """Return those of some books that exist, by id, with what files have said of them."""
        wanted = list(book_ids)
        if lock:
            await every(transaction, _LOCK_BOOKS, wanted)
        rows = await every(transaction, _COUNTED_BOOKS, wanted)
        return {one.book.book_id: one for one in map(counted_book, rows)}

    async def add_books(
        self, transaction: Transaction, books: Sequence[StoredBook], at_ms: int
    ) -> list[int]:
        """Insert books, with their terms and first copies; return their ids, in the same order."""
        ids = [book.book_id for book in books]
        if ids[0]:
            await transaction.all(_RAISE_IDS, max(ids))
        else:
            ids = [made(int, row) for row in await transaction.all(_NEW_IDS, len(books))]
        rows = [
            (*description(book), book_id, book.stock, first_version(book), " ".join(terms(book)))
            for book_id, book in zip(ids, books, strict=True)
        ]
        await every(transaction, _ADD_BOOKS, *columns(rows, _NEXT + 3), at_ms)
        return ids

    async def edit_books(
        self, transaction: Transaction, edited: Sequence[StoredBook], at_ms: int
    ) -> dict[int, int]:
        """Replace what describes books, and return their new versions, by id."""
        rows = [(*description(book), book.book_id, " ".join(terms(book))) for book in edited]
        found = await every(transaction, _EDIT_BOOKS, *columns(rows, _NEXT + 1), at_ms)
        return {made(int, row[:1]): made(int, row[1:]) for row in found}

    async def adjust(
        self, transaction: Transaction, copies: Mapping[int, int], at_ms: int
    ) -> dict[int, int]:
        """Add copies to books, as their ledger then says; return the new versions."""
        rows = await every(transaction, _ADJUST, list(copies), list(copies.values()), at_ms)
        return {made(int, row[:1]): made(int, row[1:]) for row in rows}

    async def save_seen(self, transaction: Transaction, seen: Sequence[Seen]) -> None:
        """Note which rows of a file were about books, and which counted them."""
        rows = [(one.book_id, *one.counted, *one.seen) for one in seen]
        await every(transaction, _SAVE_SEEN, *columns(rows, 5))

    async def save_counts(self, transaction: Transaction, book_ids: Collection[int]) -> None:
        """Note that books were counted just now, and not by a file; those there are locked."""
        await every(transaction, _SAVE_COUNTS, list(book_ids))

    async def save_made_by(
        self, transaction: Transaction, made_by: Sequence[tuple[FileRow, int]]
    ) -> None:
        """Note which books rows of a file have made, or were about; the first one stays."""
        rows = [(*row, book_id) for row, book_id in made_by]
        await every(transaction, _SAVE_MADE_BY, *columns(rows, 3))
