"""A book as pages show it: its address, its cover, its price, and its stock in words."""

from dataclasses import dataclass
from typing import Literal

from bazar.front.storefront import cover
from bazar.front.storefront.links import author_path, book_path
from bazar.kit.web import figures
from bazar.kit.web.texts import Texts
from bazar.wire.books import Book

FEW_MIN = 5
"""At so many copies or fewer, or at the book's own `low_at`, the public is told how many."""
State = Literal["plenty", "low", "out", "gone"]


@dataclass(frozen=True, slots=True)
class StockMark:
    """What a page says of the copies in stock."""

    state: State
    text: str
    copies: int
    """Left; 0 where none can be bought."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A book on a page."""

    book: Book
    path: str
    cover: str
    price: str
    stock: StockMark
    author_path: str

    @property
    def buyable(self) -> bool:
        """Whether a copy can be put into the basket."""
        return self.stock.copies > 0


def stock_mark(book: Book, texts: Texts) -> StockMark:
    """Say how many copies of a book are left, exactly only where they are few."""
    if book.retired:
        return StockMark("gone", texts.gettext("We no longer sell this"), 0)
    if book.quantity == 0:
        return StockMark("out", texts.gettext("Sold out"), 0)
    if book.quantity <= max(FEW_MIN, book.low_at):
        text = texts.ngettext("Last copy", "Last %(n)s copies", book.quantity)
        return StockMark("low", text, book.quantity)
    return StockMark("plenty", texts.gettext("In stock"), book.quantity)


def cover_path(book: Book) -> str:
    """Return the address of a book's cover, which changes when the cover does."""
    return f"/cover/{book.id}-{cover.digest(book.title, book.author, book.topic)}.svg"


def shown(book: Book, texts: Texts) -> Shown:
    """Return a book ready to be put on a page."""
    return Shown(
        book,
        book_path(book),
        cover_path(book),
        figures.price(book.price, book.currency, texts.language),
        stock_mark(book, texts),
        author_path(book.author),
    )
