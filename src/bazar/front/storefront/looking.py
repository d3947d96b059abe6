"""What pages ask the catalog, and how long what was made of it holds.

A `Look` is one page being made. It notes all that it reads: the books with their versions, the
settings, and the lists. What was made of it holds while none of these has changed, by the rules of
the cache behind; a list that depends on stock holds for a second, as each purchase may change it.

A list is remembered as the books that were in it. When one of them changes, that one is asked for
anew, not the list.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from msgspec.structs import astuple

from bazar.front.storefront.stockroom import Listed, listed_in
from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.watching import SHOP, Key
from bazar.kit.clock import passing_s
from bazar.wire.books import Book, BookCounts, BookQuery, TopicCount
from bazar.wire.budgets import READ_MS
from bazar.wire.shop import Shop

LIST_S = 1.0
"""How long a list that depends on stock or prices is shown, and how often topics are counted."""
LISTS_BYTES_MAX = 16 * 1024 * 1024
"""Of the catalog's answers; what is made of them takes about as much."""
ENTRY_BYTES = 4096
"""What a list takes beside its answer, rounded up."""
FOR_EVER = float("inf")
_BY_STOCK = frozenset({"bought", "last", "low", "out"})


@dataclass(slots=True)
class _Remembered:
    listed: Listed
    epoch: int
    lists: int
    until_s: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Basis:
    """On what something was made."""

    epoch: int
    lists: int
    versions: tuple[tuple[Key, int], ...]
    until_s: float


class Lookout:
    """Begins each look, and remembers lists."""

    def __init__(self, catalog: Catalog, clock: Callable[[], float] = passing_s) -> None:
        """Ask this catalog; the clock counts seconds, and only passes."""
        self.catalog = catalog
        self.clock = clock
        self._lists: dict[tuple[object, ...], _Remembered] = {}
        self.bytes = 0
        """Of the lists that are remembered."""

    def look(self, request_id: str) -> "Look":
        """Begin to make something of what is in stock."""
        catalog = self.catalog
        return Look(self, request_id, catalog.epoch, catalog.lists, self.clock())

    def holds(self, basis: Basis) -> bool:
        """Tell whether what was made is still so."""
        return (
            basis.lists == self.catalog.lists
            and self.clock() < basis.until_s
            and self.catalog.current(basis.epoch, basis.versions)
        )

    def remembered(self, query: BookQuery) -> Listed | None:
        """Return a list that still holds, though some of its books may have changed."""
        kept = self._lists.get(astuple(query))
        if kept is None:
            return None
        same = kept.epoch == self.catalog.epoch and kept.lists == self.catalog.lists
        if same and self.clock() < kept.until_s and self.catalog.current(kept.epoch, ()):
            return kept.listed
        self._forget(astuple(query))
        return None

    def remember(self, query: BookQuery, listed: Listed, basis: Basis, size: int) -> None:
        """Remember a list as it is now; the oldest make room.

        Args:
            query: finds it.
            listed: what it found.
            basis: on what.
            size: of the catalog's answer, in bytes.
        """
        weight = ENTRY_BYTES + size
        self._forget(astuple(query))
        while self._lists and self.bytes + weight > LISTS_BYTES_MAX:
            self._forget(next(iter(self._lists)))
        self.bytes += weight
        self._lists[astuple(query)] = _Remembered(
            listed, basis.epoch, basis.lists, basis.until_s, weight
        )

    def _forget(self, key: tuple[object, ...]) -> None:
        forgotten = self._lists.pop(key, None)
        if forgotten is not None:
            self.bytes -= forgotten.bytes


@dataclass(slots=True)
class Look:
    """One page being made."""

    lookout: "Lookout"
    request_id: str
    epoch: int
    lists: int
    began_s: float
    versions: dict[Key, int] = field(default_factory=dict)
    until_s: float = FOR_EVER

    def basis(self) -> Basis:
        """Return on what it is made so far."""
        return Basis(self.epoch, self.lists, tuple(self.versions.items()), self.until_s)

    def is_young(self) -> bool:
        """Tell whether all of it was read so lately that none of it can be too old to show."""
        return self.lookout.clock() - self.began_s <= READ_MS / 1000

    async def shop(self) -> Shop:
        """Return the settings of the shop.

        Raises:
            Unavailable: the catalog did not answer in time; so all of these.
        """
        shop = await self.lookout.catalog.shop(request_id=self.request_id)
        self.versions[SHOP] = shop.version
        return shop

    async def book(self, book_id: int) -> Book:
        """Return a book.

        Raises:
            BookNotFound: definite; there is none.
        """
        catalog = self.lookout.catalog
        seen = await catalog.book(book_id, fresh=False, request_id=self.request_id)
        book = seen.answer.as_book()
        self.versions[book.id] = book.version
        return book

    async def listed(self, query: BookQuery) -> Listed:
        """Return a page of the books that a query finds.

        Raises:
            InvalidRequest: definite; the query is none.
        """
        lookout = self.lookout
        asked_at_s = lookout.clock()
        by_stock = (
            query.list in _BY_STOCK
            or query.in_stock == "1"
            or query.min is not None
            or query.max is not None
            or query.sort in {"price", "-price"}
        )
        if by_stock:
            self.until_s = min(self.until_s, asked_at_s + LIST_S)
        found = lookout.remembered(query)
        if found is None:
            basis = replace(self.basis(), until_s=asked_at_s + LIST_S if by_stock else FOR_EVER)
            answer = (await lookout.catalog.list(query, request_id=self.request_id)).answer
            found = listed_in(answer)
            lookout.remember(query, found, basis, len(answer.body))
        return Listed([await self._current(book) for book in found.books], found.after)

    async def counts(self, query: BookQuery) -> BookCounts:
        """Return how many books a query finds, and of which topics."""
        self.until_s = min(self.until_s, self.lookout.clock() + LIST_S)
        catalog = self.lookout.catalog
        return (await catalog.counts(query, request_id=self.request_id)).answer.as_counts()

    async def topics(self) -> list[TopicCount]:
        """Return the topics, each with the number of its books."""
        self.until_s = min(self.until_s, self.lookout.clock() + LIST_S)
        return (await self.lookout.catalog.topics(request_id=self.request_id)).answer.as_topics()

    async def _current(self, book: Book) -> Book:
        if self.lookout.catalog.current(self.epoch, ((book.id, book.version),)):
            self.versions[book.id] = book.version
            return book
        return await self.book(book.id)
