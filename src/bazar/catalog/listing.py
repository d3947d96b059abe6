"""Lists of books: what is asked for becomes a set of few books, or a way through all of them.

Whatever few books have makes the set: a list by name, words, an author, a topic, a price. What is
in it is then narrowed and put into the order that was asked for. Where none of them is rare, what
fits is common, and is soon found on a way through all books in that order.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR

from bazar.catalog.domain import StoredBook
from bazar.catalog.paging import decode_place, decode_title_place, encode_place
from bazar.catalog.searching import Search, Searching, search
from bazar.catalog.store import Store
from bazar.catalog.store.lists import Narrowing, Order, Ranked
from bazar.catalog.words import name_key, search_words
from bazar.kit.clock import Clock
from bazar.kit.data.database import Transaction
from bazar.kit.errors import InvalidRequest
from bazar.kit.money import DECIMALS, DECIMALS_DEFAULT, PRICE_MINOR_MAX, may_be_price
from bazar.wire.books import COUNT_MAX, BookCounts, BookQuery, TopicCount
from bazar.wire.limits import Price

SET_MAX = 10_000
"""Books that a list by name holds, and that are put into an order of their own."""
BOUGHT_DAYS = 30
BOUGHT_MOVEMENTS_MAX = 20_000
"""Of the ledger's end: sales before them are not counted, however young."""
TOPICS_MAX = 10_000

PASSED_OVER_MAX = 20_000
"""Sold-out books in a row, for one page of a list of all that are in stock."""
STEP_MAX = 1000
_DAY_MS = 24 * 60 * 60 * 1000

Placed = tuple[float | str, StoredBook]
Page = tuple[list[StoredBook], str | None]


