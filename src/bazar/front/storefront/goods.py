"""What the pages from the basket to the order ask the catalog: some books at once."""

import asyncio
from collections.abc import Iterable
from urllib.parse import urlencode

from bazar.front.upstream.catalog import Catalog
from bazar.wire.books import Book
from bazar.wire.problems import BookNotFound

ASKED_AT_ONCE_MAX = 20
"""Books of one page."""
ASKED_IN_ALL_MAX = 100
"""Books of all these pages, so that large baskets do not take the places of other readers."""


class Goods:
    """The catalog, as those pages need it."""

    def __init__(self, catalog: Catalog) -> None:
        """Ask this catalog."""
        self._catalog = catalog
        self._places = asyncio.Semaphore(ASKED_IN_ALL_MAX)

    async def book(self, book_id: int, request_id: str, *, fresh: bool = False) -> Book:
        """Return a book; a fresh one is asked of the catalog itself, whatever is kept here.

        Raises:
            BookNotFound: definite; there is none.
            Overloaded: too many wait for the catalog.
            Unavailable: the catalog did not answer in time.
        """
        reading = await self._catalog.book(book_id, fresh=fresh, request_id=request_id)
        return reading.answer.as_book()

    async def books(
        self, book_ids: Iterable[int], request_id: str, *, fresh: bool = False
    ) -> dict[int, Book]:
        """Return books by their ids; one that does not exist is left out. Raises as `book`."""
        places = asyncio.Semaphore(ASKED_AT_ONCE_MAX)

        async def one(book_id: int) -> Book | None:
            async with places, self._places:
                try:
                    return await self.book(book_id, request_id, fresh=fresh)
                except BookNotFound:
                    return None

        found = await asyncio.gather(*[one(book_id) for book_id in book_ids])
        return {book.id: book for book in found if book is not None}

    async def of_topic(self, topic: str, most: int, request_id: str) -> list[Book]:
        """Return some books of a topic that are in stock. Raises as `book`, but for the first."""
        query = urlencode({"topic": topic, "in_stock": 1, "limit": most})
        reading = await self._catalog.books(query, request_id=request_id)
        return reading.answer.as_books()
