"""What pages ask the catalog: books, some at once, and lists of them, as data."""

import asyncio
from collections.abc import Iterable

from msgspec import Struct

from bazar.front.upstream.catalog import Catalog
from bazar.front.upstream.passing import Passed
from bazar.wire.books import Book, BookEdited, BookQuery, TopicCount
from bazar.wire.problems import BookNotFound

ASKED_AT_ONCE_MAX = 20
"""Books of one page."""
ASKED_IN_ALL_MAX = 100
"""Books of all pages that show some at once, so that large baskets leave room for others."""


class Listed(Struct, frozen=True):
    """A page of a list."""

    books: list[Book]
    after: str
    """Where the next page begins; empty where this one is the last."""


class Stockroom:
    """Books, as pages need them.

    Each question raises `Unavailable` where the catalog did not answer in time, and `Overloaded`
    where too many wait for it.
    """

    def __init__(self, catalog: Catalog) -> None:
        """Ask this catalog."""
        self._catalog = catalog
        self._places = asyncio.Semaphore(ASKED_IN_ALL_MAX)

    async def book(self, book_id: int, request_id: str, *, fresh: bool = False) -> Book:
        """Return a book; a fresh one is asked of the catalog itself, whatever is kept here.

        Raises:
            BookNotFound: definite; there is none.
        """
        seen = await self._catalog.book(book_id, fresh=fresh, request_id=request_id)
        return seen.answer.as_book()

    async def books(
        self, book_ids: Iterable[int], request_id: str, *, fresh: bool = False
    ) -> dict[int, Book]:
        """Return books by their ids; one that does not exist is left out."""
        places = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(book_id: int) -> Book | None:
            async with places, self._places:
                try:
                    return await self.book(book_id, request_id, fresh=fresh)
                except BookNotFound:
                    return None

        found = await asyncio.gather(*[one(book_id) for book_id in book_ids])
        return {book.id: book for book in found if book is not None}

    def held(self, book_ids: Iterable[int]) -> dict[int, Book]:
        """Return those of some books that are at hand and up to date, by their ids; ask nobody."""
        found = {book_id: self._catalog.held(book_id) for book_id in book_ids}
        return {book_id: seen.as_book() for book_id, seen in found.items() if seen and seen.version}

    async def listed(self, query: BookQuery, request_id: str) -> Listed:
        """Return a page of the books that a query finds."""
        return listed_in((await self._catalog.list(query, request_id=request_id)).answer)

    async def edits(self, after: int, request_id: str) -> list[BookEdited]:
        """Return the books after an id, each with when it was edited last; at most a page."""
        return (await self._catalog.edits(after, request_id=request_id)).answer.as_edits()

    async def topics(self, request_id: str) -> list[TopicCount]:
        """Return the topics, each with the number of its books."""
        return (await self._catalog.topics(request_id=request_id)).answer.as_topics()


def listed_in(answer: Passed) -> Listed:
    """Return the page of a list that the catalog's answer holds."""
    return Listed(answer.as_books(), answer.next_cursor or "")