class Listing:
    """Finds the books of lists, in one transaction each."""

    def __init__(self, store: Store, currency: str, clock: Clock) -> None:
        """Take prices that are asked for as prices in `currency`."""
        self._store = store
        self._searching = Searching(store)
        self._currency = currency
        self._clock = clock

    async def page(self, transaction: Transaction, query: BookQuery) -> Page:
        """Return a page of books, and the cursor of the next one, if there is one.

        Raises:
            InvalidRequest: the cursor is not one of ours, or a price is no price.
        """
        narrowing, order = await self._narrowing(transaction, query), _order(query)
        asked = search(query.q or "", narrowing.topic)
        if query.q is not None and asked is None:
            return [], None
        after = _after(query, order)
        found = await self._set(transaction, query, asked, narrowing)
        if asked is not None and order == "rank" and found and not narrowing.retired:
            found = await self._by_relevance(transaction, asked, found, after)
        if found is None and narrowing.in_stock:
            return await self._page_in_stock(transaction, narrowing, order, after, query.limit)
        if found is None:
            page = await self._store.page_of_all(
                transaction, narrowing, order, after, query.limit + 1
            )
        else:
            page = await self._store.page_of_set(
                transaction, found, narrowing, order, after, query.limit + 1
            )
        return _page(page, query.limit)

    async def _page_in_stock(
        self,
        transaction: Transaction,
        narrowing: Narrowing,
        order: Order,
        after: tuple[float | str, int] | None,
        limit: int,
    ) -> Page:
        """Pass over what is sold out, but not for ever: the next page goes on from there."""
        page: list[Placed] = []
        passed, step = 0, limit + 1
        while passed < PASSED_OVER_MAX:
            part = await self._store.page_of_all(transaction, narrowing, order, after, step)
            page += [(key, book) for key, book in part if book.stock > 0]
            if len(page) > limit or len(part) < step:
                return _page(page, limit)
            key, last = part[-1]
            after = key, last.book_id
            passed += step
            step = min(step * 4, STEP_MAX)
        assert after is not None
        return [book for _key, book in page], encode_place(*after)

    async def counts(self, transaction: Transaction, query: BookQuery) -> BookCounts:
        """Count the books of a list, and those of each topic as if none had been asked for.

        Raises:
            InvalidRequest: a price is no price.
        """
        narrowing = await self._narrowing(transaction, query)
        asked = search(query.q or "", narrowing.topic)
        if query.q is not None and asked is None:
            return BookCounts(books=0, topics=[])
        found = await self._topics(transaction, query, asked, narrowing)
        books = min(COUNT_MAX, sum(topic.books for topic in found))
        if narrowing.topic is not None:
            asked = search(query.q or "", None)
            found = await self._topics(transaction, query, asked, narrowing._replace(topic=None))
        return BookCounts(books=books, topics=sorted(found, key=lambda one: one.topic.casefold()))

    async def _topics(
        self,
        transaction: Transaction,
        query: BookQuery,
        asked: Search | None,
        narrowing: Narrowing,
    ) -> list[TopicCount]:
        if asked is None and query.list in {None, "new"} and narrowing == Narrowing():
            return await self._store.topics(transaction, TOPICS_MAX)
        found = await self._set(transaction, query, asked, narrowing)
        if found is None:
            return await self._store.topics_of_all(transaction, narrowing, COUNT_MAX)
        return await self._store.topics_of_set(transaction, found, narrowing)

    async def _narrowing(self, transaction: Transaction, query: BookQuery) -> Narrowing:
        topic = query.topic
        return Narrowing(
            topic=None if topic is None else await self._store.known_topic(transaction, topic),
            author=None if query.author is None else name_key(query.author),
            low_minor=_minor("min", query.min, self._currency, ROUND_CEILING),
            high_minor=_minor("max", query.max, self._currency, ROUND_FLOOR),
            in_stock=query.in_stock == "1",
            retired=query.list == "retired",
        )

    async def _set(
        self,
        transaction: Transaction,
        query: BookQuery,
        asked: Search | None,
        narrowing: Narrowing,
    ) -> list[Ranked] | None:
        """Return few books among which all are that fit, or None where there is no such set."""
        listed = await self._listed(transaction, query)
        if listed is not None and (narrowing.retired or asked is None):
            return listed
        if asked is None:
            return await self._few(transaction, query, narrowing)
        matching = await self._searching.ids(transaction, asked)
        there = None if listed is None else {one.book_id for one in listed}
        return [Ranked(0, one) for one in matching if there is None or one in there]

    async def _by_relevance(
        self,
        transaction: Transaction,
        asked: Search,
        found: list[Ranked],
        after: tuple[float | str, int] | None,
    ) -> list[Ranked]:
        """Return the books of a set, each ranked by relevance, as the page before had them."""
        scored = None if after is None else float(after[0]) < 0
        ids = [one.book_id for one in found]
        return await self._searching.ranked(transaction, asked, ids, scored=scored)

    async def _listed(self, transaction: Transaction, query: BookQuery) -> list[Ranked] | None:
        if query.list is None or query.list == "new":
            return None
        if query.list == "bought":
            since_ms = self._clock() - BOUGHT_DAYS * _DAY_MS
            return await self._store.bought(transaction, since_ms, BOUGHT_MOVEMENTS_MAX, SET_MAX)
        words = search_words(query.q or "")
        return await self._store.listed(transaction, query.list, words, SET_MAX)

    async def _few(
        self, transaction: Transaction, query: BookQuery, narrowing: Narrowing
    ) -> list[Ranked] | None:
        """Return the books of an author, a topic or a price, where they are few enough."""
        store, beyond = self._store, SET_MAX + 1
        if narrowing.author is not None:
            found = await store.by_author(transaction, narrowing.author, beyond)
            if len(found) <= SET_MAX:
                return found
        if narrowing.topic is not None:
            found = await store.of_topic(transaction, narrowing.topic, beyond)
            if len(found) <= SET_MAX:
                return found
        low, high = narrowing.low_minor, narrowing.high_minor
        if (low, high) != (None, None) and query.sort not in {"price", "-price"}:
            found = await store.priced(
                transaction, low or 0, PRICE_MINOR_MAX if high is None else high, beyond
            )
            if len(found) <= SET_MAX:
                return found
        return None


def _page(found: list[Placed], limit: int) -> Page:
    """Return a page of what was found, which is one more than it where there is a next one."""
    if len(found) <= limit:
        return [book for _key, book in found], None
    key, last = found[limit - 1]
    return [book for _key, book in found[:limit]], encode_place(key, last.book_id)


def _order(query: BookQuery) -> Order:
    """Return the order in which books were asked for."""
    if query.sort is not None and query.sort != "match":
        return query.sort
    return "new" if query.list == "new" and query.q is None else "rank"


def _after(query: BookQuery, order: Order) -> tuple[float | str, int] | None:
    if not query.after:
        return None
    return decode_title_place(query.after) if order == "title" else decode_place(query.after)


def _minor(member: str, price: Price | None, currency: str, rounding: str) -> int | None:
    """Return a bound in minor units; between two of them it is the nearer one inside.

    Raises:
        InvalidRequest: it is no number, or below zero.
    """
    if price is None:
        return None
    if not may_be_price(price):
        message = f"{member} must be a price such as 9.99"
        raise InvalidRequest(message, member=member)
    if price > PRICE_MINOR_MAX:
        return PRICE_MINOR_MAX
    minor = price.scaleb(DECIMALS.get(currency, DECIMALS_DEFAULT))
    return min(int(minor.to_integral_value(rounding=rounding)), PRICE_MINOR_MAX)
