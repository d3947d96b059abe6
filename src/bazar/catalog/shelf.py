"""The books on the shelf: finding them, adding them, and changing what describes them."""

from collections.abc import Callable

import msgspec

from bazar.catalog.domain import BookExists, StoredBook, edited, new_book, not_found
from bazar.catalog.listing import Listing
from bazar.catalog.once import asked, once
from bazar.catalog.paging import decode_id
from bazar.catalog.searching import Searching, search
from bazar.catalog.store import Store
from bazar.formats.isbn import isbn13, shown_isbn
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import KEEPERS, SEARCHERS, Database, Transaction
from bazar.kit.errors import InvalidRequest
from bazar.wire.books import (
    LOW_AT_DEFAULT,
    AllBooksQuery,
    Book,
    BookChanged,
    BookCounts,
    BookEdit,
    BookEdited,
    BookQuery,
    BookTitle,
    EditsQuery,
    NewBook,
    TopicCount,
)
from bazar.wire.limits import Price

TOPIC_TITLES_MAX = 1000
TOPICS_MAX = 10_000
BOOKS_A_UNIT = 50
"""Of which keys and terms are made in one transaction, which takes some milliseconds."""
_USUAL = {
    "book_id": 0,
    "stock": 0,
    "price_minor": 0,
    "condition": "new",
    "low_at": LOW_AT_DEFAULT,
    "added_at_ms": 0,
}
"""What a request to add a book does not say where it says nothing, and a price that is always
given."""


