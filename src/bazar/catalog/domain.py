"""What a book is and when it is sold: pure rules, no I/O."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from bazar.formats.isbn import isbn13
from bazar.kit.errors import BazarError, InvalidRequest
from bazar.kit.money import to_minor, to_price
from bazar.kit.text import composed, visible
from bazar.wire.books import (
    LOW_AT_DEFAULT,
    Book,
    BookEdit,
    Condition,
    Format,
    NewBook,
    topic_key,
)
from bazar.wire.limits import (
    DESCRIPTION_LENGTH_MAX,
    PUBLISHER_LENGTH_MAX,
    SHELF_LENGTH_MAX,
    STOCK_MAX,
    TITLE_LENGTH_MAX,
    TOPIC_LENGTH_MAX,
    Price,
)
from bazar.wire.orders import Line
from bazar.wire.problems import BookNotFound, PlacingProblem
from bazar.wire.stock import Outcome, Rejection, SoldLine

_LENGTHS_MAX = {
    "title": TITLE_LENGTH_MAX,
    "author": TITLE_LENGTH_MAX,
    "topic": TOPIC_LENGTH_MAX,
    "description": DESCRIPTION_LENGTH_MAX,
    "subtitle": TITLE_LENGTH_MAX,
    "publisher": PUBLISHER_LENGTH_MAX,
    "shelf": SHELF_LENGTH_MAX,
}
_NOTES = ("author", "description", "subtitle", "publisher", "shelf")
"""Texts that may be empty."""
_USUAL: Condition = "new"
"""Bodies leave out this very object, and none that only equals it. Source: msgspec, Structs"""
_PRICE_SHOWN_MAX = 40
"""Characters of a price that somebody asked for."""


class StockTooLow(BazarError):
    """A change would take the stock below zero."""

    problem_type = PlacingProblem
    code = "stock-too-low"
    status = 409
    title = "The stock cannot go below zero"
    hint = "Take away at most what is there."
    definite = True


class BookExists(BazarError):
    """Another book has this id or ISBN."""

    problem_type = PlacingProblem
    code = "book-exists"
    status = 409
    title = "Another book has this id or ISBN"
    hint = "Change that book instead: PATCH /books/ID."
    definite = True


class ReservationNotFound(BazarError):
    """Nothing was decided about this order."""

    code = "reservation-not-found"
    status = 404
    title = "Nothing was decided about this order"
    hint = "GET /reservations lists all decisions."
    definite = True


class StoredBook(msgspec.Struct, frozen=True):
    """A book as it is kept."""

    book_id: int
    """0 until the database has chosen one."""
    isbn: str | None
    title: str
    author: str
    year: int | None
    topic: str
    description: str
    price_minor: int
    currency: str
    stock: int
    version: int
    retired_at_ms: int | None = None
    """Since when it is no longer sold."""
    subtitle: str = ""
    publisher: str = ""
    format: Format = ""
    pages: int | None = None
    language: str = ""
    condition: Condition = "new"
    shelf: str = ""
    low_at: int = LOW_AT_DEFAULT
    added_at_ms: int = 0
    edited_at_ms: int | None = None
    """When it was added, or changed in what describes it; None: before that was noted."""

    def public(self) -> Book:
        """Return the book as the public sees it."""
        return Book(
            id=self.book_id,
            title=self.title,
            topic=self.topic,
            quantity=self.stock,
            price=to_price(self.price_minor, self.currency),
            currency=self.currency,
            author=self.author,
            year=self.year,
            isbn=self.isbn,
            description=self.description,
            version=self.version,
            subtitle=self.subtitle,
            publisher=self.publisher,
            format=self.format,
            pages=self.pages,
            language=self.language,
            condition=_USUAL if self.condition == _USUAL else self.condition,
            shelf=self.shelf,
            low_at=self.low_at,
            retired=self.retired_at_ms is not None,
        )


def decide(order_id: str, lines: Sequence[Line], books: Mapping[int, StoredBook]) -> Outcome:
    """Sell all lines of an order, or none.

    The first line that cannot be sold is the reason. Of a line that has several, the reason is
    that there is no such book, else that it is retired, else its price, else its stock. The
    buyer pays the price that the line names, if it names one, or nothing is sold.

    Args:
        order_id: of the order.
        lines: 1 to 100, each of another book.
        books: those of the lines that exist.
    """
    rejection = _rejection(lines, books)
    if rejection is not None:
        return Outcome(order_id, "rejected", rejection=rejection)
    return Outcome(
        order_id,
        "reserved",
        [_sold(line, books[line.book_id]) for line in lines],
    )


def after_sale(outcome: Outcome, books: Mapping[int, StoredBook]) -> dict[int, StoredBook]:
    """Return the books that an outcome changed, as the sale leaves them; none where it sold none.

    Args:
        outcome: decided over these very books.
        books: those of its lines.
    """
    after: dict[int, StoredBook] = {}
    for line in outcome.lines:
        book = after.get(line.book_id) or books[line.book_id]
        after[line.book_id] = replace(book, stock=book.stock - line.quantity, version=line.version)
    return after


def _sold(line: Line, book: StoredBook) -> SoldLine:
    return SoldLine(
        line.book_id, line.quantity, book.title, book.price_minor, book.currency, book.version + 1
    )


def _rejection(lines: Sequence[Line], books: Mapping[int, StoredBook]) -> Rejection | None:
    wanted: Counter[int] = Counter()
    for line in lines:
        book = books.get(line.book_id)
        if book is None:
            return Rejection("book-not-found", f"no book has the id {line.book_id}", line.book_id)
        if book.retired_at_ms is not None:
            return Rejection("book-retired", f"{book.title} is no longer sold", line.book_id)
        if line.price is not None and not _is_price(line.price, book):
            return _price_changed(line.price, book)
        wanted[line.book_id] += line.quantity
        if book.stock < wanted[line.book_id]:
            detail = f"{book.title}: {book.stock} in stock, {wanted[line.book_id]} asked for"
            return Rejection("out-of-stock", detail, line.book_id, wanted[line.book_id], book.stock)
    currencies = sorted({books[line.book_id].currency for line in lines})
    if len(currencies) > 1:
        detail = f"the books are priced in {', '.join(currencies)}"
        return Rejection("mixed-currencies", detail)
    return None


def _is_price(price: Decimal, book: StoredBook) -> bool:
    """Tell whether a book costs just so much: 9.9 and 9.90 are one amount."""
    return price.is_finite() and price == to_price(book.price_minor, book.currency)


def _price_changed(seen: Decimal, book: StoredBook) -> Rejection:
    now = to_price(book.price_minor, book.currency)
    shown = str(seen)[:_PRICE_SHOWN_MAX]
    return Rejection(
        "price-changed",
        f"{book.title} is {now} {book.currency} now, not {shown}",
        book.book_id,
        price_minor=book.price_minor,
        currency=book.currency,
    )


def new_book(new: NewBook, currency: str) -> StoredBook:
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
        price_minor=checked_price(new.price, currency),
        currency=currency,
        stock=new.quantity,
        version=1,
        subtitle=checked_note("subtitle", new.subtitle),
        publisher=checked_note("publisher", new.publisher),
        format=new.format,
        pages=new.pages,
        language=new.language,
        condition=new.condition,
        shelf=checked_note("shelf", new.shelf),
        low_at=new.low_at,
    )


def first_version(new: StoredBook) -> int:
    """Return the version of a new book, whose first copies count as a change of its stock."""
    return 2 if new.stock else 1


def move_stock(book: StoredBook, copies: int) -> StoredBook:
    """Return a book with copies added, or taken away where they are negative.

    Raises:
        StockTooLow, InvalidRequest: definite.
    """
    stock = book.stock + copies
    if stock < 0:
        message = f"{book.title} has {book.stock} copies; {-copies} cannot be taken away"
        raise StockTooLow(message, book_id=book.book_id, available=book.stock)
    if stock > STOCK_MAX:
        message = f"the stock cannot pass {STOCK_MAX} copies"
        raise InvalidRequest(message, member="quantity")
    return replace(book, stock=stock)


def edited(book: StoredBook, edit: BookEdit, at_ms: int) -> StoredBook:
    """Return a book with an edit applied, checked.

    Args:
        book: as it is kept.
        edit: what to change; a book that is retired already stays so since then.
        at_ms: when.

    Raises:
        InvalidRequest: a value is not valid.
    """
    given = {
        name: value
        for name in BookEdit.__struct_fields__
        if (value := getattr(edit, name)) is not msgspec.UNSET
    }
    if "price" in given:
        given["price_minor"] = checked_price(given.pop("price"), book.currency)
    if "isbn" in given:
        given["isbn"] = checked_isbn(given["isbn"])
    if "title" in given:
        given["title"] = checked_text("title", given["title"])
    if "topic" in given:
        given["topic"] = checked_topic(given["topic"])
    if "retired" in given and given.pop("retired") != (book.retired_at_ms is not None):
        given["retired_at_ms"] = at_ms if book.retired_at_ms is None else None
    for name in _NOTES:
        if name in given:
            given[name] = checked_note(name, given[name])
    return replace(book, **given)


def checked_price(price: Price, currency: str) -> int:
    """Return a price in minor units, or raise InvalidRequest."""
    try:
        return to_minor(price, currency)
    except ValueError as error:
        message = f"price {error}"
        raise InvalidRequest(message, member="price") from error


def checked_isbn(text: str | None) -> str | None:
    """Return an ISBN-13, None for a blank one, or raise InvalidRequest."""
    if text is None or not text.strip():
        return None
    try:
        return isbn13(text)
    except ValueError as error:
        message = f"isbn {error}"
        raise InvalidRequest(message, member="isbn") from error


def checked_note(name: str, text: str) -> str:
    """Return a text that may be empty, in the one form in which texts are kept.

    Raises:
        InvalidRequest: it holds a NUL, or is too long.
    """
    if "\0" in text:
        message = f"{name} must not hold a NUL character"
        raise InvalidRequest(message, member=name)
    # In a description signs of direction may say how its lines are written.
    kept = composed(text if name == "description" else visible(text))
    if len(kept) > _LENGTHS_MAX[name]:  # a few letters have no composed form but a parted one
        message = f"{name} has {len(kept)} characters, not at most {_LENGTHS_MAX[name]}"
        raise InvalidRequest(message, member=name)
    return kept


def checked_text(name: str, text: str) -> str:
    """Return a text without needless spaces, or raise InvalidRequest where nothing is left."""
    stripped = " ".join(checked_note(name, text).split())
    if not stripped:
        message = f"{name} must not be blank"
        raise InvalidRequest(message, member=name)
    return stripped


def checked_topic(text: str) -> str:
    """Return a topic that can be searched for, or raise InvalidRequest."""
    stripped = checked_text("topic", text)
    if not topic_key(stripped):
        message = "topic must hold more than hyphens"
        raise InvalidRequest(message, member="topic")
    if stripped in {".", ".."} or stripped.endswith("/"):
        message = "topic must not be '.' or '..' or end with '/': no path could name it"
        raise InvalidRequest(message, member="topic")
    return stripped


def not_found(book_id: int) -> BookNotFound:
    """Return the error for an unknown book."""
    return BookNotFound(f"no book has the id {book_id}", book_id=book_id)
