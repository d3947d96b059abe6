"""What a row of a file does to the books: created, updated, left alone, or refused with a reason.

A row is the book with its id, else with its ISBN-13, else the one that it made when its file was
taken in before, else with exactly its title, author and year. So the same file twice changes
nothing, whatever was changed since. No row changes the currency of a book. A count belongs to the
moment at which its file was first seen: it is taken once, and never after a later one.

Source: docs/decisions/0010-import-identity.md, docs/decisions/0022-a-count-belongs-to-a-moment.md
"""

import unicodedata
from collections.abc import Callable, Collection, Sequence

import msgspec
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, move_stock, new_book
from bazar.catalog.store import FileRow, Store
from bazar.kit.clock import Clock
from bazar.kit.data.database import Transaction
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.wire.books import BookChanged
from bazar.wire.imports import ImportResult, ImportRow

_FIELDS = {
    "isbn": ("isbn",),
    "title": ("title",),
    "author": ("author",),
    "year": ("year",),
    "topic": ("topic",),
    "price": ("price_minor",),
    "quantity": (),
    "description": ("description",),
    "subtitle": ("subtitle",),
    "publisher": ("publisher",),
    "format": ("format",),
    "pages": ("pages",),
    "language": ("language",),
    "condition": ("condition",),
    "shelf": ("shelf",),
    "low_at": ("low_at",),
}
"""What each column of a file changes about a book that is there; the stock goes its own way."""


class _Change(msgspec.Struct, frozen=True):
    """What a row did to the book that it is about."""

    book: StoredBook
    repeated: bool = False
    """Its count would have changed the stock, but was taken before, or a later one was."""


class Rows:
    """Takes rows into the books of one store."""

    def __init__(self, store: Store, currency: str, clock: Clock) -> None:
        """Price the rows in `currency`."""
        self._store = store
        self._currency = currency
        self._clock = clock

    async def take_in(
        self,
        transaction: Transaction,
        rows: Sequence[ImportRow],
        update: str,
        import_id: int | None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[ImportResult]:
        """Take in rows, all good ones of them.

        Args:
            transaction: to write in.
            rows: of one file.
            update: what happens to books that are there: none, stock, all.
            import_id: of the file, as the store numbers it; None where every count counts.
            enough: tells after each row whether those behind it are left out.

        Returns:
            One result per row, up to the last that was taken.
        """
        read = [self._read(row) for row in rows]
        if update != "none":
            wanted = [one for one in read if isinstance(one, StoredBook)]
            made_by = [] if import_id is None else [FileRow(import_id, row.row) for row in rows]
            await self._store.hold(transaction, wanted, made_by)
        results: list[ImportResult] = []
        for row, one in zip(rows, read, strict=True):
            results.append(await self._take_in(transaction, row, one, update, import_id))
            if enough():
                break
        return results

    def _read(self, row: ImportRow) -> StoredBook | BazarError:
        """Return what a row says of a book, or why it is refused."""
        try:
            return new_book(row.book, self._currency)
        except BazarError as error:
            return error

    async def _take_in(
        self,
        transaction: Transaction,
        row: ImportRow,
        wanted: StoredBook | BazarError,
        update: str,
        import_id: int | None,
    ) -> ImportResult:
        number = row.row
        count = None if import_id is None else FileRow(import_id, number)
        try:
            if isinstance(wanted, BazarError):
                raise wanted
            lock = update != "none"
            existing = await self._existing(transaction, wanted, count, lock=lock)
            if existing is not None and existing.currency != wanted.currency:
                wanted = new_book(row.book, existing.currency)  # as an edit of its price would be
            given = _FIELDS.keys() if row.given is None else row.given
            if existing is None:
                stored = await self._store.add_book(transaction, wanted, self._clock())
                if count is not None:
                    await self._store.save_made_by(transaction, count, stored.book_id)
                    if "quantity" in given:
                        await self._store.save_count(transaction, stored.book_id, count)
                change = _Change(stored)
            else:
                change = await self._update(transaction, existing, wanted, given, update, count)
        except BazarError as error:
            column = error.member or "id"
            return ImportResult(row=number, status="rejected", column=column, reason=error.detail)
        book = change.book
        if book is existing:
            return ImportResult(
                row=number, status="unchanged", id=book.book_id, repeated=change.repeated
            )
        transaction.announce(BookChanged(book.book_id, book.version, listed=True))
        if existing is None:
            return ImportResult(row=number, status="created", id=book.book_id)
        return ImportResult(row=number, status="updated", id=book.book_id, repeated=change.repeated)

    async def _existing(
        self, transaction: Transaction, wanted: StoredBook, row: FileRow | None, *, lock: bool
    ) -> StoredBook | None:
        """Return the book that a row is about, or None.

        Raises:
            InvalidRequest: its ISBN belongs to another book than its id.
        """
        store, book_id, isbn = self._store, wanted.book_id, wanted.isbn
        by_id = by_isbn = by_row = None
        if book_id:
            by_id = await store.book(transaction, book_id, lock=lock)
        if isbn is not None:
            by_isbn = await store.book_by_isbn(transaction, isbn, lock=lock)
        if book_id and by_isbn is not None and by_isbn.book_id != book_id:
            message = f"isbn {isbn} belongs to book {by_isbn.book_id}, not to {book_id}"
            raise InvalidRequest(message, member="isbn")
        if by_id or by_isbn or book_id:
            return by_id or by_isbn
        if row is not None:
            by_row = await store.book_made_by(transaction, row, lock=lock)
        if by_row is not None or isbn is not None:
            return by_row
        for title, author in spellings(wanted):
            by_name = await store.book_by_name(transaction, title, author, wanted.year, lock=lock)
            if by_name is not None:
                return by_name
        return None

    async def _update(  # noqa: PLR0913, PLR0917  what a row says, and about which book
        self,
        transaction: Transaction,
        existing: StoredBook,
        wanted: StoredBook,
        given: Collection[str],
        update: str,
        count: FileRow | None,
    ) -> _Change:
        """Change a book by what a row gives; the very same book where that is nothing."""
        stored = existing
        if update == "all":
            fields = [field for column in given for field in _FIELDS.get(column, ())]
            described = replace(existing, **{field: getattr(wanted, field) for field in fields})
            described = replace(described, isbn=described.isbn or existing.isbn)
            if described != existing:
                stored = await self._store.edit_book(transaction, described, self._clock())
        if update == "none" or "quantity" not in given:
            return _Change(stored)
        copies = wanted.stock - existing.stock
        if count is not None and not await self._is_newer(transaction, existing.book_id, count):
            return _Change(stored, repeated=copies != 0)
        if copies:
            stored = move_stock(stored, copies)
            version = await self._store.move_stock(
                transaction, stored.book_id, "adjusted", copies, None, self._clock()
            )
            stored = replace(stored, version=version)
        if count is not None:
            await self._store.save_count(transaction, stored.book_id, count)
        return _Change(stored)

    async def _is_newer(self, transaction: Transaction, book_id: int, count: FileRow) -> bool:
        """Tell whether neither this count of a book was taken before nor a later one."""
        last = await self._store.last_count(transaction, book_id)
        return last is None or last < count


def spellings(book: StoredBook) -> list[tuple[str, str]]:
    """Return title and author as they are kept, and as an older release may have kept them."""
    parted = unicodedata.normalize("NFD", book.title), unicodedata.normalize("NFD", book.author)
    return list(dict.fromkeys([(book.title, book.author), parted]))