class Shelf:
    """What readers and keepers do with books. Each use case is one transaction."""

    def __init__(
        self, database: Database, store: Store, currency: str = "USD", clock: Clock = now_ms
    ) -> None:
        """Work on an opened, migrated database; new books are priced in `currency`."""
        self._database = database
        self._store = store
        self._currency = currency
        self._clock = clock
        self._searching = Searching(store)
        self._listing = Listing(store, currency, clock)

    async def complete(self) -> None:
        """Make what lists compare of books that an older release has stored."""
        while await self._database.write(
            lambda transaction: self._store.complete_keys(transaction, BOOKS_A_UNIT)
        ):
            pass

    async def info(self, book_id: int) -> Book:
        """Return a book.

        Raises:
            BookNotFound: definite.
        """
        book = await self._database.read(lambda transaction: self._store.book(transaction, book_id))
        if book is None:
            raise not_found(book_id)
        return book.public()

    async def search(self, topic: str) -> list[BookTitle]:
        """Return the books of a topic, at most 1,000; none for an unknown topic."""

        async def work(transaction: Transaction) -> list[BookTitle]:
            found = await self._store.titles_by_topic(transaction, topic, TOPIC_TITLES_MAX)
            if found:
                return found
            key = await self._store.known_topic(transaction, topic)
            return await self._store.titles_by_topic(transaction, key, TOPIC_TITLES_MAX)

        return await self._database.scan(work)

    async def topics(self) -> list[TopicCount]:
        """Return the 10,000 topics with the most books, each with their number."""
        return await self._database.scan(
            lambda transaction: self._store.topics(transaction, TOPICS_MAX)
        )

    async def list_books(self, query: BookQuery) -> tuple[list[Book], str | None]:
        """Return a page of books and the cursor of the next page, if there is one.

        Words are matched as prefixes in all texts of a book, best match first; an ISBN in any
        form finds its book, whatever else is asked; as the argument `isbn` a retired one too.

        Raises:
            InvalidRequest: the cursor is not one of ours, the ISBN is none, or a price no price.
        """
        isbn = _isbn(query)
        if isbn is not None:
            return await self._by_isbn(isbn, query), None
        if not _is_plain(query):
            books, cursor = await self._database.scan(
                lambda transaction: self._listing.page(transaction, query), SEARCHERS
            )
            return [book.public() for book in books], cursor
        if query.q is None:
            return await self._by_id(query)
        return await self._by_words(query, query.q)

    async def count(self, query: BookQuery) -> BookCounts:
        """Count the books that a query finds, at most 10,000, and those of each topic.

        Raises:
            InvalidRequest: the ISBN is none, or a price is no price.
        """
        isbn = _isbn(query)
        if isbn is not None:
            books = await self._by_isbn(isbn, query)
            topics = [TopicCount(book.topic, 1) for book in books]
            return BookCounts(books=len(books), topics=topics)
        return await self._database.scan(
            lambda transaction: self._listing.counts(transaction, query), SEARCHERS
        )

    async def every(self, query: AllBooksQuery) -> list[Book]:
        """Return a page of all books, the retired ones too, in order of id."""
        books = await self._database.scan(
            lambda transaction: self._store.all_after(transaction, query.after, query.limit),
            KEEPERS,
        )
        return [book.public() for book in books]

    async def edits(self, query: EditsQuery) -> list[BookEdited]:
        """Return a page of books that are sold, in order of id, each with its last edit."""
        return await self._database.scan(
            lambda transaction: self._store.edits_after(transaction, query.after, query.limit)
        )

    async def _by_isbn(self, isbn: str, query: BookQuery) -> list[Book]:
        book = await self._database.read(
            lambda transaction: self._store.book_by_isbn(transaction, isbn)
        )
        if book is None:
            return []
        if query.isbn is None and (book.retired_at_ms is not None) != (query.list == "retired"):
            return []
        return [book.public()]

    async def _by_id(self, query: BookQuery) -> tuple[list[Book], str | None]:
        after = decode_id(query.after)

        async def work(transaction: Transaction) -> list[StoredBook]:
            topic = query.topic
            if topic is not None:
                topic = await self._store.known_topic(transaction, topic)
            return await self._store.books_after(transaction, after, topic, query.limit + 1)

        found = await self._database.scan(work)
        page = found[: query.limit]
        cursor = str(page[-1].book_id) if len(found) > query.limit else None
        return [book.public() for book in page], cursor

    async def _by_words(self, query: BookQuery, text: str) -> tuple[list[Book], str | None]:
        async def work(transaction: Transaction) -> tuple[list[StoredBook], str | None]:
            topic = query.topic
            if topic is not None:
                topic = await self._store.known_topic(transaction, topic)
            asked = search(text, topic)
            if asked is None:
                return [], None
            return await self._searching.page(transaction, asked, query.after, query.limit)

        books, cursor = await self._database.scan(work, SEARCHERS)
        return [book.public() for book in books], cursor

    async def add(self, new: NewBook, key: str | None = None) -> Book:
        """Add a book with its first stock; with a key once.

        Raises:
            KeyReused: definite.
            BookExists: definite; the id or ISBN is taken.
            InvalidRequest: the ISBN or the price is not valid.
        """
        wanted = new_book(new, self._currency)

        async def work(transaction: Transaction) -> Book:
            if wanted.book_id and await self._store.book(transaction, wanted.book_id):
                message = f"the id {wanted.book_id} is taken"
                raise BookExists(message, member="id", book_id=wanted.book_id)
            await self._check_isbn_free(transaction, wanted)
            book = await self._store.add_book(transaction, wanted, self._clock())
            await self._store.save_counts(transaction, [book.book_id])
            transaction.announce(BookChanged(book.book_id, book.version, listed=True))
            return book.public()

        given = {n: v for n, v in msgspec.structs.asdict(wanted).items() if v != _USUAL.get(n)}
        request = asked(key, "add", **given)
        return await once(self._database, self._store, work, request)

    async def edit(
        self,
        book_id: int,
        edit: BookEdit,
        key: str | None = None,
        check: Callable[[Book], None] | None = None,
    ) -> Book:
        """Change what describes a book; with a key once.

        Args:
            book_id: of the book.
            edit: what to change.
            key: of the request.
            check: raises where the book is not the one that its asker knows; it is held as it is
                until the change is made.

        Raises:
            BookNotFound, BookExists, KeyReused: definite.
            InvalidRequest: the ISBN or the price is not valid.
        """

        async def work(transaction: Transaction) -> Book:
            book = await self._store.book(transaction, book_id, lock=True)
            if book is None:
                raise not_found(book_id)
            if check is not None:
                check(book.public())
            changed = edited(book, edit, at_ms := self._clock())
            if changed == book:
                return book.public()
            if changed.isbn != book.isbn:
                await self._check_isbn_free(transaction, changed)
            changed = await self._store.edit_book(transaction, changed, at_ms)
            transaction.announce(BookChanged(book_id, changed.version, listed=True))
            return changed.public()

        request = asked(key, "edit", book_id, msgspec.to_builtins(edit))
        return await once(self._database, self._store, work, request)

    async def reprice(self, book_id: int, price: Price, key: str | None = None) -> Book:
        """Set the price.

        Raises:
            BookNotFound, InvalidRequest: definite.
        """
        return await self.edit(book_id, BookEdit(price=price), key)

    async def _check_isbn_free(self, transaction: Transaction, book: StoredBook) -> None:
        if book.isbn is None:
            return
        other = await self._store.book_by_isbn(transaction, book.isbn)
        if other is not None and other.book_id != book.book_id:
            message = f"the ISBN {book.isbn} belongs to book {other.book_id}"
            raise BookExists(message, member="isbn", book_id=other.book_id)


def _isbn(query: BookQuery) -> str | None:
    """Return the ISBN that a query asks for, as an argument or as its words, or None.

    Raises:
        InvalidRequest: the argument is none.
    """
    if query.isbn is None:
        return shown_isbn(query.q or "")
    try:
        return isbn13(query.isbn)
    except ValueError as error:
        message = f"isbn {error}"
        raise InvalidRequest(message, member="isbn") from error


def _is_plain(query: BookQuery) -> bool:
    """Tell whether a query asks for words and a topic alone, which have a way of their own."""
    narrowed = query.author, query.min, query.max, query.list
    return narrowed == (None,) * 4 and query.in_stock == "0" and query.sort in {None, "match"}
