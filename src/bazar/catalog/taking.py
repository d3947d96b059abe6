"""What becomes of the rows of a file, decided over the books that they may be about; no I/O.

A row is the book with its id, else with its ISBN-13, else the one that it was about when its file
was taken in before, else with exactly its title, author and year. So the same file twice changes
nothing, whatever was changed since. A row that names a book by its id and says another ISBN or
title is about another book: it is refused. No row changes the currency of a book. A count belongs
to the moment at which its file was first seen: it is taken once, and never after a later one.

Source: docs/decisions/0010-import-identity.md, docs/decisions/0022-a-count-belongs-to-a-moment.md,
docs/decisions/0037-what-a-row-may-change.md
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NoReturn

import msgspec
from msgspec.structs import replace

from bazar.catalog.domain import StoredBook, checked_isbn, edited, move_stock, new_book
from bazar.catalog.store import (
    BY_HAND,
    NO_ROW,
    NO_YEAR,
    CountedBook,
    FileRow,
    KnownBy,
    Seen,
    Sought,
)
from bazar.catalog.words import name_key
from bazar.formats.isbn import Placeholder, isbn13
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.text import bare
from bazar.wire.imports import ImportResult, ImportRow

Update = Literal["none", "stock", "all"]
Same = Literal["reject", "add", "last"]

ID_COLUMN = "bazar_id"
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


class Batch(msgspec.Struct, frozen=True):
    """What is said of all rows of a request, and what those before them did."""

    update: Update = "none"
    same: Same = "reject"
    import_id: int | None = None
    """Of the file, as the store numbers it; None where every count counts."""
    rest_of: Collection[int] = frozenset()
    """The files whose rejected rows these are."""
    about: Mapping[int, int] = {}
    """The rows of this request that were taken before, by the ids of their books."""
    made: Collection[int] = frozenset()
    """The ids of the books that they added."""


class Wanted(msgspec.Struct, frozen=True):
    """What a row says, as far as it can be read without the books of the shop."""

    row: ImportRow
    fault: BazarError | None = None
    book: StoredBook | None = None
    """What it adds where its book is not there; None where it can add none."""
    book_id: int = 0
    isbn: str | None = None

    def sought(self) -> Sought:
        """Return what its book is known by, beside its id."""
        name, parted, year = None, None, NO_YEAR
        if self.book is not None and not self.book_id and self.isbn is None:
            name = name_of(self.book)
            parted = unicodedata.normalize("NFD", name)
            year = NO_YEAR if self.book.year is None else self.book.year
        return Sought(self.row.row, self.isbn, name, None if parted == name else parted, year)


class Change(msgspec.Struct):
    """What a row does to a book; the store is told of all of them at once."""

    number: int
    """Of the row."""
    before: StoredBook | None
    after: StoredBook
    """As it is to be, without its new version; with an id below zero it is to be added."""
    copies: int = 0
    """By which its stock is corrected."""
    repeated: bool = False
    seen: Seen | None = None
    """What is to be noted of it, if anything."""

    @property
    def described(self) -> bool:
        """Tell whether what describes the book changes."""
        return self.before is not None and self.before != replace(
            self.after, stock=self.before.stock
        )


def read_row(row: ImportRow, currency: str) -> Wanted:
    """Return what a row says, or why it is refused."""
    try:
        if row.book is not None and row.known is None:
            new = replace(row.book, isbn=_isbn(row.book.isbn))
            book = new_book(new, currency)
            return Wanted(row, None, book, book.book_id, book.isbn)
        if row.known is not None and row.book is None:
            known = row.known
            isbn = None if known.isbn is msgspec.UNSET else checked_isbn(_isbn(known.isbn))
            if isbn is None and known.id is None:
                _refuse("a row without a title needs an ISBN or a bazar_id", "isbn")
            return Wanted(row, None, None, known.id or 0, isbn)
        _refuse("a row is either a book or about a known one", "")
    except BazarError as error:
        return Wanted(row, error)


def _isbn(text: str | None) -> str | None:
    """Return an ISBN as it was written, or None where it only fills the place of one."""
    try:
        if text and text.strip():
            isbn13(text)
    except Placeholder:
        return None
    except ValueError:
        pass  # whoever checks the book says so
    return text


def name_of(book: StoredBook) -> str:
    """Return the form of title and author by which a book without an ISBN is known."""
    return bare(f"{book.title}\n{book.author}")


def _refuse(message: str, member: str) -> NoReturn:
    raise InvalidRequest(message, member=member)


class Part:
    """Some rows of a file that are decided together, each over what those before it do.

    Books that it adds have ids below zero until they are stored.
    """

    def __init__(
        self,
        batch: Batch,
        known_by: Mapping[int, KnownBy],
        books: Iterable[CountedBook],
        at_ms: int,
    ) -> None:
        """Begin.

        Args:
            batch: the rows are of.
            known_by: by the place of each row among those that are decided.
            books: all those that the rows may be about.
            at_ms: when.
        """
        self._batch = batch
        self._known_by = known_by
        self._books = {one.book.book_id: one for one in books}
        self._by_isbn = {one.isbn: key for key, one in self._each() if one.isbn is not None}
        self._by_name = self._names(known_by.values())
        self._about = dict(batch.about)
        self._at_ms = at_ms
        self._own = batch.import_id or NO_ROW.import_id
        self._files = {self._own, *batch.rest_of} - {NO_ROW.import_id}
        """That are one, where a book comes twice in it."""
        self._names_hold = True
        """Whether every book still has the name and the ISBN that it was found by."""
        self.changes: list[Change | ImportResult] = []
        """What each row does, or why it does nothing."""
        self.added: list[Change] = []
        self.told_of: list[tuple[FileRow, int]] = []
        """Rows that could add a book, with the one that they are about, whatever came of them."""
        self.counted: set[int] = set()
        """Books that rows of a file without a key have counted."""

    def _each(self) -> list[tuple[int, StoredBook]]:
        return [(key, one.book) for key, one in self._books.items()]

    def _names(self, known_by: Iterable[KnownBy]) -> dict[tuple[str, int | None], int]:
        """Return the books that were found by their names; another may have renamed one since."""
        found: dict[tuple[str, int | None], int] = {}
        for key in sorted({one.name for one in known_by if one.name is not None}):
            if key in self._books and self._books[key].book.isbn is None:
                book = self._books[key].book
                found.setdefault((name_of(book), book.year), key)
        return found

    def take(self, place: int, wanted: Wanted) -> bool:
        """Decide a row; return False where it has to wait until those before it are stored."""
        number = wanted.row.row
        try:
            if wanted.fault is not None:
                raise wanted.fault
            change = self._change(place, wanted) if self._names_hold else None
        except BazarError as error:
            column = ID_COLUMN if error.member in {None, "id"} else error.member
            self.changes.append(
                ImportResult(
                    row=number, status="rejected", column=column or "", reason=error.detail
                )
            )
            return True
        if change is None:
            return False
        self.changes.append(change)
        return True

    def _change(self, place: int, wanted: Wanted) -> Change | None:
        known_by = self._known_by[place]
        if wanted.book_id and self._by_isbn.get(wanted.isbn or "", 0) < 0:
            return None  # nobody knows its id yet
        key, column = self._existing(known_by, wanted)
        if key is None:
            return self._add(wanted)
        counted = self._books[key]
        if column == ID_COLUMN and known_by.made_by != key:
            _agree(counted.book, wanted)
        number, reject = wanted.row.row, self._batch.same == "reject"
        other = self._other_row(counted, key, number)
        if other is not None and not reject and self._is_added_here(key):
            return None  # it is not stored yet
        if wanted.book is not None and not wanted.book_id and known_by.made_by is None:
            self._remember(number, key)
        if other is None:
            return self._update(counted, wanted, self._batch.update)
        if reject:
            where = "" if other.import_id == self._own else " of the file before"
            _refuse(f"is the same book as row {other.row}{where}", column)
        return self._again(counted, wanted, other)

    def _is_added_here(self, key: int) -> bool:
        return any(change.after.book_id == key for change in self.added)

    def _remember(self, number: int, key: int) -> None:
        """Keep which book a row is about, so that it is that one when its file comes again."""
        if (row := self._file_row(number)) is not None:
            self.told_of.append((row, key))

    def _existing(self, known_by: KnownBy, wanted: Wanted) -> tuple[int | None, str]:
        """Return the key of the book that a row is about, and the column that tells.

        Raises:
            InvalidRequest: its ISBN belongs to another book than its id.
        """
        book_id, isbn = wanted.book_id, wanted.isbn
        by_isbn = None if isbn is None else self._by_isbn.get(isbn)
        if book_id:
            if by_isbn is not None and by_isbn != book_id:
                title = self._books[by_isbn].book.title
                _refuse(
                    f"isbn {isbn} belongs to book {by_isbn}, {title!r}, not to {book_id}", "isbn"
                )
            return (book_id if book_id in self._books else None), ID_COLUMN
        if by_isbn is not None:
            return by_isbn, "isbn"
        if known_by.made_by in self._books:
            return known_by.made_by, "title"
        if isbn is None and wanted.book is not None:
            return self._by_name.get((name_of(wanted.book), wanted.book.year)), "title"
        return None, "isbn"

    def _other_row(self, counted: CountedBook, key: int, number: int) -> FileRow | None:
        """Return another row of this file, or of those before it, that was about a book."""
        other = None
        if key in self._about:
            other = FileRow(self._own, self._about[key])
        elif counted.seen.import_id in self._files:
            other = counted.seen
        return None if other == FileRow(self._own, number) else other

    def _add(self, wanted: Wanted) -> Change | None:
        new, number = wanted.book, wanted.row.row
        if new is None:
            column = ID_COLUMN if wanted.book_id else "isbn"
            _refuse("is not in the shop; a file without titles adds no books", column)
        if self.added and (self.added[0].after.book_id > 0) != (new.book_id > 0):
            return None  # an id that is chosen may be the next one of those that are not
        book = new if new.book_id else replace(new, book_id=-len(self.added) - 1)
        row = self._file_row(number)
        seen = None if row is None else Seen(book.book_id, row, row)
        change = Change(number, None, book, seen=seen)
        self.added.append(change)
        self._remember(number, book.book_id)
        self._count(book.book_id, row)
        self._note(CountedBook(book, *(seen[1:] if seen else ())), number)
        if book.isbn is not None:
            self._by_isbn[book.isbn] = book.book_id
        else:
            self._by_name.setdefault((name_of(book), book.year), book.book_id)
        return change

    def _update(self, counted: CountedBook, wanted: Wanted, update: Update) -> Change:
        """Change a book by what a row gives; the very same book where that is nothing."""
        existing, number = counted.book, wanted.row.row
        if wanted.book is None and update == "none":
            _refuse("a file without titles only changes books: say --update", "")
        after = self._described(existing, wanted) if update == "all" else existing
        change = Change(number, existing, after)
        quantity = _quantity(wanted)
        row = self._file_row(number)
        count = counted.counted
        if update != "none" and quantity is not None:
            count = self._take_count(change, counted, row, quantity - existing.stock)
        self._finish(change, counted, count, row)
        return change

    def _again(self, counted: CountedBook, wanted: Wanted, other: FileRow) -> Change:
        """Take a row of a book that another row of the same file is about, as was asked."""
        existing, number = counted.book, wanted.row.row
        row = self._file_row(number)
        batch = self._batch
        ours = existing.book_id in batch.made or (
            counted.counted.import_id in self._files and counted.counted.row != BY_HAND
        )
        if batch.same == "last":
            if FileRow(self._own, number) < other:
                return Change(number, existing, existing, repeated=True)
            return self._update(counted, wanted, "all" if ours else batch.update)
        copies = _quantity(wanted) or 0
        count = counted.counted
        change = Change(number, existing, existing)
        if batch.update != "none" or ours:
            count = self._take_count(change, counted, row, copies)
        first = other if other.import_id == self._own else row
        self._finish(change, counted, count, row and first)
        return change

    def _take_count(
        self, change: Change, counted: CountedBook, row: FileRow | None, copies: int
    ) -> FileRow:
        """Move the stock as a row counts it, unless that was done before, or a later count was.

        Returns:
            Where the last count of the book came from, then.
        """
        if row is None or counted.counted < row:
            change.after = move_stock(change.after, copies)
            change.copies = copies
            return self._count(counted.book.book_id, row)
        change.repeated = copies != 0
        return counted.counted

    def _described(self, existing: StoredBook, wanted: Wanted) -> StoredBook:
        """Return a book as a row describes it, priced in the currency that it has."""
        row, isbn = wanted.row, existing.isbn or wanted.isbn
        if row.known is not None:
            known = replace(row.known, isbn=isbn)
            return edited(existing, known, self._at_ms)
        new = wanted.book
        assert new is not None
        assert row.book is not None
        if new.currency != existing.currency:
            new = new_book(replace(row.book, isbn=new.isbn), existing.currency)
        fields = [field for column in _given(row) for field in _FIELDS.get(column, ())]
        after = replace(existing, **{field: getattr(new, field) for field in fields})
        return replace(after, isbn=after.isbn or existing.isbn)

    def _finish(
        self, change: Change, counted: CountedBook, count: FileRow, seen: FileRow | None
    ) -> None:
        """Note what a row did to a book that was there."""
        before, after = counted.book, change.after
        if seen is not None and (count, seen) != (counted.counted, counted.seen):
            change.seen = Seen(before.book_id, count, seen)
        self._note(CountedBook(after, count, seen or counted.seen), change.number)
        if before.isbn is None:
            known = after.isbn, name_of(after), after.year
            self._names_hold = known == (None, name_of(before), before.year)

    def _note(self, counted: CountedBook, number: int) -> None:
        self._books[counted.book.book_id] = counted
        self._about[counted.book.book_id] = number

    def _count(self, key: int, row: FileRow | None) -> FileRow:
        """Return what is noted of a book that a row counts."""
        if row is None:
            self.counted.add(key)
        return row or NO_ROW

    def _file_row(self, number: int) -> FileRow | None:
        import_id = self._batch.import_id
        return None if import_id is None else FileRow(import_id, number)


def _agree(book: StoredBook, wanted: Wanted) -> None:
    """Check that a row that names a book by its id is about that book.

    Raises:
        InvalidRequest: it says another ISBN or title.
    """
    named = f"book {book.book_id} is {book.title!r}"
    if wanted.isbn is not None and book.isbn is not None and wanted.isbn != book.isbn:
        _refuse(f"{named} with the ISBN {book.isbn}, not {wanted.isbn}", "isbn")
    title = _title(wanted)
    if title is not None and not _same_title(book.title, title):
        _refuse(f"{named}, not {title!r}", "title")


def _same_title(one: str, other: str) -> bool:
    """Tell whether titles differ at most in case, accents, signs and spaces."""
    return bare(one) == bare(other) or (
        name_key(one) == name_key(other) and name_key(one) not in {"", " "}
    )


def _title(wanted: Wanted) -> str | None:
    if wanted.book is not None:
        return wanted.book.title
    assert wanted.row.known is not None
    title = wanted.row.known.title
    return None if title is msgspec.UNSET else title


def _quantity(wanted: Wanted) -> int | None:
    """Return the copies that a row counts, or None where it counts none."""
    if wanted.row.known is not None:
        quantity = wanted.row.known.quantity
        return None if quantity is msgspec.UNSET else quantity
    assert wanted.book is not None
    return wanted.book.stock if "quantity" in _given(wanted.row) else None


def _given(row: ImportRow) -> Collection[str]:
    return _FIELDS.keys() if row.given is None else row.given
