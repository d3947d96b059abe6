"""Taking in rows of a file: each row is created, updated, left alone, or refused with a reason.

A row is the book with its id, else with its ISBN-13, else with exactly its title, author and
year. So the same file twice changes nothing.
"""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, move_stock, new_book
from bazar.catalog.store import Store
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.wire.books import BookChanged
from bazar.wire.imports import ImportRequest, ImportResult, ImportRow

_FIELDS = {
    "isbn": ("isbn",),
    "title": ("title",),
    "author": ("author",),
    "year": ("year",),
    "topic": ("topic",),
    "price": ("price_minor", "currency"),
    "quantity": (),
    "description": ("description",),
}
"""What each column of a file changes about a book that is there; the stock goes its own way."""


ROWS_A_UNIT_MAX = 100
"""That are taken in in one transaction, which takes some milliseconds."""


class _DryRun(Exception):
    def __init__(self, results: list[ImportResult]) -> None:
        self.results = results


class Imports:
    """Takes in rows of files."""

    def __init__(
        self, database: Database, store: Store, currency: str = "USD", clock: Clock = now_ms
    ) -> None:
        """Work on an opened, migrated database; the rows are priced in `currency`."""
        self._database = database
        self._store = store
        self._currency = currency
        self._clock = clock

    async def take_in(self, request: ImportRequest) -> list[ImportResult]:
        """Take in a batch of rows; each good one is there as a whole, or not at all.

        Args:
            request: 1 to 500 rows. `update` says what happens to books that are there already:
                nothing, their stock is set, or all that the row gives is set. With `dry_run`
                nothing is kept.

        Returns:
            One result per row, in the same order.

        Raises:
            Unavailable: indefinite; send it again.
        """
        if request.dry_run:
            try:
                return await self._database.write(self._work(request.rows, request))
            except _DryRun as dry_run:
                return dry_run.results
        results: list[ImportResult] = []
        for start in range(0, len(request.rows), ROWS_A_UNIT_MAX):
            rows = request.rows[start : start + ROWS_A_UNIT_MAX]
            results += await self._database.write(self._work(rows, request))
        return results

    def _work(self, rows: Sequence[ImportRow], request: ImportRequest) -> Work[list[ImportResult]]:
        """Return the unit of work that takes in some rows, and keeps none where it is a dry run."""

        async def work(transaction: Transaction) -> list[ImportResult]:
            results = [await self._take_in_row(transaction, row, request.update) for row in rows]
            if request.dry_run:
                raise _DryRun(results)
            return results

        return work

    async def _take_in_row(
        self, transaction: Transaction, row: ImportRow, update: str
    ) -> ImportResult:
        try:
            wanted = new_book(row.book, self._currency)
            existing = await self._existing(transaction, wanted)
            if existing is None:
                stored = await self._store.add_book(transaction, wanted, self._clock())
            else:
                given = _FIELDS.keys() if row.given is None else row.given
                stored = await self._update(transaction, existing, wanted, given, update)
        except BazarError as error:
            column = error.member or "id"
            return ImportResult(row=row.row, status="rejected", column=column, reason=error.detail)
        if stored is existing:
            return ImportResult(row=row.row, status="unchanged", id=stored.book_id)
        transaction.announce(BookChanged(stored.book_id, stored.version, listed=True))
        if existing is None:
            return ImportResult(row=row.row, status="created", id=stored.book_id)
        return ImportResult(row=row.row, status="updated", id=stored.book_id)

    async def _existing(self, transaction: Transaction, wanted: StoredBook) -> StoredBook | None:
        """Return the book that a row is about, or None."""
        book_id, isbn = wanted.book_id, wanted.isbn
        by_id = await self._store.book(transaction, book_id) if book_id else None
        by_isbn = await self._store.book_by_isbn(transaction, isbn) if isbn is not None else None
        if book_id and by_isbn is not None and by_isbn.book_id != book_id:
            message = f"isbn {isbn} belongs to book {by_isbn.book_id}, not to {book_id}"
            raise InvalidRequest(message, member="isbn")
        if book_id or isbn is not None:
            return by_id or by_isbn
        return await self._store.book_by_name(transaction, wanted.title, wanted.author, wanted.year)

    async def _update(
        self,
        transaction: Transaction,
        existing: StoredBook,
        wanted: StoredBook,
        given: Collection[str],
        update: str,
    ) -> StoredBook:
        """Change a book by what a row gives, and return it; the very same where that is nothing."""
        stored = existing
        if update == "all":
            fields = [field for column in given for field in _FIELDS.get(column, ())]
            described = replace(existing, **{field: getattr(wanted, field) for field in fields})
            described = replace(described, isbn=described.isbn or existing.isbn)
            if described != existing:
                stored = await self._store.edit_book(transaction, described)
        copies = wanted.stock - existing.stock if "quantity" in given else 0
        if update != "none" and copies:
            stored = move_stock(stored, copies)
            version = await self._store.move_stock(
                transaction, stored.book_id, "adjusted", copies, None, self._clock()
            )
            stored = replace(stored, version=version)
        return stored
