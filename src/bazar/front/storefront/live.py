"""Stock as it changes, for pages that are open: server-sent events.

A stream begins with how its books stand now; then each change follows, of one book at most twice a
second: what changes meanwhile is told as it then is. A stream ends after ten minutes, and the
browser opens another. Above the limit a browser is told to stay away (204).

Source: HTML Living Standard, section 9.2.6
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response, StreamingResponse

from bazar.front.storefront.frame import Frame
from bazar.front.storefront.showing import State, stock_mark
from bazar.front.storefront.stockroom import Stockroom
from bazar.front.storefront.visit import PREFIXES
from bazar.front.upstream.watching import Follower, Following
from bazar.kit.clock import passing_s
from bazar.kit.errors import BazarError
from bazar.kit.http.endpoint import route
from bazar.kit.http.request import Request
from bazar.kit.identity import ID_MAX
from bazar.kit.web.texts import ENGLISH
from bazar.wire.problems import BookNotFound

STREAMS_MAX = 2000
BOOKS_MAX = 24
"""Of a stream; others are left out."""
PAUSE_S = 0.5
"""Between two messages about one book."""
HEARTBEAT_S = 15.0
READ_AT_ONCE_MAX = 100
"""Books of all streams, so that they leave room for who waits for a page."""
AGAIN_S = 2.0
"""Until what could not be read is asked for again."""
AGE_S_MAX = 600.0
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_ALIVE = b":\n\n"
Waiting = asyncio.Future[Any]


class Stock(Struct, frozen=True):
    """A message: how a book stands."""

    id: int
    s: State
    n: int
    """Copies that can be bought."""
    t: str
    """The same in words, in the language of the page."""


class Followed(Struct, frozen=True):
    """What a page wants to hear of."""

    books: str = ""
    """Ids with commas between them."""
    language: str = ENGLISH


class Live:
    """The handler of live stock."""

    def __init__(self, frame: Frame, stockroom: Stockroom, following: Following) -> None:
        """Tell of the books of this stock room, as they who are followed change."""
        self._frame = frame
        self._stockroom = stockroom
        self._following = following
        self._stopping = asyncio.Event()
        self._reading = asyncio.Semaphore(READ_AT_ONCE_MAX)
        self.streams = 0

    def stop(self) -> None:
        """End all streams."""
        self._stopping.set()

    @route("GET", "/live", answers={}, places="watching")
    async def live(self, request: Request, query: Followed) -> Response:
        """Tell how books stand, and each change."""
        book_ids = _ids(query.books)
        if not book_ids or self.streams >= STREAMS_MAX or self._stopping.is_set():
            return Response(status_code=204, headers=_HEADERS)
        language = query.language if query.language in PREFIXES else ENGLISH
        events = self._events(book_ids, language, request.id)
        return StreamingResponse(events, media_type="text/event-stream", headers=_HEADERS)

    async def _events(
        self, book_ids: frozenset[int], language: str, request_id: str
    ) -> AsyncIterator[bytes]:
        if self.streams >= STREAMS_MAX:  # others began since this one was let in
            return
        self.streams += 1
        stopping: Waiting = asyncio.ensure_future(self._stopping.wait())
        ends_s = passing_s() + AGE_S_MAX
        try:
            with self._following.follow(book_ids) as follower:
                told, unread = await self._told(book_ids, language, request_id)
                yield told
                while passing_s() < ends_s and not stopping.done():
                    await asyncio.wait({stopping}, timeout=PAUSE_S)
                    patience_s = AGAIN_S if unread else HEARTBEAT_S
                    changed = unread | await _changed(follower, stopping, patience_s)
                    told, unread = await self._told(changed, language, request_id)
                    yield told
        finally:
            self.streams -= 1
            stopping.cancel()

    async def _told(
        self, book_ids: Iterable[int], language: str, request_id: str
    ) -> tuple[bytes, frozenset[int]]:
        """Return the messages about some books, and those that cannot be read now."""
        texts, told, unread = self._frame.texts(language), [], set()
        for book_id in sorted(book_ids):
            try:
                async with self._reading:
                    book = await self._stockroom.book(book_id, request_id)
            except BookNotFound:
                continue
            except BazarError:  # the catalog is away, or has too much to do
                unread.add(book_id)
                continue
            mark = stock_mark(book, texts)
            stock = Stock(book.id, mark.state, mark.copies, mark.text)
            told.append(b"data: %b\n\n" % msgspec.json.encode(stock))
        return b"".join(told) or _ALIVE, frozenset(unread)


async def _changed(follower: Follower, stopping: Waiting, patience_s: float) -> frozenset[int]:
    """Wait until books change, all is to stop, or it is time to tell something anyway."""
    news = asyncio.ensure_future(follower.news())
    waiting: set[asyncio.Future[Any]] = {news, stopping}
    try:
        await asyncio.wait(waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        if not news.done():
            return frozenset()
        return frozenset(key for key in news.result().changed if isinstance(key, int))
    finally:
        news.cancel()


def _ids(text: str) -> frozenset[int]:
    numbers = [int(one) for one in text.split(",")[:BOOKS_MAX] if _is_id(one)]
    return frozenset(number for number in numbers if 1 <= number <= ID_MAX)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(ID_MAX))
