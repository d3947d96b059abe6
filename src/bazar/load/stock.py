"""The books of a load: which are looked at, which are bought, and where their copies come from.

A load brings books of its own, so that it never sells what a real customer wants: books of the
topic `load test`, with as many copies as asked for. Afterwards the copies that are left are taken
away again, and the books are retired: the next load uses them again.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from bazar.load.own import TOPIC, put_away, take
from bazar.load.plan import Item
from bazar.tools.remote import RemoteError
from bazar.tools.shop import Shop
from bazar.wire.books import Book

SHELF_BOOKS_MAX = 10_000
BOOKS_DEFAULT = 20
BOOKS_MAX = 1000
COPIES_DEFAULT = 1_000_000
TAKE_AWAY_ATTEMPTS = 2


class StockError(Exception):
    """The load cannot have its books; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class StockOptions:
    """Which books to buy, and of which stock."""

    books: int = BOOKS_DEFAULT
    """Of the load's own."""
    copies: int = COPIES_DEFAULT
    """Of each of them."""
    real: bool = False
    """Rather buy what the shop has."""
    flash_sale: int | None = None
    """Rather look at and buy this one book of the shop."""
    duration_s: float = 10.0
    """Of the load."""


@dataclass(frozen=True, slots=True)
class Stock:
    """The books of one load."""

    shelf: list[Item]
    """The books that are looked at, the most popular first."""
    for_sale: list[Item]
    """Those that are bought, the most popular first."""
    own: dict[int, int]
    """Copies of each book that the load brought, before it started; nobody else buys them."""


@contextmanager
def prepared_stock(
    shop: Shop, options: StockOptions, *, buying: bool, seed: int
) -> Iterator[Stock]:
    """Bring the books that the load will buy, and take away what is left of them at the end.

    Args:
        shop: whose front is loaded; for books of its own, with the catalog and the secret.
        options: which books.
        buying: whether any will be bought.
        seed: decides which books are popular.

    Raises:
        StockError: there is nothing to look at, or nothing to buy; or something was left for sale,
            which is a note to the error where the load has failed already.
        RemoteError: a service refused, or did not answer.
    """
    if options.flash_sale is not None:
        book = shop.front.book(options.flash_sale)
        item = Item(book.id, book.topic)
        yield Stock([item], [item], {})
        return
    shelf = {book.id: book for book in _shelf(shop)}
    own: list[Book] = []
    try:
        if buying and not options.real:
            for book in take(shop, options.books, options.copies, options.duration_s):
                own.append(book)  # noqa: PERF402  what came before a failure is taken away too
            _check_same_shop(shop, own[-1])
        yield _arranged(shelf | {book.id: book for book in own}, own, options, seed)
    except BaseException as error:
        if remark := _take_away(shop, own):
            error.add_note(remark)
        raise
    if remark := _take_away(shop, own):
        raise StockError(remark)


def _take_away(shop: Shop, own: list[Book]) -> str:
    """Take away what is left of each book, and say of which ones that could not be done.

    Each is tried once more in the end: a customer may buy a copy just when its rest is counted.
    """
    kept, reason = [book.id for book in own], ""
    for _attempt in range(TAKE_AWAY_ATTEMPTS):
        for book_id in kept[:]:
            try:
                put_away(shop, book_id)
                kept.remove(book_id)
            except RemoteError as error:
                reason = str(error)
                if error.problem is None:  # nobody answers; to ask for all the others takes minutes
                    break
    if not kept:
        return ""
    return (
        f"copies of the load's books {', '.join(map(str, kept))} are still for sale, since they "
        f"could not be taken away: {reason}. The next load takes them away, or do it with "
        "'bazar book restock ID -- -COPIES' and 'bazar book retire ID'"
    )


def copies(shop: Shop, book_id: int) -> int:
    """Return how many copies the catalog has, whatever the front remembers."""
    return shop.catalog.book(book_id).quantity


def _arranged(shelf: dict[int, Book], own: list[Book], options: StockOptions, seed: int) -> Stock:
    if not shelf:
        message = "the shop has no books to look at; add some, or start it with 'bazar up --sample'"
        raise StockError(message)
    order = sorted(shelf)
    random.Random(seed).shuffle(order)  # noqa: S311  the same seed, the same load
    items = [Item(book_id, shelf[book_id].topic) for book_id in order]
    brought = {book.id: book.quantity for book in own}
    for_sale = [
        item
        for item in items
        if item.book_id in brought or (options.real and shelf[item.book_id].quantity)
    ]
    if options.real and not for_sale:
        message = "the shop has no copy of any book; restock one, or leave out --real-stock"
        raise StockError(message)
    return Stock(items, for_sale, brought)


def _check_same_shop(shop: Shop, own: Book) -> None:
    """Make sure that the front sells what the catalog holds, before anything is bought."""
    try:
        same = shop.front.book(own.id).title == own.title
    except RemoteError as error:
        if error.problem is None:
            raise
        same = False
    if not same:
        message = (
            f"the front at {shop.addresses.front} does not show the books of the catalog at "
            f"{shop.addresses.catalog}; are they of the same shop?"
        )
        raise StockError(message)


def _shelf(shop: Shop) -> list[Book]:
    """Return the first books of the shop, those of loads left out."""
    books = (book for book in shop.front.books() if book.topic != TOPIC)
    return list(islice(books, SHELF_BOOKS_MAX))
