"""Cards of books, each drawn once for a version of its book and a language."""

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from bazar.front.storefront.frame import Frame
from bazar.front.storefront.showing import shown
from bazar.wire.books import Book

KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Shelf:
    """A row of cards with its title."""

    id: str
    title: str
    cards: list[Markup]
    more: str = ""
    """The path of the page that has all of them."""


class Cards:
    """Draws cards, and keeps them."""

    def __init__(self, frame: Frame) -> None:
        """Draw with the templates of this frame."""
        self._frame = frame
        self._kept: dict[tuple[str, int], tuple[int, str, Markup]] = {}

    def of(self, books: Iterable[Book], language: str) -> list[Markup]:
        """Return the cards of some books, in their order."""
        return [self._card(book, language) for book in books]

    def _card(self, book: Book, language: str) -> Markup:
        key = (language, book.id)
        kept = self._kept.get(key)
        # A version comes a second time after a backup was restored; the words are then others.
        if kept is not None and kept[:2] == (book.version, book.title):
            return kept[2]
        one = shown(book, self._frame.texts(language))
        drawn = self._frame.draw_part(language, "card.html", shown=one)
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (book.version, book.title, drawn)
        return drawn
