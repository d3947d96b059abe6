"""The catalog as the front sees it: books and lists, from the cache where it is up to date."""

from functools import partial
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.passing import Passed, passed
from bazar.kit.deadline import Deadline
from bazar.kit.peers.client import Upstream
from bazar.wire.budgets import READ_MS

How = Literal["hit", "miss", "bypass"]
"""Kept here; not kept, so fetched, perhaps for others too; or asked of the catalog itself."""


class Reading(Struct, frozen=True):
    """What the catalog says, and how we came by it."""

    answer: Passed
    how: How


class Catalog:
    """What can be read of books.

    Each question raises `Unavailable` where the catalog did not answer within 3 s. Its request id
    joins the log lines of all services; of those who wait for the same answer, one's goes along.
    """

    def __init__(self, upstream: Upstream, cache: Cache) -> None:
        """Ask this service, through this cache."""
        self._upstream = upstream
        self._cache = cache

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
        path = f"/query?topic={quote(topic, safe='')}"
        if fresh:
            return await self._read(path, request_id)
        if (held := self._cache.held_titles(path)) is not None:
            return Reading(held, "hit")
        fetch = partial(self._fetch, path, request_id)
        return Reading(await self._cache.titles(path, fetch), "miss")

    async def topics(self, *, request_id: str) -> Reading:
        """Return every topic with the number of its books."""
        return await self._read("/topics", request_id)

    async def books(self, query: str, *, request_id: str) -> Reading:
        """Return a page of books; the query string goes along as it is."""
        return await self._read(f"/books?{query}" if query else "/books", request_id)

    async def _read(self, path: str, request_id: str) -> Reading:
        return Reading(await self._fetch(path, request_id), "bypass")

    async def _fetch(self, path: str, request_id: str) -> Passed:
        deadline = Deadline(READ_MS)
        return passed(
            await self._upstream.call("GET", path, deadline=deadline, request_id=request_id)
        )
