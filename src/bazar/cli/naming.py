"""Books and orders as people name them at a terminal.

A book is named by its id, or by an ISBN in any form; an order by its id, or by its reference.

Which of the two a word is, is seen from the word; which book it is, the shop says. A number that
may be both is the book with that ISBN, where there is one.
"""

import unicodedata
from dataclasses import dataclass

import typer

from bazar.kit.identity import ID_MAX, is_id
from bazar.tools.remote import RemoteError, ServiceName
from bazar.tools.shop import Shop
from bazar.wire.orders import heard_reference

ISBN_DIGITS_MIN = 9
"""A number with fewer digits is an id, and nothing else."""
SAID_DIGITS_MIN = 3
"""From so many on a word that names no book was meant as an ISBN."""
NAMESAKES_MAX = 1000
"""Orders that are looked at for a reference: it may be how the names of many buyers begin."""
_ID = "id:"
"""Before an id that is an ISBN as well."""


@dataclass(frozen=True, slots=True)
class BookName:
    """A word that names a book."""

    word: str
    book_id: int | None
    """As an id, where it can be one."""
    isbn: str | None
    """As an ISBN, where it can be one."""
    no_isbn: str = ""
    """Why it is none, where it is none."""


def book_name(word: str) -> BookName:
    """Return what a word may mean.

    Raises:
        BadParameter: it names no book.
    """
    text = _plain_digits(word)
    told = text[: len(_ID)].lower() == _ID
    number = text[len(_ID) :].strip() if told else text
    book_id = int(number) if number.isdecimal() and len(number) <= len(str(ID_MAX)) else 0
    isbn, no_isbn = (None, "") if told else _isbn(text)
    if not 1 <= book_id <= ID_MAX and isbn is None:
        why = f": {no_isbn}" if sum(map(str.isdecimal, number)) >= SAID_DIGITS_MIN else ""
        message = f"{word!r} is neither a book's id, from 1 on, nor its ISBN{why}"
        raise typer.BadParameter(message)
    return BookName(word, book_id or None, isbn, no_isbn)


def as_isbn(word: str) -> str | None:
    """Return the ISBN that a word is, where it is nothing else to a person."""
    return _isbn(_plain_digits(word))[0]


def find_book(shop: Shop, name: BookName, asked: ServiceName) -> int:
    """Return the id of the book that somebody named.

    Args:
        shop: that has it.
        name: as it was typed.
        asked: the service to ask.

    Raises:
        RemoteError: there is no such book, or there are two, or nobody answers.
    """
    books = shop.front if asked == "front" else shop.catalog
    if name.isbn is None:
        assert name.book_id is not None
        if len(str(name.book_id)) >= ISBN_DIGITS_MIN and not _is_there(shop, name.book_id, asked):
            message = f"no book has the id {name.book_id}, and an ISBN it is not: {name.no_isbn}"
            raise RemoteError(message, certain=True)
        return name.book_id
    found = books.with_isbn(name.isbn)
    if found is None and name.book_id is None:
        message = (
            f"no book has the ISBN {name.isbn}; 'bazar search --text WORDS' finds books by their "
            f"titles, 'bazar book add TITLE --isbn {name.isbn} ...' adds one"
        )
        raise RemoteError(message, certain=True)
    if found is None:
        assert name.book_id is not None
        if not _is_there(shop, name.book_id, asked):
            message = f"no book has the ISBN {name.isbn}, and none the id {name.book_id}"
            raise RemoteError(message, certain=True)
        return name.book_id
    if name.book_id not in {None, found.id} and _is_there(shop, name.book_id, asked):
        message = (
            f"{name.word} is the ISBN of the book {found.id}, {found.title}, and the id of another "
            f"book: name one of them as {_ID}{found.id} or {_ID}{name.book_id}"
        )
        raise RemoteError(message, certain=True)
    return found.id


@dataclass(frozen=True, slots=True)
class OrderName:
    """A word that is the reference of an order, and no id."""

    word: str
    reference: str
    """As it ends an order id."""


def order_name(word: str) -> OrderName | str:
    """Return an order id, also out of an address of the order, or the reference that a word is."""
    order_id = word.strip().rstrip("/").rpartition("/")[2].lower()
    if is_id(order_id):
        return order_id
    reference = heard_reference(word)
    return OrderName(word, reference) if reference else word


def find_order(shop: Shop, name: OrderName) -> str:
    """Return the id of the order whose reference somebody named.

    Raises:
        RemoteError: there is no such order, or there are several, or nobody answers.
    """
    found = [
        order.order_id
        for order in shop.order.listing(None, name.reference, "", NAMESAKES_MAX)
        if order.order_id.endswith(name.reference)
    ]
    if not found:
        message = (
            f"no order has the reference {name.reference.upper()}; 'bazar orders --find WORDS' "
            "finds orders by a name or an e-mail address"
        )
        raise RemoteError(message, certain=True)
    if len(found) > 1:
        message = (
            f"{len(found)} orders have the reference {name.reference.upper()}; name one by its id: "
            f"{', '.join(found)}"
        )
        raise RemoteError(message, certain=True)
    return found[0]


def _is_there(shop: Shop, book_id: int | None, asked: ServiceName) -> bool:
    assert book_id is not None
    books = shop.front if asked == "front" else shop.catalog
    try:
        books.book(book_id)
    except RemoteError as error:
        if error.problem is not None and error.problem.code == "book-not-found":
            return False
        raise
    return True


def _plain_digits(word: str) -> str:
    """Return a word with the digits of every script as those that ids and ISBNs have."""
    return "".join(
        str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in word
    ).strip()


def _isbn(text: str) -> tuple[str | None, str]:
    if text.isdecimal() and len(text) < ISBN_DIGITS_MIN:
        return None, "it has too few digits"
    from bazar.formats.isbn import isbn13  # late: it costs more than most commands

    try:
        return isbn13(text), ""
    except ValueError as error:
        return None, str(error).removeprefix("is not an ISBN: ")
