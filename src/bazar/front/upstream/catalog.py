"""The catalog as the front sees it: books and lists, from the cache where it is up to date.

Readers who wait for the catalog have places of their own, fewer than the front has: however many
they are, there is room for buyers. And while the catalog is away nobody waits for it but one, who
tries whether it is back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.passing import Passed, passed
from bazar.kit.clock import passing_s
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.peers.client import Answer, Upstream
from bazar.wire.books import SEQ_HEADER, Place, topic_key
from bazar.wire.budgets import AWAY_MS, READ_MS

READS_WAITING_MAX = 1024
"""Of the requests in flight; more are refused at once."""

How = Literal["hit", "miss", "bypass"]
"""Kept here; not kept, so fetched, perhaps for others too; or asked of the catalog itself."""


class Reading(Struct, frozen=True):
    """What the catalog says, and how we came by it."""

    answer: Passed
    how: How


class Catalog:
    """What can be read of books.

    Each question raises `Unavailable` where the catalog did not answer in time, and `Overloaded`
    where too many wait for it. Its request id joins the log lines of all services; of those who
    wait for the same answer, one's goes along.
    """

    def __init__(
        self, upstream: Upstream, cache: Cache, clock: Callable[[], float] = passing_s
    ) -> None:
        """Ask this service, through this cache; the clock is the cache's."""
        self._upstream = upstream
        self._cache = cache
        self._clock = clock
        self.waiting = 0
        """Readers who wait for the catalog, or for others who asked it the same."""
        self._away = False
        self._trying = False

    def held(self, book_id: int) -> Passed | None:
        """Return a book that is held here and up to date, or None; it asks nobody."""
        return self._cache.held_book(book_id)

    async def book(self, book_id: int, *, fresh: bool, request_id: str) -> Reading:
        """Return a book: `answer.as_book()`.

        Args:
            book_id: of the book.
            fresh: ask the catalog itself; from here on nothing older is shown.
            request_id: of who asks.
        """
        if not fresh and (held := self._cache.held_book(book_id)) is not None:
            return Reading(held, "hit")
        fetch = partial(self._fetch, f"/info/{book_id}", request_id)
        with self._place():
            if fresh:
                return Reading(await self._cache.fresh(book_id, fetch), "bypass")
            return Reading(await self._cache.book(book_id, fetch), "miss")

    async def titles(self, topic: str, *, fresh: bool, request_id: str) -> Reading:
        """Return the books of a topic: `answer.as_titles()`.

        Args:
            topic: as its reader wrote it: any case, spaces or hyphens.
            fresh: ask the catalog itself.
            request_id: of who asks.
        """
        key = topic_key(topic)
        path = f"/query?topic={quote(key, safe='')}"
        if fresh:
            return await self._read(path, request_id)
        if (held := self._cache.held_titles(key)) is not None:
            return Reading(held, "hit")
        fetch = partial(self._fetch, path, request_id)
        with self._place():
            return Reading(await self._cache.titles(key, fetch), "miss")

    async def topics(self, *, request_id: str) -> Reading:
        """Return every topic with the number of its books."""
        return await self._read("/topics", request_id)

    async def books(self, query: str, *, request_id: str) -> Reading:
        """Return a page of books; the query string goes along as it is."""
        return await self._read(f"/books?{query}" if query else "/books", request_id)

    async def _read(self, path: str, request_id: str) -> Reading:
        with self._place():
            return Reading(await self._fetch(path, request_id), "bypass")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self.waiting >= READS_WAITING_MAX:
            message = f"{self.waiting} readers wait for the catalog already"
            raise Overloaded(message)
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def _fetch(self, path: str, request_id: str) -> Passed:
        """Ask the catalog, and have the cache hear how far the feed must have come."""
        epoch, asked_at_s = self._cache.epoch, self._clock()
        answer = await self._ask(path, request_id)
        if self._clock() - asked_at_s > READ_MS / 1000:  # we stood still, and it waited for us
            message = "the catalog's answer came too late"
            raise Unavailable(message)
        if (place := Place.parsed(answer.headers.get(SEQ_HEADER))) is not None:
            self._cache.claimed(place, epoch)
        return passed(answer)

    async def _ask(self, path: str, request_id: str) -> Answer:
        """Ask the catalog; while it is away one asks with patience, and the others without."""
        away = self._away and not self._cache.live
        tries = away and not self._trying
        self._trying = self._trying or tries
        deadline = Deadline(AWAY_MS if away and not tries else READ_MS)
        try:
            answer = await self._upstream.call(
                "GET", path, deadline=deadline, request_id=request_id
            )
        except Unavailable:
            self._away = True
            raise
        finally:
            if tries:
                self._trying = False
        self._away = False
        return answer
