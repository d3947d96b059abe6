"""The page of a book."""

from collections.abc import Callable
from urllib.parse import quote

from markupsafe import Markup
from starlette.responses import Response

from bazar.formats.isbn import grouped
from bazar.front.storefront.cards import Cards, Shelf
from bazar.front.storefront.described import book_data
from bazar.front.storefront.frame import Drawn, Frame, Head
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.links import book_path, slug, topic_path
from bazar.front.storefront.looking import Look
from bazar.front.storefront.problems import Pages
from bazar.front.storefront.showing import Shown, shown
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.upstream.wishes import Wishes
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web import figures
from bazar.kit.web.answers import MOVED, see
from bazar.kit.web.texts import Texts, noted
from bazar.wire.books import Book, BookQuery
from bazar.wire.shop import Shop

DESCRIPTION_LENGTH_MAX = 155
SHELF_BOOKS = 6


class BookPage(Pages):
    """The handlers of a book's page."""

    def __init__(
        self, frame: Frame, keeping: Keeping, cards: Cards, stockroom: Stockroom, wishes: Wishes
    ) -> None:
        """Show what is kept or drawn; the stock room knows where a page is."""
        super().__init__(frame)
        self._wishes = wishes
        self._keeping = keeping
        self._cards = cards
        self._stockroom = stockroom

    @route("GET", "/book/{book_id:number}", answers={}, page=True)
    async def book_without_title(self, request: Request, book_id: int) -> Response:
        """Send on to a book's page."""
        book = await self._stockroom.book(book_id, request.id)
        return self._moved(request, book)

    @route("GET", "/book/{book_id:number}/{slug}", answers={}, page=True)
    async def book(self, request: Request, book_id: int) -> Response:
        """Show a book."""
        book = await self._stockroom.book(book_id, request.id)
        if request.path_params["slug"] != slug(book.title):
            return self._moved(request, book)
        seen = self._frame.visit(request)

        wishes = not (book.quantity or book.retired) and await self._wishes.offered(request.id)

        async def draw(look: Look) -> Drawn:
            return await self._draw(look, seen.language, book_id, wishes=wishes)

        key = (seen.language, f"book {book_id}", "wishes" if wishes else "")
        return self._frame.send(seen, await self._keeping.page(key, request.id, draw))

    def _moved(self, request: Request, book: Book) -> Response:
        seen = self._frame.visit(request)
        return see(quote(self._frame.href(seen.language, book_path(book))), MOVED)

    async def _draw(self, look: Look, language: str, book_id: int, *, wishes: bool) -> Drawn:
        frame, texts = self._frame, self._frame.texts(language)
        shop, book = await look.shop(), await look.book(book_id)
        one = shown(book, texts)
        url = frame.site.url + quote(frame.href(language, one.path))
        head = Head(
            title=f"{book.title}, {book.author}" if book.author else book.title,
            path=one.path,
            description=book.description[:DESCRIPTION_LENGTH_MAX],
            index=not book.retired,
            kind="book",
            data=book_data(one, shop, url, frame.site.url + one.cover),
        )
        return frame.draw(
            language,
            "book.html",
            head,
            shown=one,
            author=self._author_link(language, one),
            topic_path=topic_path(book.topic),
            facts=facts(book, texts),
            payment_words=_payments(shop, texts.gettext),
            wishes=wishes,
            copies_max=min(one.stock.copies, shop.copies_a_line_max),
            shelves=await self._shelves(look, language, one),
        )

    async def _shelves(self, look: Look, language: str, one: Shown) -> list[Shelf]:
        """Return more books by the same author, then more of the same topic."""
        book, texts = one.book, self._frame.texts(language)
        shelves, before = [], {book.id}
        if book.author:
            query = BookQuery(author=book.author, limit=SHELF_BOOKS + 1)
            title = texts.gettext("More by %(author)s", author=book.author)
            shelves.append(("by-author", title, query, one.author_path))
        query = BookQuery(topic=book.topic, limit=2 * SHELF_BOOKS)
        title = texts.gettext("More %(topic)s", topic=book.topic)
        shelves.append(("of-topic", title, query, topic_path(book.topic)))
        filled = []
        for name, title, query, more in shelves:
            listed = await look.listed(query)
            books = [other for other in listed.books if other.id not in before][:SHELF_BOOKS]
            before.update(other.id for other in books)
            if books:
                filled.append(Shelf(name, title, self._cards.of(books, language), more))
        return filled

    def _author_link(self, language: str, one: Shown) -> Markup:
        if not one.author_path:
            return Markup("<bdi>{}</bdi>").format(one.book.author)
        address = self._frame.href(language, one.author_path)
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, one.book.author)


def facts(book: Book, texts: Texts) -> list[tuple[str, str]]:
    """Return what is known of a book, each with its name."""
    _ = texts.gettext
    rows = [
        (_("ISBN"), grouped(book.isbn) if book.isbn else ""),
        (_("First published"), _year(book, texts)),
        (_("Publisher"), book.publisher),
        (_("Format"), _format(book, texts)),
        (_("Language"), figures.language_name(book.language, texts.language)),
        (_("Condition"), _condition(book, texts)),
    ]
    return [(name, value) for name, value in rows if value]


def _year(book: Book, texts: Texts) -> str:
    if book.year is None:
        return ""
    return figures.year(book.year, texts.gettext("%(year)s BC"))


def _format(book: Book, texts: Texts) -> str:
    _ = texts.gettext
    names = {
        "paperback": _("Paperback"),
        "hardback": _("Hardback"),
        "audio": _("Audio"),
        "map": _("Map"),
        "other": _("Other"),
    }
    name = names.get(book.format, "")
    if book.pages is None:
        return name
    pages = texts.ngettext("%(n)s page", "%(n)s pages", book.pages)
    return _("%(format)s, %(pages)s", format=name, pages=pages) if name else pages


def _condition(book: Book, texts: Texts) -> str:
    _ = texts.gettext
    names = {
        "as-new": _("As new"),
        "very-good": _("Very good"),
        "good": _("Good"),
        "fair": _("Fair"),
    }
    return names.get(book.condition, "")


_PAYMENTS: dict[frozenset[str], str] = {
    frozenset({"shop"}): noted("Pay at the counter"),
    frozenset({"invoice"}): noted("Pay on invoice"),
    frozenset({"shop", "invoice"}): noted("Pay at the counter or on invoice"),
}


def _payments(shop: Shop, _: Callable[[str], str]) -> str:
    return _(_PAYMENTS.get(frozenset(shop.payments), ""))
