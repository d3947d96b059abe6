"""Pages for finding a book, and for looking at one."""

from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup, escape
from starlette.responses import Response

from bazar.front.storefront.frame import Frame, Head
from bazar.front.storefront.links import book_path, slug
from bazar.front.storefront.problems import error_page
from bazar.front.storefront.showing import Shown, shown
from bazar.front.storefront.stockroom import Stockroom
from bazar.kit.errors import BazarError
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web import figures
from bazar.kit.web.answers import see
from bazar.kit.web.texts import Texts
from bazar.wire.books import Book

MOVED = 301
DESCRIPTION_LENGTH_MAX = 155


@dataclass(frozen=True, slots=True)
class Shelf:
    """A row of books with its title."""

    id: str
    title: str
    books: list[Shown]
    more: str = ""
    """Where all of them are."""


class Browsing:
    """The handlers of the pages for browsing."""

    def __init__(self, frame: Frame, stockroom: Stockroom) -> None:
        """Show what the stock room has."""
        self._frame = frame
        self._stockroom = stockroom

    async def error_page(self, request: Request, error: BazarError) -> Response:
        """Tell what went wrong."""
        return error_page(self._frame, request, error)

    @route("GET", "/book/{book_id:number}", answers={}, page=True)
    async def book_without_title(self, request: Request, book_id: int) -> Response:
        """Send on to a book's page."""
        return await self._moved(request, book_id)

    @route("GET", "/book/{book_id:number}/{slug}", answers={}, page=True)
    async def book(self, request: Request, book_id: int) -> Response:
        """Show a book."""
        seen = self._frame.visit(request)
        book = await self._stockroom.book(book_id, request.id)
        if request.path_params["slug"] != slug(book.title):
            return await self._moved(request, book_id)
        texts = self._frame.texts(seen.language)
        one = shown(book, texts)
        more = await self._stockroom.listed(request.id, topic=book.topic, limit=7)
        others = [shown(other, texts) for other in more.books if other.id != book.id][:6]
        topic_path = f"/browse/{quote(book.topic)}"
        title = texts.gettext("More %(topic)s", topic=book.topic)
        head = Head(
            title=f"{book.title}, {book.author}" if book.author else book.title,
            path=one.path,
            description=book.description[:DESCRIPTION_LENGTH_MAX],
            index=not book.retired,
            kind="book",
        )
        return self._frame.show(
            seen,
            "book.html",
            head,
            shown=one,
            author=self._author_link(seen.language, one),
            topic_path=topic_path,
            facts=facts(book, texts),
            payment_words=texts.gettext("Pay when you collect"),
            copies_max=min(one.stock.copies, self._frame.shop.copies_a_line_max),
            shelves=[Shelf("more", title, others, topic_path)] if others else [],
        )

    async def _moved(self, request: Request, book_id: int) -> Response:
        book = await self._stockroom.book(book_id, request.id)
        seen = self._frame.visit(request)
        return see(quote(self._frame.href(seen.language, book_path(book))), MOVED)

    def _author_link(self, language: str, one: Shown) -> Markup:
        address = self._frame.href(language, one.author_path)
        return Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, escape(one.book.author))


def facts(book: Book, texts: Texts) -> list[tuple[str, str]]:
    """Return what is known of a book, each with its name."""
    _ = texts.gettext
    rows = [
        (_("ISBN"), book.isbn or ""),
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
