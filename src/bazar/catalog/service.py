"""What the catalog does: the use cases, one transaction each."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from bazar.catalog import store
from bazar.catalog.domain import (
    BookExists,
    ReservationNotFound,
    StockTooLow,
    StoredBook,
    after_sale,
    bad_cursor,
    checked_isbn,
    checked_note,
    checked_price,
    checked_text,
    checked_topic,
    decide,
    decode_cursor,
    edited,
    encode_cursor,
    match_expression,
    not_found,
)
from bazar.catalog.feed import Changes, Feed
from bazar.formats.isbn import isbn13
from bazar.kit.clock import Clock, now_ms
from bazar.kit.data.database import Database, Transaction, Work
from bazar.kit.errors import InvalidRequest
from bazar.wire.books import Book, BookChanged, BookEdit, BookQuery, BookTitle, NewBook, TopicCount
from bazar.wire.limits import STOCK_MAX, Price
from bazar.wire.stock import Movement, Outcome, Reserve, StockReport

T = TypeVar("T")

TOPIC_TITLES_MAX = 1000


class Catalog:
    """The use cases of the catalog."""

    def __init__(self, database: Database, currency: str = "USD", clock: Clock = now_ms) -> None:
        """Work on an opened, migrated database; new books are priced in `currency`."""
        self.database = database
        self.currency = currency
        self.feed = Feed()
        self._clock = clock

    async def commit(self, work: Work[T], changes: Callable[[T], Changes]) -> T:
        """Run a write, and announce what it changed even if its caller goes away meanwhile."""

        async def commit_and_announce() -> T:
            result = await self.database.write(work)
            self.feed.publish(changes(result))
            return result

        return await asyncio.shield(asyncio.ensure_future(commit_and_announce()))

    async def info(self, book_id: int) -> Book:
        """Return a book.

        Raises:
            BookNotFound: definite.
        """
        book = await self.database.read(lambda transaction: store.book(transaction, book_id))
        if book is None:
            raise not_found(book_id)
        return book.public()

    async def search(self, topic: str) -> list[BookTitle]:
        """Return the books of a topic, at most 1,000; none for an unknown topic."""
        return await self.database.read(
            lambda transaction: store.titles_by_topic(transaction, topic, TOPIC_TITLES_MAX)
        )

    async def topics(self) -> list[TopicCount]:
        """Return every topic with the number of its books."""
        return await self.database.scan(store.topics)

    async def list_books(self, query: BookQuery) -> tuple[list[Book], str | None]:
        """Return a page of books and the cursor of the next page, if there is one.

        Words are matched as prefixes in title, author, topic and description, best match first;
        an ISBN in any form finds its book.

        Raises:
            InvalidRequest: the cursor is not one of ours, or the ISBN is none.
        """
        if query.isbn is not None:
            try:
                return await self._by_isbn(isbn13(query.isbn)), None
            except ValueError as error:
                message = f"isbn {error}"
                raise InvalidRequest(message, member="isbn") from error
        if query.q is None:
            return await self._by_id(query)
        try:
            return await self._by_isbn(isbn13(query.q)), None
        except ValueError:
            return await self._by_words(query, query.q)

    async def _by_isbn(self, isbn: str) -> list[Book]:
        book = await self.database.read(lambda transaction: store.book_by_isbn(transaction, isbn))
        return [book.public()] if book else []

    async def _by_id(self, query: BookQuery) -> tuple[list[Book], str | None]:
        after = query.after or "0"
        if not (after.isascii() and after.isdigit() and len(after) < 19):  # noqa: PLR2004  2^63
            raise bad_cursor(after)
        found = await self.database.scan(
            lambda transaction: store.books_after(
                transaction, int(after), query.topic, query.limit + 1
            )
        )
        page = found[: query.limit]
        cursor = str(page[-1].book_id) if len(found) > query.limit else None
        return [book.public() for book in page], cursor

    async def _by_words(self, query: BookQuery, words: str) -> tuple[list[Book], str | None]:
        match = match_expression(words)
        if not match:
            return [], None
        after = decode_cursor(query.after) if query.after else None
        found = await self.database.scan(
            lambda transaction: store.books_matching(
                transaction, match, query.topic, after, query.limit + 1
            )
        )
        page = found[: query.limit]
        cursor = None
        if len(found) > query.limit:
            score, book = page[-1]
            cursor = encode_cursor(score, book.book_id)
        return [book.public() for _score, book in page], cursor

    async def add(self, new: NewBook) -> Book:
        """Add a book with its first stock.

        Raises:
            BookExists: definite; the id or ISBN is taken.
            InvalidRequest: the ISBN or the price is not valid.
        """
        book = self.new_book(new)

        async def work(transaction: Transaction) -> StoredBook:
            if new.id is not None and await store.book(transaction, new.id):
                message = f"the id {new.id} is taken"
                raise BookExists(message, member="id", book_id=new.id)
            await _check_isbn_free(transaction, book)
            return await self.insert(transaction, book, new.quantity, choose_id=new.id is None)

        added = await self.commit(
            work, lambda book: [BookChanged(book.book_id, book.version, listed=True)]
        )
        return added.public()

    def new_book(self, new: NewBook) -> StoredBook:
        """Return a checked book that is not stored yet.

        Raises:
            InvalidRequest: the ISBN or the price is not valid, or title or topic are blank.
        """
        return StoredBook(
            book_id=new.id or 0,
            isbn=checked_isbn(new.isbn),
            title=checked_text("title", new.title),
            author=checked_note("author", new.author),
            year=new.year,
            topic=checked_topic(new.topic),
            description=checked_note("description", new.description),
            price_minor=checked_price(new.price, self.currency),
            currency=self.currency,
            stock=0,
            version=1,
        )

    async def insert(
        self, transaction: Transaction, book: StoredBook, stock: int, *, choose_id: bool
    ) -> StoredBook:
        """Insert a checked book, and its first stock as received; return it as stored."""
        book_id = await store.add_book(transaction, book, choose_id=choose_id)
        version = 1
        if stock:
            version = await store.move_stock(
                transaction, book_id, "received", stock, None, self._clock()
            )
        return replace(book, book_id=book_id, stock=stock, version=version)

    async def edit(self, book_id: int, edit: BookEdit) -> Book:
        """Change what describes a book.

        Raises:
            BookNotFound, BookExists: definite.
            InvalidRequest: the ISBN or the price is not valid.
        """

        async def work(transaction: Transaction) -> StoredBook:
            book = await store.book(transaction, book_id)
            if book is None:
                raise not_found(book_id)
            changed = edited(book, edit)
            if changed == book:
                return book
            if changed.isbn != book.isbn:
                await _check_isbn_free(transaction, changed)
            return replace(changed, version=await store.edit_book(transaction, changed))

        book = await self.commit(
            work, lambda book: [BookChanged(book.book_id, book.version, listed=True)]
        )
        return book.public()

    async def reprice(self, book_id: int, price: Price) -> Book:
        """Set the price.

        Raises:
            BookNotFound, InvalidRequest: definite.
        """
        return await self.edit(book_id, BookEdit(price=price))

    async def change_stock(self, book_id: int, change: int) -> Book:
        """Add copies (received) or take some away (adjusted).

        Args:
            book_id: of the book.
            change: -10^9 to 10^9 copies, not 0.

        Raises:
            BookNotFound, StockTooLow: definite.
            InvalidRequest: the change is 0, or the stock would pass 10^9.
        """
        if change == 0:
            message = "a change of 0 copies changes nothing"
            raise InvalidRequest(message, member="quantity")

        async def work(transaction: Transaction) -> StoredBook:
            book = await store.book(transaction, book_id)
            if book is None:
                raise not_found(book_id)
            return await self.shift(
                transaction, book, change, "received" if change > 0 else "adjusted"
            )

        book = await self.commit(work, lambda book: [BookChanged(book.book_id, book.version)])
        return book.public()

    async def shift(
        self, transaction: Transaction, book: StoredBook, change: int, kind: str
    ) -> StoredBook:
        """Change a book's stock within limits, and return the book after it.

        Raises:
            StockTooLow, InvalidRequest: definite.
        """
        stock = book.stock + change
        if stock < 0:
            message = f"{book.title} has {book.stock} copies; {-change} cannot be taken away"
            raise StockTooLow(message, book_id=book.book_id, available=book.stock)
        if stock > STOCK_MAX:
            message = f"the stock cannot pass {STOCK_MAX} copies"
            raise InvalidRequest(message, member="quantity")
        version = await store.move_stock(
            transaction, book.book_id, kind, change, None, self._clock()
        )
        return replace(book, stock=stock, version=version)

    async def reserve(self, requests: Sequence[Reserve]) -> list[Outcome]:
        """Decide a batch of reservations, each at most once.

        A request whose order_id was decided before gets the stored outcome, whatever it asks
        now. Rejections are stored too: a delayed duplicate that arrives after a restock must
        not turn into a sale.

        Args:
            requests: 1 to 512; each with 1 to 100 lines of 1 to 1000 copies.

        Returns:
            One outcome per request, in the same order: reserved, rejected or released.

        Raises:
            Unavailable: indefinite; ask again with the same order ids.

        Source: docs/decisions/0003-catalog-decides.md
        """

        async def work(transaction: Transaction) -> tuple[list[Outcome], list[BookChanged]]:
            at_ms = self._clock()
            outcomes = await store.outcomes(transaction, [one.order_id for one in requests])
            open_requests = [one for one in requests if one.order_id not in outcomes]
            wanted = {line.book_id for request in open_requests for line in request.lines}
            books = await store.books(transaction, wanted)
            decided = []
            changed: dict[int, StoredBook] = {}
            for request in open_requests:
                if request.order_id not in outcomes:  # it may stand in the batch twice
                    outcome = decide(request.order_id, request.lines, books)
                    sold = after_sale(outcome, books)
                    books |= sold
                    changed |= sold
                    outcomes[request.order_id] = outcome
                    decided.append(outcome)
            await store.sell(transaction, decided, at_ms)
            changes = [BookChanged(book.book_id, book.version) for book in changed.values()]
            return [outcomes[one.order_id] for one in requests], changes

        outcomes, _changes = await self.commit(work, lambda decided: decided[1])
        return outcomes

    async def release(self, order_id: str) -> Outcome:
        """Give back what an order took, once; a reservation that arrives later is refused.

        Raises:
            Unavailable: indefinite; ask again.
        """

        async def work(transaction: Transaction) -> tuple[Outcome, list[BookChanged]]:
            at_ms = self._clock()
            outcome = await store.outcome(transaction, order_id)
            if outcome is not None and outcome.status != "reserved":
                if outcome.status == "rejected":
                    outcome = replace(outcome, status="released")
                    await store.save_outcome(transaction, outcome, at_ms)
                return outcome, []
            lines = []
            for line in outcome.lines if outcome else ():
                version = await store.move_stock(
                    transaction, line.book_id, "released", line.quantity, order_id, at_ms
                )
                lines.append(replace(line, version=version))
            released = Outcome(order_id, "released", lines)
            await store.save_outcome(transaction, released, at_ms)
            return released, [BookChanged(line.book_id, line.version) for line in lines]

        outcome, _changes = await self.commit(work, lambda released: released[1])
        return outcome

    async def movements(self, after: int, limit: int) -> list[Movement]:
        """Return a page of the stock ledger."""
        return await self.database.scan(
            lambda transaction: store.movements_after(transaction, after, limit)
        )

    async def reservations(self, after: str, limit: int) -> list[Outcome]:
        """Return a page of the decisions, by order id."""
        return await self.database.scan(
            lambda transaction: store.outcomes_after(transaction, after, limit)
        )

    async def reservation(self, order_id: str) -> Outcome:
        """Return what was decided about an order.

        Raises:
            ReservationNotFound: definite.
        """
        outcome = await self.database.read(lambda transaction: store.outcome(transaction, order_id))
        if outcome is None:
            message = f"nothing was decided about order {order_id}"
            raise ReservationNotFound(message)
        return outcome

    async def stock_report(self) -> StockReport:
        """Compare stock, ledger and reservations with each other, in one snapshot."""

        async def work(transaction: Transaction) -> StockReport:
            books, movements, reservations = await store.counts(transaction)
            differences = [
                f"book {book_id!s}: stock is {stock!s}, the ledger sums to {total!s}"
                for book_id, stock, total in await store.stock_differences(transaction)
            ]
            differences += [
                f"order {order_id!s}, book {book_id!s}: its reservation took {_taken(expected)}, "
                f"the ledger says {_taken(moved)}"
                for order_id, book_id, expected, moved in await store.reservation_differences(
                    transaction
                )
            ]
            return StockReport(
                books=books,
                movements=movements,
                reservations=reservations,
                differences=differences,
            )

        return await self.database.scan(work)


async def _check_isbn_free(transaction: Transaction, book: StoredBook) -> None:
    if book.isbn is None:
        return
    other = await store.book_by_isbn(transaction, book.isbn)
    if other is not None and other.book_id != book.book_id:
        message = f"the ISBN {book.isbn} belongs to book {other.book_id}"
        raise BookExists(message, member="isbn", book_id=other.book_id)


def _taken(copies: object) -> str:
    return f"{-int(str(copies))} copies"
