"""Taking in rows of a file: each row is created, updated, left alone, or refused with a reason.

A row is the book with its id, else with its ISBN-13, else with exactly its title, author and
year. So the same file twice changes nothing.
"""

from msgspec.structs import replace

from bazar.catalog import store
from bazar.catalog.domain import StoredBook
from bazar.catalog.service import Catalog
from bazar.kit.data.database import Transaction
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


class _DryRun(Exception):
    def __init__(self, results: list[ImportResult]) -> None:
        self.results = results


async def take_in(catalog: Catalog, request: ImportRequest) -> list[ImportResult]:
    """Take in a batch of rows, all good ones of it in one transaction.

    Args:
        catalog: to add to.
        request: 1 to 500 rows. `update` says what happens to books that are there already:
            nothing, their stock is set, or all that the row gives is set. With `dry_run`
            nothing is kept.

    Returns:
        One result per row, in the same order.

    Raises:
        Unavailable: indefinite; send it again.
    """
    changes: list[BookChanged] = []

    async def work(transaction: Transaction) -> list[ImportResult]:
        changes.clear()
        results = [
            await _take_in_row(catalog, transaction, row, request.update, changes)
            for row in request.rows
        ]
        if request.dry_run:
            raise _DryRun(results)
        return results

    try:
        return await catalog.commit(work, lambda _results: changes)
    except _DryRun as dry_run:
        return dry_run.results


async def _take_in_row(
    catalog: Catalog,
    transaction: Transaction,
    row: ImportRow,
    update: str,
    changes: list[BookChanged],
) -> ImportResult:
    try:
        wanted = catalog.new_book(row.book)
        existing = await _existing(transaction, row.book.id, wanted)
        if existing is None:
            stored = await catalog.insert(
                transaction, wanted, row.book.quantity, choose_id=row.book.id is None
            )
        else:
            stored = await _update(catalog, transaction, existing, wanted, row, update)
    except BazarError as error:
        column = error.member or "id"
        return ImportResult(row=row.row, status="rejected", column=column, reason=error.detail)
    if stored is existing:
        return ImportResult(row=row.row, status="unchanged", id=stored.book_id)
    changes.append(BookChanged(stored.book_id, stored.version, listed=True))
    if existing is None:
        return ImportResult(row=row.row, status="created", id=stored.book_id)
    return ImportResult(row=row.row, status="updated", id=stored.book_id)


async def _existing(
    transaction: Transaction, book_id: int | None, wanted: StoredBook
) -> StoredBook | None:
    by_id = await store.book(transaction, book_id) if book_id is not None else None
    by_isbn = (
        await store.book_by_isbn(transaction, wanted.isbn) if wanted.isbn is not None else None
    )
    if book_id is not None and by_isbn is not None and by_isbn.book_id != book_id:
        message = f"isbn {wanted.isbn} belongs to book {by_isbn.book_id}, not to {book_id}"
        raise InvalidRequest(message, member="isbn")
    if by_id or by_isbn or book_id is not None or wanted.isbn is not None:
        return by_id or by_isbn
    return await store.book_by_name(transaction, wanted.title, wanted.author, wanted.year)


async def _update(  # noqa: PLR0913, PLR0917  the row and where it goes
    catalog: Catalog,
    transaction: Transaction,
    existing: StoredBook,
    wanted: StoredBook,
    row: ImportRow,
    update: str,
) -> StoredBook:
    given = _FIELDS.keys() if row.given is None else row.given
    stored = existing
    if update == "all":
        fields = [field for column in given for field in _FIELDS.get(column, ())]
        described = replace(existing, **{field: getattr(wanted, field) for field in fields})
        described = replace(described, isbn=described.isbn or existing.isbn)
        if described != existing:
            version = await store.edit_book(transaction, described)
            stored = replace(described, version=version)
    change = row.book.quantity - existing.stock if "quantity" in given else 0
    if update != "none" and change:
        stored = await catalog.shift(transaction, stored, change, "adjusted")
    return stored
