"""The catalog as the front sees it: books and lists, from the cache where it is up to date.

Readers who wait for the catalog have places of their own, fewer than the front has: however many
they are, there is room for buyers. And while the catalog is away nobody waits for it but one, who
tries whether it is back.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal
from urllib.parse import quote, urlencode

from msgspec import Struct
from msgspec.structs import asdict

from bazar.front.upstream.cache import Cache
from bazar.front.upstream.passing import Passed, passed
from bazar.front.upstream.watching import SHOP, Following, Key, Watcher
from bazar.kit.clock import passing_s
from bazar.kit.deadline import Deadline
from bazar.kit.errors import Overloaded, Unavailable
from bazar.kit.peers.answers import Answer
from bazar.kit.peers.client import Upstream
from bazar.wire.books import SEQ_HEADER, BookQuery, Place, topic_key
from bazar.wire.budgets import AWAY_MS, READ_MS
from bazar.wire.shop import Shop

READS_WAITING_MAX = 1024
"""Of the requests in flight; more are refused at once."""

How = Literal["hit", "miss", "bypass"]
"""Kept here; not kept, so fetched, perhaps for others too; or asked of the catalog itself."""


class Reading(Struct, frozen=True):
    """What the catalog says, and how we came by it."""

    answer: Passed
    how: How


class Catalog:
    """What can be read of books, and of the shop.

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
        self._missed: How = "miss" if cache.keeps else "bypass"
        self.waiting = 0
        """Readers who wait for the catalog, or for others who asked it the same."""
        self._away = False
        self._trying = False
        self._shown: Passed | None = None
        self.last_shop: Shop | None = None
        """The settings as they were last seen, however long ago: for what says that we are away."""
        self.following = Following()
        """Who waits for changes of a few books: live stock."""
        cache.watch(self.following)

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody of each change as it is announced, and when none can be heard."""
        self._cache.watch(watcher)

    @property
    def epoch(self) -> int:
        """Rises whenever all is forgotten. Whoever keeps what they make takes it before reading."""
        return self._cache.epoch

    @property
    def lists(self) -> int:
        """Rises whenever what lists show may have changed, but for stock; taken before reading."""
        return self._cache.generation

    def current(self, epoch: int, versions: Iterable[tuple[Key, int]]) -> bool:
        """Tell whether what was read in an epoch is still so; never for longer than the cache.

        Args:
            epoch: before the reading.
            versions: which were read, of books by id, and of the settings (`SHOP`).
        """
        return self._cache.current(epoch, versions)

    async def shop(self, *, request_id: str) -> Shop:
        """Return the settings of the shop, decoded once a version."""
        held = self._cache.held_book(SHOP)
        if held is None:
            with self._place():
                held = await self._cache.book(SHOP, partial(self._fetch, "/shop", request_id))
            held = self._cache.held_book(SHOP) or held  # ours may be a late one, which is not kept
        if held is not self._shown or self.last_shop is None:
            self.last_shop, self._shown = held.as_shop(), held
        return self.last_shop

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
            return Reading(await self._cache.book(book_id, fetch), self._missed)

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
            return Reading(await self._cache.titles(key, fetch), self._missed)

    async def topics(self, *, request_id: str) -> Reading:
        """Return every topic with the number of its books."""
        return await self._read("/topics", request_id)

    async def books(self, query: str, *, request_id: str) -> Reading:
        """Return a page of books; the query string goes along as it is."""
        return await self._read(f"/books?{query}" if query else "/books", request_id)

    async def list(self, query: BookQuery, *, request_id: str) -> Reading:
        """Return a page of books: `answer.as_books()`, and `answer.next_cursor`."""
        return await self._read(f"/books{_arguments(query)}", request_id)

    async def edits(self, after: int, *, request_id: str) -> Reading:
        """Return a page of books, each with when it was edited last: `answer.as_edits()`."""
        return await self._read(f"/books/edits?after={after}", request_id)

    async def counts(self, query: BookQuery, *, request_id: str) -> Reading:
        """Return how many books a query finds, and of which topics: `answer.as_counts()`."""
        return await self._read(f"/books/counts{_arguments(query)}", request_id)

    async def counted(self, query: str, *, request_id: str) -> Reading:
        """Return how many books are found; the query string goes along as it is."""
        path = f"/books/counts?{query}" if query else "/books/counts"
        return await self._read(path, request_id)

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
                "GET", path, deadline=deadline, request_id=request_id, hedge=True
            )
        except Unavailable:
            self._away = True
            raise
        finally:
            if tries:
                self._trying = False
        self._away = False
        return answer


def _arguments(query: BookQuery) -> str:
    """Return a query as it stands in an address, without what it leaves as it is."""
    unasked = asdict(BookQuery())
    asked = {name: value for name, value in asdict(query).items() if value != unasked[name]}
    return f"?{urlencode(asked)}" if asked else ""
