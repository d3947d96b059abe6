"""Pages for finding a book: results, topics, and the books of a topic or an author."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from bazar.formats.isbn import shown_isbn
from bazar.front.storefront.asking import SORTS, Asked, asked
from bazar.front.storefront.cards import Cards
from bazar.front.storefront.described import trail_data
from bazar.front.storefront.frame import Drawn, Frame, Head
from bazar.front.storefront.keeping import Keeping
from bazar.front.storefront.links import book_path, topic_path
from bazar.front.storefront.looking import Look
from bazar.front.storefront.marking import beginning, marked, nearest
from bazar.front.storefront.problems import Pages
from bazar.front.storefront.showing import shown
from bazar.kit.errors import InvalidRequest, RouteNotFound
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.web.answers import see
from bazar.kit.web.texts import Texts
from bazar.wire.books import COUNT_MAX, Book, BookCounts, BookQuery
from bazar.wire.limits import PAGE_MAX

HITS = 20
GRID_BOOKS = 24
SPELLINGS_FROM = PAGE_MAX
"""Of the most bought and of the newest books: where the nearest spelling is looked for."""


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a list that has more than one."""

    first: str
    """The path of the first page; empty on it."""
    next: str
    """The path of the next page; empty on the last."""


class Finding(Pages):
    """The handlers of the pages for finding a book."""

    def __init__(self, frame: Frame, keeping: Keeping, cards: Cards) -> None:
        """Show what is kept or drawn."""
        super().__init__(frame)
        self._keeping = keeping
        self._cards = cards

    @route("GET", "/find", answers={}, page=True, places="searching")
    async def find(self, request: Request) -> Response:
        """Show the books that were asked for; an ISBN leads to its book."""
        seen = self._frame.visit(request)
        wanted = asked(request.query_params, self._frame.shop.currency)
        if wanted.is_empty:
            return see(self._frame.href(seen.language, "/browse"))
        look = self._keeping.look(request.id)
        if found := await _by_isbn(look, wanted.q):
            return see(quote(self._frame.href(seen.language, book_path(found))))

        async def draw(look: Look) -> Drawn:
            return await self._draw_hits(look, seen.language, wanted)

        key = (seen.language, wanted.path(wanted.after))
        try:
            drawn = await self._keeping.page(key, request.id, draw)
        except InvalidRequest:  # a place in a list that is none, or words that nothing can hold
            first = wanted.path() if wanted.after else "/browse"
            return see(self._frame.href(seen.language, first))
        return self._frame.send(seen, drawn)

    @route("GET", "/browse", answers={}, page=True, places="searching")
    async def browse(self, request: Request) -> Response:
        """Show all topics."""
        seen = self._frame.visit(request)

        async def draw(look: Look) -> Drawn:
            await look.shop()
            topics = await look.topics()
            title = self._frame.texts(seen.language).gettext("Topics")
            return self._frame.draw(
                seen.language,
                "browse.html",
                Head(title=title, path="/browse"),
                topics=[(one.topic, one.books, topic_path(one.topic)) for one in topics],
            )

        key = (seen.language, "browse")
        return self._frame.send(seen, await self._keeping.page(key, request.id, draw))

    @route("GET", "/browse/{topic:path}", answers={}, page=True, places="searching")
    async def topic(self, request: Request) -> Response:
        """Show the books of a topic."""
        topic = request.path_params["topic"][:200]
        return await self._grid(request, topic_path(topic), topic=topic)

    @route("GET", "/by/{author}", answers={}, page=True, places="searching")
    async def by_author(self, request: Request) -> Response:
        """Show the books of an author."""
        name = request.path_params["author"]
        return await self._grid(request, f"/by/{name}", author=name[:200])

    async def _draw_hits(self, look: Look, language: str, wanted: Asked) -> Drawn:
        shop = await look.shop()
        texts = self._frame.texts(language)
        listed = await look.listed(wanted.query(HITS))
        counts = await look.counts(wanted.query(HITS))
        title = _found(texts, wanted, counts)
        hits = [
            (shown(book, texts), marked(beginning(book.description), wanted.q))
            for book in listed.books
        ]
        return self._frame.draw(
            language,
            "find.html",
            Head(title=title, path="/find", index=False),
            q=wanted.q,
            wanted=wanted,
            counts=counts,
            title=title,
            hits=hits,
            sorts=[(value, texts.gettext(words)) for value, words in SORTS],
            step=_step(wanted.path(), wanted.path(listed.after), listed.after, wanted.after),
            nearest="" if hits else await _nearest(look, wanted.q),
            topics=[] if hits else (await look.topics())[:12],
            topic_path=topic_path,
            tel=shop.tel,
        )

    async def _grid(
        self, request: Request, path: str, *, topic: str = "", author: str = ""
    ) -> Response:
        seen = self._frame.visit(request)
        after = request.query_params.get("after", "")[:200]

        async def draw(look: Look) -> Drawn:
            return await self._draw_grid(look, seen.language, path, (topic, author, after))

        try:
            drawn = await self._keeping.page((seen.language, path, after), request.id, draw)
        except InvalidRequest as error:
            if after:
                return see(quote(self._frame.href(seen.language, path), safe="/%"))
            raise RouteNotFound(error.detail) from error
        return self._frame.send(seen, drawn)

    async def _draw_grid(
        self, look: Look, language: str, path: str, which: tuple[str, str, str]
    ) -> Drawn:
        topic, author, after = which
        await look.shop()
        query = BookQuery(
            topic=topic or None, author=author or None, after=after or None, limit=GRID_BOOKS
        )
        listed = await look.listed(query)
        if not listed.books:
            message = f"there are no books at {path[:200]}"
            raise RouteNotFound(message)
        counts = await look.counts(BookQuery(topic=topic or None, author=author or None))
        texts, frame = self._frame.texts(language), self._frame
        name = listed.books[0].topic if topic else listed.books[0].author
        above = [(texts.gettext("Topics"), "/browse")] if topic else []
        trail = [(texts.gettext(frame.shop.name), "/"), *above, (name, path)]
        head = Head(
            title=name,
            path=path,
            index=not after,
            data=trail_data(
                [(one, frame.site.url + frame.href(language, at)) for one, at in trail]
            ),
        )
        return frame.draw(
            language,
            "grid.html",
            head,
            name=name,
            above=above,
            count=texts.ngettext("%(n)s book", "%(n)s books", counts.books),
            cards=self._cards.of(listed.books, language),
            step=_step(path, f"{path}?after={quote(listed.after)}", listed.after, after),
        )


