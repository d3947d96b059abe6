"""The map of the shop for search engines: every book's page, in parts, streamed.

The first map names the parts. A part begins where the one before it ended; where that is becomes
known when that one is read, and is remembered.

Source: https://www.sitemaps.org/protocol.html
"""

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from bazar.front.storefront.frame import Frame
from bazar.front.storefront.links import book_path
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import PREFIXES
from bazar.kit.errors import RouteNotFound
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.wire.books import EDITS_PAGE_MAX, BookEdited

PART_BOOKS = 45_000
_PAGES_A_PART = PART_BOOKS // EDITS_PAGE_MAX
_START = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_LANGUAGES = 'xmlns:xhtml="http://www.w3.org/1999/xhtml"'
_HEADERS = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}


class Which(Struct, frozen=True):
    """Which part of the map."""

    part: str = ""
    """Its number, from 1; empty: the list of the parts."""


class Sitemap:
    """The handler of the map."""

    def __init__(self, frame: Frame, stockroom: Stockroom) -> None:
        """Name the pages of the books of this stock room."""
        self._frame = frame
        self._stockroom = stockroom
        self._starts: dict[int, int] = {1: 0}
        """After which book each part begins."""

    @route("GET", "/sitemap.xml", answers={}, places="searching")
    async def sitemap(self, request: Request, query: Which) -> Response:
        """Answer the map, or with `part` one of its parts."""
        site = self._frame.site.seen_by(request)
        part = query.part
        if not part:
            parts = await self._parts(request.id)
            return StreamingResponse(
                _index(site, parts), media_type="application/xml", headers=_HEADERS
            )
        if not (part.isascii() and part.isdigit() and len(part) <= len(str(PART_BOOKS))):
            message = "there is no such part"
            raise RouteNotFound(message)
        if part != "1" and int(part) > await self._parts(request.id):
            message = f"the map has no part {part}"
            raise RouteNotFound(message)
        start = await self._start(int(part), request.id)
        first = await self._stockroom.edits(start, request.id)
        return StreamingResponse(
            self._part(site, int(part), first, request.id),
            media_type="application/xml",
            headers=_HEADERS,
        )

    async def _parts(self, request_id: str) -> int:
        """Return how many parts the map has."""
        topics = await self._stockroom.topics(request_id)
        return max(1, -(-sum(one.books for one in topics) // PART_BOOKS))

    async def _part(
        self, site: str, part: int, books: Sequence[BookEdited], request_id: str
    ) -> AsyncIterator[str]:
        yield f"{_START}<urlset {_SPACE} {_LANGUAGES}>\n"
        for page in range(1, _PAGES_A_PART + 1):
            yield "".join(self._entry(site, book) for book in books)
            if len(books) < EDITS_PAGE_MAX:
                break
            if page == _PAGES_A_PART:
                self._starts[part + 1] = books[-1].id
                break
            books = await self._stockroom.edits(books[-1].id, request_id)
        yield "</urlset>\n"

    def _entry(self, site: str, book: BookEdited) -> str:
        path = book_path(book)
        addresses = {name: site + quote(self._frame.href(name, path)) for name in PREFIXES}
        others = "".join(
            f'<xhtml:link rel="alternate" hreflang="{name}" href="{address}"/>'
            for name, address in addresses.items()
        )
        edited = ""
        if book.edited_at is not None:
            edited = f"<lastmod>{book.edited_at.isoformat(timespec='seconds')}</lastmod>"
        return "".join(
            f"<url><loc>{address}</loc>{edited}{others}</url>\n" for address in addresses.values()
        )

    async def _start(self, part: int, request_id: str) -> int:
        """Return where a part begins.

        Raises:
            RouteNotFound: definite; there are not so many books.
        """
        known = max(number for number in self._starts if number <= max(part, 1))
        while known < part:
            after = self._starts[known]
            for _page in range(_PAGES_A_PART):
                books = await self._stockroom.edits(after, request_id)
                if len(books) < EDITS_PAGE_MAX:
                    message = f"the map has no part {part}"
                    raise RouteNotFound(message)
                after = books[-1].id
            known += 1
            self._starts[known] = after
        if part not in self._starts:
            message = f"the map has no part {part}"
            raise RouteNotFound(message)
        return self._starts[part]


async def _index(site: str, parts: int) -> AsyncIterator[str]:
    yield f"{_START}<sitemapindex {_SPACE}>\n"
    for part in range(1, parts + 1):
        yield f"<sitemap><loc>{site}/sitemap.xml?part={part}</loc></sitemap>\n"
    yield "</sitemapindex>\n"