def _found(texts: Texts, wanted: Asked, counts: BookCounts) -> str:
    """Say how many books there are, the number first."""
    if counts.books >= COUNT_MAX:
        books = texts.gettext("More than %(n)s books", n=COUNT_MAX)
    else:
        books = texts.ngettext("%(n)s book", "%(n)s books", counts.books)
    if wanted.list:
        return texts.gettext(wanted.list_title)
    if not wanted.q:
        return books
    if not counts.books:
        return texts.gettext("No book has “%(q)s”.", q=wanted.q)
    return texts.gettext("%(books)s for “%(q)s”", books=books, q=wanted.q)


def _step(first: str, following: str, after: str, here: str) -> Step:
    return Step(first if here else "", following if after else "")


async def _by_isbn(look: Look, text: str) -> Book | None:
    """Return the book whose ISBN this is, where it is one."""
    isbn = shown_isbn(text)
    if isbn is None:
        return None
    books = (await look.listed(BookQuery(isbn=isbn, limit=1))).books
    return books[0] if books else None


async def _nearest(look: Look, words: str) -> str:
    """Return the query with each word as the books spell it that people look at most."""
    if not words:
        return ""
    books = [
        *(await look.listed(BookQuery(list="bought", limit=SPELLINGS_FROM))).books,
        *(await look.listed(BookQuery(list="new", limit=SPELLINGS_FROM))).books,
    ]
    return nearest(words, [text for book in books for text in (book.title, book.author)])
